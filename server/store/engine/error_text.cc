#include "server/store/engine/error_text.h"

#include <charconv>
#include <cstddef>

namespace signalbox::server::store {

int clickhouse_error_code(std::string_view message) noexcept {
  constexpr std::string_view kPrefix = "Code: ";
  const std::size_t at = message.find(kPrefix);
  if (at == std::string_view::npos) return 0;
  int code = 0;
  const char* first = message.data() + at + kPrefix.size();
  std::from_chars(first, message.data() + message.size(), code);
  return code;
}

}  // namespace signalbox::server::store

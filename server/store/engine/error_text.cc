#include "server/store/engine/error_text.h"

#include <charconv>
#include <cstddef>

#include "server/store/engine/engine.h"

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

std::string explained(int code, std::string message) {
  if (code != error_code::kNotEnoughSpace) return message;
  return "too little room is left on ClickHouse's disk for it to store anything: make room there "
         "(" +
         message + ")";
}

}  // namespace signalbox::server::store

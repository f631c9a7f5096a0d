#include "server/query/language/percentile.h"

#include <array>
#include <charconv>

namespace signalbox::server::query {

std::optional<double> parse_percentile(std::string_view name) {
  if (!name.starts_with('p')) return std::nullopt;
  double percentile = 0;
  const char* const end = name.data() + name.size();
  const auto [after, error] = std::from_chars(name.data() + 1, end, percentile);
  const bool is_percentile = percentile >= 0 && percentile <= 100;
  if (error != std::errc() || after != end || !is_percentile) return std::nullopt;
  return percentile;
}

std::string percentile_name(double percentile) {
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), percentile).ptr;
  return "p" + std::string(digits.data(), end);
}

}  // namespace signalbox::server::query

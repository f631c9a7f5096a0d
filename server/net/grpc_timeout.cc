#include "server/net/grpc_timeout.h"

#include <algorithm>
#include <charconv>
#include <cstdint>

namespace signalbox::server::net {
namespace {

std::optional<std::chrono::nanoseconds> unit_of(char letter) noexcept {
  switch (letter) {
    case 'H':
      return std::chrono::hours(1);
    case 'M':
      return std::chrono::minutes(1);
    case 'S':
      return std::chrono::seconds(1);
    case 'm':
      return std::chrono::milliseconds(1);
    case 'u':
      return std::chrono::microseconds(1);
    case 'n':
      return std::chrono::nanoseconds(1);
    default:
      return std::nullopt;
  }
}

/// Longer than anybody waits, and far from the end of the clock.
constexpr std::chrono::hours kLongest{24 * 365};

}  // namespace

std::optional<std::chrono::nanoseconds> parse_grpc_timeout(std::string_view text) noexcept {
  constexpr std::size_t kMaxDigits = 8;
  if (text.size() < 2 || text.size() > kMaxDigits + 1) return std::nullopt;
  const auto unit = unit_of(text.back());
  const std::string_view digits = text.substr(0, text.size() - 1);
  const bool only_digits =
      std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
  if (!unit || !only_digits) return std::nullopt;
  std::int64_t count = 0;
  std::from_chars(digits.data(), digits.data() + digits.size(), count);
  if (count > std::chrono::nanoseconds(kLongest) / *unit) return kLongest;
  return count * *unit;
}

}  // namespace signalbox::server::net

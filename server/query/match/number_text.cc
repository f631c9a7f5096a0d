#include "server/query/match/number_text.h"

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <memory>
#include <string>
#include <system_error>

namespace signalbox::server::query {
namespace {

/// Without a plus in front, which `std::from_chars` does not know; "" for what is no number then.
std::string_view without_plus(std::string_view text) {
  if (!text.starts_with('+')) return text;
  text.remove_prefix(1);
  return text.starts_with('-') || text.starts_with('+') ? std::string_view() : text;
}

template <typename Number>
std::from_chars_result read_all(std::string_view text, Number& number) {
  const char* const begin = std::to_address(text.begin());
  const char* const end = begin + text.size();
  std::from_chars_result result = std::from_chars(begin, end, number);
  if (text.empty() || result.ptr != end) result.ec = std::errc::invalid_argument;
  return result;
}

}  // namespace

std::optional<double> double_of_text(std::string_view text) {
  const std::string_view digits = without_plus(text);
  double number = 0;
  const std::errc error = read_all(digits, number).ec;
  if (error == std::errc()) return number;
  if (error != std::errc::result_out_of_range) return std::nullopt;
  return std::strtod(std::string(digits).c_str(), nullptr);  // Infinity, or nearly 0.
}

std::optional<std::int64_t> integer_of_text(std::string_view text) {
  std::int64_t number = 0;
  if (read_all(without_plus(text), number).ec != std::errc()) return std::nullopt;
  return number;
}

bool is_large_integer(const FilterValue& value) {
  /// Beyond this, a double no longer holds every integer.
  constexpr double kMaxExactDouble = 9007199254740992.0;
  constexpr double kEndOfIntegers = 9223372036854775808.0;
  return value.text.find_first_of(".eE") == std::string::npos &&
         std::abs(value.number) >= kMaxExactDouble && std::abs(value.number) < kEndOfIntegers;
}

}  // namespace signalbox::server::query

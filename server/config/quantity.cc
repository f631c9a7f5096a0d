#include "server/config/quantity.h"

#include <array>
#include <charconv>
#include <optional>
#include <stdexcept>

namespace signalbox::server::config {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

constexpr std::array<Unit, 5> kSizes = {{{"TiB", std::uint64_t{1} << 40},
                                         {"GiB", std::uint64_t{1} << 30},
                                         {"MiB", std::uint64_t{1} << 20},
                                         {"KiB", std::uint64_t{1} << 10},
                                         {"B", 1}}};
constexpr std::uint64_t kDay = 86'400;
constexpr std::array<Unit, 5> kAges = {
    {{"w", 7 * kDay}, {"d", kDay}, {"h", 3'600}, {"m", 60}, {"s", 1}}};
constexpr std::uint64_t kLongestAge = 36'525 * kDay;  // 100 years.

std::string quoted(std::string_view text) {
  return '"' + std::string(text.substr(0, 100)) + '"';
}

struct Number {
  std::uint64_t value;
  std::string_view rest;  ///< What follows it, without spaces in front.
};

std::optional<Number> leading_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end == text.data()) return std::nullopt;
  std::string_view rest = text.substr(static_cast<std::size_t>(end - text.data()));
  while (rest.starts_with(' ')) rest.remove_prefix(1);
  return Number{value, rest};
}

/// The product, or nothing if it does not fit.
template <std::size_t kCount>
std::optional<std::uint64_t> in_units(const Number& number, const std::array<Unit, kCount>& units) {
  for (const Unit& unit : units) {
    if (unit.name != number.rest) continue;
    if (number.value > UINT64_MAX / unit.factor) return std::nullopt;
    return number.value * unit.factor;
  }
  return std::nullopt;
}

template <std::size_t kCount>
std::string in_largest_unit(std::uint64_t value, const std::array<Unit, kCount>& units) {
  if (value == 0) return "0";
  for (const Unit& unit : units) {
    if (value % unit.factor == 0) {
      return std::to_string(value / unit.factor) + std::string(unit.name);
    }
  }
  return std::to_string(value);
}

}  // namespace

std::uint64_t parse_size(std::string_view text) {
  const auto number = leading_number(text);
  if (number && number->rest.empty()) return number->value;
  const auto bytes = number ? in_units(*number, kSizes) : std::nullopt;
  if (!bytes) {
    throw std::invalid_argument(quoted(text) +
                                " is not a size: allowed is a whole number with B, KiB, MiB, GiB "
                                "or TiB, such as 100GiB");
  }
  return *bytes;
}

std::string size_text(std::uint64_t bytes) {
  return in_largest_unit(bytes, kSizes);
}

std::chrono::seconds parse_age(std::string_view text) {
  const auto number = leading_number(text);
  auto seconds = number ? in_units(*number, kAges) : std::nullopt;
  if (number && number->rest.empty() && number->value == 0) seconds = 0;
  if (!seconds || *seconds > kLongestAge) {
    throw std::invalid_argument(quoted(text) +
                                " is not an age: allowed is a whole number with w, d, h, m or s, "
                                "such as 15d, up to 100 years, or 0");
  }
  return std::chrono::seconds(*seconds);
}

std::string age_text(std::chrono::seconds age) {
  const auto seconds = static_cast<std::uint64_t>(age.count());
  // Days are what people think in; two weeks are 14d.
  if (seconds != 0 && seconds % kDay == 0) return std::to_string(seconds / kDay) + "d";
  return in_largest_unit(seconds, kAges);
}

std::uint64_t parse_integer(std::string_view text, std::uint64_t least, std::uint64_t greatest) {
  const auto number = leading_number(text);
  if (!number || !number->rest.empty() || number->value < least || number->value > greatest) {
    throw std::invalid_argument(quoted(text) + " is not allowed: give a whole number from " +
                                std::to_string(least) + " to " + std::to_string(greatest));
  }
  return number->value;
}

bool parse_boolean(std::string_view text) {
  if (text == "true") return true;
  if (text == "false") return false;
  throw std::invalid_argument(quoted(text) + " is not allowed: give true or false");
}

}  // namespace signalbox::server::config

#include "server/cli/cells.h"

#include <array>
#include <cstddef>
#include <cstdio>

#include "server/cli/json.h"
#include "server/cli/text.h"
#include "server/cli/units.h"

namespace signalbox::server::cli {
namespace {

constexpr std::size_t kManyColumns = 110;
// The Apdex specification's ratings: below these a service is "fair" at best, or "unacceptable".
constexpr double kFair = 0.85;
constexpr double kUnacceptable = 0.5;

Cell unknown() {
  return {.text = "–", .sgr = color::kDim};
}

}  // namespace

bool has_room(const Style& style) {
  return style.width == 0 || style.width >= kManyColumns;
}

std::string shown(const boost::json::value& object, std::string_view name) {
  return printable(text(object, name));
}

std::string named(const std::string& name) {
  return name.empty() ? "(no name)" : name;
}

Cell duration_cell(const boost::json::value& object, std::string_view name) {
  const boost::json::value& value = member(object, name);
  if (value.is_null()) return unknown();
  return {.text = duration_text(number(value))};
}

Cell error_cell(const boost::json::value& object, std::string_view count) {
  const double rate = number(object, "error_rate", 0);
  if (number(object, count, 0) == 0) return unknown();
  return {.text = percent_text(rate),
          .sgr = rate >= 0.01 ? color::kError
                 : rate > 0   ? color::kYellow
                              : color::kNone};
}

Cell rate_cell(const boost::json::value& object, std::string_view name) {
  return {.text = count_text(number(object, name, 0)) + "/s"};
}

Cell apdex_cell(const boost::json::value& object) {
  const boost::json::value& value = member(object, "apdex");
  if (value.is_null()) return unknown();
  const double apdex = number(value);
  std::array<char, 32> digits{};
  std::snprintf(digits.data(), digits.size(), "%.2f", apdex);
  return {.text = digits.data(),
          .sgr = apdex < kUnacceptable ? color::kError
                 : apdex < kFair       ? color::kYellow
                                       : color::kNone};
}

std::vector<std::optional<double>> values_of(const boost::json::array& array) {
  std::vector<std::optional<double>> values;
  for (const boost::json::value& value : array) {
    values.push_back(value.is_null() ? std::nullopt : std::optional(number(value)));
  }
  return values;
}

}  // namespace signalbox::server::cli

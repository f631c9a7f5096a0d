#include "server/cli/units.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstdio>

namespace signalbox::server::cli {
namespace {

struct Scale {
  double factor;
  std::string_view unit;
};

constexpr double kMinuteNs = 60e9;
constexpr double kHourNs = 3600e9;
constexpr double kDayNs = 86400e9;

/// Three significant digits, without zeros behind the point.
std::string three_digits(double value) {
  const double size = std::fabs(value);
  const int decimals = size >= 99.95 || value == 0 ? 0 : size >= 9.995 ? 1 : 2;
  std::array<char, 64> buffer{};
  if (size != 0 && (size < 0.01 || size >= 1e15)) {
    std::snprintf(buffer.data(), buffer.size(), "%.3g", value);
    return buffer.data();
  }
  std::snprintf(buffer.data(), buffer.size(), "%.*f", decimals, value);
  std::string text = buffer.data();
  if (text.find('.') == std::string::npos) return text;
  while (text.ends_with('0')) text.pop_back();
  if (text.ends_with('.')) text.pop_back();
  return text;
}

/// In the largest of `scales`, ascending, of which there is at least one when rounded.
template <std::size_t N>
std::string scaled(double value, const std::array<Scale, N>& scales, std::string_view separator) {
  const Scale* chosen = scales.data();
  for (const Scale& scale : scales) {
    if (std::fabs(value) >= scale.factor * 0.9995) chosen = &scale;
  }
  const std::string text = three_digits(value / chosen->factor);
  return chosen->unit.empty() ? text : std::string(text).append(separator).append(chosen->unit);
}

/// "3 min 4 s": two units that follow each other.
std::string two_units(double value_ns, double large, const char* large_unit, double small,
                      const char* small_unit) {
  auto rounded = static_cast<long long>(std::llround(value_ns / small));
  const auto in_large = static_cast<long long>(std::llround(large / small));
  std::string text = std::to_string(rounded / in_large) + ' ' + large_unit;
  rounded %= in_large;
  return rounded == 0 ? text : text + ' ' + std::to_string(rounded) + ' ' + small_unit;
}

/// "{request}/s" is "/s": what stands in braces only says what is counted.
std::string without_annotations(std::string_view unit) {
  std::string shown;
  bool is_annotation = false;
  for (const char c : unit) {
    is_annotation = is_annotation || c == '{';
    if (!is_annotation) shown += c;
    is_annotation = is_annotation && c != '}';
  }
  return shown;
}

constexpr std::array<std::string_view, 8> kBlocks = {"▁", "▂", "▃", "▄", "▅", "▆", "▇", "█"};

/// `values` in at most `width` groups of neighbours; each has the mean of what is known.
std::vector<std::optional<double>> condensed(const std::vector<std::optional<double>>& values,
                                             std::size_t width) {
  if (values.size() <= width) return values;
  std::vector<std::optional<double>> result;
  for (std::size_t i = 0; i < width; ++i) {
    double sum = 0;
    double known = 0;
    const std::size_t end = (i + 1) * values.size() / width;
    for (std::size_t at = i * values.size() / width; at < end; ++at) {
      if (!values[at]) continue;
      sum += *values[at];
      ++known;
    }
    result.push_back(known > 0 ? std::optional(sum / known) : std::nullopt);
  }
  return result;
}

}  // namespace

std::string duration_text(double ns) {
  if (ns < 0) return "-" + duration_text(-ns);
  if (ns >= kDayNs) return two_units(ns, kDayNs, "d", kHourNs, "h");
  if (ns >= kHourNs) return two_units(ns, kHourNs, "h", kMinuteNs, "min");
  if (ns >= kMinuteNs) return two_units(ns, kMinuteNs, "min", 1e9, "s");
  if (ns >= 999.5e6) return three_digits(ns / 1e9) + " s";
  if (ns >= 999.5e3) return three_digits(ns / 1e6) + " ms";
  if (ns >= 999.5) return three_digits(ns / 1e3) + " µs";
  return three_digits(ns) + " ns";
}

std::string count_text(double count) {
  static constexpr std::array<Scale, 5> kScales = {
      {{1, ""}, {1e3, "k"}, {1e6, "M"}, {1e9, "G"}, {1e12, "T"}}};
  return scaled(count, kScales, "");
}

std::string percent_text(double share) {
  const double percent = share * 100;
  if (percent > 0 && percent < 0.01) return "<0.01 %";
  return three_digits(percent) + " %";
}

std::string value_text(double value, std::string_view unit) {
  static constexpr std::array<Scale, 5> kBytes = {{{1, "B"},
                                                   {1024.0, "KiB"},
                                                   {1024.0 * 1024, "MiB"},
                                                   {1024.0 * 1024 * 1024, "GiB"},
                                                   {1024.0 * 1024 * 1024 * 1024, "TiB"}}};
  if (unit == "s") return duration_text(value * 1e9);
  if (unit == "ms") return duration_text(value * 1e6);
  if (unit == "us") return duration_text(value * 1e3);
  if (unit == "ns") return duration_text(value);
  if (unit == "By" || unit == "By/s") {
    const std::string text = scaled(value, kBytes, " ");
    return unit == "By" ? text : text + "/s";
  }
  if (unit.empty() || unit == "1") return count_text(value);
  if (unit == "1/s") return count_text(value) + "/s";
  const std::string shown = without_annotations(unit);
  return count_text(value) + (shown.empty() || shown.starts_with('/') ? "" : " ") + shown;
}

std::string digits_of(double value) {
  constexpr double kLargest = 1e15;
  constexpr double kSmallest = 1e-6;
  const double size = std::abs(value);
  const bool is_readable = size == 0 || (size >= kSmallest && size < kLargest);
  std::array<char, 64> digits{};
  const auto end =
      std::to_chars(digits.data(), digits.data() + digits.size(), value,
                    is_readable ? std::chars_format::fixed : std::chars_format::general)
          .ptr;
  return {digits.data(), end};
}

std::string value_text(const std::optional<double>& value, std::string_view unit) {
  return value ? value_text(*value, unit) : "–";
}

std::string sparkline(const std::vector<std::optional<double>>& values, std::size_t width) {
  const auto shown = condensed(values, width);
  double greatest = 0;
  for (const auto& value : shown) greatest = std::max(greatest, value.value_or(0));
  std::string text;
  for (const auto& value : shown) {
    if (!value) {
      text += ' ';
      continue;
    }
    const double part = greatest > 0 ? std::max(0.0, *value) / greatest : 0;
    text += kBlocks.at(static_cast<std::size_t>(std::lround(part * (kBlocks.size() - 1))));
  }
  return text;
}

}  // namespace signalbox::server::cli

#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

/// Numbers for people, with three significant digits.
namespace signalbox::server::cli {

/// Nanoseconds: "850 ns", "342 ms", "1.2 s", "3 min 4 s", "2 h 5 min".
std::string duration_text(double ns);

/// "12.3k", "4.5M"; below 1,000 as it is.
std::string count_text(double count);

/// A share, from 0 to 1: "0.4 %", "100 %".
std::string percent_text(double share);

/// A value of a metric with its UCUM unit: "12.5 ms" of 0.0125 "s", "3 KiB" of "By".
/// "101500000", "0.05": the shortest that reads back as `value`; with an exponent only from 1e15
/// on, and below 1e-6.
std::string digits_of(double value);

std::string value_text(double value, std::string_view unit);

/// The same of what may be unknown: "–".
std::string value_text(const std::optional<double>& value, std::string_view unit);

/// `values` as blocks of an eighth to eight eighths of a line's height, at most `width` of them;
/// the greatest value is full. Where nothing is known or nothing happened, a space or the lowest
/// line.
std::string sparkline(const std::vector<std::optional<double>>& values, std::size_t width);

}  // namespace signalbox::server::cli

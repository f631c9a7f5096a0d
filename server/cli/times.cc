#include "server/cli/times.h"

#include <array>
#include <chrono>
#include <cstdio>
#include <ctime>
#include <stdexcept>
#include <utility>

#include "server/cli/failure.h"
#include "server/cli/units.h"
#include "server/config/quantity.h"

namespace signalbox::server::cli {
namespace {

constexpr std::int64_t kSecondNs = 1'000'000'000;
constexpr std::int64_t kDefaultRangeNs = 900 * kSecondNs;
constexpr std::int64_t kDayNs = 86'400 * kSecondNs;

std::tm local(std::int64_t ns) {
  const std::time_t seconds = ns / kSecondNs;
  std::tm parts{};
  localtime_r(&seconds, &parts);
  return parts;
}

std::int64_t from_local(std::tm parts) {
  parts.tm_isdst = -1;
  return static_cast<std::int64_t>(std::mktime(&parts)) * kSecondNs;
}

/// Reads a text from front to back; whoever finds that it is not as expected drops it.
class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  [[nodiscard]] bool at_end() const { return text_.empty(); }

  bool skip(char c) {
    if (!text_.starts_with(c)) return false;
    text_.remove_prefix(1);
    return true;
  }

  std::optional<int> digits(std::size_t count) {
    if (text_.size() < count) return std::nullopt;
    int value = 0;
    for (const char c : text_.substr(0, count)) {
      if (c < '0' || c > '9') return std::nullopt;
      value = value * 10 + (c - '0');
    }
    text_.remove_prefix(count);
    return value;
  }

  /// Behind a decimal point; to nanoseconds.
  std::int64_t fraction() {
    std::int64_t value = 0;
    std::int64_t unit = kSecondNs;
    while (!text_.empty() && text_.front() >= '0' && text_.front() <= '9') {
      unit /= 10;
      value += (text_.front() - '0') * unit;
      text_.remove_prefix(1);
    }
    return value;
  }

 private:
  std::string_view text_;
};

/// "9:30", "14:00", "14:00:05", "14:00:05.25" into `parts`; the nanoseconds beyond the second.
std::optional<std::int64_t> read_clock(Reader& reader, std::tm& parts) {
  auto hour = reader.digits(2);
  if (!hour) hour = reader.digits(1);
  if (!hour || *hour > 23 || !reader.skip(':')) return std::nullopt;
  const auto minute = reader.digits(2);
  if (!minute || *minute > 59) return std::nullopt;
  parts.tm_hour = *hour;
  parts.tm_min = *minute;
  parts.tm_sec = 0;
  if (!reader.skip(':')) return 0;
  const auto second = reader.digits(2);
  if (!second || *second > 60) return std::nullopt;
  parts.tm_sec = *second;
  return reader.skip('.') ? reader.fraction() : 0;
}

bool read_date(Reader& reader, std::tm& parts) {
  const auto year = reader.digits(4);
  if (!year || !reader.skip('-')) return false;
  const auto month = reader.digits(2);
  if (!month || *month < 1 || *month > 12 || !reader.skip('-')) return false;
  const auto day = reader.digits(2);
  if (!day || *day < 1 || *day > 31) return false;
  parts.tm_year = *year - 1900;
  parts.tm_mon = *month - 1;
  parts.tm_mday = *day;
  return true;
}

/// "Z" or "+02:00": seconds east; nothing if there is none.
std::optional<std::int64_t> read_zone(Reader& reader) {
  if (reader.skip('Z') || reader.skip('z')) return 0;
  const bool is_east = reader.skip('+');
  if (!is_east && !reader.skip('-')) return std::nullopt;
  const auto hours = reader.digits(2);
  reader.skip(':');
  const auto minutes = reader.digits(2);
  if (!hours || !minutes) return std::nullopt;
  const std::int64_t seconds = *hours * 3600 + *minutes * 60;
  return is_east ? seconds : -seconds;
}

std::optional<std::int64_t> parse_date_time(std::string_view text) {
  Reader reader(text);
  std::tm parts{};
  if (!read_date(reader, parts)) return std::nullopt;
  if (reader.at_end()) return from_local(parts);
  if (!reader.skip('T') && !reader.skip('t') && !reader.skip(' ')) return std::nullopt;
  const auto fraction = read_clock(reader, parts);
  if (!fraction) return std::nullopt;
  if (reader.at_end()) return from_local(parts) + *fraction;
  const auto east_s = read_zone(reader);
  if (!east_s || !reader.at_end()) return std::nullopt;
  return (static_cast<std::int64_t>(timegm(&parts)) - *east_s) * kSecondNs + *fraction;
}

/// "14:00", "today", "yesterday 14:00".
std::optional<std::int64_t> parse_day_and_clock(std::string_view text, std::int64_t now_ns) {
  std::tm parts = local(now_ns);
  const auto skip_word = [&text](std::string_view word) {
    if (!text.starts_with(word)) return false;
    text.remove_prefix(word.size());
    return true;
  };
  const bool is_yesterday = skip_word("yesterday");
  const bool has_day = is_yesterday || skip_word("today");
  if (is_yesterday) --parts.tm_mday;
  parts.tm_hour = parts.tm_min = parts.tm_sec = 0;
  if (has_day && text.empty()) return from_local(parts);
  if (has_day && !skip_word(" ")) return std::nullopt;
  Reader reader(text);
  const auto fraction = read_clock(reader, parts);
  if (!fraction || !reader.at_end()) return std::nullopt;
  return from_local(parts) + *fraction;
}

std::optional<std::int64_t> parse_ago(std::string_view text, std::int64_t now_ns) {
  constexpr std::string_view kAgo = " ago";
  if (text.ends_with(kAgo)) text.remove_suffix(kAgo.size());
  try {
    return now_ns - config::parse_age(text).count() * kSecondNs;
  } catch (const std::invalid_argument&) {
    return std::nullopt;
  }
}

std::int64_t required_time(const char* option, const std::string& text, std::int64_t now_ns) {
  if (const auto time = parse_time(text, now_ns)) return *time;
  throw Failure(ExitCode::kUsage, std::string(option) + ": '" + text +
                                      "' is no time; write 15m, 2h, 1d, 14:00, 'yesterday 9:30', "
                                      "'2026-12-01 14:00' or 2026-12-01T14:00:00Z");
}

std::string formatted(std::int64_t ns, const char* format) {
  const std::tm parts = local(ns);
  std::array<char, 64> buffer{};
  const std::size_t size = std::strftime(buffer.data(), buffer.size(), format, &parts);
  return {buffer.data(), size};
}

std::string milliseconds(std::int64_t ns) {
  std::array<char, 8> buffer{};
  std::snprintf(buffer.data(), buffer.size(), ".%03d",
                static_cast<int>(ns % kSecondNs / 1'000'000));
  return buffer.data();
}

}  // namespace

std::optional<std::int64_t> parse_time(std::string_view text, std::int64_t now_ns) {
  if (text == "now") return now_ns;
  if (const auto time = parse_date_time(text)) return time;
  if (const auto time = parse_day_and_clock(text, now_ns)) return time;
  return parse_ago(text, now_ns);
}

Range parse_range(const config::Times& times, std::int64_t now_ns) {
  Range range{.start_ns = 0, .end_ns = now_ns};
  if (!times.to.empty()) range.end_ns = required_time("--to", times.to, now_ns);
  if (!times.since.empty()) {
    range.start_ns = required_time("--since", times.since, now_ns);
  } else if (!times.from.empty()) {
    range.start_ns = required_time("--from", times.from, now_ns);
  } else {
    range.start_ns = range.end_ns - kDefaultRangeNs;
  }
  if (range.start_ns < range.end_ns) return range;
  throw Failure(ExitCode::kUsage, "the time range ends (" + date_time_text(range.end_ns) +
                                      ") before it begins (" + date_time_text(range.start_ns) +
                                      "); look at --since, --from and --to");
}

std::string date_time_text(std::int64_t ns) {
  return formatted(ns, "%Y-%m-%d %H:%M:%S") + milliseconds(ns);
}

std::string clock_text(std::int64_t ns) {
  return formatted(ns, "%H:%M:%S") + milliseconds(ns);
}

std::string day_time_text(std::int64_t ns) {
  return formatted(ns, "%m-%d %H:%M");
}

std::string axis_text(std::int64_t ns, std::int64_t length_ns) {
  if (length_ns < 600 * kSecondNs) return formatted(ns, "%H:%M:%S");
  return length_ns > kDayNs ? day_time_text(ns) : formatted(ns, "%H:%M");
}

std::string age_text(std::int64_t ns, std::int64_t now_ns) {
  const std::int64_t seconds = (now_ns - ns) / kSecondNs;
  if (seconds < 1) return "now";
  if (seconds < 120) return std::to_string(seconds) + " s ago";
  if (seconds < 7200) return std::to_string(seconds / 60) + " min ago";
  if (seconds < 172'800) return std::to_string(seconds / 3600) + " h ago";
  return std::to_string(seconds / 86'400) + " d ago";
}

bool is_same_day(std::int64_t a_ns, std::int64_t b_ns) {
  const std::tm a = local(a_ns);
  const std::tm b = local(b_ns);
  return a.tm_year == b.tm_year && a.tm_yday == b.tm_yday;
}

std::int64_t now() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(
             std::chrono::system_clock::now().time_since_epoch())
      .count();
}

}  // namespace signalbox::server::cli

#include "server/query/plan/time_range.h"

#include <algorithm>
#include <array>
#include <limits>

namespace signalbox::server::query {
namespace {

constexpr std::int64_t kMs = 1'000'000;
constexpr std::int64_t kSecond = 1000 * kMs;
constexpr std::int64_t kMinute = 60 * kSecond;
constexpr std::int64_t kHour = 60 * kMinute;
constexpr std::int64_t kDay = 24 * kHour;

constexpr std::array kRoundSteps = {
    1 * kMs,      2 * kMs,      5 * kMs,      10 * kMs,    20 * kMs,    50 * kMs,
    100 * kMs,    200 * kMs,    500 * kMs,    1 * kSecond, 2 * kSecond, 5 * kSecond,
    10 * kSecond, 15 * kSecond, 30 * kSecond, 1 * kMinute, 2 * kMinute, 5 * kMinute,
    10 * kMinute, 15 * kMinute, 30 * kMinute, 1 * kHour,   2 * kHour,   4 * kHour,
    6 * kHour,    12 * kHour,   1 * kDay,     7 * kDay,    30 * kDay,   365 * kDay};

std::int64_t floor_to(std::int64_t value, std::int64_t step) {
  const std::int64_t rest = value % step;
  return value - (rest < 0 ? rest + step : rest);
}

}  // namespace

TimeRange widened(const TimeRange& range, std::int64_t by_ns) {
  const std::int64_t latest = std::numeric_limits<std::int64_t>::max() - by_ns;
  return {std::max<std::int64_t>(range.start_ns - by_ns, 0),
          std::min(range.end_ns, latest) + by_ns};
}

std::int64_t round_step_ns(std::int64_t at_least_ns) {
  const auto* const step = std::lower_bound(kRoundSteps.begin(), kRoundSteps.end(), at_least_ns);
  return step == kRoundSteps.end() ? at_least_ns : *step;
}

Buckets buckets_of(const TimeRange& range, std::int64_t step_ns) {
  Buckets buckets;
  buckets.step_ns = step_ns;
  buckets.first_ns = floor_to(range.start_ns, step_ns);
  buckets.count = (range.end_ns - 1 - buckets.first_ns) / step_ns + 1;
  return buckets;
}

Buckets round_buckets(const TimeRange& range, std::int64_t target) {
  return buckets_of(range, round_step_ns(range.length_ns() / target));
}

std::string in_range(const std::string& column, const TimeRange& range, Parameters& parameters) {
  return column + " >= fromUnixTimestamp64Nano(" + parameters.bind_int(range.start_ns) + ") AND " +
         column + " < fromUnixTimestamp64Nano(" + parameters.bind_int(range.end_ns) + ")";
}

std::string bucket_index(const std::string& column, const Buckets& buckets,
                         Parameters& parameters) {
  return "intDiv(toUnixTimestamp64Nano(" + column + ") - " + parameters.bind_int(buckets.first_ns) +
         ", " + parameters.bind_int(buckets.step_ns) + ")";
}

void write_times(const Buckets& buckets, JsonWriter& json) {
  json.key("times").begin_array();
  for (std::int64_t i = 0; i < buckets.count; ++i) json.digits(buckets.time_ns(i));
  json.end_array();
}

std::string format_step(std::int64_t step_ns) {
  const auto format = [&](std::int64_t unit, const char* name) {
    return std::to_string(step_ns / unit) + " " + name;
  };
  if (step_ns % kDay == 0) return format(kDay, "d");
  if (step_ns % kHour == 0) return format(kHour, "h");
  if (step_ns % kMinute == 0) return format(kMinute, "min");
  if (step_ns % kSecond == 0) return format(kSecond, "s");
  if (step_ns % kMs == 0) return format(kMs, "ms");
  return format(1, "ns");
}

}  // namespace signalbox::server::query

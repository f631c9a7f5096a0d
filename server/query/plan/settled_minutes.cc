#include "server/query/plan/settled_minutes.h"

#include <algorithm>
#include <chrono>

namespace signalbox::server::query {
namespace {

/// A block is in the side tables well within that after its receipt.
constexpr std::int64_t kSettledNs = 2 * kMinuteNs;

}  // namespace

std::optional<TimeRange> whole_minutes(const TimeRange& range, std::int64_t at_least) {
  const TimeRange whole{(range.start_ns + kMinuteNs - 1) / kMinuteNs * kMinuteNs,
                        range.end_ns / kMinuteNs * kMinuteNs};
  if (whole.length_ns() < at_least * kMinuteNs) return std::nullopt;
  return whole;
}

std::optional<TimeRange> settled_minutes(const TimeRange& range, std::int64_t at_least) {
  const std::int64_t now =
      std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count();
  return whole_minutes({range.start_ns, std::min(range.end_ns, now - kSettledNs)}, at_least);
}

}  // namespace signalbox::server::query

#pragma once

#include <cstdint>
#include <string_view>

#include "server/query/json/json.h"
#include "server/query/plan/durations.h"
#include "server/query/plan/rows.h"
#include "server/query/plan/time_range.h"

namespace signalbox::server::query {

/// How many calls there were, and how long they took.
struct CallStats {
  std::uint64_t calls = 0;
  std::uint64_t errors = 0;
  Durations durations;
};

/// Columns of calls from `outgoing_calls`, for `read_call_stats`.
inline constexpr std::string_view kCallStatsSql =
    "sum(calls), sum(errors), CAST(sumMap(durations), 'Array(Tuple(UInt16, UInt64))'), "
    "min(min_ns), max(max_ns)";
[[nodiscard]] CallStats read_call_stats(RowReader& row);

/// Writes members into an open object.
void write_call_counts(std::uint64_t calls, std::uint64_t errors, const TimeRange& range,
                       JsonWriter& json);
/// Writes quantiles and the mean as an object.
void write_durations(const Durations& durations, JsonWriter& json);

}  // namespace signalbox::server::query

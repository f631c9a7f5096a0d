#pragma once

#include <cstdint>
#include <string>

#include "server/query/plan/sql.h"
#include "server/query/plan/time_range.h"

/// Spans counted from the side table of operations by minute, where that gives the same numbers as
/// the spans themselves: for the whole minutes of a range. What is left at its ends, blocks that
/// the side table does not have yet, and what was stored before there was one are counted from the
/// spans. A statement that the side table gets rows beneath fails, and Session asks it again.
namespace signalbox::server::query {

/// Whether it pays, and `step_ns` allows it: 0, or the steps that counts are wanted for.
[[nodiscard]] bool has_operation_minutes(const TimeRange& range, std::int64_t step_ns);

/// A subquery over spans that fulfil `condition` (SQL over a row of either table, with " AND " at
/// its end, or nothing), with columns: those of `keys`, which are of both tables (or is_root: has
/// no parent); `minute_ns`, nanoseconds since 1970; spans, errors, min_ns, max_ns, sum_ns, last_ns;
/// durations, Map(UInt16, UInt64) as 003_side_tables.sql has it. Several rows may have the same
/// keys and minute.
[[nodiscard]] std::string operation_minutes(const std::string& keys, const std::string& condition,
                                            const TimeRange& range, Parameters& parameters);

}  // namespace signalbox::server::query

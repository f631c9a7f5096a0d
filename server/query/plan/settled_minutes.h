#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "server/query/plan/time_range.h"

namespace signalbox::server::query {

inline constexpr std::int64_t kMinuteNs = 60'000'000'000;

/// The whole minutes of `range` that side tables have for sure; nothing if there are fewer than
/// `at_least`.
[[nodiscard]] std::optional<TimeRange> settled_minutes(const TimeRange& range,
                                                       std::int64_t at_least);

/// The whole minutes of `range`; nothing if there are fewer than `at_least`.
[[nodiscard]] std::optional<TimeRange> whole_minutes(const TimeRange& range, std::int64_t at_least);

/// SQL that holds for rows stored before there were side tables, which these do not have.
inline constexpr std::string_view kBeforeSideTablesSql =
    "received < (SELECT max(applied) FROM schema_versions WHERE version = 3)";

}  // namespace signalbox::server::query

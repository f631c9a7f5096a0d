#pragma once

#include <string>

#include "server/query/plan/sql.h"
#include "server/query/plan/time_range.h"

namespace signalbox::server::query {

/// A SELECT of the series that have points in `range`: `series_id` and `last`, when the latest of
/// them was, DateTime64(9). Of whole hours in the middle of a long range the side table of series
/// and hours is asked instead of the points; `last` is then the beginning of the hour.
[[nodiscard]] std::string active_series(const TimeRange& range, Parameters& parameters);

}  // namespace signalbox::server::query

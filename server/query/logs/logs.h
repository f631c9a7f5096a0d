#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "server/query/language/filter.h"
#include "server/query/plan/session.h"
#include "server/query/plan/time_range.h"
#include "server/query/traces/traces.h"

namespace signalbox::server::query {

struct LogSearch {
  enum class Order : std::uint8_t { kNewest, kOldest };
  TimeRange range;
  FilterNode filter;
  std::uint32_t limit = 100;  ///< Records; 1 to 1000.
  std::string cursor;         ///< `next_cursor` of the page before, or "".
  Order order = Order::kNewest;
  SearchParts parts;
};

/// The answer to GET /api/v1/logs, as JSON. Errors: QueryError.
std::string search_logs(Session& session, const LogSearch& search);

/// The time range of a trace, widened by five minutes each way; nothing if it has no spans.
std::optional<TimeRange> range_around_trace(Session& session, std::string_view trace_id);

}  // namespace signalbox::server::query

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "server/query/filter.h"
#include "server/query/session.h"
#include "server/query/time_range.h"

namespace signalbox::server::query {

/// Which parts of a search's answer to compute.
struct SearchParts {
  bool rows = true;
  bool histogram = true;
  bool facets = true;
};

struct TraceSearch {
  enum class Order : std::uint8_t { kNewest, kOldest, kSlowest };
  TimeRange range;  ///< Of the starts of matching spans.
  FilterNode filter;
  std::uint32_t limit = 100;  ///< Traces; 1 to 1000.
  std::string cursor;         ///< `next_cursor` of the page before, or "".
  Order order = Order::kNewest;
  SearchParts parts;
};

/// The answer to GET /api/v1/traces, as JSON. Errors: QueryError.
std::string search_traces(Session& session, const TraceSearch& search);

/// A trace with more spans is cut.
inline constexpr std::uint32_t kMaxTraceSpans = 100'000;

/// The answer to GET /api/v1/traces/{trace_id} (32 hexadecimal digits); kNotFound if there is none.
std::string get_trace(Session& session, std::string_view trace_id);

/// When a trace's spans begin and end; nothing if there are none.
std::optional<TimeRange> times_of_trace(Session& session, std::string_view trace_id);

}  // namespace signalbox::server::query

#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "server/query/language/filter.h"
#include "server/query/language/structure.h"
#include "server/query/plan/session.h"
#include "server/query/plan/time_range.h"

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
  SearchParts parts;  ///< Rows alone with a structure.
  /// Only spans that it finds, of those that `filter` matches; see check_structure.
  std::optional<Structure> structure;
};

/// The answer to GET /api/v1/traces, as JSON. Errors: QueryError.
std::string search_traces(Session& session, const TraceSearch& search);

}  // namespace signalbox::server::query

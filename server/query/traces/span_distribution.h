#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "server/query/plan/session.h"
#include "server/query/plan/time_range.h"

namespace signalbox::server::query {

/// The answer to GET /api/v1/traces/{trace_id}/spans/{span_id}/distribution (32 and 16 hexadecimal
/// digits), as JSON: where the span's duration lies among the spans of the same service, name and
/// kind that start within `range`, without one within half an hour of it. kNotFound if there is no
/// such span. Errors: QueryError.
std::string get_span_distribution(Session& session, std::string_view trace_id,
                                  std::string_view span_id, const std::optional<TimeRange>& range);

}  // namespace signalbox::server::query

#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/query/plan/error.h"
#include "server/query/plan/session.h"
#include "server/query/plan/time_range.h"

namespace signalbox::server::query {

/// A trace with more spans is cut.
inline constexpr std::uint32_t kMaxTraceSpans = 100'000;
/// As many may be asked for by their ids at once.
inline constexpr std::size_t kMaxSpanIds = 100;

/// The answer to GET /api/v1/traces/{trace_id} (32 hexadecimal digits); kNotFound if there is none.
std::string get_trace(Session& session, std::string_view trace_id);

/// The answer to GET /api/v1/traces/{trace_id}/spans: what `get_trace` shows of the spans with
/// these ids (16 hexadecimal digits each; 1 to kMaxSpanIds), as far as there are any.
std::string get_spans(Session& session, std::string_view trace_id,
                      const std::vector<std::string>& span_ids);

/// When a trace's spans begin and end; nothing if there are none.
std::optional<TimeRange> times_of_trace(Session& session, std::string_view trace_id);

/// All columns of `span_rows` that make up a span, so that DISTINCT over them makes one of its
/// copies; of those computed, `span_id`, `parent_span_id`, `service_name`, `name`, `kind`,
/// `duration_ns` and `status_code` have these names.
std::string span_columns();

/// Why there is no such trace.
QueryError no_such_trace(std::string_view trace_id);

}  // namespace signalbox::server::query

#pragma once

#include <string>
#include <string_view>

#include "server/query/plan/session.h"

namespace signalbox::server::query {

/// The answer to GET /api/v1/traces/{trace_id}/skeleton (32 hexadecimal digits), as JSON: what a
/// waterfall shows of each span, as columns, with self times and the critical path. kNotFound if
/// there is no such trace. Errors: QueryError.
std::string get_skeleton(Session& session, std::string_view trace_id);

}  // namespace signalbox::server::query

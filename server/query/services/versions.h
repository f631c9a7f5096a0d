#pragma once

#include <string>
#include <string_view>

#include "server/query/plan/session.h"
#include "server/query/plan/time_range.h"
#include "server/query/services/red.h"

namespace signalbox::server::query {

/// The answer to GET /api/v1/service/versions: what each `service.version` of a service did in the
/// range, in the order in which they came. Of none, if it sent no spans. Errors: QueryError.
std::string list_versions(Session& session, std::string_view service, const TimeRange& range,
                          const Apdex& apdex);

}  // namespace signalbox::server::query

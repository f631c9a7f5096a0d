#pragma once

#include <string>

#include "server/query/aggregate/request.h"
#include "server/query/plan/session.h"

namespace signalbox::server::query {

/// The answer to POST /api/v1/query, as JSON. Errors: QueryError.
std::string run_aggregates(Session& session, const AggregateRequest& request);

}  // namespace signalbox::server::query

#pragma once

#include <string>
#include <string_view>

#include "server/query/plan/session.h"
#include "server/query/plan/time_range.h"
#include "server/query/services/red.h"

namespace signalbox::server::query {

/// The answer to GET /api/v1/services, as JSON. Errors: QueryError.
std::string list_services(Session& session, const TimeRange& range, const Apdex& apdex = {});

/// The answer to GET /api/v1/service; kNotFound if it sent nothing in the range.
std::string get_service(Session& session, std::string_view name, const TimeRange& range,
                        const Apdex& apdex = {});

}  // namespace signalbox::server::query

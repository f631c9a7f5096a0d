#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "server/query/plan/session.h"
#include "server/query/plan/time_range.h"

namespace signalbox::server::query {

/// The answer to GET /api/v1/service/calls: what a service calls, at most `limit` kinds of calls,
/// those first that took most of its time; and which services it calls, and are called by. Errors:
/// QueryError.
std::string list_calls(Session& session, std::string_view service, const TimeRange& range,
                       std::uint32_t limit);

}  // namespace signalbox::server::query

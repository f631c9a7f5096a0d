#pragma once

#include <string>
#include <string_view>

#include "server/query/session.h"

namespace signalbox::server::query {

/// The answer to GET /api/v1/status, as JSON: that the engine answers, and how much it holds.
std::string get_status(Session& session, std::string_view version, double uptime_s);

}  // namespace signalbox::server::query

#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <string>

#include "server/cli/style.h"

/// What the API answers about services, as text for people.
namespace signalbox::server::cli {

/// Of GET /api/v1/services. `now_ns`: what "ago" means.
std::string services_view(const boost::json::value& answer, std::int64_t now_ns,
                          const Style& style);
/// Of GET /api/v1/service: its operations.
std::string operations_view(const boost::json::value& answer, const Style& style);
/// Of GET /api/v1/service/calls: what the service calls, and who calls it; empty if neither.
std::string calls_view(const boost::json::value& answer, const Style& style);
/// Of GET /api/v1/service_graph: its edges.
std::string graph_view(const boost::json::value& answer, const Style& style);
/// Of GET /api/v1/service/versions; empty if the service sends no version.
std::string versions_view(const boost::json::value& answer, const Style& style);

}  // namespace signalbox::server::cli

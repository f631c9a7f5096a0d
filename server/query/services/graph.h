#pragma once

#include <string>
#include <string_view>

#include "server/query/plan/session.h"
#include "server/query/plan/time_range.h"
#include "server/query/services/edges.h"

namespace signalbox::server::query {

struct GraphRequest {
  TimeRange range;
  ResourceFilter resources = {};
  bool inferred = true;  ///< Also what has no spans of its own: databases, queues and others.
};

/// The answer to GET /api/v1/service_graph, as JSON. Errors: QueryError.
std::string get_service_graph(Session& session, const GraphRequest& request);

/// Writes the calls to and from `service` as "callers" and "services" into an open object.
void write_neighbours(Session& session, std::string_view service, const TimeRange& range,
                      JsonWriter& json);

}  // namespace signalbox::server::query

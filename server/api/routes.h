#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/api/target.h"
#include "server/net/http.h"
#include "server/query/plan/session.h"

namespace signalbox::server::api {

/// What a query answers, with status 200.
struct Answer {
  // NOLINTNEXTLINE(google-explicit-constructor): nearly all answers are JSON.
  Answer(std::string json) : body(std::move(json)) {}

  std::string body;
  std::string content_type = "application/json";
  net::Headers headers;  ///< Further ones.
};

/// A request that has been understood: what remains is to ask the engine.
using Query = std::function<Answer(query::Session&)>;

/// What a route makes its query of.
struct RouteCall {
  const net::Request& request;
  Target& target;
  /// The path's own values in order, one for each name in braces.
  std::vector<std::string_view> path_values;
};

/// One path of the API whose answer comes from the engine.
struct Route {
  std::string_view path;  ///< As openapi.yaml writes it, e.g. "/api/v1/traces/{trace_id}".
  std::string_view method;
  /// Asks `target` for all parameters that there are; throws query::QueryError.
  Query (*parse)(RouteCall&);
  bool may_take_long = false;  ///< Then it waits for others that do, and none of the rest for it.
};

struct FoundRoute {
  const Route& route;
  std::vector<std::string_view> path_values;  ///< Parts of the path that was looked for.
};

/// The route of `path`: one without braces before one with them.
std::optional<FoundRoute> find_route(std::string_view path);

/// Throws query::QueryError unless the body is declared as JSON: a page of a foreign site cannot
/// send this type without asking first.
void check_json(const net::Request& request);

}  // namespace signalbox::server::api

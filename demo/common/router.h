#pragma once

#include <boost/asio/awaitable.hpp>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "demo/common/http.h"
#include "signalbox/metrics/meter.h"
#include "signalbox/trace/tracer.h"

namespace signalbox::demo {

/// What makes a request's span an error.
struct Failure {
  std::string type;     ///< `error.type`.
  std::string message;  ///< `error.message`, and the description of the status.
};

/// What a route answers.
struct Answer {
  Answer(Response answer_response, std::optional<Failure> answer_failure = std::nullopt)
      : response(std::move(answer_response)), failure(std::move(answer_failure)) {}

  Response response;
  std::optional<Failure> failure;
};

/// Answers the requests of one route. The request's span is the active one while it runs, across
/// each `co_await` too.
using RouteHandler = std::function<boost::asio::awaitable<Answer>(const Request& request,
                                                                  const Connection& connection)>;

/// Finds the route of a request and observes it: a server span that continues the client's trace,
/// `http.server.active_requests` and `http.server.request.duration`.
///
/// Create it after the SDK is installed. Thread-safety: `handle` from any thread, once all routes
/// are added.
class Router {
 public:
  /// `scope` names the telemetry's instrumentation scope; `fallback` answers what no route does.
  Router(std::string_view scope, RouteHandler fallback);

  /// Requests for exactly this path. `kAnyMethod` for all methods.
  void add(http::verb method, std::string path, RouteHandler handler);
  static constexpr http::verb kAnyMethod = http::verb::unknown;

  boost::asio::awaitable<Response> handle(const Request& request,
                                          const Connection& connection) const;

 private:
  struct Match {
    std::string_view route;  // Empty: the fallback.
    const RouteHandler& handler;
  };
  [[nodiscard]] Match match(http::verb method, std::string_view path) const;

  trace::Tracer tracer_;
  metrics::UpDownCounter<std::int64_t> active_requests_;
  metrics::Histogram<double> duration_;
  std::map<std::pair<std::string, http::verb>, RouteHandler, std::less<>> routes_;
  RouteHandler fallback_;
};

}  // namespace signalbox::demo

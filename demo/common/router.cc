#include "demo/common/router.h"

#include <chrono>
#include <exception>

#include "signalbox/context/context.h"
#include "signalbox/integrations/beast.h"
#include "signalbox/propagation/propagator.h"

namespace signalbox::demo {
namespace {

namespace asio = boost::asio;

metrics::HistogramOptions duration_options() {
  metrics::HistogramOptions options;
  options.description = "Duration of HTTP server requests.";
  options.unit = "s";
  // Those that the semantic conventions advise.
  options.boundaries = {0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10};
  return options;
}

// Counts a request as active while it lives.
class ActiveRequest {
 public:
  ActiveRequest(const metrics::UpDownCounter<std::int64_t>& counter, std::string_view method,
                std::string_view path)
      : counter_(counter), method_(method), path_(path) {
    add(1);
  }
  ActiveRequest(const ActiveRequest&) = delete;
  ActiveRequest& operator=(const ActiveRequest&) = delete;
  ~ActiveRequest() { add(-1); }

 private:
  void add(std::int64_t count) const {
    counter_.add(count, {{"http.request.method", method_}, {"url.path", path_}});
  }

  const metrics::UpDownCounter<std::int64_t>& counter_;
  std::string_view method_;
  std::string_view path_;
};

trace::Span start_span(const trace::Tracer& tracer, const Request& request,
                       const Connection& connection, std::string_view path,
                       std::string_view route) {
  const context::Context parent = propagation::extract(integrations::HttpFieldsGetter(request));
  integrations::HttpServerSpanOptions options;
  options.path = path;
  options.query = target_query(std::string_view(request.target().data(), request.target().size()));
  options.route = route;
  options.peer_address = connection.peer_address;
  options.peer_port = connection.peer_port;
  options.local_port = connection.local_port;
  return integrations::start_http_server_span(tracer, request, parent, options);
}

void set_outcome(trace::SpanRef& span, const Answer& answer) {
  integrations::set_http_server_response(span, answer.response.result_int());
  if (!answer.failure) return;
  span.set_attribute("error.type", answer.failure->type);
  span.set_attribute("error.message", answer.failure->message);
  span.set_status(trace::StatusCode::kError, answer.failure->message);
}

void record_duration(const metrics::Histogram<double>& histogram, std::string_view method,
                     std::string_view path, unsigned status,
                     std::chrono::steady_clock::time_point start) {
  const std::chrono::duration<double> elapsed = std::chrono::steady_clock::now() - start;
  histogram.record(
      elapsed.count(),
      {{"http.request.method", method}, {"url.path", path}, {"http.response.status_code", status}});
}

Answer internal_error(const std::exception& exception) {
  trace::get_active_span().record_exception(exception);
  return {text_response(http::status::internal_server_error, "Internal server error"),
          Failure{"500", exception.what()}};
}

asio::awaitable<Answer> run(const RouteHandler& handler, const Request& request,
                            const Connection& connection) {
  try {
    co_return co_await handler(request, connection);
  } catch (const std::exception& exception) {
    co_return internal_error(exception);
  }
}

}  // namespace

Router::Router(std::string_view scope, RouteHandler fallback)
    : tracer_(trace::get_tracer(scope)), fallback_(std::move(fallback)) {
  const metrics::Meter meter = metrics::get_meter(scope);
  metrics::InstrumentOptions options;
  options.description = "Number of active HTTP server requests.";
  options.unit = "{request}";
  active_requests_ = meter.create_up_down_counter("http.server.active_requests", options);
  duration_ = meter.create_histogram("http.server.request.duration", duration_options());
}

void Router::add(http::verb method, std::string path, RouteHandler handler) {
  routes_.insert_or_assign({std::move(path), method}, std::move(handler));
}

asio::awaitable<Response> Router::handle(const Request& request,
                                         const Connection& connection) const {
  const auto start = std::chrono::steady_clock::now();
  const std::string_view path =
      target_path(std::string_view(request.target().data(), request.target().size()));
  const std::string_view method = integrations::http_method_attribute(request);
  const Match found = match(request.method(), path);
  const ActiveRequest active(active_requests_, method, path);
  trace::Span span = start_span(tracer_, request, connection, path, found.route);
  const context::Scope scope(span);
  Answer answer = co_await run(found.handler, request, connection);
  set_outcome(span, answer);
  record_duration(duration_, method, path, answer.response.result_int(), start);
  co_return std::move(answer.response);
}

Router::Match Router::match(http::verb method, std::string_view path) const {
  for (const http::verb candidate : {method, kAnyMethod}) {
    if (const auto route = routes_.find(std::pair(std::string(path), candidate));
        route != routes_.end()) {
      return {route->first.first, route->second};
    }
  }
  return {{}, fallback_};
}

}  // namespace signalbox::demo

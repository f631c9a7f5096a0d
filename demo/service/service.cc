#include "demo/service/service.h"

#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <random>
#include <string>
#include <utility>

#include "demo/common/logging.h"
#include "demo/service/fibonacci.h"
#include "demo/service/payload.h"
#include "signalbox/bridges/spdlog.h"
#include "signalbox/context/context.h"
#include "signalbox/integrations/beast.h"
#include "signalbox/propagation/propagator.h"

namespace signalbox::demo {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;
using bridges::log;

constexpr std::string_view kScope = "signalbox.demo.service";

std::string_view view(boost::beast::string_view text) {
  return {text.data(), text.size()};
}

std::string quote(std::string_view text) {
  return json::serialize(json::string_view(text.data(), text.size()));
}

std::string error_body(std::string_view message) {
  return "{\"error\":" + quote(message) + "}";
}

asio::awaitable<void> pause(Service::Pause range) {
  thread_local std::minstd_rand random{std::random_device{}()};
  std::uniform_int_distribution<std::int64_t> length(range.min.count(), range.max.count());
  asio::steady_timer timer(co_await asio::this_coro::executor,
                           std::chrono::milliseconds(length(random)));
  co_await timer.async_wait(asio::use_awaitable);
}

trace::Span start_client_span(const trace::Tracer& tracer, const Url& url, const Request& request) {
  integrations::HttpClientSpanOptions options;
  options.url = url.text;
  options.path = target_path(url.target);
  options.host = url.host;
  options.port = url.port;
  return integrations::start_http_client_span(tracer, request, options);
}

// What a call of the other service came to.
struct ExternalCall {
  std::string body;         // JSON, if it succeeded.
  std::string traceparent;  // As sent.
  std::optional<Failure> failure;
};

ExternalCall judge(trace::Span& span, std::variant<Response, FetchError> outcome,
                   std::string traceparent) {
  ExternalCall call;
  call.traceparent = std::move(traceparent);
  if (const auto* error = std::get_if<FetchError>(&outcome)) {
    integrations::set_http_client_failure(span, error->type, error->message);
    call.failure = Failure{error->type, error->message};
    return call;
  }
  Response& response = std::get<Response>(outcome);
  integrations::set_http_client_response(span, response.result_int());
  if (response.result_int() / 100 != 2) {
    const std::string status = std::to_string(response.result_int());
    call.failure = Failure{status, "the external service answered with status " + status};
    return call;
  }
  boost::system::error_code error;
  json::parse(json::string_view(response.body()), error);
  if (error) {
    call.failure = Failure{"json", "the external service's answer is not JSON: " + error.message()};
    return call;
  }
  call.body = std::move(response.body());
  return call;
}

asio::awaitable<ExternalCall> call_external(HttpClient& client, const trace::Tracer& tracer,
                                            const Url& url) {
  Request request{http::verb::get, url.target, 11};
  request.set(http::field::accept, "*/*");
  request.set(http::field::user_agent, "signalbox-demo-service/" SIGNALBOX_VERSION);
  trace::Span span = start_client_span(tracer, url, request);
  const context::Scope scope(span);
  integrations::HttpFieldsSetter setter(request);
  propagation::inject(setter);
  std::string traceparent(view(request["traceparent"]));
  auto outcome = co_await client.fetch(url, std::move(request));
  co_return judge(span, std::move(outcome), std::move(traceparent));
}

}  // namespace

Service::Service(Options options)
    : options_(std::move(options)),
      client_(options_.client),
      tracer_(trace::get_tracer(kScope)),
      log_(get_logger("demo.index")),
      fibonacci_log_(get_logger("demo.fibonacci")),
      external_log_(get_logger("demo.external")),
      fallback_log_(get_logger("demo.fallback")),
      router_(kScope, [this](const Request& request, const Connection& /*connection*/) {
        return not_found(request);
      }) {
  router_.add(http::verb::get, "/", [this](const Request&, const Connection&) { return index(); });
  router_.add(http::verb::post, "/fibonacci",
              [this](const Request& request, const Connection&) { return fibonacci_of(request); });
  router_.add(http::verb::get, "/external",
              [this](const Request&, const Connection&) { return external(); });
}

asio::awaitable<Response> Service::handle(const Request& request, const Connection& connection) {
  return router_.handle(request, connection);
}

asio::awaitable<Answer> Service::index() {
  log(*log_, spdlog::level::info, "greeting");
  co_return text_response(http::status::ok, "Hello, World!");
}

asio::awaitable<Answer> Service::fibonacci_of(const Request& request) {
  const Result<FibonacciRequest> parsed = parse_fibonacci_request(request.body());
  if (!parsed) {
    const std::string& message = parsed.error().message;
    log(*fibonacci_log_, spdlog::level::err, "error parsing fibonacci payload",
        {{"error.type", "Invalid Input"}, {"error.message", message}});
    co_return Answer(json_response(http::status::unprocessable_entity, error_body(message)),
                     Failure{"Invalid Input", message});
  }
  co_await pause(options_.fibonacci_pause);
  const std::string number = std::to_string(parsed.value().number);
  const std::string result = fibonacci(parsed.value().number);
  // F(n) of most n does not fit the integers of an attribute.
  trace::get_active_span().set_attributes(
      {{"fibonacci.number", parsed.value().number}, {"fibonacci.result", result}});
  log(*fibonacci_log_, spdlog::level::info, "computed fibonacci number",
      {{"number", parsed.value().number}, {"result", result}});
  co_return json_response(http::status::ok,
                          "{\"number\":" + number + ",\"result\":" + result + "}");
}

asio::awaitable<Answer> Service::external() {
  const std::string& url = options_.echo_url.text;
  const ExternalCall call = co_await call_external(client_, tracer_, options_.echo_url);
  if (call.failure) {
    log(*external_log_, spdlog::level::err, "external call failed",
        {{"url.full", url},
         {"error.type", call.failure->type},
         {"error.message", call.failure->message}});
    co_return Answer(
        json_response(http::status::service_unavailable, error_body(call.failure->message)),
        call.failure);
  }
  log(*external_log_, spdlog::level::info, "external call succeeded", {{"url.full", url}});
  const std::string note = "This endpoint calls " + url + " with propagated trace context.";
  co_return json_response(http::status::ok,
                          "{\"httpbin\":" + call.body + ",\"note\":" + quote(note) +
                              ",\"propagated\":{\"traceparent\":" + quote(call.traceparent) + "}}");
}

asio::awaitable<Answer> Service::not_found(const Request& request) {
  co_await pause(options_.fallback_pause);
  log(*fallback_log_, spdlog::level::err, "Resource not found",
      {{"http.request.method", view(request.method_string())},
       {"url.path", target_path(view(request.target()))}});
  co_return Answer(text_response(http::status::not_found, "Resource not found"),
                   Failure{"404", "Resource not found"});
}

}  // namespace signalbox::demo

#include "demo/service/service.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_future.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "demo/echo/echo.h"
#include "demo/testing/running_server.h"
#include "sdk/integrations/testing/recording_exporter.h"
#include "signalbox/config/sdk.h"

namespace signalbox::demo {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;
using signalbox::testing::RecordedLog;
using signalbox::testing::RecordedPoint;
using signalbox::testing::RecordedSpan;
using signalbox::testing::RecordingExporter;
using signalbox::testing::TextAttributes;

constexpr int kServer = 2;
constexpr int kClient = 3;
constexpr int kError = 2;

template <typename T>
Handler handler_of(const std::shared_ptr<T>& service) {
  return [service](const Request& request, const Connection& connection) {
    return service->handle(request, connection);
  };
}

Url url_of(std::uint16_t port, const std::string& target) {
  return parse_url("http://127.0.0.1:" + std::to_string(port) + target).value();
}

// A trace that a client began: its id and the span that calls.
struct Caller {
  explicit Caller(unsigned number) {
    std::string digits = std::to_string(number);
    trace_id = std::string(31 - digits.size(), '0') + digits + "a";
    span_id = std::string(15 - digits.size(), '0') + digits + "b";
  }
  [[nodiscard]] std::string traceparent() const { return "00-" + trace_id + "-" + span_id + "-01"; }
  std::string trace_id;
  std::string span_id;
};

// The service and its downstream on real sockets, the SDK with an exporter that keeps everything.
class ServiceTest : public ::testing::Test {
 protected:
  ServiceTest() : exporter_(std::make_shared<RecordingExporter>()) {
    sdk::SdkOptions options;
    options.service_name = "test";
    options.exporter = exporter_;
    options.environment = [](const std::string&) { return std::nullopt; };
    auto sdk = sdk::Sdk::from_environment(options);
    EXPECT_TRUE(sdk.ok());
    sdk_.emplace(std::move(sdk).value());
    echo_ = std::make_unique<RunningServer>(handler_of(std::make_shared<Echo>()));
    start_service(url_of(echo_->port(), "/anything"));
  }

  void start_service(Url echo_url) {
    Service::Options options;
    options.echo_url = std::move(echo_url);
    options.fibonacci_pause = {std::chrono::milliseconds(0), std::chrono::milliseconds(20)};
    options.fallback_pause = {std::chrono::milliseconds(0), std::chrono::milliseconds(10)};
    service_ =
        std::make_unique<RunningServer>(handler_of(std::make_shared<Service>(std::move(options))));
  }

  [[nodiscard]] Request request(http::verb method, const std::string& target,
                                const std::string& body = {}) const {
    return {method, target, 11, body};
  }

  // The answer to a request, without telemetry of its own.
  Response call(Request request, const Caller& caller = Caller(1)) {
    request.set("traceparent", caller.traceparent());
    const Url url = url_of(service_->port(), std::string(request.target()));
    asio::io_context io;
    auto answer = asio::co_spawn(io, client_.fetch(url, std::move(request)), asio::use_future);
    io.run();
    auto outcome = answer.get();
    if (const auto* error = std::get_if<FetchError>(&outcome)) ADD_FAILURE() << error->message;
    return std::get<Response>(std::move(outcome));
  }

  // What has been exported once all requests have ended.
  std::vector<RecordedSpan> spans() {
    stop();
    return exporter_->spans();
  }
  RecordedSpan span_named(const std::string& name, int kind = kServer) {
    for (const RecordedSpan& span : spans()) {
      if (span.name == name && span.kind == kind) return span;
    }
    ADD_FAILURE() << "no span " << name;
    return {};
  }
  std::vector<RecordedLog> error_logs() {
    stop();
    std::vector<RecordedLog> logs;
    for (const RecordedLog& record : exporter_->logs()) {
      if (record.severity == 17) logs.push_back(record);
    }
    return logs;
  }
  std::optional<RecordedPoint> point(const std::string& metric, const TextAttributes& attributes) {
    stop();
    for (const RecordedPoint& point : exporter_->points()) {
      if (point.metric == metric && point.attributes == attributes) return point;
    }
    return std::nullopt;
  }
  void stop() {
    if (service_ == nullptr) return;
    service_.reset();
    echo_.reset();
    EXPECT_TRUE(sdk_->force_flush());
    EXPECT_EQ(exporter_->error(), "");
  }

  std::shared_ptr<RecordingExporter> exporter_;
  std::optional<sdk::Sdk> sdk_;
  HttpClient client_{HttpClient::Options{}};
  std::unique_ptr<RunningServer> echo_;
  std::unique_ptr<RunningServer> service_;
};

TEST_F(ServiceTest, Greets) {
  const Response response = call(request(http::verb::get, "/"));
  EXPECT_EQ(response.result_int(), 200U);
  EXPECT_EQ(response.body(), "Hello, World!");

  const RecordedSpan span = span_named("GET /");
  EXPECT_EQ(span.trace_id, Caller(1).trace_id);
  EXPECT_EQ(span.parent_span_id, Caller(1).span_id);
  EXPECT_EQ(span.status_code, 0);
  EXPECT_EQ(span.attributes.at("http.response.status_code"), "200");
  EXPECT_EQ(span.attributes.at("http.route"), "/");
}

TEST_F(ServiceTest, ComputesExactFibonacciNumbers) {
  const Response response = call(request(http::verb::post, "/fibonacci", R"({"number": 255})"));
  EXPECT_EQ(response.result_int(), 200U);
  EXPECT_EQ(response.body(),
            R"({"number":255,"result":87571595343018854458033386304178158174356588264390370})");
  EXPECT_EQ(response[http::field::content_type], "application/json");
}

TEST_F(ServiceTest, RefusesABadBodyInAnswerSpanAndLog) {
  const std::string message = "invalid value: integer `20111111`, expected u8 at line 1 column 19";
  const Response response =
      call(request(http::verb::post, "/fibonacci", R"({"number": 20111111})"));
  EXPECT_EQ(response.result_int(), 422U);
  EXPECT_EQ(response.body(), "{\"error\":\"" + message + "\"}");

  const RecordedSpan span = span_named("POST /fibonacci");
  EXPECT_EQ(span.status_code, kError);
  EXPECT_EQ(span.status_message, message);
  EXPECT_EQ(span.attributes.at("error.type"), "Invalid Input");
  EXPECT_EQ(span.attributes.at("error.message"), message);
  const std::vector<RecordedLog> logs = error_logs();
  ASSERT_EQ(logs.size(), 1U);
  EXPECT_EQ(logs[0].body, "error parsing fibonacci payload");
  EXPECT_EQ(logs[0].trace_id, span.trace_id);
  EXPECT_EQ(logs[0].span_id, span.span_id);
  EXPECT_EQ(logs[0].attributes.at("error.type"), "Invalid Input");
  EXPECT_EQ(logs[0].attributes.at("error.message"), message);
}

TEST_F(ServiceTest, CallsTheEchoServiceInTheSameTrace) {
  const Response response = call(request(http::verb::get, "/external"));
  EXPECT_EQ(response.result_int(), 200U);
  const json::value answer = json::parse(response.body());
  const std::string propagated(answer.at("propagated").at("traceparent").as_string());
  EXPECT_EQ(answer.at("httpbin").at("headers").at("Traceparent"), json::string(propagated));
  EXPECT_EQ(answer.at("httpbin").at("method"), "GET");
  EXPECT_THAT(std::string(answer.at("note").as_string()), ::testing::HasSubstr("/anything"));

  const RecordedSpan server = span_named("GET /external");
  const RecordedSpan client = span_named("GET /anything", kClient);
  const RecordedSpan echo = span_named("GET /anything", kServer);
  EXPECT_EQ(client.parent_span_id, server.span_id);
  EXPECT_EQ(echo.parent_span_id, client.span_id);
  EXPECT_EQ(echo.trace_id, Caller(1).trace_id);
  EXPECT_EQ(propagated, "00-" + client.trace_id + "-" + client.span_id + "-01");
}

TEST_F(ServiceTest, AnswersThatTheExternalCallFailed) {
  echo_.reset();  // Nothing listens there any more.
  const Response response = call(request(http::verb::get, "/external"));
  EXPECT_EQ(response.result_int(), 503U);
  const std::string message(json::parse(response.body()).at("error").as_string());
  EXPECT_THAT(message, ::testing::HasSubstr("Connection refused"));

  const RecordedSpan server = span_named("GET /external");
  EXPECT_EQ(server.status_code, kError);
  EXPECT_EQ(server.status_message, message);
  EXPECT_EQ(span_named("GET /anything", kClient).status_code, kError);
  ASSERT_EQ(error_logs().size(), 1U);
  EXPECT_EQ(error_logs()[0].span_id, server.span_id);
}

TEST_F(ServiceTest, DoesNotTakeAnErrorForAnExternalAnswer) {
  start_service(url_of(echo_->port(), "/missing"));
  const Response response = call(request(http::verb::get, "/external"));
  EXPECT_EQ(response.result_int(), 503U);
  EXPECT_EQ(response.body(), R"({"error":"the external service answered with status 404"})");
}

TEST_F(ServiceTest, FallsBackToNotFound) {
  for (const auto& [method, target] :
       std::vector<std::pair<http::verb, std::string>>{{http::verb::get, "//"},
                                                       {http::verb::get, "/nothing?x=y"},
                                                       {http::verb::post, "/"},
                                                       {http::verb::get, "/fibonacci"}}) {
    const Response response = call(request(method, target));
    EXPECT_EQ(response.result_int(), 404U);
    EXPECT_EQ(response.body(), "Resource not found");
  }
  const RecordedSpan span = span_named("GET //");
  EXPECT_EQ(span.status_code, kError);
  EXPECT_EQ(span.attributes.at("url.path"), "//");
  EXPECT_EQ(span.attributes.count("http.route"), 0U);
  EXPECT_EQ(span_named("GET /nothing").attributes.at("url.query"), "x=y");
  EXPECT_EQ(error_logs().size(), 4U);
}

TEST_F(ServiceTest, MeasuresDurationAndActiveRequests) {
  call(request(http::verb::post, "/fibonacci", R"({"number": 1})"));
  call(request(http::verb::post, "/fibonacci", R"({"number": 2})"));
  call(request(http::verb::post, "/fibonacci", "{}"));

  const auto active = point("http.server.active_requests",
                            {{"http.request.method", "POST"}, {"url.path", "/fibonacci"}});
  ASSERT_TRUE(active.has_value());
  EXPECT_EQ(active->int_value, 0);
  EXPECT_FALSE(active->is_monotonic);
  EXPECT_EQ(active->unit, "{request}");
  const auto duration =
      point("http.server.request.duration", {{"http.request.method", "POST"},
                                             {"url.path", "/fibonacci"},
                                             {"http.response.status_code", "200"}});
  ASSERT_TRUE(duration.has_value());
  EXPECT_EQ(duration->count, 2U);
  EXPECT_EQ(duration->unit, "s");
  EXPECT_LT(duration->sum, 10);
  EXPECT_THAT(duration->bounds, ::testing::ElementsAre(0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25,
                                                       0.5, 0.75, 1, 2.5, 5, 7.5, 10));
}

// Hundreds of requests at a time on few threads, each in a trace of its own: no span and no log
// record may end up in another one's trace or under another one's span.
TEST_F(ServiceTest, NeverMixesUpTheParentsOfConcurrentRequests) {
  constexpr unsigned kRequests = 400;
  asio::io_context io;
  std::atomic<unsigned> answered = 0;
  for (unsigned i = 1; i <= kRequests; ++i) {
    Request next = i % 2 == 0   ? request(http::verb::get, "/external")
                   : i % 3 == 0 ? request(http::verb::get, "/nothing")
                                : request(http::verb::post, "/fibonacci", R"({"number": 9})");
    next.set("traceparent", Caller(i).traceparent());
    auto one = [this, &answered, url = url_of(service_->port(), std::string(next.target())),
                next]() -> asio::awaitable<void> {
      const auto outcome = co_await client_.fetch(url, next);
      if (std::holds_alternative<Response>(outcome)) ++answered;
    };
    asio::co_spawn(asio::make_strand(io), std::move(one), asio::detached);
  }
  {
    std::vector<std::jthread> threads;
    threads.reserve(3);
    for (int i = 0; i < 3; ++i) threads.emplace_back([&io] { io.run(); });
  }
  EXPECT_EQ(answered, kRequests);

  std::map<std::string, std::vector<RecordedSpan>> traces;
  std::map<std::string, std::string> trace_of_span;
  for (const RecordedSpan& span : spans()) {
    traces[span.trace_id].push_back(span);
    trace_of_span[span.span_id] = span.trace_id;
  }
  ASSERT_EQ(traces.size(), kRequests);
  for (unsigned i = 1; i <= kRequests; ++i) {
    const Caller caller(i);
    const std::vector<RecordedSpan>& trace = traces[caller.trace_id];
    ASSERT_EQ(trace.size(), i % 2 == 0 ? 3U : 1U) << caller.trace_id;
    std::string parent = caller.span_id;  // From the caller down, one span below the other.
    for (std::size_t depth = 0; depth < trace.size(); ++depth) {
      const auto child = std::find_if(trace.begin(), trace.end(), [&](const RecordedSpan& span) {
        return span.parent_span_id == parent;
      });
      ASSERT_NE(child, trace.end()) << caller.trace_id;
      parent = child->span_id;
    }
  }
  for (const RecordedLog& record : exporter_->logs()) {
    EXPECT_EQ(trace_of_span[record.span_id], record.trace_id);
  }
}

}  // namespace
}  // namespace signalbox::demo

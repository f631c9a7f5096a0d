// RemoteEngine against servers that fail in every way: they answer what a test has written down.

#include "server/store/engine/remote_engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http.hpp>
#include <chrono>
#include <functional>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

namespace signalbox::server::store {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using asio::ip::tcp;
using ::testing::_;
using ::testing::HasSubstr;
using Request = http::request<http::string_body>;

/// Answers each request with the bytes that `respond` gives, as they are, and closes the
/// connection.
class ScriptedServer {
 public:
  using Respond = std::function<std::string(const Request&)>;

  explicit ScriptedServer(Respond respond)
      : respond_(std::move(respond)),
        acceptor_(context_, {asio::ip::make_address("127.0.0.1"), 0}),
        thread_([this] { serve(); }) {}
  ~ScriptedServer() {
    shutdown(acceptor_.native_handle(), SHUT_RDWR);
    thread_.join();
  }
  ScriptedServer(const ScriptedServer&) = delete;
  ScriptedServer& operator=(const ScriptedServer&) = delete;

  [[nodiscard]] std::string url() const {
    return "http://127.0.0.1:" + std::to_string(acceptor_.local_endpoint().port());
  }
  std::vector<Request> requests() {
    const std::scoped_lock lock(mutex_);
    return requests_;
  }

 private:
  void serve() {
    for (;;) {
      boost::system::error_code error;
      tcp::socket socket = acceptor_.accept(error);
      if (error) return;
      boost::beast::flat_buffer buffer;
      Request request;
      http::read(socket, buffer, request, error);
      if (error) continue;
      std::string answer;
      {
        const std::scoped_lock lock(mutex_);
        requests_.push_back(request);
        answer = request.body().starts_with("CREATE DATABASE") ? ok("") : respond_(request);
      }
      asio::write(socket, asio::buffer(answer), error);
    }
  }

 public:
  static std::string ok(const std::string& body) {
    return "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " +
           std::to_string(body.size()) + "\r\n\r\n" + body;
  }

 private:
  Respond respond_;
  std::mutex mutex_;
  std::vector<Request> requests_;
  asio::io_context context_;
  tcp::acceptor acceptor_;
  std::thread thread_;
};

std::string closed_port_url() {
  asio::io_context context;
  tcp::acceptor acceptor(context, {asio::ip::make_address("127.0.0.1"), 0});
  return "http://127.0.0.1:" + std::to_string(acceptor.local_endpoint().port());
}

EngineError error_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const EngineError& error) {
    return error;
  }
  return {-1, "no error"};
}

RemoteEngine::Options to(std::vector<std::string> urls) {
  RemoteEngine::Options options;
  options.urls = std::move(urls);
  return options;
}

TEST(RemoteEngine, SendsCredentialsParametersAndLimits) {
  ScriptedServer server([](const Request&) { return ScriptedServer::ok("1\n"); });
  RemoteEngine::Options options = to({server.url() + "/"});
  options.user = "writer";
  options.password = "secret";
  RemoteEngine engine(options);

  EXPECT_EQ(
      engine
          .query("SELECT {a:String}", {{"a", "x&y=z +%"}},
                 {.max_execution_time_ms = 4500, .max_memory_bytes = 77, .max_result_rows = 8})
          .data,
      "1\n");

  const Request request = server.requests().back();
  const std::string target(request.target());
  EXPECT_EQ(request.body(), "SELECT {a:String}");
  EXPECT_EQ(request["X-ClickHouse-User"], "writer");
  EXPECT_EQ(request["X-ClickHouse-Key"], "secret");
  EXPECT_THAT(target, HasSubstr("param_a=x%26y%3Dz%20%2B%25"));
  EXPECT_THAT(target, HasSubstr("&readonly=1&"));
  EXPECT_THAT(target, HasSubstr("&max_execution_time=5&"));
  EXPECT_THAT(target, HasSubstr("&max_memory_usage=77&"));
  EXPECT_THAT(target, HasSubstr("&max_result_rows=8&"));
  EXPECT_THAT(target, HasSubstr("?query_id=signalbox-"));
}

TEST(RemoteEngine, GoesToTheNextEndpointAndStaysThere) {
  ScriptedServer second([](const Request&) { return ScriptedServer::ok("2\n"); });
  RemoteEngine engine(to({closed_port_url(), second.url()}));
  for (int i = 0; i < 3; ++i) EXPECT_EQ(engine.query("SELECT 2").data, "2\n");
  EXPECT_EQ(second.requests().size(), 4u);
}

TEST(RemoteEngine, GoesOnWhenAProxyHasNoServer) {
  ScriptedServer proxy([](const Request&) {
    return "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
  });
  ScriptedServer second([](const Request&) { return ScriptedServer::ok("2\n"); });
  RemoteEngine engine(to({proxy.url(), second.url()}));
  EXPECT_EQ(engine.query("SELECT 2").data, "2\n");
}

TEST(RemoteEngine, SaysThatNoEndpointCanBeReached) {
  const EngineError error =
      error_of([] { RemoteEngine engine(to({closed_port_url(), closed_port_url()})); });
  EXPECT_EQ(error.code(), error_code::kNetworkError);
  EXPECT_THAT(error.what(), HasSubstr("no ClickHouse can be reached"));
}

TEST(RemoteEngine, RepeatsAnInsertOnlyIfItHasAToken) {
  ScriptedServer broken([](const Request&) { return std::string(); });
  ScriptedServer second([](const Request&) { return ScriptedServer::ok(""); });
  RemoteEngine engine(to({broken.url(), second.url()}));
  const std::string_view pieces[] = {"block"};

  EXPECT_EQ(error_of([&] { engine.insert_native("t", pieces, {}); }).code(),
            error_code::kNetworkError);
  EXPECT_EQ(second.requests().size(), 0u);

  engine.insert_native("t", pieces, {.deduplication_token = "7"});
  ASSERT_EQ(second.requests().size(), 1u);
  EXPECT_EQ(second.requests().back().body(), "block");
}

/// The value of `name` in the URL of `request`.
std::string url_value(const Request& request, const std::string& name) {
  const std::string target(request.target());
  const std::size_t at = target.find(name + "=") + name.size() + 1;
  return target.substr(at, target.find('&', at) - at);
}

TEST(RemoteEngine, AnswersIngestOnlyWhenAnInsertOfUnknownOutcomeHasEnded) {
  std::vector<std::string> kills = {"", ScriptedServer::ok("waiting\n"), ScriptedServer::ok("")};
  ScriptedServer server([&](const Request& request) -> std::string {
    if (request.body() == "block") return {};  // The connection breaks.
    if (!request.body().starts_with("KILL")) return ScriptedServer::ok("0\n");
    const std::string answer = kills.front();
    kills.erase(kills.begin());
    return answer;
  });
  RemoteEngine engine(to({server.url()}));
  const QueryOptions ingest{.work = WorkClass::kIngest};
  const std::string_view pieces[] = {"block"};
  EXPECT_EQ(error_of([&] { engine.insert_native("t", pieces, {}); }).code(),
            error_code::kNetworkError);

  const EngineError not_yet = error_of([&] { engine.query("SELECT 1", {}, ingest); });
  EXPECT_EQ(not_yet.code(), error_code::kNetworkError);
  EXPECT_THAT(not_yet.what(), HasSubstr("may still run"));
  EXPECT_EQ(engine.query("SELECT 2").data, "0\n");  // Others do not wait.
  EXPECT_EQ(engine.query("SELECT 3", {}, ingest).data, "0\n");

  const std::vector<Request> requests = server.requests();
  std::vector<std::string> bodies;
  bodies.reserve(requests.size());
  for (const Request& request : requests) bodies.emplace_back(request.body());
  const std::string kill = "KILL QUERY WHERE query_id = {id:String} SYNC FORMAT TabSeparated";
  EXPECT_THAT(bodies, ::testing::ElementsAre(_, "block", kill, "SELECT 2", kill, kill, "SELECT 3"));
  EXPECT_EQ(url_value(requests[2], "param_id"), url_value(requests[1], "query_id"));
}

/// It may have handed it on, whatever it says: a second copy would run beside the first.
TEST(RemoteEngine, DoesNotRepeatWhatAProxyGaveUp) {
  for (const std::string status : {"502 Broken", "503 Reset", "504 Late"}) {
    SCOPED_TRACE(status);
    ScriptedServer proxy([&](const Request& request) {
      if (request.body().starts_with("KILL")) return ScriptedServer::ok("finished\n");
      return "HTTP/1.1 " + status + "\r\nConnection: close\r\nContent-Length: 0\r\n\r\n";
    });
    ScriptedServer second([](const Request&) { return ScriptedServer::ok(""); });
    const std::string_view pieces[] = {"block"};
    {
      RemoteEngine engine(to({proxy.url(), second.url()}));
      const std::size_t asked = second.requests().size();
      EXPECT_EQ(error_of([&] { engine.insert_native("t", pieces, {}); }).code(),
                error_code::kNetworkError);
      EXPECT_EQ(second.requests().size(), asked);
    }
    RemoteEngine engine(to({proxy.url(), second.url()}));
    const std::size_t asked = second.requests().size();
    EXPECT_EQ(error_of([&] { engine.execute("INSERT INTO a SELECT * FROM b"); }).code(),
              error_code::kNetworkError);
    EXPECT_EQ(second.requests().size(), asked);
    EXPECT_THAT(std::string(proxy.requests().back().body()), HasSubstr("KILL QUERY"));
  }
}

TEST(RemoteEngine, DoesNotTakeHalfAResultForAWholeOne) {
  ScriptedServer server([](const Request&) {
    return "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\n1\n2\n\r\n";
  });
  RemoteEngine engine(to({server.url()}));
  std::string seen;
  const auto run = [&] {
    engine.query_stream("SELECT 1", {}, {}, [&](std::string_view data) {
      seen += data;
      return true;
    });
  };
  EXPECT_EQ(error_of(run).code(), error_code::kNetworkError);
  EXPECT_EQ(seen, "1\n2\n");  // And it was not asked for again.
}

TEST(RemoteEngine, TellsTheCodeOfAnException) {
  ScriptedServer server([](const Request& request) -> std::string {
    if (request.body() == "header") {
      return "HTTP/1.1 500 Error\r\nX-ClickHouse-Exception-Code: 241\r\nConnection: close\r\n"
             "Content-Length: 11\r\n\r\nno memory..";
    }
    return "HTTP/1.1 404 Error\r\nConnection: close\r\nContent-Length: 29\r\n\r\n"
           "Code: 60. DB::Exception: none";
  });
  RemoteEngine engine(to({server.url()}));
  const EngineError first = error_of([&] { engine.query("header"); });
  EXPECT_EQ(first.code(), 241);
  EXPECT_STREQ(first.what(), "no memory..");
  EXPECT_EQ(error_of([&] { engine.query("body"); }).code(), 60);
}

TEST(RemoteEngine, RefusesUrlsThatAreNone) {
  for (const char* url : {"", "clickhouse:8123", "ftp://host", "file:///etc/passwd"}) {
    EXPECT_THROW(RemoteEngine(to({url})), std::invalid_argument) << url;
  }
  EXPECT_THROW(RemoteEngine(to({})), std::invalid_argument);
}

// A server that speaks no TLS must not be spoken to in the clear.
TEST(RemoteEngine, DoesNotFallBackFromTls) {
  ScriptedServer server([](const Request&) { return ScriptedServer::ok(""); });
  std::string url = server.url();
  url.replace(0, 4, "https");
  EXPECT_EQ(error_of([&] { RemoteEngine engine(to({url})); }).code(), error_code::kNetworkError);
  EXPECT_TRUE(server.requests().empty());
}

}  // namespace
}  // namespace signalbox::server::store

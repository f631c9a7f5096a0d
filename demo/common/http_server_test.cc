#include "demo/common/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <future>
#include <stdexcept>
#include <string>

#include "demo/common/http_client.h"
#include "demo/testing/running_server.h"

namespace signalbox::demo {
namespace {

namespace asio = boost::asio;
using asio::ip::tcp;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::StartsWith;

asio::awaitable<Response> echo_target(const Request& request, const Connection& /*connection*/) {
  if (request.target() == "/throws") throw std::runtime_error("secret");
  co_return text_response(http::status::ok, std::string(request.target()) + request.body());
}

// A client that writes and reads bytes as they are.
class RawClient {
 public:
  explicit RawClient(std::uint16_t port) : socket_(io_) {
    socket_.connect({asio::ip::address_v4::loopback(), port});
  }
  void send(std::string_view bytes) { asio::write(socket_, asio::buffer(bytes)); }
  // All until the server closes the connection.
  std::string read_all() {
    std::string out;
    boost::system::error_code error;
    asio::read(socket_, asio::dynamic_buffer(out), error);
    return out;
  }
  std::string read_some() {
    std::array<char, 4096> buffer{};
    boost::system::error_code error;
    return {buffer.data(), socket_.read_some(asio::buffer(buffer), error)};
  }

 private:
  asio::io_context io_;
  tcp::socket socket_;
};

TEST(HttpServer, ServesRequestsOfOneConnectionInTurn) {
  RunningServer server(echo_target);
  RawClient client(server.port());
  client.send("GET /a HTTP/1.1\r\nHost: x\r\n\r\nPOST /b HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi");
  client.send("GET // HTTP/1.1\r\nConnection: close\r\n\r\n");
  const std::string answers = client.read_all();
  EXPECT_THAT(answers, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(answers, HasSubstr("\r\n\r\n/a"));
  EXPECT_THAT(answers, HasSubstr("\r\n\r\n/bhi"));
  EXPECT_THAT(answers, EndsWith("\r\n\r\n//"));
}

TEST(HttpServer, AnswersHeadWithoutABody) {
  RunningServer server(echo_target);
  RawClient client(server.port());
  client.send("HEAD /a HTTP/1.1\r\nConnection: close\r\n\r\n");
  const std::string answer = client.read_all();
  EXPECT_THAT(answer, HasSubstr("Content-Length: 2\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\n"));
}

TEST(HttpServer, TellsAClientThatExpectsItToContinue) {
  RunningServer server(echo_target);
  RawClient client(server.port());
  client.send("POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_THAT(client.read_some(), StartsWith("HTTP/1.1 100"));
  client.send("ok");
  EXPECT_THAT(client.read_some(), EndsWith("/ok"));
}

TEST(HttpServer, RefusesWhatIsNotHttpAndWhatIsTooLong) {
  HttpServer::Options options;
  options.max_body_bytes = 10;
  options.max_header_bytes = 200;
  RunningServer server(echo_target, options);
  const auto ask = [&](const std::string& request) {
    RawClient client(server.port());
    client.send(request);
    return client.read_all();
  };
  EXPECT_THAT(ask("nonsense\r\n\r\n"), StartsWith("HTTP/1.1 400"));
  EXPECT_THAT(ask("POST / HTTP/1.1\r\nContent-Length: 11\r\n\r\n"), StartsWith("HTTP/1.1 413"));
  EXPECT_THAT(ask("GET / HTTP/1.1\r\nA: " + std::string(300, 'a') + "\r\n\r\n"),
              StartsWith("HTTP/1.1 431"));
}

TEST(HttpServer, AnswersAHandlersExceptionWithoutItsDetails) {
  RunningServer server(echo_target);
  RawClient client(server.port());
  client.send("GET /throws HTTP/1.1\r\nConnection: close\r\n\r\n");
  const std::string answer = client.read_all();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 500"));
  EXPECT_EQ(answer.find("secret"), std::string::npos);
}

TEST(HttpServer, DisconnectsWhoSendsNothing) {
  HttpServer::Options options;
  options.read_timeout = std::chrono::milliseconds(50);
  RunningServer server(echo_target, options);
  RawClient client(server.port());
  EXPECT_EQ(client.read_all(), "");
}

TEST(HttpServer, ServesNoMoreConnectionsAtATimeThanAllowed) {
  HttpServer::Options options;
  options.max_connections = 1;
  RunningServer server(echo_target, options);
  auto first = std::make_unique<RawClient>(server.port());
  first->send("GET /1 HTTP/1.1\r\n\r\n");
  EXPECT_THAT(first->read_some(), EndsWith("/1"));
  RawClient second(server.port());
  second.send("GET /2 HTTP/1.1\r\nConnection: close\r\n\r\n");
  first->send("GET /3 HTTP/1.1\r\n\r\n");
  EXPECT_THAT(first->read_some(), EndsWith("/3"));
  first.reset();
  EXPECT_THAT(second.read_all(), EndsWith("/2"));
}

TEST(HttpServer, SaysThatAPortIsInUse) {
  RunningServer server(echo_target);
  asio::io_context io;
  HttpServer::Options options;
  options.host = "127.0.0.1";
  options.port = server.port();
  HttpServer second(io, options, echo_target);
  const auto port = second.start();
  ASSERT_FALSE(port.ok());
  EXPECT_EQ(port.error().message,
            "cannot listen on 127.0.0.1:" + std::to_string(server.port()) + ": the port is in use");
}

TEST(HttpServer, AnswersRequestsUnderWayBeforeItStops) {
  std::promise<void> entered;
  RunningServer server([&](const Request&, const Connection&) -> asio::awaitable<Response> {
    entered.set_value();
    asio::steady_timer timer(co_await asio::this_coro::executor, std::chrono::milliseconds(200));
    co_await timer.async_wait(asio::use_awaitable);
    co_return text_response(http::status::ok, "done");
  });
  RawClient idle(server.port());
  RawClient busy(server.port());
  busy.send("GET / HTTP/1.1\r\n\r\n");
  entered.get_future().wait();
  EXPECT_TRUE(server.server().stop(std::chrono::seconds(10)));
  const std::string answer = busy.read_all();
  EXPECT_THAT(answer, HasSubstr("Connection: close"));
  EXPECT_THAT(answer, EndsWith("done"));
  EXPECT_EQ(idle.read_all(), "");
}

TEST(Http, FindsPathAndQueryOfATarget) {
  EXPECT_EQ(target_path("/"), "/");
  EXPECT_EQ(target_path("//"), "//");
  EXPECT_EQ(target_path("//a://b"), "//a://b");
  EXPECT_EQ(target_path("/a/b?c=d?e"), "/a/b");
  EXPECT_EQ(target_query("/a/b?c=d?e"), "c=d?e");
  EXPECT_EQ(target_query("/a"), "");
  EXPECT_EQ(target_path("http://host:80/a?b"), "/a");
  EXPECT_EQ(target_path("http://host"), "/");
  EXPECT_EQ(target_path("http://host?x"), "/");
  EXPECT_EQ(target_path("*"), "*");
  EXPECT_EQ(target_path(""), "");
}

TEST(Http, ParsesUrls) {
  const auto url = parse_url("http://localhost:8086/anything?a=b");
  ASSERT_TRUE(url.ok());
  EXPECT_EQ(url.value().host, "localhost");
  EXPECT_EQ(url.value().port, 8086);
  EXPECT_EQ(url.value().target, "/anything?a=b");
  EXPECT_EQ(host_header(url.value()), "localhost:8086");
  const auto secure = parse_url("https://example.org");
  ASSERT_TRUE(secure.ok());
  EXPECT_EQ(secure.value().port, 443);
  EXPECT_EQ(secure.value().target, "/");
  EXPECT_EQ(host_header(secure.value()), "example.org");
  const auto ipv6 = parse_url("http://[::1]:80/x");
  ASSERT_TRUE(ipv6.ok());
  EXPECT_EQ(ipv6.value().host, "::1");
  EXPECT_EQ(host_header(ipv6.value()), "[::1]");
  for (const char* bad : {"", "localhost:8086", "ftp://a/", "http://", "http://a:99999/", "/a"}) {
    EXPECT_FALSE(parse_url(bad).ok()) << bad;
  }
}

}  // namespace
}  // namespace signalbox::demo

#include "server/net/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <future>
#include <mutex>
#include <thread>

#include "server/net/io_threads.h"
#include "server/net/test_client.h"

namespace signalbox::server::net {
namespace {

using namespace std::chrono_literals;
using testing::becomes_true;
using ::testing::ElementsAre;
using ::testing::EndsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using ::testing::StartsWith;
using testing::TestClient;

/// Answers with method, target and body of the request.
void echo(Request request, Responder respond) {
  Response response;
  response.body = request.method + ' ' + request.target + ' ' + request.body;
  respond(std::move(response));
}

/// Answers with a copy of the pointer, by which a test sees how long the answer lives.
Handler answer_with(const std::shared_ptr<const std::string>& body) {
  return [body](const Request& /*request*/, Responder respond) {
    Response response;
    response.shared_body = body;
    respond(std::move(response));
  };
}
/// Pointers to that body while there is no answer.
constexpr long kOfTestAndHandler = 2;

class HttpServerTest : public ::testing::Test {
 protected:
  HttpServer& start(Handler handler, HttpServer::Options options = {}) {
    server_.emplace(std::move(options));
    server_->start(io_.context(), std::move(handler));
    return *server_;
  }
  [[nodiscard]] std::uint16_t port() const { return server_->local_endpoint().port; }

  IoThreads io_{1};
  std::optional<HttpServer> server_;
};

TEST_F(HttpServerTest, AnswersSeveralRequestsOnOneConnection) {
  start(echo);
  TestClient client(port());

  client.send("GET /a?b=c HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(client.read_response(), EndsWith("\r\n\r\nGET /a?b=c "));
  client.send("POST /d HTTP/1.1\r\nHost: x\r\nContent-Length: 4\r\n\r\nbody");
  EXPECT_THAT(client.read_response(), EndsWith("POST /d body"));
}

TEST_F(HttpServerTest, AnswersPipelinedRequestsInOrder) {
  start(echo);
  TestClient client(port());

  client.send("GET /1 HTTP/1.1\r\nHost: x\r\n\r\nGET /2 HTTP/1.1\r\nHost: x\r\n\r\n");

  EXPECT_THAT(client.read_response(), EndsWith("GET /1 "));
  EXPECT_THAT(client.read_response(), EndsWith("GET /2 "));
}

TEST_F(HttpServerTest, JoinsAChunkedBody) {
  start(echo);
  TestClient client(port());

  client.send("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
  client.send("2;x=y\r\nde\r\n0\r\n\r\n");

  EXPECT_THAT(client.read_response(), EndsWith("POST / abcde"));
}

TEST_F(HttpServerTest, TellsAClientThatAsksToContinue) {
  start(echo);
  TestClient client(port());

  client.send("POST / HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n");
  EXPECT_EQ(client.read_until("\r\n\r\n"), "HTTP/1.1 100 Continue\r\n\r\n");
  client.send("ok");

  EXPECT_THAT(client.read_response(), EndsWith("POST / ok"));
}

TEST_F(HttpServerTest, SendsTheLengthButNoBodyForHead) {
  start(echo);
  TestClient client(port());

  client.send("HEAD /x HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");

  const std::string answer = client.read_to_end();
  EXPECT_THAT(answer, HasSubstr("content-length: 8\r\n"));
  EXPECT_THAT(answer, EndsWith("\r\n\r\n"));
}

TEST_F(HttpServerTest, SendsALargeSharedBodyWhole) {
  const auto body = std::make_shared<const std::string>(8 << 20, 'x');
  start([&](Request, Responder respond) {
    Response response;
    response.shared_body = body;
    respond(std::move(response));
  });
  TestClient client(port());

  client.send("GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");

  EXPECT_THAT(client.read_to_end(), EndsWith("\r\n\r\n" + *body));
}

TEST_F(HttpServerTest, RefusesBodiesBeyondTheLimit) {
  HttpServer::Options options;
  options.limits.max_body_bytes = 10;
  const auto counters = options.counters;
  start(echo, options);

  TestClient announced(port());
  announced.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 11\r\n\r\n12345678901");
  EXPECT_THAT(announced.read_to_end(), StartsWith("HTTP/1.1 413 "));

  TestClient chunked(port());
  chunked.send(
      "POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nb\r\n12345678901\r\n");
  EXPECT_THAT(chunked.read_until("\r\n\r\n"), StartsWith("HTTP/1.1 413 "));
  EXPECT_EQ(counters->refused(Refusal::kBodyTooLarge), 2U);
}

TEST_F(HttpServerTest, RefusesByTheHeadBeforeTheBodyHasCome) {
  HttpServer::Options options;
  options.head_check = [](const Request& head) -> std::optional<Response> {
    if (head.headers.find("key")) return std::nullopt;
    Response response;
    response.status = 401;
    return response;
  };
  start(echo, options);
  const std::string rest = "Host: x\r\nContent-Length: 4\r\n\r\n";

  TestClient refused(port());
  refused.send("POST / HTTP/1.1\r\n" + rest);
  EXPECT_THAT(refused.read_until("\r\n\r\n"), StartsWith("HTTP/1.1 401 "));
  TestClient waits(port());
  waits.send("POST / HTTP/1.1\r\nExpect: 100-continue\r\n" + rest);
  EXPECT_THAT(waits.read_until("\r\n\r\n"), StartsWith("HTTP/1.1 401 "));

  TestClient taken(port());
  taken.send("POST / HTTP/1.1\r\nKey: 1\r\n" + rest + "body");
  EXPECT_THAT(taken.read_response(), EndsWith("POST / body"));
}

TEST_F(HttpServerTest, RefusesHeadersBeyondTheLimit) {
  HttpServer::Options options;
  options.limits.max_header_bytes = 1000;
  start(echo, options);
  TestClient client(port());

  client.send("GET / HTTP/1.1\r\nHost: x\r\nA: " + std::string(2000, 'a') + "\r\n\r\n");

  EXPECT_THAT(client.read_until("\r\n\r\n"), StartsWith("HTTP/1.1 431 "));
}

TEST_F(HttpServerTest, AnswersAndTellsOfWhatIsNotHttp) {
  std::mutex mutex;
  std::vector<std::string> told;
  HttpServer::Options options;
  options.on_wrong_protocol = [&](const std::string& peer, const std::string& what) {
    const std::scoped_lock lock(mutex);
    told.push_back(peer + ": " + what);
  };
  start(echo, std::move(options));
  TestClient garbage(port());
  garbage.send("hello there\r\n\r\n");
  EXPECT_THAT(garbage.read_until("\r\n\r\n"), StartsWith("HTTP/1.1 400 "));

  TestClient http2(port());
  http2.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n");
  EXPECT_THAT(http2.read_until("\r\n\r\n"), StartsWith("HTTP/1.1 505 "));

  TestClient tls(port());
  tls.send(std::string("\x16\x03\x01\x02\x00\x01", 6));
  EXPECT_THAT(tls.read_to_end(), HasSubstr("This port does not speak TLS"));

  const std::scoped_lock lock(mutex);
  EXPECT_THAT(told, ElementsAre(StartsWith("127.0.0.1: 400 The request is not well-formed"),
                                "127.0.0.1: 505 This port speaks HTTP/1.1; send gRPC to the "
                                "OTLP/gRPC port.",
                                StartsWith("127.0.0.1: 400 This port does not speak TLS")));
}

TEST_F(HttpServerTest, RefusesBodiesWhenTheBudgetIsUsedUpAndTakesThemAgainLater) {
  HttpServer::Options options;
  options.budget = RequestBudget::create(300'000);
  std::promise<std::pair<Request, Responder>> held;
  start(
      [&](Request request, Responder respond) {
        if (request.target == "/hold") {
          held.set_value({std::move(request), std::move(respond)});
        } else {
          echo(std::move(request), std::move(respond));
        }
      },
      options);
  const std::string body(200'000, 'x');
  const std::string rest = " HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n" + body;
  TestClient holder(port());
  holder.send("POST /hold" + rest);
  auto [request, respond] = held.get_future().get();

  TestClient refused(port());
  refused.send("POST /other" + rest);
  const std::string answer = refused.read_to_end();
  EXPECT_THAT(answer, StartsWith("HTTP/1.1 503 "));
  EXPECT_THAT(answer, HasSubstr("retry-after: 1\r\n"));

  respond({});
  holder.read_response();
  request = {};
  TestClient accepted(port());
  accepted.send("POST /other" + rest);
  EXPECT_THAT(accepted.read_response(), StartsWith("HTTP/1.1 200 "));
}

TEST_F(HttpServerTest, CountsHeadsAsTheyComeAndRefusesThemWhenTheBudgetIsUsedUp) {
  HttpServer::Options options;
  options.budget = RequestBudget::create(150'000);
  start(echo, options);
  const std::string half_head = "GET / HTTP/1.1\r\nHost: x\r\nX-Long: " + std::string(60'000, 'x');
  TestClient holder(port());
  holder.send(half_head);
  EXPECT_TRUE(becomes_true([&] { return options.budget->used_bytes() >= 120'000; }));

  TestClient refused(port());
  refused.send(half_head);
  EXPECT_THAT(refused.read_until("\r\n\r\n"), StartsWith("HTTP/1.1 503 "));

  holder.send("\r\n\r\n");
  EXPECT_THAT(holder.read_response(), EndsWith("GET / "));
  holder.close();
  refused.close();
  EXPECT_TRUE(becomes_true([&] { return options.budget->used_bytes() == 0; }));
}

TEST_F(HttpServerTest, AnswersFromAnotherThreadLater) {
  std::promise<Responder> waiting;
  start([&](Request, Responder respond) { waiting.set_value(std::move(respond)); });
  TestClient client(port());
  client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");

  Responder respond = waiting.get_future().get();
  std::jthread([&] {
    Response response;
    response.status = 404;
    respond(std::move(response));
  }).join();

  EXPECT_THAT(client.read_response(), StartsWith("HTTP/1.1 404 Not Found\r\n"));
}

TEST_F(HttpServerTest, AnswersForAHandlerThatThrowsOrForgets) {
  start([](Request request, Responder respond) {
    if (request.target == "/throw") throw std::runtime_error("no");
    Responder forgotten = std::move(respond);
  });
  TestClient client(port());

  client.send("GET /throw HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(client.read_response(), StartsWith("HTTP/1.1 500 "));
  client.send("GET /forget HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(client.read_response(), StartsWith("HTTP/1.1 500 "));
}

TEST_F(HttpServerTest, LeavesOutHeaderFieldsThatWouldSplitTheResponse) {
  start([](Request, Responder respond) {
    Response response;
    response.headers.add("x-good", "1");
    response.headers.add("x-bad", "1\r\nset-cookie: stolen");
    respond(std::move(response));
  });
  TestClient client(port());
  client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");

  const std::string answer = client.read_response();

  EXPECT_THAT(answer, HasSubstr("x-good: 1\r\n"));
  EXPECT_THAT(answer, Not(HasSubstr("stolen")));
}

TEST_F(HttpServerTest, ClosesConnectionsThatSendNoRequestInTime) {
  HttpServer::Options options;
  options.limits.header_timeout = 50ms;
  start(echo, options);
  TestClient silent(port());
  TestClient slow(port());
  slow.send("GET / HTT");

  EXPECT_THAT(silent.read_to_end(), IsEmpty());
  EXPECT_THAT(slow.read_to_end(), IsEmpty());
}

TEST_F(HttpServerTest, ClosesConnectionsWhoseBodyStalls) {
  HttpServer::Options options;
  options.limits.body_timeout = 50ms;
  start(echo, options);
  TestClient client(port());
  client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\n12");

  EXPECT_THAT(client.read_to_end(), IsEmpty());
}

/// Limits by which a body must move on by 1000 bytes in each 100 ms; silence is allowed.
HttpLimits limits_of_rate() {
  HttpLimits limits;
  limits.rate_stretch = 100ms;
  limits.min_bytes_per_second = 10'000;
  return limits;
}

constexpr std::string_view kEndlessBody =
    "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 10000000\r\n\r\n";

TEST_F(HttpServerTest, ClosesConnectionsWhoseBodyDrips) {
  HttpServer::Options options;
  options.limits = limits_of_rate();
  start(echo, options);
  TestClient client(port());
  client.send(kEndlessBody);

  client.send_until_closed("x", 5ms);
}

TEST_F(HttpServerTest, TakesABodyThatComesSlowlyButFastEnough) {
  HttpServer::Options options;
  options.limits = limits_of_rate();
  options.limits.rate_stretch = 500ms;
  start(echo, options);
  TestClient client(port());
  client.send("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 40000\r\n\r\n");
  for (int i = 0; i < 40; ++i) {  // In more than two stretches.
    std::this_thread::sleep_for(30ms);
    client.send(std::string(1000, 'x'));
  }

  EXPECT_THAT(client.read_response(), StartsWith("HTTP/1.1 200 "));
}

TEST_F(HttpServerTest, ClosesConnectionsWhoseBodyTakesTooLongInAll) {
  HttpServer::Options options;
  options.limits.body_deadline = 200ms;
  start(echo, options);
  TestClient client(port());
  client.send(kEndlessBody);

  client.send_until_closed(std::string(1000, 'x'), 5ms);
}

TEST_F(HttpServerTest, RefusesBodiesBeyondAPeersShareAndTakesThoseOfOthers) {
  HttpServer::Options options;
  options.budget = RequestBudget::create(1'000'000, 300'000);
  start(echo, options);
  const std::string body(200'000, 'x');
  const std::string head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 200001\r\n\r\n";
  TestClient holder(port());
  holder.send(head + body);
  EXPECT_TRUE(becomes_true([&] { return options.budget->used_bytes() >= 200'000; }));

  TestClient same(port());
  same.send(head + body + 'x');
  EXPECT_THAT(same.read_to_end(), StartsWith("HTTP/1.1 503 "));
  TestClient other(port(), {.source = "127.0.0.2"});
  other.send(head + body + 'x');
  EXPECT_THAT(other.read_response(), StartsWith("HTTP/1.1 200 "));
}

TEST_F(HttpServerTest, GivesUpAClientThatDoesNotReadItsAnswer) {
  const auto body = std::make_shared<const std::string>(32 << 20, 'x');
  HttpServer::Options options;
  options.limits.response_timeout = 100ms;
  start(answer_with(body), options);
  TestClient client(port(), {.receive_buffer_bytes = 64 * 1024});
  client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  client.read_some(10s, 1);

  EXPECT_TRUE(becomes_true([&] { return body.use_count() == kOfTestAndHandler; }));
}

TEST_F(HttpServerTest, GivesUpAClientThatReadsItsAnswerTooSlowly) {
  const auto body = std::make_shared<const std::string>(32 << 20, 'x');
  HttpServer::Options options;
  options.limits.rate_stretch = 200ms;
  options.limits.min_bytes_per_second = 20'000'000;
  start(answer_with(body), options);
  TestClient client(port(), {.receive_buffer_bytes = 64 * 1024});
  client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");

  EXPECT_TRUE(becomes_true([&] {
    std::this_thread::sleep_for(1ms);
    return client.read_some(10s, 1024).empty() || body.use_count() == kOfTestAndHandler;
  }));
}

TEST_F(HttpServerTest, TellsTheHandlerThatTheClientHasGone) {
  std::promise<Responder> waiting;
  start([&](Request, Responder respond) { waiting.set_value(std::move(respond)); });
  TestClient client(port());
  client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  Responder respond = waiting.get_future().get();
  EXPECT_FALSE(respond.abandoned());

  client.close();

  EXPECT_TRUE(becomes_true([&] { return respond.abandoned(); }));
}

TEST_F(HttpServerTest, ClosesConnectionsBeyondTheLimit) {
  HttpServer::Options options;
  options.limits.max_connections = 1;
  const auto counters = options.counters;
  start(echo, options);
  TestClient first(port());
  first.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  first.read_response();

  TestClient second(port());
  EXPECT_THAT(second.read_to_end(), IsEmpty());
  EXPECT_EQ(counters->closed_at_limit, 1U);
  EXPECT_EQ(counters->open_connections, 1);

  first.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(first.read_response(), StartsWith("HTTP/1.1 200"));
}

TEST_F(HttpServerTest, SharesACapOfConnectionsWithOtherServers) {
  HttpServer::Options options;
  options.connection_cap = std::make_shared<ConnectionCap>(1);
  start(echo, options);
  HttpServer other(options);
  other.start(io_.context(), echo);
  const std::string request = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
  const auto is_answered = [&](TestClient& client) {
    return client.send(request) && !client.read_response().empty();
  };
  TestClient first(port());
  EXPECT_TRUE(is_answered(first));

  TestClient second(other.local_endpoint().port);
  EXPECT_THAT(second.read_to_end(), IsEmpty());

  first.close();
  EXPECT_TRUE(becomes_true([&] {
    TestClient third(other.local_endpoint().port);
    return is_answered(third);
  }));
}

/// Sends what a test hands it.
class TestSource final : public BodySource {
 public:
  void on_start(std::function<void()> wake) override {
    const std::scoped_lock lock(mutex_);
    wake_ = std::move(wake);
  }
  Piece take() override {
    const std::scoped_lock lock(mutex_);
    ++asked_;
    return std::exchange(next_, {});
  }

  void send(std::string bytes, bool is_last = false) {
    std::function<void()> wake;
    {
      const std::scoped_lock lock(mutex_);
      next_ = {.bytes = std::move(bytes), .is_last = is_last};
      wake = wake_;
    }
    if (wake) wake();
  }
  [[nodiscard]] int asked() const {
    const std::scoped_lock lock(mutex_);
    return asked_;
  }
  [[nodiscard]] bool has_sent() const {
    const std::scoped_lock lock(mutex_);
    return next_.bytes.empty();
  }

 private:
  mutable std::mutex mutex_;
  std::function<void()> wake_;
  Piece next_;
  int asked_ = 0;
};

/// Answers with the source, which only the test and its answer hold.
Handler stream_of(const std::shared_ptr<TestSource>& source) {
  return [weak = std::weak_ptr(source)](const Request& /*request*/, Responder respond) {
    Response response;
    response.source = weak.lock();
    respond(std::move(response));
  };
}

TEST_F(HttpServerTest, SendsPiecesAsTheyComeAndKeepsTheConnection) {
  const auto source = std::make_shared<TestSource>();
  start(stream_of(source));
  TestClient client(port());
  client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  const std::string head = client.read_until("\r\n\r\n");
  EXPECT_THAT(head, HasSubstr("transfer-encoding: chunked\r\n"));
  EXPECT_THAT(head, Not(HasSubstr("content-length")));

  source->send("first");
  EXPECT_EQ(client.read_until("first\r\n"), "5\r\nfirst\r\n");
  source->send("0123456789abcdef");
  EXPECT_EQ(client.read_until("f\r\n"), "10\r\n0123456789abcdef\r\n");
  source->send("end", true);
  EXPECT_EQ(client.read_until("0\r\n\r\n"), "3\r\nend\r\n0\r\n\r\n");

  client.send("HEAD / HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_THAT(client.read_until("\r\n\r\n"), StartsWith("HTTP/1.1 200"));
  EXPECT_TRUE(client.is_silent_for(50ms));
}

TEST_F(HttpServerTest, SendsPiecesWithoutChunksToClientsOfHttp10) {
  const auto source = std::make_shared<TestSource>();
  start(stream_of(source));
  TestClient client(port());
  client.send("GET / HTTP/1.0\r\n\r\n");
  EXPECT_THAT(client.read_until("\r\n\r\n"), Not(HasSubstr("transfer-encoding")));

  source->send("all", true);

  EXPECT_EQ(client.read_to_end(), "all");
}

TEST_F(HttpServerTest, LetsGoOfABodyWhoseClientHasGone) {
  auto source = std::make_shared<TestSource>();
  start(stream_of(source));
  TestClient client(port());
  client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  client.read_until("\r\n\r\n");
  EXPECT_TRUE(becomes_true([&] { return source->asked() > 0; }));
  EXPECT_EQ(source.use_count(), 2);

  client.close();

  EXPECT_TRUE(becomes_true([&] { return source.use_count() == 1; }));
}

TEST_F(HttpServerTest, AsksForNoMorePiecesThanTheClientTakes) {
  const auto source = std::make_shared<TestSource>();
  start(stream_of(source));
  TestClient client(port(), {.receive_buffer_bytes = 4096});
  client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  const std::string piece(8 << 20, 'x');
  source->send(piece);
  ASSERT_TRUE(becomes_true([&] { return source->has_sent(); }));
  const int asked = source->asked();

  source->send("after");
  std::this_thread::sleep_for(300ms);  // Longer than a connection waits before it looks.
  EXPECT_EQ(source->asked(), asked);

  EXPECT_TRUE(client.read_until("after\r\n").ends_with("\r\n5\r\nafter\r\n"));
}

TEST_F(HttpServerTest, EndsABodyThatComesInPiecesWhenItStops) {
  const auto source = std::make_shared<TestSource>();
  HttpServer& server = start(stream_of(source));
  TestClient client(port());
  client.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  client.read_until("\r\n\r\n");

  server.stop();

  EXPECT_EQ(client.read_to_end(), "0\r\n\r\n");
}

TEST_F(HttpServerTest, FinishesRequestsUnderWayWhenItStops) {
  std::promise<Responder> waiting;
  HttpServer& server =
      start([&](Request, Responder respond) { waiting.set_value(std::move(respond)); });
  TestClient idle(port());
  TestClient busy(port());
  busy.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  Responder respond = waiting.get_future().get();

  std::jthread stopping([&] { server.stop(); });
  EXPECT_THAT(idle.read_to_end(), IsEmpty());
  respond({});

  EXPECT_THAT(busy.read_to_end(), HasSubstr("connection: close"));
}

TEST_F(HttpServerTest, StopsInTimeWhenARequestIsNeverAnswered) {
  std::promise<Responder> waiting;
  HttpServer::Options options;
  options.limits.drain_timeout = 50ms;
  HttpServer& server =
      start([&](Request, Responder respond) { waiting.set_value(std::move(respond)); }, options);
  TestClient busy(port());
  busy.send("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
  Responder respond = waiting.get_future().get();

  server.stop();

  EXPECT_TRUE(respond.abandoned());
  EXPECT_THAT(busy.read_to_end(), IsEmpty());
}

TEST_F(HttpServerTest, NamesAddressAndSettingWhenThePortIsInUse) {
  start(echo);
  HttpServer::Options options;
  options.endpoint.port = port();
  options.option_name = "--http-port";
  HttpServer second(options);

  try {
    second.start(io_.context(), echo);
    FAIL() << "the port was free";
  } catch (const std::runtime_error& error) {
    EXPECT_THAT(error.what(), HasSubstr("127.0.0.1:" + std::to_string(port())));
    EXPECT_THAT(error.what(), HasSubstr("--http-port"));
  }
}

}  // namespace
}  // namespace signalbox::server::net

#include "server/net/http2_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <future>
#include <map>
#include <mutex>
#include <thread>

#include "server/net/io_threads.h"
#include "server/net/test_client.h"

namespace signalbox::server::net {
namespace {

using namespace std::chrono_literals;
using testing::becomes_true;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::TestClient;
using testing::TestClientOptions;

/// What a stream brought.
struct Answer {
  std::map<std::string, std::string> fields;  ///< Header and trailers.
  std::string body;
  bool closed = false;
  std::uint32_t error_code = 0;
};

/// An HTTP/2 client on nghttp2 over a blocking socket.
class Http2Client {
 public:
  explicit Http2Client(std::uint16_t port, TestClientOptions options = {})
      : socket_(port, options) {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(
        callbacks, [](nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                      std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                      std::uint8_t, void* self) {
          auto& fields = static_cast<Http2Client*>(self)->answers_[frame->hd.stream_id].fields;
          fields[std::string(reinterpret_cast<const char*>(name), name_size)] =
              std::string(reinterpret_cast<const char*>(value), value_size);
          return 0;
        });
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
        callbacks, [](nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* data,
                      std::size_t size, void* self) {
          static_cast<Http2Client*>(self)->answers_[id].body.append(
              reinterpret_cast<const char*>(data), size);
          return 0;
        });
    nghttp2_session_callbacks_set_on_stream_close_callback(
        callbacks, [](nghttp2_session*, std::int32_t id, std::uint32_t error_code, void* self) {
          Answer& answer = static_cast<Http2Client*>(self)->answers_[id];
          answer.closed = true;
          answer.error_code = error_code;
          return 0;
        });
    nghttp2_session_callbacks_set_on_frame_recv_callback(
        callbacks, [](nghttp2_session*, const nghttp2_frame* frame, void* self) {
          auto* client = static_cast<Http2Client*>(self);
          if (frame->hd.type == NGHTTP2_GOAWAY) client->goaway_ = true;
          if (frame->hd.type == NGHTTP2_PING) ++client->pings_;
          return 0;
        });
    nghttp2_session_client_new(&session_, callbacks, this);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, nullptr, 0);
  }
  ~Http2Client() { nghttp2_session_del(session_); }
  Http2Client(const Http2Client&) = delete;
  Http2Client& operator=(const Http2Client&) = delete;

  /// Begins a request. With `endless` its body is sent, but not ended.
  std::int32_t submit(const std::string& path, std::string body, bool endless = false,
                      const std::vector<std::pair<std::string, std::string>>& extra = {}) {
    std::vector<std::pair<std::string, std::string>> fields{
        {":method", "POST"}, {":scheme", "http"}, {":path", path}, {":authority", "test"}};
    fields.insert(fields.end(), extra.begin(), extra.end());
    std::vector<nghttp2_nv> pairs;
    pairs.reserve(fields.size());
    for (auto& [name, value] : fields) {
      pairs.push_back({reinterpret_cast<std::uint8_t*>(name.data()),
                       reinterpret_cast<std::uint8_t*>(value.data()), name.size(), value.size(),
                       NGHTTP2_NV_FLAG_NONE});
    }
    auto upload = std::make_unique<Upload>(Upload{std::move(body), 0, endless});
    nghttp2_data_provider provider{};
    provider.source.ptr = upload.get();
    provider.read_callback = [](nghttp2_session*, std::int32_t, std::uint8_t* buffer,
                                std::size_t size, std::uint32_t* flags, nghttp2_data_source* source,
                                void*) -> ssize_t {
      auto& from = *static_cast<Upload*>(source->ptr);
      const std::size_t count = std::min(size, from.body.size() - from.sent);
      std::copy_n(from.body.begin() + static_cast<std::ptrdiff_t>(from.sent), count, buffer);
      from.sent += count;
      if (from.sent == from.body.size()) {
        if (from.endless && count == 0) return NGHTTP2_ERR_DEFERRED;
        if (!from.endless) *flags |= NGHTTP2_DATA_FLAG_EOF;
      }
      return static_cast<ssize_t>(count);
    };
    const std::int32_t id =
        nghttp2_submit_request(session_, nullptr, pairs.data(), pairs.size(), &provider, nullptr);
    uploads_[id] = std::move(upload);
    return id;
  }
  /// Sends more of an endless body with each pause, until the stream is closed.
  const Answer& send_until_closed(std::int32_t id, std::string_view bytes,
                                  std::chrono::milliseconds pause) {
    const auto give_up = std::chrono::steady_clock::now() + 10s;
    while (!answers_[id].closed && std::chrono::steady_clock::now() < give_up) {
      uploads_.at(id)->body += bytes;
      nghttp2_session_resume_data(session_, id);
      if (!work_for(pause)) break;
    }
    return answers_[id];
  }
  /// Sends what there is, and receives what comes within `time`; false if the server has closed.
  bool work_for(std::chrono::milliseconds time) {
    return flush() && (socket_.is_silent_for(time) || receive(socket_.read_some()));
  }
  /// Lets the server send as much as it wants, whatever is read of it.
  void open_windows() {
    constexpr std::int32_t kMost = 0x7fffffff;
    const nghttp2_settings_entry window{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, kMost};
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, &window, 1);
    nghttp2_session_set_local_window_size(session_, NGHTTP2_FLAG_NONE, 0, kMost);
  }
  /// Reads at most so many bytes; false if the server has closed.
  bool read_little(std::size_t most_bytes) {
    const std::string bytes = socket_.read_some(10s, most_bytes);
    return !bytes.empty() && receive(bytes);
  }
  void reset(std::int32_t id) {
    nghttp2_submit_rst_stream(session_, NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
  }
  bool flush() {
    for (;;) {
      const std::uint8_t* data = nullptr;
      const ssize_t size = nghttp2_session_mem_send(session_, &data);
      if (size <= 0) return size == 0;
      const std::string_view bytes(reinterpret_cast<const char*>(data),
                                   static_cast<std::size_t>(size));
      if (!socket_.send(bytes)) return false;
    }
  }
  /// Sends and receives until `done()`, or until the server closes.
  template <typename Done>
  bool run_until(Done done) {
    while (!done()) {
      if (!flush()) return done();
      if (done()) break;
      const std::string bytes = socket_.read_some();
      if (bytes.empty()) return done();
      if (!receive(bytes)) return false;
    }
    return flush() || done();
  }
  const Answer& wait_for(std::int32_t id) {
    run_until([&] { return answers_[id].closed; });
    return answers_[id];
  }
  void run_until_closed() {
    run_until([] { return false; });
  }
  [[nodiscard]] bool goaway() const { return goaway_; }
  [[nodiscard]] int pings() const { return pings_; }
  Answer& answer(std::int32_t id) { return answers_[id]; }

 private:
  struct Upload {
    std::string body;
    std::size_t sent;
    bool endless;
  };
  bool receive(const std::string& bytes) {
    return nghttp2_session_mem_recv(session_, reinterpret_cast<const std::uint8_t*>(bytes.data()),
                                    bytes.size()) >= 0;
  }

  TestClient socket_;
  nghttp2_session* session_ = nullptr;
  std::map<std::int32_t, Answer> answers_;
  std::map<std::int32_t, std::unique_ptr<Upload>> uploads_;
  bool goaway_ = false;
  int pings_ = 0;
};

void echo(Request request, Responder respond) {
  Response response;
  response.headers.add("x-path", request.target);
  response.body = std::move(request.body);
  response.trailers.add("grpc-status", "0");
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

class Http2ServerTest : public ::testing::Test {
 protected:
  Http2Server& start(Handler handler, Http2Server::Options options = {}) {
    server_.emplace(std::move(options));
    server_->start(io_.context(), std::move(handler));
    return *server_;
  }
  [[nodiscard]] std::uint16_t port() const { return server_->local_endpoint().port; }

  IoThreads io_{2};
  std::optional<Http2Server> server_;
};

TEST_F(Http2ServerTest, AnswersWithBodyAndTrailers) {
  start(echo);
  Http2Client client(port());

  Answer answer = client.wait_for(client.submit("/a/b", "hello"));

  EXPECT_EQ(answer.fields[":status"], "200");
  EXPECT_EQ(answer.fields["x-path"], "/a/b");
  EXPECT_EQ(answer.fields["grpc-status"], "0");
  EXPECT_EQ(answer.body, "hello");
  EXPECT_EQ(answer.error_code, 0u);
}

TEST_F(Http2ServerTest, AnswersManyStreamsOfOneConnectionInAnyOrder) {
  std::mutex mutex;
  std::vector<std::pair<Request, Responder>> waiting;
  start([&](Request request, Responder respond) {
    std::scoped_lock lock(mutex);
    waiting.emplace_back(std::move(request), std::move(respond));
    if (waiting.size() < 200) return;
    std::reverse(waiting.begin(), waiting.end());
    for (auto& [held, answer] : waiting) echo(std::move(held), std::move(answer));
  });
  Http2Client client(port());
  std::vector<std::int32_t> ids;
  ids.reserve(200);
  for (int i = 0; i < 200; ++i) ids.push_back(client.submit("/", std::to_string(i)));

  for (int i = 0; i < 200; ++i) {
    EXPECT_EQ(client.wait_for(ids[static_cast<std::size_t>(i)]).body, std::to_string(i));
  }
}

TEST_F(Http2ServerTest, TakesBodiesLargerThanItsWindows) {
  Http2Server::Options options;
  options.stream_window_bytes = 100'000;
  options.connection_window_bytes = 200'000;
  start(echo, options);
  Http2Client client(port());
  const std::string body(3'000'000, 'x');

  const std::int32_t first = client.submit("/", body);
  const std::int32_t second = client.submit("/", body);

  EXPECT_EQ(client.wait_for(first).body.size(), body.size());
  EXPECT_EQ(client.wait_for(second).body.size(), body.size());
}

TEST_F(Http2ServerTest, RefusesABodyBeyondTheLimitAndKeepsTheConnection) {
  Http2Server::Options options;
  options.limits.max_body_bytes = 100'000;
  start(echo, options);
  Http2Client client(port());

  EXPECT_EQ(client.wait_for(client.submit("/", std::string(500'000, 'x'))).fields.at(":status"),
            "413");
  EXPECT_EQ(client.wait_for(client.submit("/", "small")).body, "small");
}

TEST_F(Http2ServerTest, RefusesBodiesWhenTheBudgetIsUsedUp) {
  Http2Server::Options options;
  options.budget = RequestBudget::create(100'000);
  start(echo, options);
  Http2Client client(port());

  Answer answer = client.wait_for(client.submit("/", std::string(200'000, 'x')));

  EXPECT_EQ(answer.fields[":status"], "503");
  EXPECT_EQ(answer.fields["retry-after"], "1");
  EXPECT_EQ(options.counters->refused(Refusal::kOverloaded), 1U);
  EXPECT_EQ(options.budget->used_bytes(), 0u);
}

TEST_F(Http2ServerTest, RefusesByTheHeadBeforeTheBodyHasComeAndKeepsTheConnection) {
  Http2Server::Options options;
  options.head_check = [](const Request& head) -> std::optional<Response> {
    if (head.headers.find("key")) return std::nullopt;
    Response response;
    response.status = 401;
    return response;
  };
  start(echo, options);
  Http2Client client(port());

  EXPECT_EQ(client.wait_for(client.submit("/", "", true)).fields.at(":status"), "401");
  EXPECT_EQ(client.wait_for(client.submit("/", "body", false, {{"key", "1"}})).body, "body");
}

TEST_F(Http2ServerTest, RefusesHeadersBeyondTheLimit) {
  Http2Server::Options options;
  options.limits.max_header_bytes = 2000;
  start(echo, options);
  Http2Client client(port());

  const auto id = client.submit("/", "", false, {{"x-long", std::string(5000, 'a')}});

  EXPECT_EQ(client.wait_for(id).fields.at(":status"), "431");
}

TEST_F(Http2ServerTest, AnswersForAHandlerThatThrows) {
  start([](Request, Responder) { throw std::runtime_error("no"); });
  Http2Client client(port());

  EXPECT_EQ(client.wait_for(client.submit("/", "")).fields.at(":status"), "500");
}

TEST_F(Http2ServerTest, TellsTheHandlerHowLongTheClientWaits) {
  std::mutex mutex;
  std::map<std::string, std::optional<std::chrono::steady_clock::time_point>> deadlines;
  start([&](Request request, Responder respond) {
    std::scoped_lock lock(mutex);
    deadlines[request.target] = request.deadline;
    respond({});
  });
  Http2Client client(port());
  const auto before = std::chrono::steady_clock::now();

  client.wait_for(client.submit("/patient", "", false, {{"grpc-timeout", "20S"}}));
  client.wait_for(client.submit("/silent", ""));
  client.wait_for(client.submit("/odd", "", false, {{"grpc-timeout", "soon"}}));

  std::scoped_lock lock(mutex);
  ASSERT_TRUE(deadlines["/patient"]);
  EXPECT_GE(*deadlines["/patient"], before + 20s);
  EXPECT_LE(*deadlines["/patient"], std::chrono::steady_clock::now() + 20s);
  EXPECT_EQ(deadlines["/silent"], std::nullopt);
  EXPECT_EQ(deadlines["/odd"], std::nullopt);
}

TEST_F(Http2ServerTest, ExplainsItselfToAClientOfHttp1) {
  start(echo);
  TestClient client(port());
  client.send("POST /v1/traces HTTP/1.1\r\nHost: x\r\n\r\n");

  const std::string answer = client.read_to_end();

  EXPECT_THAT(answer, HasSubstr("HTTP/1.1 400"));
  EXPECT_THAT(answer, HasSubstr("speaks HTTP/2"));
  const std::size_t head = answer.find("\r\n\r\n") + 4;
  EXPECT_THAT(answer, HasSubstr("content-length: " + std::to_string(answer.size() - head)));
}

TEST_F(Http2ServerTest, TellsOfClientsThatDoNotSpeakHttp2) {
  std::mutex mutex;
  std::vector<std::string> told;
  Http2Server::Options options;
  options.on_wrong_protocol = [&](const std::string& peer, const std::string& what) {
    const std::scoped_lock lock(mutex);
    told.push_back(peer + ": " + what);
  };
  start(echo, std::move(options));
  for (const std::string& sent :
       {std::string("POST /v1/traces HTTP/1.1\r\nHost: x\r\n\r\n"),
        std::string("\x16\x03\x01\x02\x00\x01", 6), std::string("hello there\r\n")}) {
    TestClient client(port());
    client.send(sent);
    client.read_to_end();
  }

  const std::scoped_lock lock(mutex);
  EXPECT_THAT(told, ElementsAre(HasSubstr("127.0.0.1: This port speaks HTTP/2"),
                                HasSubstr("127.0.0.1: This port does not speak TLS"),
                                HasSubstr("127.0.0.1: This port speaks HTTP/2")));
}

TEST_F(Http2ServerTest, FinishesStreamsUnderWayWhenItStopsAndSaysGoaway) {
  std::promise<std::pair<Request, Responder>> waiting;
  Http2Server& server = start([&](Request request, Responder respond) {
    waiting.set_value({std::move(request), std::move(respond)});
  });
  Http2Client client(port());
  const std::int32_t id = client.submit("/", "late");
  client.flush();
  auto [request, respond] = waiting.get_future().get();

  std::jthread stopping([&] { server.stop(); });
  client.run_until([&] { return client.goaway(); });
  echo(std::move(request), std::move(respond));

  EXPECT_EQ(client.wait_for(id).body, "late");
  client.run_until_closed();
}

TEST_F(Http2ServerTest, ResetsAStreamWhoseBodyStalls) {
  Http2Server::Options options;
  options.limits.body_timeout = 50ms;
  start(echo, options);
  Http2Client client(port());

  const Answer& answer = client.wait_for(client.submit("/", "half", true));

  EXPECT_TRUE(answer.closed);
  EXPECT_EQ(answer.error_code, static_cast<std::uint32_t>(NGHTTP2_CANCEL));
  EXPECT_EQ(client.wait_for(client.submit("/", "whole")).body, "whole");
}

TEST_F(Http2ServerTest, ResetsAStreamWhoseBodyDrips) {
  Http2Server::Options options;
  options.limits.rate_stretch = 100ms;
  options.limits.min_bytes_per_second = 10'000;
  start(echo, options);
  Http2Client client(port());

  const Answer& answer = client.send_until_closed(client.submit("/", "x", true), "x", 5ms);

  EXPECT_TRUE(answer.closed);
  EXPECT_EQ(answer.error_code, static_cast<std::uint32_t>(NGHTTP2_CANCEL));
  EXPECT_EQ(client.wait_for(client.submit("/", "whole")).body, "whole");
}

TEST_F(Http2ServerTest, ResetsAStreamWhoseBodyTakesTooLongInAll) {
  Http2Server::Options options;
  options.limits.body_deadline = 200ms;
  start(echo, options);
  Http2Client client(port());

  const std::int32_t id = client.submit("/", "x", true);
  const Answer& answer = client.send_until_closed(id, std::string(1000, 'x'), 5ms);

  EXPECT_TRUE(answer.closed);
  EXPECT_EQ(answer.error_code, static_cast<std::uint32_t>(NGHTTP2_CANCEL));
}

TEST_F(Http2ServerTest, RefusesBodiesBeyondAPeersShareAndTakesThoseOfOthers) {
  Http2Server::Options options;
  options.budget = RequestBudget::create(1'000'000, 300'000);
  start(echo, options);
  const std::string body(200'000, 'x');
  Http2Client holder(port());
  const std::int32_t held = holder.submit("/", body, true);
  EXPECT_TRUE(becomes_true(
      [&] { return holder.work_for(1ms) && options.budget->used_bytes() >= body.size(); }));

  Http2Client same(port());
  EXPECT_EQ(same.wait_for(same.submit("/", body)).fields.at(":status"), "503");
  Http2Client other(port(), {.source = "127.0.0.2"});
  EXPECT_EQ(other.wait_for(other.submit("/", body)).fields.at(":status"), "200");

  holder.reset(held);
  holder.flush();
  EXPECT_TRUE(becomes_true([&] { return options.budget->used_bytes() == 0; }));
}

TEST_F(Http2ServerTest, CountsHeadsAndRefusesThemWhenTheBudgetIsUsedUp) {
  Http2Server::Options options;
  options.budget = RequestBudget::create(100'000, 100'000);
  start(echo, options);
  Http2Client client(port());
  const std::pair<std::string, std::string> large{"x-long", std::string(60'000, 'x')};
  const std::int32_t held = client.submit("/", "", true, {large});
  client.flush();
  EXPECT_TRUE(becomes_true([&] { return options.budget->used_bytes() >= 60'000; }));

  EXPECT_EQ(client.wait_for(client.submit("/", "", false, {large})).fields.at(":status"), "503");
  EXPECT_EQ(client.wait_for(client.submit("/", "small")).body, "small");

  client.reset(held);
  client.flush();
  EXPECT_TRUE(becomes_true([&] { return options.budget->used_bytes() == 0; }));
}

TEST_F(Http2ServerTest, GivesUpAClientThatDoesNotReadItsAnswer) {
  const auto body = std::make_shared<const std::string>(32 << 20, 'x');
  Http2Server::Options options;
  options.limits.response_timeout = 100ms;
  start(answer_with(body), options);
  for (const bool opens_windows : {false, true}) {  // Stopped by HTTP/2's windows, or by TCP's.
    Http2Client client(port(), {.receive_buffer_bytes = 64 * 1024});
    if (opens_windows) client.open_windows();
    client.submit("/", "");
    client.flush();
    EXPECT_TRUE(becomes_true([&] { return body.use_count() > kOfTestAndHandler; }));

    EXPECT_TRUE(becomes_true([&] { return body.use_count() == kOfTestAndHandler; }));
  }
}

TEST_F(Http2ServerTest, GivesUpAClientThatReadsItsAnswerTooSlowly) {
  const auto body = std::make_shared<const std::string>(32 << 20, 'x');
  Http2Server::Options options;
  options.limits.rate_stretch = 200ms;
  options.limits.min_bytes_per_second = 20'000'000;
  start(answer_with(body), options);
  Http2Client client(port(), {.receive_buffer_bytes = 64 * 1024});
  client.open_windows();
  client.submit("/", "");
  client.flush();
  EXPECT_TRUE(becomes_true([&] { return body.use_count() > kOfTestAndHandler; }));

  EXPECT_TRUE(becomes_true([&] {
    std::this_thread::sleep_for(1ms);
    return !client.read_little(1024) || body.use_count() == kOfTestAndHandler;
  }));
}

TEST_F(Http2ServerTest, ClosesAConnectionThatSaysNothing) {
  Http2Server::Options options;
  options.limits.header_timeout = 50ms;
  start(echo, options);
  TestClient client(port());

  EXPECT_NO_THROW(client.read_to_end()) << "the server does not close";
}

TEST_F(Http2ServerTest, SaysGoawayToAConnectionWithoutRequests) {
  Http2Server::Options options;
  options.limits.idle_timeout = 50ms;
  start(echo, options);
  Http2Client client(port());
  client.wait_for(client.submit("/", "one"));

  client.run_until_closed();

  EXPECT_TRUE(client.goaway());
}

TEST_F(Http2ServerTest, PingsASilentClientAndClosesIfItDoesNotAnswer) {
  Http2Server::Options options;
  options.keepalive_interval = 30ms;
  options.keepalive_timeout = 60ms;
  start(echo, options);

  Http2Client lively(port());
  lively.run_until([&] { return lively.pings() >= 3; });
  EXPECT_EQ(lively.wait_for(lively.submit("/", "alive")).body, "alive");

  TestClient dead(port());
  dead.send("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + std::string("\0\0\0\4\0\0\0\0\0", 9));
  EXPECT_NO_THROW(dead.read_to_end()) << "the server does not close";
}

TEST_F(Http2ServerTest, ClosesAConnectionThatResetsStreamsTooFast) {
  Http2Server::Options options;
  options.max_reset_burst = 20;
  options.max_resets_per_second = 1;
  start([](Request, Responder respond) { respond({}); }, options);
  Http2Client client(port());
  for (int i = 0; i < 200; ++i) {
    const std::int32_t id = client.submit("/", "", true);
    client.flush();
    client.reset(id);
    if (!client.flush()) break;
  }

  client.run_until_closed();

  EXPECT_TRUE(client.goaway());
}

TEST_F(Http2ServerTest, TellsTheHandlerThatTheClientHasGone) {
  std::promise<Responder> waiting;
  start([&](Request, Responder respond) { waiting.set_value(std::move(respond)); });
  Http2Client client(port());
  const std::int32_t id = client.submit("/", "");
  client.flush();
  Responder respond = waiting.get_future().get();
  EXPECT_FALSE(respond.abandoned());

  client.reset(id);
  client.flush();

  EXPECT_TRUE(becomes_true([&] { return respond.abandoned(); }));
  respond({});
}

}  // namespace
}  // namespace signalbox::server::net

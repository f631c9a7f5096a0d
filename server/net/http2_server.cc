#include "server/net/http2_server.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <cstring>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>

#include "server/net/grpc_timeout.h"
#include "server/net/listener.h"
#include "server/net/tls_stream.h"

namespace signalbox::server::net {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";

constexpr std::string_view kSpeaksHttp2 =
    "This port speaks HTTP/2, for OTLP/gRPC only; send OTLP over HTTP/1.1 to the OTLP/HTTP port.";
constexpr std::string_view kSpeaksNoTls =
    "This port does not speak TLS; send to its http:// address.";

std::string wrong_protocol() {
  const std::string text = std::string(kSpeaksHttp2) + '\n';
  return "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\n"
         "content-length: " +
         std::to_string(text.size()) + "\r\nconnection: close\r\n\r\n" + text;
}

/// What a client's first bytes say of its protocol.
enum class FirstBytes : std::uint8_t { kUndecided, kHttp2, kHttp1, kOther };

FirstBytes look_at(std::string_view bytes) {
  const auto begins = [&](std::string_view expected) {
    return bytes.substr(0, expected.size()) == expected.substr(0, bytes.size());
  };
  const auto verdict = [&](std::string_view expected, FirstBytes meaning) {
    return bytes.size() < expected.size() ? FirstBytes::kUndecided : meaning;
  };
  if (begins(kPreface)) return verdict(kPreface, FirstBytes::kHttp2);
  for (const std::string_view method :
       {"GET ", "POST ", "PUT ", "HEAD ", "DELETE ", "OPTIONS ", "PATCH ", "CONNECT ", "TRACE "}) {
    if (begins(method)) return verdict(method, FirstBytes::kHttp1);
  }
  return FirstBytes::kOther;
}

struct Shared {
  Http2Server::Options options;
  Handler handler;
  /// Lives as long as a streamed call, and counts them.
  std::shared_ptr<void> streamed = std::make_shared<char>();

  [[nodiscard]] std::shared_ptr<void> stream_token() const {
    const auto others = static_cast<std::size_t>(streamed.use_count() - 1);
    return others < options.max_streamed_calls ? streamed : nullptr;
  }
};

struct SessionDeleter {
  void operator()(nghttp2_session* session) const { nghttp2_session_del(session); }
};
using Session = std::unique_ptr<nghttp2_session, SessionDeleter>;

/// nghttp2 reads names and values while it is called; it copies both.
nghttp2_nv name_value(std::string_view name, std::string_view value) {
  // nghttp2's C interface takes mutable bytes, and does not change them.
  const auto bytes = [](std::string_view text) {
    return const_cast<std::uint8_t*>(reinterpret_cast<const std::uint8_t*>(text.data()));
  };
  return {bytes(name), bytes(value), name.size(), value.size(), NGHTTP2_NV_FLAG_NONE};
}

using TlsStream = asio::ssl::stream<asio::ip::tcp::socket>;

/// One connection. `Stream` is a socket or a TLS stream over one; all work runs on its strand.
/// Exceptions (out of memory, most likely) end the connection that met them, and no other.
template <typename Stream>
class Http2Connection final : public Connection,
                              public std::enable_shared_from_this<Http2Connection<Stream>> {
 public:
  Http2Connection(Stream stream, std::string peer, std::shared_ptr<const Shared> shared,
                  std::shared_ptr<void> alive)
      : alive_(std::move(alive)),
        shared_(std::move(shared)),
        peer_(std::move(peer)),
        stream_(std::move(stream)),
        tick_(stream_.get_executor()) {}

  void start() override {
    run_soon([](Http2Connection& self) { self.begin(); });
  }
  void drain() override {
    run_soon([](Http2Connection& self) { self.say_goodbye(); });
  }
  void close() override {
    run_soon([](Http2Connection& self) { self.end(); });
  }

 private:
  class Http2Exchange final : public Responder::Exchange {
   public:
    Http2Exchange(std::weak_ptr<Http2Connection> connection, std::int32_t stream_id)
        : connection_(std::move(connection)), stream_id_(stream_id) {}

    void respond(Response response) noexcept override {
      const auto connection = connection_.lock();
      if (connection == nullptr || abandoned_) return;
      try {
        connection->run_soon([id = stream_id_, held = std::make_shared<Response>(
                                                   std::move(response))](Http2Connection& self) {
          self.answer(id, std::move(*held));
          self.flush();
        });
      } catch (const std::exception&) {
        lost_ = true;  // Out of memory. The connection sees it when it looks at its calls next.
      }
    }
    [[nodiscard]] bool lost() const noexcept { return lost_; }
    [[nodiscard]] bool abandoned() const noexcept override {
      return abandoned_ || connection_.expired();
    }
    void abandon() noexcept { abandoned_ = true; }

   private:
    std::weak_ptr<Http2Connection> connection_;
    const std::int32_t stream_id_;
    std::atomic<bool> abandoned_{false};
    std::atomic<bool> lost_{false};
  };

  /// The answer of a streamed call.
  class Http2Outgoing final : public OutgoingStream {
   public:
    Http2Outgoing(std::weak_ptr<Http2Connection> connection, std::int32_t stream_id)
        : connection_(std::move(connection)), stream_id_(stream_id) {}

    void send(std::string bytes) noexcept override {
      post([id = stream_id_, held = std::move(bytes)](Http2Connection& self) {
        self.send_more(id, held);
      });
    }
    void finish(Headers trailers) noexcept override {
      post([id = stream_id_, held = std::move(trailers)](Http2Connection& self) {
        self.finish_stream(id, held);
      });
    }
    [[nodiscard]] bool abandoned() const noexcept override {
      return abandoned_ || connection_.expired();
    }
    void abandon() noexcept { abandoned_ = true; }
    [[nodiscard]] bool lost() const noexcept { return lost_; }

   private:
    template <typename Work>
    void post(Work work) noexcept {
      const auto connection = connection_.lock();
      if (connection == nullptr || abandoned_) return;
      try {
        connection->run_soon(std::move(work));
      } catch (const std::exception&) {
        lost_ = true;
      }
    }
    std::weak_ptr<Http2Connection> connection_;
    const std::int32_t stream_id_;
    std::atomic<bool> abandoned_{false};
    std::atomic<bool> lost_{false};
  };

  /// One request and its answer.
  struct Call {
    explicit Call(const HttpLimits& limits) : pace(limits.body_pace(), Clock::now()) {}

    Request request;
    std::size_t header_bytes = 0;
    std::size_t held_header_bytes = 0;  ///< Of the budget.
    bool is_head = false;
    bool head_complete = false;
    bool request_complete = false;
    bool answered = false;
    Clock::time_point began = Clock::now();
    Clock::time_point last_progress = began;
    Pace pace;  ///< Of the request's body; once answered, of the answer.
    std::shared_ptr<Http2Exchange> exchange;
    Response response;
    std::size_t sent = 0;

    // Of a streamed call.
    std::shared_ptr<IncomingStream> incoming;
    std::shared_ptr<Http2Outgoing> outgoing;
    std::shared_ptr<void> stream_token;
    bool goes_on = false;  ///< More of the answer may follow what `response` holds.
  };

  /// Runs `work` on the strand.
  template <typename Work>
  void run_soon(Work work) {
    asio::post(stream_.get_executor(),
               [self = this->shared_from_this(), work = std::move(work)]() mutable {
                 self->guarded([&] { work(*self); });
               });
  }
  /// Nothing of one connection may end the thread that serves them all.
  template <typename Work>
  void guarded(Work work) noexcept {
    try {
      work();
    } catch (const std::exception&) {
      end();
    }
  }
  /// nghttp2 is C: an exception must not cross its frames.
  template <typename Work>
  static auto from_c(void* self, Work work) noexcept
      -> decltype(work(std::declval<Http2Connection&>())) {
    try {
      return work(*static_cast<Http2Connection*>(self));
    } catch (const std::exception&) {
      return NGHTTP2_ERR_CALLBACK_FAILURE;
    }
  }

  // --- Life of the connection -------------------------------------------------------------------

  void begin() {
    tick();
    if constexpr (std::is_same_v<Stream, TlsStream>) {
      asio::co_spawn(
          stream_.get_executor(),
          shake_hands(stream_, stream_.next_layer(), shared_->options.limits.handshake_timeout,
                      this->shared_from_this()),
          [self = this->shared_from_this()](const std::exception_ptr& failed, bool secure) {
            if (failed || !secure) {
              ++self->shared_->options.counters->failed_handshakes;
              return self->end();
            }
            self->opened_ = Clock::now();
            self->secure_ = true;
            self->guarded([&] { self->read(); });
          });
    } else {
      secure_ = true;
      read();
    }
  }

  bool open_session() {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_option* option = nullptr;
    if (nghttp2_session_callbacks_new(&callbacks) != 0) return false;
    if (nghttp2_option_new(&option) != 0) {
      nghttp2_session_callbacks_del(callbacks);
      return false;
    }
    set_callbacks(callbacks);
    const Http2Server::Options& options = shared_->options;
    nghttp2_option_set_server_fallback_rfc7540_priorities(option, 0);
    nghttp2_option_set_max_outbound_ack(option, kMaxOutboundAcks);
    nghttp2_option_set_stream_reset_rate_limit(option, options.max_reset_burst,
                                               options.max_resets_per_second);
    nghttp2_session* session = nullptr;
    const int made = nghttp2_session_server_new2(&session, callbacks, this, option);
    nghttp2_session_callbacks_del(callbacks);
    nghttp2_option_del(option);
    if (made != 0) return false;
    session_.reset(session);

    const auto max_header_bytes = static_cast<std::uint32_t>(options.limits.max_header_bytes);
    const std::array<nghttp2_settings_entry, 3> settings{{
        {NGHTTP2_SETTINGS_MAX_CONCURRENT_STREAMS, options.max_concurrent_streams},
        {NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, options.stream_window_bytes},
        {NGHTTP2_SETTINGS_MAX_HEADER_LIST_SIZE, max_header_bytes},
    }};
    return nghttp2_submit_settings(session, NGHTTP2_FLAG_NONE, settings.data(), settings.size()) ==
               0 &&
           nghttp2_session_set_local_window_size(
               session, NGHTTP2_FLAG_NONE, 0,
               static_cast<std::int32_t>(options.connection_window_bytes)) == 0;
  }

  static void set_callbacks(nghttp2_session_callbacks* callbacks) {
    nghttp2_session_callbacks_set_on_begin_frame_callback(
        callbacks, [](nghttp2_session*, const nghttp2_frame_hd* head, void* self) {
          return from_c(self, [&](auto& it) { return it.on_begin_frame(*head); });
        });
    nghttp2_session_callbacks_set_on_begin_headers_callback(
        callbacks, [](nghttp2_session*, const nghttp2_frame* frame, void* self) {
          return from_c(self, [&](auto& it) { return it.on_begin_headers(*frame); });
        });
    nghttp2_session_callbacks_set_on_header_callback(
        callbacks, [](nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                      std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                      std::uint8_t, void* self) {
          return from_c(self, [&](auto& it) {
            return it.on_header(*frame, {reinterpret_cast<const char*>(name), name_size},
                                {reinterpret_cast<const char*>(value), value_size});
          });
        });
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
        callbacks, [](nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* data,
                      std::size_t size, void* self) {
          return from_c(self, [&](auto& it) {
            return it.on_data(id, {reinterpret_cast<const char*>(data), size});
          });
        });
    nghttp2_session_callbacks_set_on_frame_recv_callback(
        callbacks, [](nghttp2_session*, const nghttp2_frame* frame, void* self) {
          return from_c(self, [&](auto& it) { return it.on_frame(*frame); });
        });
    nghttp2_session_callbacks_set_on_frame_send_callback(
        callbacks, [](nghttp2_session*, const nghttp2_frame* frame, void* self) {
          return from_c(self, [&](auto& it) { return it.on_frame_sent(*frame); });
        });
    nghttp2_session_callbacks_set_on_stream_close_callback(
        callbacks, [](nghttp2_session*, std::int32_t id, std::uint32_t, void* self) {
          return from_c(self, [&](auto& it) { return it.on_stream_close(id); });
        });
  }

  void read() {
    stream_.async_read_some(asio::buffer(input_), [self = this->shared_from_this()](
                                                      const error_code& error, std::size_t bytes) {
      if (error || self->ended_) return self->end();
      self->guarded([&] { self->received(bytes); });
    });
  }

  void received(std::size_t bytes) {
    last_received_ = Clock::now();
    ping_sent_ = false;
    if (lingering_) return read();
    if (session_ == nullptr) {
      first_bytes_.append(input_.data(), bytes);
      return open(look_at(first_bytes_));
    }
    feed(std::string_view(input_.data(), bytes));
    if (ended_) return;
    // Small until a client sends much, and small again when it has nothing under way: most of many
    // connections are idle.
    if (bytes == input_.size()) input_.resize(kReadBytes);
    if (calls_.empty() && bytes <= kIdleReadBytes && input_.size() > kIdleReadBytes) {
      input_ = std::vector<char>(kIdleReadBytes);
    }
    read();
  }

  /// Begins to speak HTTP/2 when the client has: another kind of client could read nothing of it.
  void open(FirstBytes first) {
    switch (first) {
      case FirstBytes::kUndecided:
        return read();
      case FirstBytes::kHttp1:
        tell_wrong_protocol(kSpeaksHttp2);
        return say_in_http1();
      case FirstBytes::kOther:
        tell_wrong_protocol(first_bytes_.starts_with(kTlsHandshakeByte) ? kSpeaksNoTls
                                                                        : kSpeaksHttp2);
        return end();
      case FirstBytes::kHttp2:
        break;
    }
    if (!open_session()) return end();
    feed(first_bytes_);
    first_bytes_ = {};
    if (!ended_) read();
  }

  void feed(std::string_view bytes) {
    const auto used = nghttp2_session_mem_recv(
        session_.get(), reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    // Too many unread acknowledgements, or broken beyond repair: nothing more is said.
    if (used < 0) return end();
    flush();
  }

  void tell_wrong_protocol(std::string_view what) const {
    const auto& tell = shared_->options.on_wrong_protocol;
    if (tell) tell(peer_, std::string(what));
  }

  void say_in_http1() {
    output_ = wrong_protocol();
    lingering_ = true;
    asio::async_write(stream_, asio::buffer(output_),
                      [self = this->shared_from_this()](const error_code&, std::size_t) {
                        // Reads on until the client has seen it and closes, or its time is over.
                        error_code ignored;
                        self->stream_.lowest_layer().shutdown(asio::ip::tcp::socket::shutdown_send,
                                                              ignored);
                      });
    read();
  }

  /// Writes what the session has to send, if no write is under way.
  void flush() {
    if (ended_ || writing_ || session_ == nullptr) return;
    output_.clear();
    while (output_.size() < kWriteBytes) {
      const std::uint8_t* data = nullptr;
      const auto size = nghttp2_session_mem_send(session_.get(), &data);
      if (size < 0) {
        end();
        return;
      }
      if (size == 0) break;
      output_.append(reinterpret_cast<const char*>(data), static_cast<std::size_t>(size));
    }
    if (output_.empty()) {
      if (nghttp2_session_want_read(session_.get()) == 0) return end();
      if (calls_.empty()) std::string().swap(output_);
      return;
    }
    writing_ = true;
    write_began_ = Clock::now();
    asio::async_write(stream_, asio::buffer(output_),
                      [self = this->shared_from_this()](const error_code& error, std::size_t) {
                        self->writing_ = false;
                        if (error) return self->end();
                        self->guarded([&] { self->flush(); });
                      });
  }

  void say_goodbye() {
    if (ended_ || draining_) return;
    if (session_ == nullptr) return end();
    draining_ = true;
    // The first GOAWAY still lets in what is on its way; the tick sends the final one.
    nghttp2_submit_shutdown_notice(session_.get());
    goodbye_said_ = Clock::now();
    flush();
    if (!ended_) tick();  // Sooner than it would have been.
  }

  void end() noexcept {
    if (std::exchange(ended_, true)) return;
    for (auto& [id, call] : calls_) {
      if (call.exchange) call.exchange->abandon();
      if (call.outgoing) call.outgoing->abandon();
    }
    ended_calls_.swap(calls_);  // nghttp2 or a handler may be at work on one of them just now.
    error_code ignored;
    auto& socket = stream_.lowest_layer();
    socket.shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
    socket.close(ignored);
    try {
      tick_.cancel();
    } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): it ends by itself.
    }
  }

  // --- Time ---------------------------------------------------------------------------------

  void tick() {
    tick_.expires_after(tick_interval());
    tick_.async_wait([self = this->shared_from_this()](const error_code& error) {
      if (error || self->ended_) return;
      self->guarded([&] {
        self->check_timeouts(Clock::now());
        if (!self->ended_) self->tick();
      });
    });
  }

  [[nodiscard]] std::chrono::milliseconds tick_interval() const {
    using std::chrono::milliseconds;
    const Http2Server::Options& options = shared_->options;
    const HttpLimits& limits = options.limits;
    if (draining_) return milliseconds(20);
    const milliseconds shortest =
        std::min({limits.header_timeout, limits.body_timeout, limits.body_deadline,
                  limits.rate_stretch, limits.idle_timeout, limits.response_timeout,
                  options.keepalive_interval, options.keepalive_timeout});
    const milliseconds longest(session_ != nullptr && calls_.empty() ? 2500 : 500);
    return std::clamp(shortest / 4, milliseconds(5), longest);
  }

  void check_timeouts(Clock::time_point now) {
    const Http2Server::Options& options = shared_->options;
    const HttpLimits& limits = options.limits;
    if (writing_ && now - write_began_ > limits.response_timeout) return end();
    if (session_ == nullptr) {
      if (secure_ && now - opened_ > limits.header_timeout) end();
      return;
    }
    if (draining_ && goodbye_said_ && now - *goodbye_said_ > kGoodbyeNotice) {
      goodbye_said_.reset();
      nghttp2_submit_goaway(session_.get(), NGHTTP2_FLAG_NONE,
                            nghttp2_session_get_last_proc_stream_id(session_.get()),
                            NGHTTP2_NO_ERROR, nullptr, 0);
    }
    if (calls_.empty() && now - last_call_ > limits.idle_timeout) say_goodbye();
    reset_slow_calls(now);
    if (ended_) return;
    if (ping_sent_ && now - last_ping_ > options.keepalive_timeout) return end();
    if (!ping_sent_ && now - last_received_ > options.keepalive_interval) {
      nghttp2_submit_ping(session_.get(), NGHTTP2_FLAG_NONE, nullptr);
      ping_sent_ = true;
      last_ping_ = now;
    }
    flush();
  }

  /// Resets streams whose request does not arrive, or whose answer is not taken.
  void reset_slow_calls(Clock::time_point now) {
    const HttpLimits& limits = shared_->options.limits;
    for (const auto& [id, call] : calls_) {
      // The head comes in one piece, and nothing else before it is whole.
      if (!call.head_complete && now - call.began > limits.header_timeout) return end();
      if (is_lost(call)) {
        reset(id, NGHTTP2_INTERNAL_ERROR);
      } else if (is_too_slow(call, now)) {
        reset(id, NGHTTP2_CANCEL);
      }
    }
  }
  [[nodiscard]] static bool is_lost(const Call& call) {
    return (call.exchange && call.exchange->lost()) || (call.outgoing && call.outgoing->lost());
  }
  [[nodiscard]] bool is_too_slow(const Call& call, Clock::time_point now) const {
    if (call.incoming) {
      const auto silence = now - call.last_progress;
      const bool untaken = call.sent < call.response.content().size();
      return (untaken && silence > shared_->options.limits.response_timeout) ||
             (!call.request_complete && silence > shared_->options.limits.idle_timeout);
    }
    const bool waits_for_client = !call.request_complete || call.answered;
    return waits_for_client && now >= call.pace.deadline();
  }
  void reset(std::int32_t id, std::uint32_t error_code) {
    nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, id, error_code);
  }

  // --- nghttp2's callbacks ------------------------------------------------------------------

  Call* find(std::int32_t id) {
    const auto at = calls_.find(id);
    return at == calls_.end() ? nullptr : &at->second;
  }

  /// A stream id between two that were used is closed for good (RFC 9113, 5.1.1). nghttp2 does not
  /// tell such ids from those of streams that were open once, whose late frames are no error.
  int on_begin_frame(const nghttp2_frame_hd& head) {
    if (head.type != NGHTTP2_HEADERS || head.stream_id % 2 == 0) return 0;
    if (head.stream_id > last_stream_id_) {
      if (head.stream_id > last_stream_id_ + 2) {
        skipped_[next_skipped_++ % skipped_.size()] = {last_stream_id_, head.stream_id};
      }
      last_stream_id_ = head.stream_id;
      return 0;
    }
    const bool skipped = std::any_of(skipped_.begin(), skipped_.end(), [&](const auto& gap) {
      return head.stream_id > gap.first && head.stream_id < gap.second;
    });
    if (skipped) nghttp2_session_terminate_session(session_.get(), NGHTTP2_PROTOCOL_ERROR);
    return 0;
  }

  int on_begin_headers(const nghttp2_frame& frame) {
    if (frame.headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
    Call& call = calls_.try_emplace(frame.hd.stream_id, shared_->options.limits).first->second;
    call.request.peer = peer_;
    if (shared_->options.budget) call.request.lease = shared_->options.budget->lease(peer_);
    return 0;
  }

  int on_header(const nghttp2_frame& frame, std::string_view name, std::string_view value) {
    Call* const call = find(frame.hd.stream_id);
    if (call == nullptr || call->answered) return 0;
    constexpr std::size_t kFieldOverhead = 32;  // As SETTINGS_MAX_HEADER_LIST_SIZE counts.
    call->header_bytes += name.size() + value.size() + kFieldOverhead;
    if (call->header_bytes > shared_->options.limits.max_header_bytes) {
      refuse(frame.hd.stream_id, *call, Refusal::kHeadTooLarge);
      return 0;
    }
    if (frame.headers.cat != NGHTTP2_HCAT_REQUEST) return 0;  // Trailers of a request.
    Request& request = call->request;
    call->held_header_bytes += name.size() + value.size() + sizeof(Headers::Field);
    if (!request.lease.grow_to(call->held_header_bytes)) {
      refuse(frame.hd.stream_id, *call, Refusal::kOverloaded);
      return 0;
    }
    if (name == ":method") {
      request.method = value;
      call->is_head = value == "HEAD";
    } else if (name == ":path") {
      request.target = value;
    } else if (name == ":authority") {
      request.headers.set("host", std::string(value));
    } else if (name == "grpc-timeout") {
      if (const auto timeout = parse_grpc_timeout(value))
        request.deadline = Clock::now() + *timeout;
      request.headers.add(std::string(name), std::string(value));
    } else if (!name.starts_with(':')) {
      request.headers.add(std::string(name), std::string(value));
    }
    return 0;
  }

  int on_data(std::int32_t id, std::string_view data) {
    Call* const call = find(id);
    if (call == nullptr) return 0;
    call->last_progress = Clock::now();
    if (call->incoming) {
      call->incoming->on_data(data);
      return 0;
    }
    if (call->answered) return 0;
    call->pace.progress(data.size(), call->last_progress);
    Request& request = call->request;
    const std::size_t size = request.body.size() + data.size();
    if (size > shared_->options.limits.max_body_bytes) {
      refuse(id, *call, Refusal::kBodyTooLarge);
      return 0;
    }
    // As much as the string will have when it grows.
    const std::size_t capacity =
        size > request.body.capacity() ? std::max(size, 2 * request.body.capacity()) : size;
    if (!request.lease.grow_to(call->held_header_bytes + capacity)) {
      refuse(id, *call, Refusal::kOverloaded);
      return 0;
    }
    request.body.append(data);
    return 0;
  }

  int on_frame(const nghttp2_frame& frame) {
    const bool has_body = frame.hd.type == NGHTTP2_DATA || frame.hd.type == NGHTTP2_HEADERS;
    if (!has_body) return 0;
    Call* const call = find(frame.hd.stream_id);
    if (call == nullptr) return 0;
    call->last_progress = Clock::now();
    if (!std::exchange(call->head_complete, true)) take_head(frame.hd.stream_id, *call);
    if ((frame.hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return 0;
    call->request_complete = true;
    if (call->incoming) {
      call->incoming->on_end();
    } else if (!call->answered) {
      handle(frame.hd.stream_id, *call);
    }
    return 0;
  }

  /// Decides by the head what becomes of a request.
  void take_head(std::int32_t id, Call& call) {
    const Http2Server::Options& options = shared_->options;
    if (call.answered || begin_stream(id, call) || !options.head_check) return;
    if (auto response = options.head_check(call.request)) answer(id, std::move(*response));
  }

  bool begin_stream(std::int32_t id, Call& call) {
    const Http2Server::Options& options = shared_->options;
    if (!options.stream_handler) return false;
    const auto outgoing = std::make_shared<Http2Outgoing>(this->weak_from_this(), id);
    auto streamed = options.stream_handler(call.request, outgoing);
    if (!streamed) return false;
    auto token = shared_->stream_token();
    if (token == nullptr) {
      outgoing->abandon();
      refuse(id, call, Refusal::kOverloaded);
      return true;
    }
    call.stream_token = std::move(token);
    call.outgoing = outgoing;
    call.incoming = std::move(streamed->incoming);
    call.goes_on = true;
    Response response;
    response.headers = std::move(streamed->headers);
    answer(id, std::move(response));
    return true;
  }

  void send_more(std::int32_t id, const std::string& bytes) {
    Call* const call = find(id);
    if (ended_ || call == nullptr || !call->goes_on) return;
    std::string& body = call->response.body;
    if (call->sent == body.size()) call->last_progress = Clock::now();
    body.erase(0, std::exchange(call->sent, 0));
    if (body.size() + bytes.size() > kMaxPendingBytes) {
      reset(id, NGHTTP2_ENHANCE_YOUR_CALM);
    } else {
      body += bytes;
      nghttp2_session_resume_data(session_.get(), id);
    }
    flush();
  }

  void finish_stream(std::int32_t id, const Headers& trailers) {
    Call* const call = find(id);
    if (ended_ || call == nullptr || !std::exchange(call->goes_on, false)) return;
    call->response.trailers = trailers;
    nghttp2_session_resume_data(session_.get(), id);
    flush();
  }

  void handle(std::int32_t id, Call& call) {
    last_call_ = Clock::now();
    call.exchange = std::make_shared<Http2Exchange>(this->weak_from_this(), id);
    Responder responder(call.exchange);
    try {
      shared_->handler(std::move(call.request), std::move(responder));
    } catch (const std::exception&) {
      // The responder has answered 500 when it was destroyed.
      return;
    }
  }

  void refuse(std::int32_t id, Call& call, Refusal refusal) {
    shared_->options.counters->count(refusal);
    call.request.body = {};
    const auto& make = shared_->options.refusal_response;
    answer(id, make ? make(call.request, refusal) : default_refusal(call.request, refusal));
    call.request = {};
  }

  int on_frame_sent(const nghttp2_frame& frame) {
    Call* const call = find(frame.hd.stream_id);
    if (call == nullptr) return 0;
    call->last_progress = Clock::now();
    if (frame.hd.type == NGHTTP2_DATA) call->pace.progress(frame.hd.length, call->last_progress);
    const bool is_end = (frame.hd.type == NGHTTP2_DATA || frame.hd.type == NGHTTP2_HEADERS) &&
                        (frame.hd.flags & NGHTTP2_FLAG_END_STREAM) != 0;
    if (is_end && !call->request_complete) {
      // Answered before the request was whole: the rest of it is not wanted.
      nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, frame.hd.stream_id,
                                NGHTTP2_NO_ERROR);
    }
    return 0;
  }

  int on_stream_close(std::int32_t id) {
    const auto at = calls_.find(id);
    if (at == calls_.end()) return 0;
    if (at->second.exchange && !at->second.answered) at->second.exchange->abandon();
    if (at->second.outgoing) at->second.outgoing->abandon();
    calls_.erase(at);
    last_call_ = Clock::now();
    return 0;
  }

  // --- Answers ------------------------------------------------------------------------------

  void answer(std::int32_t id, Response response) {
    Call* const call = find(id);
    if (ended_ || call == nullptr || call->answered) return;
    call->answered = true;
    call->last_progress = Clock::now();
    call->pace = Pace(shared_->options.limits.response_pace(), call->last_progress);
    call->response = std::move(response);
    const Response& kept = call->response;

    const std::string status = std::to_string(kept.status);
    const std::string length = std::to_string(kept.content().size());
    std::vector<nghttp2_nv> fields{name_value(":status", status)};
    for (const Headers::Field& field : kept.headers) {
      fields.push_back(name_value(field.name, field.value));
    }
    const bool has_data =
        !call->is_head && (call->goes_on || !kept.content().empty() || !kept.trailers.empty());
    if (!call->goes_on && kept.trailers.empty() && !kept.content().empty()) {
      fields.push_back(name_value("content-length", length));
    }
    nghttp2_data_provider provider{};
    provider.source.ptr = this;
    provider.read_callback = [](nghttp2_session*, std::int32_t stream, std::uint8_t* buffer,
                                std::size_t size, std::uint32_t* flags, nghttp2_data_source* source,
                                void*) {
      return from_c(source->ptr,
                    [&](auto& it) { return it.read_body(stream, buffer, size, *flags); });
    };
    const int submitted = nghttp2_submit_response(session_.get(), id, fields.data(), fields.size(),
                                                  has_data ? &provider : nullptr);
    if (submitted != 0) reset(id, NGHTTP2_INTERNAL_ERROR);
  }

  ssize_t read_body(std::int32_t id, std::uint8_t* buffer, std::size_t size, std::uint32_t& flags) {
    Call* const call = find(id);
    if (call == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    const std::string_view left = call->response.content().substr(call->sent);
    const std::size_t count = std::min(size, left.size());
    std::memcpy(buffer, left.data(), count);
    call->sent += count;
    if (count == 0 && call->goes_on) return NGHTTP2_ERR_DEFERRED;
    if (count < left.size() || call->goes_on) return static_cast<ssize_t>(count);
    flags |= NGHTTP2_DATA_FLAG_EOF;
    const Headers& trailers = call->response.trailers;
    if (!trailers.empty()) {
      std::vector<nghttp2_nv> fields;
      for (const Headers::Field& field : trailers) {
        fields.push_back(name_value(field.name, field.value));
      }
      flags |= NGHTTP2_DATA_FLAG_NO_END_STREAM;
      nghttp2_submit_trailer(session_.get(), id, fields.data(), fields.size());
    }
    return static_cast<ssize_t>(count);
  }

  static constexpr std::size_t kReadBytes = 64 * 1024;
  static constexpr std::size_t kIdleReadBytes = 4 * 1024;
  static constexpr std::size_t kMaxPendingBytes = 256 * 1024;  ///< Of a streamed answer.
  static constexpr std::size_t kWriteBytes = 256 * 1024;
  static constexpr std::size_t kMaxOutboundAcks = 1000;
  static constexpr std::chrono::milliseconds kGoodbyeNotice{50};

  std::shared_ptr<void> alive_;
  std::shared_ptr<const Shared> shared_;
  std::string peer_;
  Stream stream_;
  asio::steady_timer tick_;
  Session session_;
  std::vector<char> input_ = std::vector<char>(kIdleReadBytes);
  std::string first_bytes_;
  std::string output_;
  std::unordered_map<std::int32_t, Call> calls_;
  std::unordered_map<std::int32_t, Call> ended_calls_;
  std::int32_t last_stream_id_ = -1;
  std::array<std::pair<std::int32_t, std::int32_t>, 8> skipped_{};  ///< The latest gaps in the ids.
  std::size_t next_skipped_ = 0;
  Clock::time_point opened_ = Clock::now();
  Clock::time_point last_received_ = opened_;
  Clock::time_point last_call_ = opened_;
  Clock::time_point last_ping_ = opened_;
  Clock::time_point write_began_ = opened_;
  std::optional<Clock::time_point> goodbye_said_;
  bool secure_ = false;     ///< The TLS handshake is done, or there is none to do.
  bool lingering_ = false;  ///< All is said; waits for the client to close.
  bool writing_ = false;
  bool ping_sent_ = false;
  bool draining_ = false;
  bool ended_ = false;
};

}  // namespace

class Http2Server::Impl {
 public:
  explicit Impl(Options options) : options_(std::move(options)) {}

  void start(asio::io_context& io, Handler handler) {
    const auto shared = std::make_shared<const Shared>(Shared{options_, std::move(handler)});
    listener_ = Listener::open(
        io, options_.endpoint, options_.option_name, options_.limits.max_connections,
        options_.connection_cap, options_.counters,
        [shared](Listener::Socket socket,
                 std::shared_ptr<void> alive) -> std::shared_ptr<Connection> {
          error_code ignored;
          std::string peer = socket.remote_endpoint(ignored).address().to_string();
          if (const auto& tls = shared->options.tls) {
            const auto context = tls->context(TlsContext::Protocol::kHttp2);
            return std::make_shared<Http2Connection<TlsStream>>(
                TlsStream(std::move(socket), *context), std::move(peer), shared, std::move(alive));
          }
          return std::make_shared<Http2Connection<Listener::Socket>>(
              std::move(socket), std::move(peer), shared, std::move(alive));
        });
  }
  [[nodiscard]] Endpoint local_endpoint() const { return listener_->local_endpoint(); }
  void stop() {
    if (listener_) listener_->stop(options_.limits.drain_timeout);
  }

 private:
  Options options_;
  std::shared_ptr<Listener> listener_;
};

Http2Server::Http2Server(Options options) : impl_(std::make_unique<Impl>(std::move(options))) {}
Http2Server::~Http2Server() {
  stop();
}
void Http2Server::start(asio::io_context& io, Handler handler) {
  impl_->start(io, std::move(handler));
}
Endpoint Http2Server::local_endpoint() const {
  return impl_->local_endpoint();
}
void Http2Server::stop() {
  impl_->stop();
}

}  // namespace signalbox::server::net

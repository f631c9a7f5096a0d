#include "server/net/http2_server.h"

#include <nghttp2/nghttp2.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/write.hpp>
#include <cstring>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>

#include "server/net/grpc_timeout.h"
#include "server/net/listener.h"

namespace signalbox::server::net {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;

constexpr std::string_view kPreface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
constexpr std::string_view kWrongProtocol =
    "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\n"
    "content-length: 74\r\nconnection: close\r\n\r\n"
    "This port speaks HTTP/2 (gRPC); send OTLP over HTTP/1.1 to the HTTP port.\n";

struct Shared {
  Http2Server::Options options;
  Handler handler;
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

/// One connection. `Stream` is a socket or a TLS stream over one; all work runs on its strand.
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
    asio::post(stream_.get_executor(), [self = this->shared_from_this()] { self->begin(); });
  }
  void drain() override {
    asio::post(stream_.get_executor(), [self = this->shared_from_this()] { self->say_goodbye(); });
  }
  void close() override {
    asio::post(stream_.get_executor(), [self = this->shared_from_this()] { self->end(); });
  }

 private:
  class Http2Exchange final : public Responder::Exchange {
   public:
    Http2Exchange(std::weak_ptr<Http2Connection> connection, std::int32_t stream_id)
        : connection_(std::move(connection)), stream_id_(stream_id) {}

    void respond(Response response) noexcept override {
      const auto connection = connection_.lock();
      if (connection == nullptr || abandoned_) return;
      asio::post(connection->stream_.get_executor(),
                 [connection, id = stream_id_,
                  held = std::make_shared<Response>(std::move(response))]() mutable {
                   connection->answer(id, std::move(*held));
                   connection->flush();
                 });
    }
    [[nodiscard]] bool abandoned() const noexcept override {
      return abandoned_ || connection_.expired();
    }
    void abandon() noexcept { abandoned_ = true; }

   private:
    std::weak_ptr<Http2Connection> connection_;
    const std::int32_t stream_id_;
    std::atomic<bool> abandoned_{false};
  };

  /// One request and its answer.
  struct Call {
    Request request;
    std::size_t header_bytes = 0;
    bool is_head = false;
    bool request_complete = false;
    bool answered = false;
    Clock::time_point last_progress = Clock::now();
    std::shared_ptr<Http2Exchange> exchange;
    Response response;
    std::size_t sent = 0;
  };

  // --- Life of the connection -------------------------------------------------------------------

  void begin() {
    if (!open_session()) {
      end();
      return;
    }
    flush();
    read();
    tick();
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
    nghttp2_option_set_no_closed_streams(option, 1);
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
    nghttp2_session_callbacks_set_on_begin_headers_callback(
        callbacks, [](nghttp2_session*, const nghttp2_frame* frame, void* self) {
          return static_cast<Http2Connection*>(self)->on_begin_headers(*frame);
        });
    nghttp2_session_callbacks_set_on_header_callback(
        callbacks, [](nghttp2_session*, const nghttp2_frame* frame, const std::uint8_t* name,
                      std::size_t name_size, const std::uint8_t* value, std::size_t value_size,
                      std::uint8_t, void* self) {
          return static_cast<Http2Connection*>(self)->on_header(
              *frame, {reinterpret_cast<const char*>(name), name_size},
              {reinterpret_cast<const char*>(value), value_size});
        });
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
        callbacks, [](nghttp2_session*, std::uint8_t, std::int32_t id, const std::uint8_t* data,
                      std::size_t size, void* self) {
          return static_cast<Http2Connection*>(self)->on_data(
              id, {reinterpret_cast<const char*>(data), size});
        });
    nghttp2_session_callbacks_set_on_frame_recv_callback(
        callbacks, [](nghttp2_session*, const nghttp2_frame* frame, void* self) {
          return static_cast<Http2Connection*>(self)->on_frame(*frame);
        });
    nghttp2_session_callbacks_set_on_frame_send_callback(
        callbacks, [](nghttp2_session*, const nghttp2_frame* frame, void* self) {
          return static_cast<Http2Connection*>(self)->on_frame_sent(*frame);
        });
    nghttp2_session_callbacks_set_on_stream_close_callback(
        callbacks, [](nghttp2_session*, std::int32_t id, std::uint32_t, void* self) {
          return static_cast<Http2Connection*>(self)->on_stream_close(id);
        });
  }

  void read() {
    stream_.async_read_some(asio::buffer(input_), [self = this->shared_from_this()](
                                                      const error_code& error, std::size_t bytes) {
      if (error || self->ended_) {
        self->end();
        return;
      }
      self->received(bytes);
    });
  }

  void received(std::size_t bytes) {
    last_received_ = Clock::now();
    ping_sent_ = false;
    if (!preface_seen_ && !is_preface(std::string_view(input_.data(), bytes))) {
      send_and_end(kWrongProtocol);
      return;
    }
    preface_seen_ = true;
    const auto used = nghttp2_session_mem_recv(
        session_.get(), reinterpret_cast<const std::uint8_t*>(input_.data()), bytes);
    if (used < 0) {
      // Too many unread acknowledgements, or broken beyond repair: nothing more is said.
      end();
      return;
    }
    flush();
    if (!ended_) read();
  }

  static bool is_preface(std::string_view bytes) {
    const std::size_t size = std::min(bytes.size(), kPreface.size());
    return bytes.substr(0, size) == kPreface.substr(0, size);
  }

  void send_and_end(std::string_view text) {
    output_ = text;
    asio::async_write(
        stream_, asio::buffer(output_),
        [self = this->shared_from_this()](const error_code&, std::size_t) { self->end(); });
  }

  /// Writes what the session has to send, if no write is under way.
  void flush() {
    if (ended_ || writing_) return;
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
      if (nghttp2_session_want_read(session_.get()) == 0) end();
      return;
    }
    writing_ = true;
    write_began_ = Clock::now();
    asio::async_write(stream_, asio::buffer(output_),
                      [self = this->shared_from_this()](const error_code& error, std::size_t) {
                        self->writing_ = false;
                        if (error) {
                          self->end();
                        } else {
                          self->flush();
                        }
                      });
  }

  void say_goodbye() {
    if (ended_ || draining_ || session_ == nullptr) return;
    draining_ = true;
    // The first GOAWAY still lets in what is on its way; the tick sends the final one.
    nghttp2_submit_shutdown_notice(session_.get());
    goodbye_said_ = Clock::now();
    flush();
    if (!ended_) tick();  // Sooner than it would have been.
  }

  void end() {
    if (std::exchange(ended_, true)) return;
    for (auto& [id, call] : calls_) {
      if (call.exchange) call.exchange->abandon();
    }
    calls_.clear();
    tick_.cancel();
    error_code ignored;
    auto& socket = stream_.lowest_layer();
    socket.shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
    socket.close(ignored);
  }

  // --- Time
  // ---------------------------------------------------------------------------------------

  void tick() {
    tick_.expires_after(tick_interval());
    tick_.async_wait([self = this->shared_from_this()](const error_code& error) {
      if (error || self->ended_) return;
      self->check_timeouts(Clock::now());
      if (!self->ended_) self->tick();
    });
  }

  [[nodiscard]] std::chrono::milliseconds tick_interval() const {
    using std::chrono::milliseconds;
    const Http2Server::Options& options = shared_->options;
    const HttpLimits& limits = options.limits;
    if (draining_) return milliseconds(20);
    const milliseconds shortest =
        std::min({limits.header_timeout, limits.body_timeout, limits.idle_timeout,
                  limits.response_timeout, options.keepalive_interval, options.keepalive_timeout});
    return std::clamp(shortest / 4, milliseconds(5), milliseconds(1000));
  }

  void check_timeouts(Clock::time_point now) {
    const Http2Server::Options& options = shared_->options;
    const HttpLimits& limits = options.limits;
    if (writing_ && now - write_began_ > limits.response_timeout) return end();
    if (!preface_seen_ && now - opened_ > limits.header_timeout) return end();
    if (draining_ && goodbye_said_ && now - *goodbye_said_ > kGoodbyeNotice) {
      goodbye_said_.reset();
      nghttp2_submit_goaway(session_.get(), NGHTTP2_FLAG_NONE,
                            nghttp2_session_get_last_proc_stream_id(session_.get()),
                            NGHTTP2_NO_ERROR, nullptr, 0);
    }
    if (calls_.empty() && now - last_call_ > limits.idle_timeout) say_goodbye();
    reset_silent_calls(now);
    if (ping_sent_ && now - last_ping_ > options.keepalive_timeout) return end();
    if (!ping_sent_ && now - last_received_ > options.keepalive_interval) {
      nghttp2_submit_ping(session_.get(), NGHTTP2_FLAG_NONE, nullptr);
      ping_sent_ = true;
      last_ping_ = now;
    }
    flush();
  }

  /// Resets streams whose request does not arrive, or whose answer is not taken.
  void reset_silent_calls(Clock::time_point now) {
    const HttpLimits& limits = shared_->options.limits;
    for (const auto& [id, call] : calls_) {
      const auto silence = now - call.last_progress;
      const bool stuck = call.request_complete ? call.answered && silence > limits.response_timeout
                                               : silence > limits.body_timeout;
      if (stuck) {
        nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
      }
    }
  }

  // --- nghttp2's callbacks
  // ------------------------------------------------------------------------

  Call* find(std::int32_t id) {
    const auto at = calls_.find(id);
    return at == calls_.end() ? nullptr : &at->second;
  }

  int on_begin_headers(const nghttp2_frame& frame) {
    if (frame.headers.cat != NGHTTP2_HCAT_REQUEST) return 0;
    Call& call = calls_[frame.hd.stream_id];
    call.request.peer = peer_;
    if (shared_->options.body_budget) call.request.lease = shared_->options.body_budget->lease();
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
    if (call == nullptr || call->answered) return 0;
    call->last_progress = Clock::now();
    Request& request = call->request;
    const std::size_t size = request.body.size() + data.size();
    if (size > shared_->options.limits.max_body_bytes) {
      refuse(id, *call, Refusal::kBodyTooLarge);
      return 0;
    }
    // As much as the string will have when it grows.
    const std::size_t capacity =
        size > request.body.capacity() ? std::max(size, 2 * request.body.capacity()) : size;
    if (!request.lease.grow_to(capacity)) {
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
    if ((frame.hd.flags & NGHTTP2_FLAG_END_STREAM) == 0) return 0;
    call->request_complete = true;
    if (!call->answered) handle(frame.hd.stream_id, *call);
    return 0;
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
    call.request.body = {};
    call.request.lease.release();
    const auto& make = shared_->options.refusal_response;
    answer(id, make ? make(call.request, refusal) : default_refusal(call.request, refusal));
  }

  int on_frame_sent(const nghttp2_frame& frame) {
    Call* const call = find(frame.hd.stream_id);
    if (call == nullptr) return 0;
    call->last_progress = Clock::now();
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
    calls_.erase(at);
    last_call_ = Clock::now();
    return 0;
  }

  // --- Answers
  // ------------------------------------------------------------------------------------

  void answer(std::int32_t id, Response response) {
    Call* const call = find(id);
    if (ended_ || call == nullptr || call->answered) return;
    call->answered = true;
    call->last_progress = Clock::now();
    call->response = std::move(response);
    const Response& kept = call->response;

    const std::string status = std::to_string(kept.status);
    const std::string length = std::to_string(kept.content().size());
    std::vector<nghttp2_nv> fields{name_value(":status", status)};
    for (const Headers::Field& field : kept.headers) {
      fields.push_back(name_value(field.name, field.value));
    }
    const bool has_data = !call->is_head && (!kept.content().empty() || !kept.trailers.empty());
    if (kept.trailers.empty() && !kept.content().empty()) {
      fields.push_back(name_value("content-length", length));
    }
    nghttp2_data_provider provider{};
    provider.source.ptr = this;
    provider.read_callback = [](nghttp2_session*, std::int32_t stream, std::uint8_t* buffer,
                                std::size_t size, std::uint32_t* flags, nghttp2_data_source* source,
                                void*) {
      return static_cast<Http2Connection*>(source->ptr)->read_body(stream, buffer, size, *flags);
    };
    const int submitted = nghttp2_submit_response(session_.get(), id, fields.data(), fields.size(),
                                                  has_data ? &provider : nullptr);
    if (submitted != 0) {
      nghttp2_submit_rst_stream(session_.get(), NGHTTP2_FLAG_NONE, id, NGHTTP2_INTERNAL_ERROR);
    }
  }

  ssize_t read_body(std::int32_t id, std::uint8_t* buffer, std::size_t size, std::uint32_t& flags) {
    Call* const call = find(id);
    if (call == nullptr) return NGHTTP2_ERR_TEMPORAL_CALLBACK_FAILURE;
    const std::string_view left = call->response.content().substr(call->sent);
    const std::size_t count = std::min(size, left.size());
    std::memcpy(buffer, left.data(), count);
    call->sent += count;
    if (count < left.size()) return static_cast<ssize_t>(count);
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
  static constexpr std::size_t kWriteBytes = 256 * 1024;
  static constexpr std::size_t kMaxOutboundAcks = 1000;
  static constexpr std::chrono::milliseconds kGoodbyeNotice{50};

  std::shared_ptr<void> alive_;
  std::shared_ptr<const Shared> shared_;
  std::string peer_;
  Stream stream_;
  asio::steady_timer tick_;
  Session session_;
  std::vector<char> input_ = std::vector<char>(kReadBytes);
  std::string output_;
  std::unordered_map<std::int32_t, Call> calls_;
  const Clock::time_point opened_ = Clock::now();
  Clock::time_point last_received_ = opened_;
  Clock::time_point last_call_ = opened_;
  Clock::time_point last_ping_ = opened_;
  Clock::time_point write_began_ = opened_;
  std::optional<Clock::time_point> goodbye_said_;
  bool preface_seen_ = false;
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
        [shared](Listener::Socket socket, std::shared_ptr<void> alive) {
          error_code ignored;
          const std::string peer = socket.remote_endpoint(ignored).address().to_string();
          return std::make_shared<Http2Connection<Listener::Socket>>(std::move(socket), peer,
                                                                     shared, std::move(alive));
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

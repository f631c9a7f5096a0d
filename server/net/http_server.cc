#include "server/net/http_server.h"

#include <poll.h>

#include <array>
#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <charconv>
#include <ctime>
#include <mutex>
#include <optional>
#include <span>
#include <utility>

#include "server/ascii.h"
#include "server/net/listener.h"
#include "server/net/tls_stream.h"

namespace signalbox::server::net {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = boost::beast::http;
using boost::system::error_code;
using Clock = std::chrono::steady_clock;

/// Path and query of a target in origin form or absolute form.
std::string origin_form(std::string_view target) {
  const auto scheme = target.find("://");
  if (target.starts_with('/') || scheme == std::string_view::npos) return std::string(target);
  const auto path = target.find_first_of("/?", scheme + 3);
  if (path == std::string_view::npos) return "/";
  return (target[path] == '?' ? "/" : "") + std::string(target.substr(path));
}

std::string http_date() {
  const std::time_t now = std::time(nullptr);
  std::tm utc{};
  gmtime_r(&now, &utc);
  std::array<char, 40> text{};
  const std::size_t size =
      std::strftime(text.data(), text.size(), "%a, %d %b %Y %H:%M:%S GMT", &utc);
  return {text.data(), size};
}

bool is_safe_field(const Headers::Field& field) {
  constexpr std::string_view kLineBreaks("\r\n\0", 3);
  return field.name.find_first_of(kLineBreaks) == std::string::npos &&
         field.value.find_first_of(kLineBreaks) == std::string::npos;
}

/// Whether a response of this status has neither a body nor a length.
bool has_no_content(unsigned status) {
  return status < 200 || status == 204 || status == 304;
}

/// Where a response without a length ends.
enum class Framing : std::uint8_t {
  kLength,  ///< It has one.
  kChunks,
  kClose,  ///< With the connection; for clients of HTTP/1.0.
};

std::string response_head(const Response& response, bool keep_alive,
                          Framing framing = Framing::kLength) {
  std::string head = "HTTP/1.1 " + std::to_string(response.status) + ' ';
  const auto reason = http::obsolete_reason(http::int_to_status(response.status));
  head.append(reason.data(), reason.size());
  head += "\r\ndate: " + http_date() + "\r\n";
  for (const Headers::Field& field : response.headers) {
    if (is_safe_field(field)) head += field.name + ": " + field.value + "\r\n";
  }
  if (framing == Framing::kChunks) head += "transfer-encoding: chunked\r\n";
  if (framing == Framing::kLength && !has_no_content(response.status)) {
    head += "content-length: " + std::to_string(response.content().size()) + "\r\n";
  }
  head += keep_alive ? "connection: keep-alive\r\n\r\n" : "connection: close\r\n\r\n";
  return head;
}

std::string chunk_head(std::size_t bytes) {
  std::array<char, 24> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), bytes, 16).ptr;
  return std::string(text.data(), end) + "\r\n";
}
constexpr std::string_view kLastChunk = "0\r\n\r\n";

Response text_response(unsigned status, std::string text) {
  Response response;
  response.status = status;
  response.headers.add("content-type", "text/plain; charset=utf-8");
  response.body = std::move(text);
  return response;
}

/// The answer to a head or body that cannot be parsed; nothing if the client is gone.
std::optional<Response> answer_to(const error_code& error, bool is_tls) {
  if (error.category() != http::make_error_code(http::error::bad_method).category() ||
      error == http::error::end_of_stream || error == http::error::partial_message) {
    return std::nullopt;
  }
  if (error == http::error::bad_version) {
    return text_response(505, "This port speaks HTTP/1.1; send gRPC to the OTLP/gRPC port.\n");
  }
  if (is_tls) {
    return text_response(400, "This port does not speak TLS; send to its http:// address.\n");
  }
  return text_response(400, "The request is not well-formed HTTP/1.1: " + error.message() + ".\n");
}

/// A body that grows as its bytes come. Beast's string_body reserves what the head announces, which
/// costs a client nothing to announce.
struct GrowingBody {
  using value_type = std::string;  // NOLINT(readability-identifier-naming): Beast's names.

  class reader {  // NOLINT(readability-identifier-naming)
   public:
    template <bool kIsRequest, typename Fields>
    reader(http::header<kIsRequest, Fields>& /*header*/, value_type& body) : body_(body) {}
    void init(const boost::optional<std::uint64_t>& /*announced*/, error_code& error) {
      error = {};
    }
    template <typename Buffers>
    std::size_t put(const Buffers& buffers, error_code& error) {
      error = {};
      for (auto at = asio::buffer_sequence_begin(buffers); at != asio::buffer_sequence_end(buffers);
           ++at) {
        const asio::const_buffer buffer = *at;
        body_.append(static_cast<const char*>(buffer.data()), buffer.size());
      }
      return asio::buffer_size(buffers);
    }
    void finish(error_code& error) { error = {}; }

   private:
    value_type& body_;
  };
};

/// Whether the other end of a connection has closed its side.
bool has_hung_up(asio::ip::tcp::socket& socket) {
  pollfd one{socket.native_handle(), POLLRDHUP, 0};
  return ::poll(&one, 1, 0) > 0 && (one.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

using TlsStream = beast::ssl_stream<beast::tcp_stream>;

/// What all connections of a server share.
struct Shared {
  HttpServer::Options options;
  Handler handler;
};

/// One connection: reads a request, waits for its answer, writes it, and so on. `Stream` is a
/// beast::tcp_stream, or TLS over one. An exception (out of memory, most likely) ends its coroutine
/// and so the connection that met it, and no other.
template <typename Stream>
class Http1Connection final : public Connection,
                              public std::enable_shared_from_this<Http1Connection<Stream>> {
 public:
  Http1Connection(Stream stream, std::string peer, std::shared_ptr<const Shared> shared,
                  std::shared_ptr<void> alive)
      : alive_(std::move(alive)),
        shared_(std::move(shared)),
        peer_(std::move(peer)),
        stream_(std::move(stream)),
        answered_(stream_.get_executor()) {}

  void start() override {
    asio::co_spawn(
        stream_.get_executor(), [self = this->shared_from_this()] { return self->serve(); },
        asio::detached);
  }
  void drain() override {
    asio::post(stream_.get_executor(), [self = this->shared_from_this()] {
      self->draining_ = true;
      if (self->idle_) self->tcp().cancel();
      if (self->is_streaming_) self->answered_.cancel();
    });
  }
  void close() override {
    asio::post(stream_.get_executor(), [self = this->shared_from_this()] {
      self->draining_ = true;
      if (self->exchange_) self->exchange_->abandon();
      self->tcp().close();
      self->answered_.cancel();
    });
  }

 private:
  using Parser = http::request_parser<GrowingBody>;

  /// Carries one answer from any thread to the connection.
  class Http1Exchange final : public Responder::Exchange {
   public:
    explicit Http1Exchange(std::weak_ptr<Http1Connection> connection)
        : connection_(std::move(connection)) {}

    void respond(Response response) noexcept override {
      {
        std::scoped_lock lock(mutex_);
        response_ = std::move(response);
      }
      if (const auto connection = connection_.lock()) connection->wake();
    }
    [[nodiscard]] bool abandoned() const noexcept override {
      return abandoned_ || connection_.expired();
    }
    void abandon() noexcept { abandoned_ = true; }
    std::optional<Response> take() {
      std::scoped_lock lock(mutex_);
      return std::exchange(response_, std::nullopt);
    }

   private:
    std::weak_ptr<Http1Connection> connection_;
    std::atomic<bool> abandoned_{false};
    std::mutex mutex_;
    std::optional<Response> response_;
  };

  auto completion() { return asio::redirect_error(asio::use_awaitable, error_); }

  beast::tcp_stream& tcp() { return beast::get_lowest_layer(stream_); }
  [[nodiscard]] const HttpLimits& limits() const { return shared_->options.limits; }

  asio::awaitable<void> serve() {
    if (co_await is_open()) {
      bool first = true;
      while (!draining_ && co_await wait_for_request(std::exchange(first, false))) {
        if (!co_await serve_one()) break;
      }
      co_await say_end();
    }
    error_code ignored;
    tcp().socket().shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
    tcp().close();
  }

  asio::awaitable<bool> is_open() {
    if constexpr (std::is_same_v<Stream, TlsStream>) {
      idle_ = true;
      const bool secure = co_await shake_hands(stream_, tcp().socket(), limits().handshake_timeout,
                                               this->shared_from_this());
      idle_ = false;
      if (!secure) ++shared_->options.counters->failed_handshakes;
      co_return secure;
    }
    co_return true;
  }
  /// Tells a client of TLS that nothing is missing at the end.
  asio::awaitable<void> say_end() {
    if constexpr (std::is_same_v<Stream, TlsStream>) {
      if (error_) co_return;
      tcp().expires_after(std::chrono::seconds(1));
      co_await stream_.async_shutdown(completion());
    }
    co_return;
  }

  /// Waits for the first bytes of a request. False if none will come.
  asio::awaitable<bool> wait_for_request(bool first) {
    if (buffer_.size() > 0) co_return true;
    buffer_.shrink_to_fit();  // Most of many connections are idle.
    tcp().expires_after(first ? limits().header_timeout : limits().idle_timeout);
    idle_ = true;
    const std::size_t bytes =
        co_await stream_.async_read_some(buffer_.prepare(kIdleReadBytes), completion());
    idle_ = false;
    buffer_.commit(bytes);
    co_return !error_ && !draining_;
  }

  /// Serves one request; false if the connection is to be closed.
  asio::awaitable<bool> serve_one() {
    const HttpServer::Options& options = shared_->options;
    is_tls_ = buffer_.size() > 0 &&
              *static_cast<const char*>(buffer_.cdata().data()) == kTlsHandshakeByte;
    Parser parser;
    parser.header_limit(static_cast<std::uint32_t>(limits().max_header_bytes));
    parser.body_limit(limits().max_body_bytes);
    parser.eager(false);
    RequestBudget::Lease lease;
    if (options.budget) lease = options.budget->lease(peer_);
    std::optional<Refusal> refusal = co_await read_head(parser, lease);
    Request request = take_head(parser);
    request.lease = std::move(lease);
    std::optional<Response> early = early_answer(request, refusal);
    if (!early && !error_) {
      if (beast::iequals(parser.get()[http::field::expect], "100-continue") && !parser.is_done()) {
        if (!co_await write("HTTP/1.1 100 Continue\r\n\r\n", {})) co_return false;
      }
      refusal = co_await read_body(parser, request);
      if (refusal || error_) early = early_answer(request, refusal);
    }
    if (early) {
      // What comes of the body would have to be read to keep the connection.
      const bool written = co_await write_response(*early, false, request.method == "HEAD");
      std::string().swap(parser.get().body());
      request.lease.release();
      if (written) co_await linger();
    }
    if (early || error_) co_return false;
    request.body = std::move(parser.get().body());

    const bool is_head = request.method == "HEAD";
    const bool wants_more = parser.keep_alive();
    const bool takes_chunks = parser.get().version() >= 11;
    std::optional<Response> response = co_await handle(std::move(request));
    if (!response) co_return false;
    const bool keep_alive = wants_more && !draining_;
    if (response->source != nullptr) {
      const Framing framing = takes_chunks ? Framing::kChunks : Framing::kClose;
      co_return co_await write_pieces(*response, keep_alive && takes_chunks, framing, is_head);
    }
    co_return co_await write_response(*response, keep_alive, is_head) && keep_alive;
  }

  /// Reads the head, or says why not; sets `error_`.
  asio::awaitable<std::optional<Refusal>> read_head(Parser& parser, RequestBudget::Lease& lease) {
    const auto deadline = Clock::now() + limits().header_timeout;
    // Not by Beast's async_read_some, which returns when the head is whole: until then what has
    // come of it would be in no budget.
    for (;;) {
      // Twice: as text here, and as fields when it is whole.
      if (!lease.grow_to(2 * buffer_.size())) co_return Refusal::kOverloaded;
      buffer_.consume(parser.put(buffer_.data(), error_));
      if (error_ != http::error::need_more) break;
      tcp().expires_at(deadline);
      const std::size_t bytes =
          co_await stream_.async_read_some(buffer_.prepare(kIdleReadBytes), completion());
      buffer_.commit(bytes);
      if (error_) break;
    }
    const auto& fields = parser.get();
    const auto count = static_cast<std::size_t>(std::distance(fields.begin(), fields.end()));
    const bool affordable = lease.grow_to(lease.bytes() + count * sizeof(Headers::Field));
    if (!affordable) co_return Refusal::kOverloaded;
    co_return std::nullopt;
  }

  /// Reads what is left of the body, or says why not; sets `error_`.
  asio::awaitable<std::optional<Refusal>> read_body(Parser& parser, Request& request) {
    if (parser.is_done()) co_return std::nullopt;
    std::string& body = parser.get().body();
    const std::size_t head_bytes = request.lease.bytes();
    Pace pace(limits().body_pace(), Clock::now());
    buffer_.reserve(kReadBytes);
    while (!parser.is_done()) {
      // As bytes come, not as they are announced: announcing costs a client nothing.
      const std::size_t left = parser.content_length_remaining().value_or(limits().max_body_bytes);
      const std::size_t needed = body.size() + std::min(left, kReadBytes);
      if (needed > body.capacity()) {
        const std::size_t grown =
            std::max(needed, std::min(2 * body.capacity(), body.size() + left));
        if (!request.lease.grow_to(head_bytes + grown)) co_return Refusal::kOverloaded;
        body.reserve(grown);
      }
      tcp().expires_at(pace.deadline());
      const std::size_t before = body.size();
      co_await http::async_read_some(stream_, buffer_, parser, completion());
      if (error_) break;
      pace.progress(body.size() - before, Clock::now());
    }
    co_return std::nullopt;
  }

  Request take_head(Parser& parser) {
    auto& message = parser.get();
    Request request;
    request.method = std::string(message.method_string());
    request.target = origin_form({message.target().data(), message.target().size()});
    request.peer = peer_;
    for (const auto& field : message) {
      const auto name = field.name_string();
      request.headers.add(to_lower({name.data(), name.size()}), std::string(field.value()));
    }
    return request;
  }

  /// Lets the handler answer, and waits for it. Nothing if the connection was closed meanwhile.
  asio::awaitable<std::optional<Response>> handle(Request request) {
    exchange_ = std::make_shared<Http1Exchange>(this->weak_from_this());
    tcp().expires_never();
    try {
      shared_->handler(std::move(request), Responder(exchange_));
    } catch (const std::exception&) {
      exchange_->respond(text_response(500, "The server failed to handle the request.\n"));
    }
    std::optional<Response> response = exchange_->take();
    while (!response && tcp().socket().is_open()) {
      answered_.expires_after(kLookInterval);
      co_await answered_.async_wait(completion());
      response = exchange_->take();
      // Once is enough: the answer is still awaited, for what it frees.
      if (!response && has_hung_up(tcp().socket())) exchange_->abandon();
    }
    exchange_.reset();
    error_ = {};
    co_return response;
  }

  /// What is answered before, or instead of, the handler; nothing if the request may go on, or the
  /// client is gone.
  std::optional<Response> early_answer(const Request& request, std::optional<Refusal> refusal) {
    const HttpServer::Options& options = shared_->options;
    if (error_ == http::error::header_limit) refusal = Refusal::kHeadTooLarge;
    if (error_ == http::error::body_limit) refusal = Refusal::kBodyTooLarge;
    if (refusal) {
      options.counters->count(*refusal);
      return options.refusal_response ? options.refusal_response(request, *refusal)
                                      : default_refusal(request, *refusal);
    }
    if (error_) {
      std::optional<Response> answer = answer_to(error_, is_tls_);
      if (answer && options.on_wrong_protocol) {
        const std::string_view text = answer->content();
        options.on_wrong_protocol(peer_, std::to_string(answer->status) + ' ' +
                                             std::string(text.substr(0, text.size() - 1)));
      }
      return answer;
    }
    return options.head_check ? options.head_check(request) : std::nullopt;
  }

  asio::awaitable<bool> write_response(const Response& response, bool keep_alive, bool is_head) {
    const bool has_body = !is_head && !has_no_content(response.status);
    co_return co_await write(response_head(response, keep_alive),
                             has_body ? response.content() : std::string_view());
  }

  /// Writes what `response.source` has, as it comes; then true if the connection may be used again.
  asio::awaitable<bool> write_pieces(Response& response, bool keep_alive, Framing framing,
                                     bool is_head) {
    const std::shared_ptr<BodySource> source = std::exchange(response.source, nullptr);
    if (!co_await write(response_head(response, keep_alive, framing), {})) co_return false;
    if (is_head) co_return keep_alive;
    is_streaming_ = true;
    const bool is_whole = co_await write_all(*source, framing);
    is_streaming_ = false;
    co_return is_whole && keep_alive && !draining_;
  }

  /// False if the client has gone.
  asio::awaitable<bool> write_all(BodySource& source, Framing framing) {
    const std::weak_ptr<Http1Connection> weak = this->weak_from_this();
    source.on_start([weak] {
      if (const auto self = weak.lock()) self->wake();
    });
    const bool is_chunked = framing == Framing::kChunks;
    for (bool is_last = false; !is_last;) {
      BodySource::Piece piece = source.take();
      is_last = piece.is_last || draining_;
      if (!piece.bytes.empty()) {
        std::string head = is_chunked ? chunk_head(piece.bytes.size()) : std::string();
        if (is_chunked) piece.bytes += "\r\n";
        if (!co_await write(std::move(head), piece.bytes)) co_return false;
      } else if (!is_last) {
        tcp().expires_never();
        answered_.expires_after(kLookInterval);
        co_await answered_.async_wait(completion());
        error_ = {};
        if (!tcp().socket().is_open() || has_hung_up(tcp().socket())) co_return false;
      }
    }
    if (!is_chunked) co_return true;
    co_return co_await write(std::string(kLastChunk), {});
  }

  /// From any thread: looks at once whether there is more to write.
  void wake() noexcept {
    try {
      asio::post(stream_.get_executor(),
                 [self = this->shared_from_this()] { self->answered_.cancel(); });
    } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch)
      // Out of memory: the connection finds it when it looks next.
    }
  }

  /// Writes all of both; a client that takes nothing for too long is given up.
  asio::awaitable<bool> write(std::string head, std::string_view body) {
    std::string_view first = head;
    Pace pace(limits().response_pace(), Clock::now());
    while (!first.empty() || !body.empty()) {
      tcp().expires_at(pace.deadline());
      const std::array<asio::const_buffer, 2> buffers{asio::buffer(first.data(), first.size()),
                                                      asio::buffer(body.data(), body.size())};
      // Without the head once it is gone: behind an empty buffer Beast's TLS stream writes nothing
      // of a large one, and would do so for ever.
      const std::span<const asio::const_buffer> left(buffers.begin() + (first.empty() ? 1 : 0),
                                                     buffers.end());
      const std::size_t written = co_await stream_.async_write_some(left, completion());
      if (error_) co_return false;
      pace.progress(written, Clock::now());
      const std::size_t of_first = std::min(written, first.size());
      first.remove_prefix(of_first);
      body.remove_prefix(written - of_first);
    }
    co_return true;
  }

  /// Reads on for a while: to close with bytes unread would reset the connection, and the client
  /// might never see the answer.
  asio::awaitable<void> linger() {
    error_code ignored;
    co_await say_end();
    error_ = {};  // To TLS, what still comes of the request is no way to end.
    tcp().socket().shutdown(asio::ip::tcp::socket::shutdown_send, ignored);
    std::array<char, kReadBytes / 4> discarded;
    const auto give_up = Clock::now() + limits().drain_timeout;
    while (!error_ && !draining_ && Clock::now() < give_up) {
      tcp().expires_at(give_up);
      co_await tcp().async_read_some(asio::buffer(discarded), completion());
    }
  }

  static constexpr std::size_t kReadBytes = 64 * 1024;
  static constexpr std::size_t kIdleReadBytes = 4 * 1024;
  /// How often a waiting request is looked at, for a client that has hung up.
  static constexpr std::chrono::milliseconds kLookInterval{250};

  std::shared_ptr<void> alive_;
  std::shared_ptr<const Shared> shared_;
  std::string peer_;
  Stream stream_;
  asio::steady_timer answered_;  ///< Cancelled to wake the connection.
  beast::flat_buffer buffer_;
  error_code error_;
  std::shared_ptr<Http1Exchange> exchange_;
  bool idle_ = false;
  bool is_streaming_ = false;
  bool draining_ = false;
  bool is_tls_ = false;  ///< What the client has sent begins as TLS does.
};

}  // namespace

class HttpServer::Impl {
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
          beast::tcp_stream stream(std::move(socket));
          if (const auto& tls = shared->options.tls) {
            const auto context = tls->context(TlsContext::Protocol::kHttp1);
            return std::make_shared<Http1Connection<TlsStream>>(
                TlsStream(std::move(stream), *context), std::move(peer), shared, std::move(alive));
          }
          return std::make_shared<Http1Connection<beast::tcp_stream>>(
              std::move(stream), std::move(peer), shared, std::move(alive));
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

HttpServer::HttpServer(Options options) : impl_(std::make_unique<Impl>(std::move(options))) {}
HttpServer::~HttpServer() {
  stop();
}
void HttpServer::start(asio::io_context& io, Handler handler) {
  impl_->start(io, std::move(handler));
}
Endpoint HttpServer::local_endpoint() const {
  return impl_->local_endpoint();
}
void HttpServer::stop() {
  impl_->stop();
}

}  // namespace signalbox::server::net

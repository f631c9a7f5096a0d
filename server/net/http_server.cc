#include "server/net/http_server.h"

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
#include <boost/beast/http/string_body.hpp>
#include <ctime>
#include <mutex>
#include <optional>
#include <utility>

#include "server/ascii.h"
#include "server/net/listener.h"

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

std::string response_head(const Response& response, bool keep_alive) {
  std::string head = "HTTP/1.1 " + std::to_string(response.status) + ' ';
  const auto reason = http::obsolete_reason(http::int_to_status(response.status));
  head.append(reason.data(), reason.size());
  head += "\r\ndate: " + http_date() + "\r\n";
  for (const Headers::Field& field : response.headers) {
    if (is_safe_field(field)) head += field.name + ": " + field.value + "\r\n";
  }
  if (!has_no_content(response.status)) {
    head += "content-length: " + std::to_string(response.content().size()) + "\r\n";
  }
  head += keep_alive ? "connection: keep-alive\r\n\r\n" : "connection: close\r\n\r\n";
  return head;
}

Response text_response(unsigned status, std::string text) {
  Response response;
  response.status = status;
  response.headers.add("content-type", "text/plain; charset=utf-8");
  response.body = std::move(text);
  return response;
}

/// The answer to a head or body that cannot be parsed; nothing if the client is gone.
std::optional<Response> answer_to(const error_code& error) {
  if (error.category() != http::make_error_code(http::error::bad_method).category() ||
      error == http::error::end_of_stream || error == http::error::partial_message) {
    return std::nullopt;
  }
  if (error == http::error::bad_version) {
    return text_response(505, "This port speaks HTTP/1.1; send gRPC to the OTLP/gRPC port.\n");
  }
  return text_response(400, "The request is not well-formed HTTP/1.1: " + error.message() + ".\n");
}

/// What all connections of a server share.
struct Shared {
  HttpLimits limits;
  std::shared_ptr<BodyBudget> body_budget;
  RefusalResponse refusal_response;
  Handler handler;
};

/// One connection: reads a request, waits for its answer, writes it, and so on. `Stream` is a
/// beast::basic_stream or what behaves as one.
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
      if (self->idle_) self->stream_.cancel();
    });
  }
  void close() override {
    asio::post(stream_.get_executor(), [self = this->shared_from_this()] {
      self->draining_ = true;
      if (self->exchange_) self->exchange_->abandon();
      self->stream_.close();
      self->answered_.cancel();
    });
  }

 private:
  using Parser = http::request_parser<http::string_body>;

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
      if (const auto connection = connection_.lock()) {
        asio::post(connection->stream_.get_executor(),
                   [connection] { connection->answered_.cancel(); });
      }
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

  asio::awaitable<void> serve() {
    bool first = true;
    while (!draining_ && co_await wait_for_request(std::exchange(first, false))) {
      if (!co_await serve_one()) break;
    }
    error_code ignored;
    beast::get_lowest_layer(stream_).socket().shutdown(asio::ip::tcp::socket::shutdown_both,
                                                       ignored);
    stream_.close();
  }

  /// Waits for the first bytes of a request. False if none will come.
  asio::awaitable<bool> wait_for_request(bool first) {
    if (buffer_.size() > 0) co_return true;
    stream_.expires_after(first ? shared_->limits.header_timeout : shared_->limits.idle_timeout);
    idle_ = true;
    const std::size_t bytes =
        co_await stream_.async_read_some(buffer_.prepare(kReadBytes), completion());
    idle_ = false;
    buffer_.commit(bytes);
    co_return !error_ && !draining_;
  }

  /// Serves one request; false if the connection is to be closed.
  asio::awaitable<bool> serve_one() {
    const HttpLimits& limits = shared_->limits;
    Parser parser;
    parser.header_limit(static_cast<std::uint32_t>(limits.max_header_bytes));
    parser.body_limit(limits.max_body_bytes);
    parser.eager(false);
    stream_.expires_after(limits.header_timeout);
    co_await http::async_read_header(stream_, buffer_, parser, completion());

    Request request = take_head(parser);
    if (error_) co_return co_await refuse(request);
    request.lease = shared_->body_budget ? shared_->body_budget->lease() : BodyBudget::Lease();
    if (beast::iequals(parser.get()[http::field::expect], "100-continue") && !parser.is_done()) {
      if (!co_await write("HTTP/1.1 100 Continue\r\n\r\n", {})) co_return false;
    }
    while (!parser.is_done()) {
      // As bytes come, not as they are announced: announcing costs a client nothing.
      if (!request.lease.grow_to(parser.get().body().size() + kReadBytes)) {
        co_return co_await refuse(request, Refusal::kOverloaded);
      }
      stream_.expires_after(limits.body_timeout);
      co_await http::async_read_some(stream_, buffer_, parser, completion());
      if (error_) co_return co_await refuse(request);
    }
    request.body = std::move(parser.get().body());

    const bool is_head = request.method == "HEAD";
    const bool wants_more = parser.keep_alive();
    const std::optional<Response> response = co_await handle(std::move(request));
    if (!response) co_return false;
    const bool keep_alive = wants_more && !draining_;
    co_return co_await write_response(*response, keep_alive, is_head) && keep_alive;
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
    stream_.expires_never();
    answered_.expires_at(Clock::time_point::max());
    try {
      shared_->handler(std::move(request), Responder(exchange_));
    } catch (const std::exception&) {
      exchange_->respond(text_response(500, "The server failed to handle the request.\n"));
    }
    watch_for_end(exchange_);
    std::optional<Response> response = exchange_->take();
    while (!response && beast::get_lowest_layer(stream_).socket().is_open()) {
      co_await answered_.async_wait(completion());
      response = exchange_->take();
    }
    exchange_.reset();
    co_return response;
  }

  /// Marks the exchange abandoned when the client closes its side before it has been answered.
  void watch_for_end(const std::shared_ptr<Http1Exchange>& exchange) {
    auto& socket = beast::get_lowest_layer(stream_).socket();
    socket.async_wait(asio::ip::tcp::socket::wait_read, [self = this->shared_from_this(),
                                                         exchange](const error_code& error) {
      if (error || self->exchange_ != exchange) return;
      std::array<char, 1> byte{};
      error_code at_end;
      auto& readable = beast::get_lowest_layer(self->stream_).socket();
      // The socket may be reported readable for bytes that have been read since: peeking must not
      // wait for more of them, or no other connection of this thread would be served.
      readable.non_blocking(true, at_end);
      readable.receive(asio::buffer(byte), asio::socket_base::message_peek, at_end);
      if (at_end == asio::error::would_block) {
        self->watch_for_end(exchange);
      } else if (at_end) {
        exchange->abandon();
      }
    });
  }

  /// Answers what the parser did not like, if anybody listens, and ends the connection.
  asio::awaitable<bool> refuse(const Request& request) {
    if (error_ == http::error::header_limit) {
      co_return co_await refuse(request, Refusal::kHeadTooLarge);
    }
    if (error_ == http::error::body_limit) {
      co_return co_await refuse(request, Refusal::kBodyTooLarge);
    }
    if (const auto response = answer_to(error_)) {
      if (co_await write_response(*response, false, false)) co_await linger();
    }
    co_return false;
  }
  asio::awaitable<bool> refuse(const Request& request, Refusal refusal) {
    const auto& make = shared_->refusal_response;
    const Response response = make ? make(request, refusal) : default_refusal(request, refusal);
    if (co_await write_response(response, false, request.method == "HEAD")) co_await linger();
    co_return false;
  }

  asio::awaitable<bool> write_response(const Response& response, bool keep_alive, bool is_head) {
    const bool has_body = !is_head && !has_no_content(response.status);
    co_return co_await write(response_head(response, keep_alive),
                             has_body ? response.content() : std::string_view());
  }

  /// Writes all of both; a client that takes nothing for too long is given up.
  asio::awaitable<bool> write(std::string head, std::string_view body) {
    std::string_view first = head;
    while (!first.empty() || !body.empty()) {
      stream_.expires_after(shared_->limits.response_timeout);
      const std::array<asio::const_buffer, 2> buffers{asio::buffer(first.data(), first.size()),
                                                      asio::buffer(body.data(), body.size())};
      std::size_t written = co_await stream_.async_write_some(buffers, completion());
      if (error_) co_return false;
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
    beast::get_lowest_layer(stream_).socket().shutdown(asio::ip::tcp::socket::shutdown_send,
                                                       ignored);
    std::array<char, kReadBytes / 4> discarded;
    const auto give_up = Clock::now() + shared_->limits.drain_timeout;
    while (!error_ && !draining_ && Clock::now() < give_up) {
      stream_.expires_at(give_up);
      co_await stream_.async_read_some(asio::buffer(discarded), completion());
    }
  }

  static constexpr std::size_t kReadBytes = 64 * 1024;

  std::shared_ptr<void> alive_;
  std::shared_ptr<const Shared> shared_;
  std::string peer_;
  Stream stream_;
  asio::steady_timer answered_;  ///< Cancelled to wake the connection.
  beast::flat_buffer buffer_;
  error_code error_;
  std::shared_ptr<Http1Exchange> exchange_;
  bool idle_ = false;
  bool draining_ = false;
};

}  // namespace

class HttpServer::Impl {
 public:
  explicit Impl(Options options) : options_(std::move(options)) {}

  void start(asio::io_context& io, Handler handler) {
    const auto shared = std::make_shared<const Shared>(Shared{
        options_.limits, options_.body_budget, options_.refusal_response, std::move(handler)});
    listener_ = Listener::open(
        io, options_.endpoint, options_.option_name, options_.limits.max_connections,
        [shared](Listener::Socket socket, std::shared_ptr<void> alive) {
          error_code ignored;
          const std::string peer = socket.remote_endpoint(ignored).address().to_string();
          return std::make_shared<Http1Connection<beast::tcp_stream>>(
              beast::tcp_stream(std::move(socket)), peer, shared, std::move(alive));
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

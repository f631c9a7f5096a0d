#include "demo/common/http_server.h"

#include <algorithm>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/dispatch.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/http/serializer.hpp>
#include <boost/beast/http/write.hpp>
#include <future>
#include <tuple>
#include <unordered_set>
#include <utility>
#include <vector>

#include "signalbox/integrations/asio_context.h"

namespace signalbox::demo {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::ip::tcp;
using boost::system::error_code;

constexpr auto kNoThrow = asio::as_tuple(asio::use_awaitable);

http::status status_for(const error_code& error) {
  if (error == http::error::body_limit) return http::status::payload_too_large;
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    return http::status::request_header_fields_too_large;
  }
  return http::status::bad_request;
}

bool is_client_fault(const error_code& error) {
  return error.category() == make_error_code(http::error::bad_method).category() &&
         error != http::error::end_of_stream && error != http::error::partial_message;
}

// One connection. Everything happens on the stream's strand.
class Session {
 public:
  Session(tcp::socket socket, const HttpServer::Options& options, const Handler& handler)
      : stream_(std::move(socket)), options_(options), handler_(handler) {}

  asio::any_io_executor executor() { return stream_.get_executor(); }

  // Closes the connection, or has it closed after the answer that is under way.
  void stop() {
    stopping_ = true;
    if (!busy_) stream_.close();
  }

  asio::awaitable<void> run() {
    if (!describe_connection()) co_return;
    while (!stopping_) {
      if (!co_await serve_one()) break;
    }
    error_code ignored;
    stream_.socket().shutdown(tcp::socket::shutdown_both, ignored);
  }

 private:
  bool describe_connection() {
    error_code error;
    const tcp::endpoint peer = stream_.socket().remote_endpoint(error);
    if (error) return false;  // It has gone already.
    const tcp::endpoint local = stream_.socket().local_endpoint(error);
    connection_ = {peer.address().to_string(), peer.port(), local.port()};
    stream_.socket().set_option(tcp::no_delay(true), error);
    return !error;
  }

  // False when the connection has come to its end.
  asio::awaitable<bool> serve_one() {
    http::request_parser<http::string_body> parser;
    parser.header_limit(options_.max_header_bytes);
    parser.body_limit(options_.max_body_bytes);
    busy_ = false;
    stream_.expires_after(options_.read_timeout);
    auto [error, header_bytes] =
        co_await http::async_read_header(stream_, buffer_, parser, kNoThrow);
    busy_ = true;
    if (!error && beast::iequals(parser.get()[http::field::expect], "100-continue")) {
      http::response<http::empty_body> proceed{http::status::continue_, 11};
      std::tie(error, header_bytes) = co_await http::async_write(stream_, proceed, kNoThrow);
    }
    if (!error) {
      std::tie(error, header_bytes) = co_await http::async_read(stream_, buffer_, parser, kNoThrow);
    }
    if (error) {
      if (is_client_fault(error)) co_await refuse(error);
      co_return false;
    }
    const Request request = parser.release();
    stream_.expires_never();
    Response response = co_await answer(request);
    response.version(request.version());
    response.keep_alive(request.keep_alive() && !stopping_);
    co_return co_await write(response, request.method() == http::verb::head) &&
        response.keep_alive();
  }

  asio::awaitable<Response> answer(const Request& request) {
    try {
      co_return co_await handler_(request, connection_);
    } catch (const std::exception&) {
      // Instrumented handlers have recorded it; the client learns no details.
      co_return text_response(http::status::internal_server_error, "Internal server error");
    }
  }

  asio::awaitable<void> refuse(const error_code& error) {
    Response response = text_response(status_for(error), error.message());
    response.keep_alive(false);
    co_await write(response, false);
  }

  asio::awaitable<bool> write(Response& response, bool header_only) {
    response.prepare_payload();
    http::response_serializer<http::string_body> serializer(response);
    stream_.expires_after(options_.write_timeout);
    const auto [error, bytes] =
        header_only ? co_await http::async_write_header(stream_, serializer, kNoThrow)
                    : co_await http::async_write(stream_, serializer, kNoThrow);
    co_return !error;
  }

  beast::tcp_stream stream_;
  const HttpServer::Options& options_;
  const Handler& handler_;
  beast::flat_buffer buffer_;
  Connection connection_;
  bool busy_ = false;
  bool stopping_ = false;
};

}  // namespace

// Lives until the last session has ended, whatever becomes of the HttpServer. All but the sessions'
// own work happens on one strand.
class HttpServer::Impl : public std::enable_shared_from_this<HttpServer::Impl> {
 public:
  Impl(asio::io_context& io, Options options, Handler handler)
      : io_(io),
        options_(std::move(options)),
        handler_(std::move(handler)),
        strand_(asio::make_strand(io)),
        room_(strand_) {}

  Result<std::uint16_t> start() {
    error_code error;
    tcp::resolver resolver(io_);
    const auto addresses = resolver.resolve(options_.host, std::to_string(options_.port),
                                            tcp::resolver::passive, error);
    if (error) return Error{"cannot resolve " + options_.host + ": " + error.message()};
    std::uint16_t port = options_.port;
    for (const auto& address : addresses) {
      tcp::endpoint endpoint = address.endpoint();
      endpoint.port(port);
      tcp::acceptor acceptor(strand_);
      error = listen(acceptor, endpoint);
      // `localhost` has an IPv6 address even where the kernel has no IPv6.
      if (error == asio::error::address_family_not_supported ||
          error == boost::system::errc::address_not_available) {
        continue;
      }
      if (error) {
        acceptors_.clear();
        return listen_error(port, error);
      }
      port = acceptor.local_endpoint(error).port();
      acceptors_.push_back(std::move(acceptor));
    }
    if (acceptors_.empty()) return listen_error(port, error);
    for (tcp::acceptor& acceptor : acceptors_) {
      asio::co_spawn(strand_, accept_loop(shared_from_this(), acceptor), asio::detached);
    }
    return port;
  }

  bool stop(std::chrono::milliseconds timeout) {
    const auto all_closed = std::make_shared<std::promise<void>>();
    asio::post(strand_, [self = shared_from_this(), all_closed] {
      self->stopping_ = true;
      self->all_closed_ = all_closed;
      for (tcp::acceptor& acceptor : self->acceptors_) {
        error_code ignored;
        acceptor.close(ignored);
      }
      self->room_.cancel();
      for (const auto& session : self->sessions_) {
        asio::post(session->executor(), [session] { session->stop(); });
      }
      self->report_if_all_closed();
    });
    return all_closed->get_future().wait_for(timeout) == std::future_status::ready;
  }

 private:
  static error_code listen(tcp::acceptor& acceptor, const tcp::endpoint& endpoint) {
    error_code error;
    acceptor.open(endpoint.protocol(), error);
    if (!error) acceptor.set_option(tcp::acceptor::reuse_address(true), error);
    if (!error && endpoint.address().is_v6()) {
      acceptor.set_option(asio::ip::v6_only(true), error);
    }
    if (!error) acceptor.bind(endpoint, error);
    if (!error) acceptor.listen(asio::socket_base::max_listen_connections, error);
    return error;
  }

  [[nodiscard]] Error listen_error(std::uint16_t port, const error_code& error) const {
    std::string message = "cannot listen on " + options_.host + ":" + std::to_string(port) + ": ";
    message += error == asio::error::address_in_use ? "the port is in use" : error.message();
    return Error{std::move(message)};
  }

  // `self` keeps what the coroutine refers to alive.
  static asio::awaitable<void> accept_loop(std::shared_ptr<Impl> self, tcp::acceptor& acceptor) {
    while (!self->stopping_) {
      if (self->sessions_.size() >= self->options_.max_connections) {
        self->room_.expires_at(asio::steady_timer::time_point::max());
        co_await self->room_.async_wait(kNoThrow);
        continue;
      }
      auto [error, socket] = co_await acceptor.async_accept(asio::make_strand(self->io_), kNoThrow);
      if (self->stopping_) break;
      if (error) {
        // Out of descriptors, most likely: wait for some to come free instead of spinning.
        asio::steady_timer pause(self->strand_, std::chrono::milliseconds(50));
        co_await pause.async_wait(kNoThrow);
        continue;
      }
      self->serve(std::move(socket));
    }
  }

  void serve(tcp::socket socket) {
    auto session = std::make_shared<Session>(std::move(socket), options_, handler_);
    sessions_.insert(session);
    asio::co_spawn(integrations::ContextExecutor(session->executor()), session->run(),
                   [self = shared_from_this(), session](const std::exception_ptr&) {
                     asio::dispatch(self->strand_, [self, session] {
                       self->sessions_.erase(session);
                       self->room_.cancel();
                       self->report_if_all_closed();
                     });
                   });
  }

  void report_if_all_closed() {
    if (stopping_ && all_closed_ != nullptr && sessions_.empty()) {
      std::exchange(all_closed_, nullptr)->set_value();
    }
  }

  asio::io_context& io_;
  const Options options_;
  const Handler handler_;
  asio::strand<asio::io_context::executor_type> strand_;
  asio::steady_timer room_;  // Cancelled whenever a session has ended.
  std::vector<tcp::acceptor> acceptors_;
  std::unordered_set<std::shared_ptr<Session>> sessions_;
  bool stopping_ = false;
  std::shared_ptr<std::promise<void>> all_closed_;  // Of the last stop().
};

HttpServer::HttpServer(asio::io_context& io, Options options, Handler handler)
    : impl_(std::make_shared<Impl>(io, std::move(options), std::move(handler))) {}

HttpServer::~HttpServer() = default;

Result<std::uint16_t> HttpServer::start() {
  return impl_->start();
}

bool HttpServer::stop(std::chrono::milliseconds timeout) {
  return impl_->stop(timeout);
}

}  // namespace signalbox::demo

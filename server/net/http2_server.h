#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

#include "server/net/connection_cap.h"
#include "server/net/http.h"
#include "server/net/server_counters.h"
#include "server/net/tls.h"

namespace boost::asio {
class io_context;  // NOLINT(readability-identifier-naming): Boost's name.
}  // namespace boost::asio

namespace signalbox::server::net {

/// An HTTP/2 server for clients with prior knowledge (h2c), which gRPC clients are, or within TLS.
///
/// Guards against floods: limits on concurrent streams, on the rate at which a client resets
/// streams, and on unread control frames; who exceeds them is told ENHANCE_YOUR_CALM and closed.
///
/// Thread-safety, lifetime, errors: as HttpServer.
class Http2Server {
 public:
  struct Options {
    Endpoint endpoint;
    HttpLimits limits;
    std::uint32_t max_concurrent_streams = 256;  ///< Of one connection. > 0.
    std::uint32_t stream_window_bytes =
        4 * 1024 * 1024;  ///< What a client may send unasked; < 2^31.
    std::uint32_t connection_window_bytes = 32 * 1024 * 1024;  ///< The same, of all its streams.
    std::chrono::milliseconds keepalive_interval{60'000};      ///< Silence before a PING. > 0.
    std::chrono::milliseconds keepalive_timeout{20'000};  ///< How long it may stay unanswered. > 0.
    std::uint32_t max_reset_burst = 1000;                 ///< Streams a client may reset at once …
    std::uint32_t max_resets_per_second = 50;             ///< … and go on resetting.
    std::shared_ptr<RequestBudget> budget;  ///< Shared between servers; null: only the limits.
    std::shared_ptr<ConnectionCap> connection_cap;  ///< The same.
    std::shared_ptr<TlsContext> tls;                ///< Null: without TLS.
    RefusalResponse refusal_response;               ///< Null: `default_refusal`.
    HeadCheck head_check;                           ///< Null: every head is taken.
    StreamHandler stream_handler;                   ///< Null: no request is streamed.
    std::size_t max_streamed_calls = 1024;          ///< At one time, of all connections.
    WrongProtocol on_wrong_protocol;                ///< Null: nobody is told.
    /// Not null.
    std::shared_ptr<ServerCounters> counters = std::make_shared<ServerCounters>();
    std::string option_name;  ///< The setting that chose the endpoint, for the error message.
  };

  explicit Http2Server(Options options);
  ~Http2Server();
  Http2Server(const Http2Server&) = delete;
  Http2Server& operator=(const Http2Server&) = delete;

  /// As HttpServer::start.
  void start(boost::asio::io_context& io, Handler handler);
  [[nodiscard]] Endpoint local_endpoint() const;
  /// As HttpServer::stop; clients are told by GOAWAY that their next streams belong elsewhere.
  void stop();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace signalbox::server::net

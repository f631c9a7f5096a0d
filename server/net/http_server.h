#pragma once

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

/// An HTTP/1.1 server: keep-alive, chunked bodies either way, HEAD, `Expect: 100-continue`.
///
/// Thread-safety: `start` and `stop` from one thread, not one that runs the io_context; its
/// io_context may be run by several threads. Lifetime: the io_context outlives it; the destructor
/// stops it. Errors: `start` throws; a faulty connection is answered by 4xx where possible, and
/// closed.
class HttpServer {
 public:
  struct Options {
    Endpoint endpoint;
    HttpLimits limits;
    std::shared_ptr<RequestBudget> budget;  ///< Shared between servers; null: only the limits.
    std::shared_ptr<ConnectionCap> connection_cap;  ///< The same.
    std::shared_ptr<TlsContext> tls;                ///< Null: without TLS.
    RefusalResponse refusal_response;               ///< Null: `default_refusal`.
    HeadCheck head_check;                           ///< Null: every head is taken.
    WrongProtocol on_wrong_protocol;                ///< Null: nobody is told.
    /// Not null.
    std::shared_ptr<ServerCounters> counters = std::make_shared<ServerCounters>();
    std::string option_name;  ///< The setting that chose the endpoint, for the error message.
  };

  explicit HttpServer(Options options);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// Binds, listens and serves from then on. Throws std::runtime_error, naming the endpoint and
  /// `option_name`, if it cannot listen there (e.g. the port is in use); then nothing has changed.
  void start(boost::asio::io_context& io, Handler handler);

  /// Where it listens, the port chosen included. Only after `start`.
  [[nodiscard]] Endpoint local_endpoint() const;

  /// Stops accepting, closes idle connections, waits for requests under way up to
  /// `limits.drain_timeout`, then closes all. Blocks; the io_context must be running. Idempotent.
  void stop();

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace signalbox::server::net

#pragma once

#include <boost/asio/io_context.hpp>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "demo/common/http.h"
#include "signalbox/common/result.h"

namespace signalbox::demo {

/// An HTTP/1.1 server of coroutines: one for each connection, each with its own context, on however
/// many threads run the io_context.
///
/// Thread-safety: all functions from any thread. Lifetime: the io_context must outlive it.
/// Errors: a faulty client is answered with 400, 413 or 431 and disconnected, a slow one only
/// disconnected.
class HttpServer {
 public:
  struct Options {
    std::string host = "localhost";
    std::uint16_t port = 0;              ///< 0: any free one.
    std::size_t max_connections = 1024;  ///< Further ones wait to be accepted; > 0.
    std::uint32_t max_header_bytes = 16 * 1024;
    std::uint64_t max_body_bytes = 64 * 1024;
    std::chrono::milliseconds read_timeout{10'000};  ///< For a whole request, and for idleness.
    std::chrono::milliseconds write_timeout{10'000};
  };

  HttpServer(boost::asio::io_context& io, Options options, Handler handler);
  ~HttpServer();
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  /// Binds every address of the host and serves from then on. Returns the port, or says why not;
  /// then nothing is bound.
  [[nodiscard]] Result<std::uint16_t> start();

  /// Stops accepting, closes idle connections and, once they are answered, those with a request
  /// under way. Waits until all are closed, at most `timeout`; false if some are left. Not to be
  /// called by a thread that runs the io_context, which must be running.
  bool stop(std::chrono::milliseconds timeout);

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

}  // namespace signalbox::demo

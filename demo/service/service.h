#pragma once

#include <spdlog/logger.h>

#include <chrono>
#include <cstdint>
#include <memory>

#include "demo/common/http_client.h"
#include "demo/common/router.h"

namespace signalbox::demo {

/// The demo's service:
///
/// - `GET /` greets,
/// - `POST /fibonacci` computes after a pause, and refuses bad bodies with 422,
/// - `GET /external` calls another service within the same trace,
/// - everything else is answered by a fallback with 404.
///
/// Thread-safety: `handle` from any thread. Lifetime: it must outlive its requests. Create it after
/// the SDK is installed.
class Service {
 public:
  /// A random time in this range.
  struct Pause {
    std::chrono::milliseconds min;
    std::chrono::milliseconds max;
  };
  struct Options {
    Url echo_url;  ///< What `/external` calls.
    Pause fibonacci_pause{std::chrono::milliseconds(250), std::chrono::milliseconds(750)};
    Pause fallback_pause{std::chrono::milliseconds(50), std::chrono::milliseconds(100)};
    HttpClient::Options client;
  };

  explicit Service(Options options);

  boost::asio::awaitable<Response> handle(const Request& request, const Connection& connection);

 private:
  boost::asio::awaitable<Answer> index();
  boost::asio::awaitable<Answer> fibonacci_of(const Request& request);
  boost::asio::awaitable<Answer> external();
  boost::asio::awaitable<Answer> not_found(const Request& request);

  Options options_;
  HttpClient client_;
  trace::Tracer tracer_;
  std::shared_ptr<spdlog::logger> log_;
  std::shared_ptr<spdlog::logger> fibonacci_log_;
  std::shared_ptr<spdlog::logger> external_log_;
  std::shared_ptr<spdlog::logger> fallback_log_;
  Router router_;
};

}  // namespace signalbox::demo

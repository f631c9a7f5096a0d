#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/asio/ssl/context.hpp>
#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <variant>

#include "demo/common/http.h"
#include "signalbox/common/result.h"

namespace signalbox::demo {

/// An absolute URL, taken apart.
struct Url {
  std::string text;    ///< As given.
  std::string scheme;  ///< `http` or `https`.
  std::string host;
  std::uint16_t port = 0;
  std::string target;  ///< Path and query, at least `/`.
};

/// Parses an http or https URL; says what is wrong with it otherwise.
[[nodiscard]] Result<Url> parse_url(std::string_view text);

/// The `Host` header for `url`: without the port if that is the scheme's own.
[[nodiscard]] std::string host_header(const Url& url);

/// Why a request got no answer.
struct FetchError {
  std::string type;     ///< For `error.type`: `resolve`, `connect`, `tls`, `http` or `timeout`.
  std::string message;  ///< For a human.
};

/// Sends requests over http or https, each on a connection of its own.
///
/// Thread-safety: `fetch` from any thread. Lifetime: it must outlive its fetches.
class HttpClient {
 public:
  struct Options {
    std::chrono::milliseconds timeout{10'000};  ///< For connecting, and again for the exchange.
    std::uint64_t max_body_bytes = 4 * 1024 * 1024;
  };

  explicit HttpClient(Options options);

  /// Sends `request` to `url`, whose Host header it sets. Certificates are verified against the
  /// system's authorities. Does not follow redirects. A status of any kind is an answer.
  boost::asio::awaitable<std::variant<Response, FetchError>> fetch(const Url& url, Request request);

 private:
  Options options_;
  boost::asio::ssl::context tls_;
};

}  // namespace signalbox::demo

#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

namespace signalbox::server::store {

/// How an HTTP exchange ended.
enum class Outcome : std::uint8_t {
  kAnswered,      ///< The response has come as a whole.
  kNotConnected,  ///< Nothing was sent: another endpoint may be tried.
  kBroken,        ///< The connection broke; what the other side has done is not known.
  kLate,          ///< The deadline has passed.
  kStopped,       ///< A stop was requested.
  kDeclined,      ///< The sink wanted no more.
};

struct HttpRequest {
  std::string url;
  std::vector<std::string> headers;  ///< "Name: value".
  std::span<const std::string_view> body;
  std::chrono::steady_clock::time_point deadline;
  std::stop_token stop;
};

struct HttpAnswer {
  Outcome outcome = Outcome::kNotConnected;
  long status = 0;
  std::map<std::string, std::string> headers;  ///< Names in lower case.
  std::string error;                           ///< For other outcomes than kAnswered.
};

struct HttpSecurity {
  std::string ca_file;  ///< PEM; empty: the system's.
};

/// One HTTP client: keeps its connections open from one exchange to the next.
///
/// Thread-safety: one thread at a time. Errors: std::runtime_error if libcurl cannot be set up, and
/// what the sink throws.
class HttpClient {
 public:
  explicit HttpClient(HttpSecurity security);
  ~HttpClient();
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;

  /// Sends `request` as POST. `sink` gets the body as it comes, when `answer.status` and
  /// `answer.headers` are set; false ends the exchange.
  void exchange(const HttpRequest& request, HttpAnswer& answer,
                const std::function<bool(std::string_view)>& sink);

 private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

/// `text` as a value in a URL's query.
std::string url_encoded(std::string_view text);

}  // namespace signalbox::server::store

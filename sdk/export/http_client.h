#pragma once

#include <curl/curl.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace signalbox::sdk {

/// What a connection needs to know besides the URL.
struct TlsFiles {
  std::string ca_file;
  std::string client_certificate_file;
  std::string client_key_file;
};

/// One POST and what came of it.
struct HttpRequest {
  std::string url = {};
  std::vector<std::string> headers = {};  ///< "name: value"
  std::string_view body = {};
  bool require_http2 = false;
};

struct HttpResponse {
  enum class Outcome : std::uint8_t {
    kAnswered,
    kNoAnswer,  ///< Not reached, cut off or timed out; another attempt may succeed.
    kUnusable,  ///< Will not work next time either: certificate, protocol, oversized answer.
    kCancelled,
    kNotConnected,  ///< Internal: there was no open connection, and none was to be opened.
  };
  Outcome outcome = Outcome::kNoAnswer;
  long status = 0;
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;  ///< Trailers too; names in lower case.
  std::chrono::seconds retry_after{0};                       ///< 0: not said.
  std::string error;                                         ///< Unless answered.

  /// The last header of that name; empty if there is none.
  [[nodiscard]] std::string_view header(std::string_view name) const noexcept;
};

/// A libcurl handle that keeps its connection.
///
/// Thread-safety: `interrupt` from any thread, all else from one at a time. A forked child gets a
/// fresh handle: the parent's connection is left alone.
class HttpClient {
 public:
  /// `cancels` is counted up by whoever interrupts; `max_response_bytes` bounds body and headers.
  HttpClient(TlsFiles tls, std::size_t max_response_bytes,
             const std::atomic<std::uint64_t>& cancels);
  HttpClient(const HttpClient&) = delete;
  HttpClient& operator=(const HttpClient&) = delete;
  ~HttpClient();

  /// Posts and waits for the whole answer, for `deadline`, or until `cancels` is no longer
  /// `cancels_before`.
  [[nodiscard]] HttpResponse post(const HttpRequest& request,
                                  std::chrono::steady_clock::time_point deadline,
                                  std::uint64_t cancels_before);

  /// Sleeps until `until`; returns false at once if `cancels` changes.
  [[nodiscard]] bool wait(std::chrono::steady_clock::time_point until,
                          std::uint64_t cancels_before);

  /// Makes a running `post` or `wait` look at `cancels` now.
  void interrupt() noexcept;

 private:
  // Whether a request may, may not or must open a connection.
  enum class Connect : std::uint8_t { kAsNeeded, kNever, kAlways };
  [[nodiscard]] HttpResponse perform(const HttpRequest& request,
                                     std::chrono::steady_clock::time_point deadline,
                                     std::uint64_t cancels_before, Connect connect);
  void renew_after_fork();

  const TlsFiles tls_;
  const std::size_t max_response_bytes_;
  const std::atomic<std::uint64_t>& cancels_;
  std::atomic<CURLM*> multi_{nullptr};
  CURL* easy_ = nullptr;
  int process_ = 0;
  bool has_connected_ = false;
};

}  // namespace signalbox::sdk

#include "sdk/export/http_client.h"

#include <pthread.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <csignal>
#include <ctime>
#include <limits>
#include <mutex>
#include <stdexcept>

namespace signalbox::sdk {
namespace {

using Clock = std::chrono::steady_clock;

// Keeps a connection that the server closed from ending the program, without touching the program's
// own handling of SIGPIPE (which libcurl would do, were it not told not to use signals).
class SigpipeBlock {
 public:
  SigpipeBlock() noexcept {
    sigemptyset(&pipe_);
    sigaddset(&pipe_, SIGPIPE);
    sigset_t pending;
    sigpending(&pending);
    was_pending_ = sigismember(&pending, SIGPIPE) == 1;
    pthread_sigmask(SIG_BLOCK, &pipe_, &before_);
  }
  SigpipeBlock(const SigpipeBlock&) = delete;
  SigpipeBlock& operator=(const SigpipeBlock&) = delete;
  ~SigpipeBlock() {
    if (!was_pending_) {
      const timespec no_wait{};
      sigtimedwait(&pipe_, nullptr, &no_wait);
    }
    pthread_sigmask(SIG_SETMASK, &before_, nullptr);
  }

 private:
  sigset_t pipe_{};
  sigset_t before_{};
  bool was_pending_ = false;
};

// What libcurl's callbacks fill in.
struct Transfer {
  HttpResponse* response;
  std::size_t max_bytes;
  std::size_t header_bytes = 0;
  bool too_large = false;
};

std::size_t on_body(char* data, std::size_t size, std::size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  const std::size_t bytes = size * count;
  if (bytes > transfer.max_bytes - std::min(transfer.response->body.size(), transfer.max_bytes)) {
    transfer.too_large = true;
    return 0;  // Ends the transfer.
  }
  transfer.response->body.append(data, bytes);
  return bytes;
}

std::string_view trim(std::string_view text) {
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.front())) != 0) {
    text.remove_prefix(1);
  }
  while (!text.empty() && std::isspace(static_cast<unsigned char>(text.back())) != 0) {
    text.remove_suffix(1);
  }
  return text;
}

std::size_t on_header(char* data, std::size_t size, std::size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  const std::string_view line(data, size * count);
  transfer.header_bytes += line.size();
  if (transfer.header_bytes > transfer.max_bytes) {
    transfer.too_large = true;
    return 0;
  }
  if (line.starts_with("HTTP/")) {
    transfer.response->headers.clear();  // What came before was a 1xx answer.
  } else if (const auto colon = line.find(':'); colon != std::string_view::npos && colon > 0) {
    std::string name(trim(line.substr(0, colon)));
    std::transform(name.begin(), name.end(), name.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    transfer.response->headers.emplace_back(std::move(name), trim(line.substr(colon + 1)));
  }
  return line.size();
}

// libcurl before 8.0 puts HTTP/2 on top of HTTP/2 when it reuses a cleartext connection that it was
// told speaks HTTP/2, and fails from then on: curl issue 10634.
bool breaks_reused_http2() {
  constexpr unsigned kFirstBroken = 0x075700;
  constexpr unsigned kFirstFixed = 0x080000;
  static const unsigned version = curl_version_info(CURLVERSION_NOW)->version_num;
  return version >= kFirstBroken && version < kFirstFixed;
}

curl_socket_t refuse_socket(void* user, curlsocktype /*purpose*/, curl_sockaddr* /*address*/) {
  *static_cast<bool*>(user) = true;
  return CURL_SOCKET_BAD;
}

// Whether a failure is one that lasts until somebody changes the configuration.
bool is_lasting(CURLcode code) {
  switch (code) {
    case CURLE_UNSUPPORTED_PROTOCOL:
    case CURLE_URL_MALFORMAT:
    case CURLE_SSL_CERTPROBLEM:
    case CURLE_SSL_CIPHER:
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
    case CURLE_SSL_ENGINE_NOTFOUND:
    case CURLE_BAD_FUNCTION_ARGUMENT:
    case CURLE_TOO_MANY_REDIRECTS:
      return true;
    default:
      return false;
  }
}

bool is_loopback(const std::string& url) {
  CURLU* parts = curl_url();
  char* host = nullptr;
  bool loopback = false;
  if (parts != nullptr && curl_url_set(parts, CURLUPART_URL, url.c_str(), 0) == CURLUE_OK &&
      curl_url_get(parts, CURLUPART_HOST, &host, 0) == CURLUE_OK) {
    const std::string_view name(host);
    loopback = name == "localhost" || name == "[::1]" || name.starts_with("127.");
  }
  curl_free(host);
  curl_url_cleanup(parts);
  return loopback;
}

int milliseconds_until(Clock::time_point until) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(until - Clock::now()).count();
  return static_cast<int>(std::clamp<std::int64_t>(left, 0, std::numeric_limits<int>::max() / 2));
}

}  // namespace

std::string_view HttpResponse::header(std::string_view name) const noexcept {
  std::string_view found;
  for (const auto& [key, value] : headers) {
    if (key == name) {
      found = value;
    }
  }
  return found;
}

HttpClient::HttpClient(TlsFiles tls, std::size_t max_response_bytes,
                       const std::atomic<std::uint64_t>& cancels)
    : tls_(std::move(tls)),
      max_response_bytes_(max_response_bytes),
      cancels_(cancels),
      process_(getpid()) {
  static std::once_flag once;
  std::call_once(once, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  easy_ = curl_easy_init();
  multi_ = curl_multi_init();
  if (easy_ == nullptr || multi_.load() == nullptr) {
    curl_easy_cleanup(easy_);
    curl_multi_cleanup(multi_.load());
    throw std::runtime_error("libcurl cannot be initialised: out of memory");
  }
}

HttpClient::~HttpClient() {
  if (process_ != getpid()) {
    return;  // The connection is the parent's: closing it properly would write to it.
  }
  curl_easy_cleanup(easy_);
  curl_multi_cleanup(multi_.load());
}

void HttpClient::renew_after_fork() {
  if (process_ == getpid()) {
    return;
  }
  process_ = getpid();
  has_connected_ = false;
  easy_ = curl_easy_init();
  multi_ = curl_multi_init();
}

HttpResponse HttpClient::post(const HttpRequest& request, Clock::time_point deadline,
                              std::uint64_t cancels_before) {
  renew_after_fork();
  const bool is_cleartext_http2 = request.require_http2 && !request.url.starts_with("https:");
  if (!is_cleartext_http2 || !breaks_reused_http2()) {
    return perform(request, deadline, cancels_before, Connect::kAsNeeded);
  }
  if (has_connected_) {
    HttpResponse response = perform(request, deadline, cancels_before, Connect::kNever);
    if (response.outcome != HttpResponse::Outcome::kNotConnected) {
      return response;
    }
  }
  has_connected_ = true;
  return perform(request, deadline, cancels_before, Connect::kAlways);
}

HttpResponse HttpClient::perform(const HttpRequest& request, Clock::time_point deadline,
                                 std::uint64_t cancels_before, Connect connect) {
  HttpResponse response;
  Transfer transfer{.response = &response, .max_bytes = max_response_bytes_};
  std::array<char, CURL_ERROR_SIZE> error_text{};
  curl_slist* headers = nullptr;
  for (const std::string& header : request.headers) {
    headers = curl_slist_append(headers, header.c_str());
  }

  const bool is_tls = request.url.starts_with("https:");
  curl_easy_reset(easy_);  // Options only: connections stay.
  curl_easy_setopt(easy_, CURLOPT_URL, request.url.c_str());
  curl_easy_setopt(easy_, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(easy_, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(easy_, CURLOPT_POST, 1L);
  const char* const body = request.body.data();  // Its size is given below.
  curl_easy_setopt(easy_, CURLOPT_POSTFIELDS, body);
  curl_easy_setopt(easy_, CURLOPT_POSTFIELDSIZE_LARGE,
                   static_cast<curl_off_t>(request.body.size()));
  curl_easy_setopt(easy_, CURLOPT_HTTPHEADER, headers);
  curl_easy_setopt(easy_, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(easy_, CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(easy_, CURLOPT_HEADERFUNCTION, on_header);
  curl_easy_setopt(easy_, CURLOPT_HEADERDATA, &transfer);
  curl_easy_setopt(easy_, CURLOPT_ERRORBUFFER, error_text.data());
  long version = CURL_HTTP_VERSION_1_1;
  if (is_tls) {
    version = CURL_HTTP_VERSION_2TLS;
  } else if (request.require_http2) {
    // On a connection that is known to speak HTTP/2 already, either value means the same.
    version =
        connect == Connect::kNever ? CURL_HTTP_VERSION_2_0 : CURL_HTTP_VERSION_2_PRIOR_KNOWLEDGE;
  }
  curl_easy_setopt(easy_, CURLOPT_HTTP_VERSION, version);
  curl_easy_setopt(easy_, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
  if (!tls_.ca_file.empty()) {
    curl_easy_setopt(easy_, CURLOPT_CAINFO, tls_.ca_file.c_str());
    curl_easy_setopt(easy_, CURLOPT_CAPATH, nullptr);
  }
  if (!tls_.client_certificate_file.empty()) {
    curl_easy_setopt(easy_, CURLOPT_SSLCERT, tls_.client_certificate_file.c_str());
    curl_easy_setopt(easy_, CURLOPT_SSLKEY, tls_.client_key_file.c_str());
  }
  curl_easy_setopt(easy_, CURLOPT_FRESH_CONNECT, connect == Connect::kAlways ? 1L : 0L);
  bool was_refused = false;
  if (connect == Connect::kNever) {
    curl_easy_setopt(easy_, CURLOPT_OPENSOCKETFUNCTION, refuse_socket);
    curl_easy_setopt(easy_, CURLOPT_OPENSOCKETDATA, &was_refused);
  }
  if (is_loopback(request.url)) {
    curl_easy_setopt(easy_, CURLOPT_PROXY, "");  // A proxy would look on its own machine.
  }

  CURLM* multi = multi_.load();
  CURLcode code = CURLE_OPERATION_TIMEDOUT;
  {
    const SigpipeBlock block;
    curl_multi_add_handle(multi, easy_);
    int running = 1;
    while (running != 0) {
      if (curl_multi_perform(multi, &running) != CURLM_OK) {
        code = CURLE_FAILED_INIT;
        break;
      }
      if (cancels_.load() != cancels_before) {
        response.outcome = HttpResponse::Outcome::kCancelled;
        break;
      }
      const int left_ms = milliseconds_until(deadline);
      if (running != 0 && left_ms == 0) {
        break;
      }
      if (running != 0) {
        curl_multi_poll(multi, nullptr, 0, left_ms, nullptr);
      }
    }
    int queued = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi, &queued)) {
      if (message->msg == CURLMSG_DONE) {
        code = message->data.result;
        response.outcome = HttpResponse::Outcome::kNoAnswer;
      }
    }
    curl_multi_remove_handle(multi, easy_);
  }
  curl_slist_free_all(headers);

  if (response.outcome == HttpResponse::Outcome::kCancelled) {
    response.error = "given up because of shutdown";
    return response;
  }
  curl_easy_getinfo(easy_, CURLINFO_RESPONSE_CODE, &response.status);
  if (transfer.too_large) {
    response.outcome = HttpResponse::Outcome::kUnusable;
    response.error = "the answer is longer than " + std::to_string(max_response_bytes_) + " bytes";
    return response;
  }
  if (was_refused) {
    response.outcome = HttpResponse::Outcome::kNotConnected;
    return response;
  }
  if (code != CURLE_OK) {
    response.outcome =
        is_lasting(code) ? HttpResponse::Outcome::kUnusable : HttpResponse::Outcome::kNoAnswer;
    response.error = error_text[0] != '\0' ? error_text.data() : curl_easy_strerror(code);
    return response;
  }
  long used_version = 0;
  curl_easy_getinfo(easy_, CURLINFO_HTTP_VERSION, &used_version);
  if (request.require_http2 && used_version != CURL_HTTP_VERSION_2_0) {
    response.outcome = HttpResponse::Outcome::kUnusable;
    response.error = "the server does not speak HTTP/2, which gRPC needs";
    return response;
  }
  curl_off_t retry_after = 0;
  curl_easy_getinfo(easy_, CURLINFO_RETRY_AFTER, &retry_after);
  response.retry_after = std::chrono::seconds(std::clamp<curl_off_t>(retry_after, 0, 24 * 60 * 60));
  response.outcome = HttpResponse::Outcome::kAnswered;
  return response;
}

bool HttpClient::wait(Clock::time_point until, std::uint64_t cancels_before) {
  renew_after_fork();
  while (cancels_.load() == cancels_before) {
    const int left_ms = milliseconds_until(until);
    if (left_ms == 0) {
      return true;
    }
    curl_multi_poll(multi_.load(), nullptr, 0, left_ms, nullptr);
  }
  return false;
}

void HttpClient::interrupt() noexcept {
  curl_multi_wakeup(multi_.load());
}

}  // namespace signalbox::sdk

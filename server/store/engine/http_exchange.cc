#include "server/store/engine/http_exchange.h"

#include <curl/curl.h>

#include <algorithm>
#include <cstddef>
#include <exception>
#include <mutex>
#include <stdexcept>
#include <utility>

namespace signalbox::server::store {
namespace {

using Clock = std::chrono::steady_clock;

constexpr long kConnectTimeoutMs = 3000;
constexpr std::size_t kMaxHeaders = 100;

void initialise_curl_once() {
  static std::once_flag done;
  std::call_once(done, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
}

struct HeaderList {
  explicit HeaderList(const std::vector<std::string>& headers) {
    for (const std::string& header : headers) list = curl_slist_append(list, header.c_str());
    list = curl_slist_append(list, "Expect:");  // No round trip before the body.
  }
  ~HeaderList() { curl_slist_free_all(list); }
  HeaderList(const HeaderList&) = delete;
  HeaderList& operator=(const HeaderList&) = delete;
  curl_slist* list = nullptr;
};

/// What the callbacks of one exchange work on.
struct Exchange {
  std::span<const std::string_view> body;
  std::size_t piece = 0;
  std::size_t at = 0;
  CURL* easy = nullptr;
  HttpAnswer* answer = nullptr;
  const std::function<bool(std::string_view)>* sink = nullptr;
  std::exception_ptr thrown;
  bool declined = false;

  std::size_t read(char* out, std::size_t room) {
    std::size_t copied = 0;
    while (copied < room && piece < body.size()) {
      const std::string_view rest = body[piece].substr(at);
      const std::size_t count = std::min(room - copied, rest.size());
      std::copy_n(rest.begin(), count, out + copied);
      copied += count;
      at += count;
      if (at == body[piece].size()) {
        ++piece;
        at = 0;
      }
    }
    return copied;
  }

  bool rewind() {
    piece = 0;
    at = 0;
    return true;
  }

  void header(std::string_view line) {
    if (line.starts_with("HTTP/")) answer->headers.clear();  // Of an interim response.
    const std::size_t colon = line.find(':');
    if (colon == std::string_view::npos || answer->headers.size() >= kMaxHeaders) return;
    std::string name(line.substr(0, colon));
    for (char& c : name) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    std::string_view value = line.substr(colon + 1);
    while (!value.empty() && value.front() == ' ') value.remove_prefix(1);
    while (!value.empty() && (value.back() == '\r' || value.back() == '\n')) value.remove_suffix(1);
    answer->headers[std::move(name)] = value;
  }

  bool write(std::string_view data) noexcept {
    try {
      curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &answer->status);
      declined = !(*sink)(data);
    } catch (...) {
      thrown = std::current_exception();
      return false;
    }
    return !declined;
  }
};

std::size_t on_read(char* out, std::size_t size, std::size_t count, void* exchange) {
  return static_cast<Exchange*>(exchange)->read(out, size * count);
}

int on_seek(void* exchange, curl_off_t offset, int origin) {
  const bool to_start = offset == 0 && origin == SEEK_SET;
  return to_start && static_cast<Exchange*>(exchange)->rewind() ? CURL_SEEKFUNC_OK
                                                                : CURL_SEEKFUNC_CANTSEEK;
}

std::size_t on_header(char* data, std::size_t size, std::size_t count, void* exchange) {
  static_cast<Exchange*>(exchange)->header({data, size * count});
  return size * count;
}

std::size_t on_write(char* data, std::size_t size, std::size_t count, void* exchange) {
  return static_cast<Exchange*>(exchange)->write({data, size * count}) ? size * count : 0;
}

Outcome outcome_of(CURLcode code, CURL* easy) {
  switch (code) {
    case CURLE_OK:
      return Outcome::kAnswered;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_CONNECT:
    case CURLE_SSL_CONNECT_ERROR:
    case CURLE_PEER_FAILED_VERIFICATION:
      return Outcome::kNotConnected;
    case CURLE_OPERATION_TIMEDOUT: {  // Only of the connect: the deadline is kept here.
      curl_off_t connected_us = 0;
      curl_easy_getinfo(easy, CURLINFO_CONNECT_TIME_T, &connected_us);
      return connected_us == 0 ? Outcome::kNotConnected : Outcome::kBroken;
    }
    default:
      return Outcome::kBroken;
  }
}

}  // namespace

struct HttpClient::Implementation {
  explicit Implementation(HttpSecurity options) : security(std::move(options)) {
    initialise_curl_once();
    multi = curl_multi_init();
    easy = curl_easy_init();
    if (multi == nullptr || easy == nullptr) {
      throw std::runtime_error("libcurl could not be initialised");
    }
  }
  ~Implementation() {
    curl_easy_cleanup(easy);
    curl_multi_cleanup(multi);
  }
  Implementation(const Implementation&) = delete;
  Implementation& operator=(const Implementation&) = delete;

  void set_up(const HttpRequest& request, const HeaderList& headers, Exchange& exchange) {
    std::size_t size = 0;
    for (const std::string_view piece : request.body) size += piece.size();
    curl_easy_reset(easy);
    curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, kConnectTimeoutMs);
    curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(easy, CURLOPT_POST, 1L);
    curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(size));
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers.list);
    curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(easy, CURLOPT_READDATA, &exchange);
    curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, on_seek);
    curl_easy_setopt(easy, CURLOPT_SEEKDATA, &exchange);
    curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_header);
    curl_easy_setopt(easy, CURLOPT_HEADERDATA, &exchange);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_write);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &exchange);
    curl_easy_setopt(easy, CURLOPT_UPLOAD_BUFFERSIZE, 1L << 20);
    if (!security.ca_file.empty()) {
      curl_easy_setopt(easy, CURLOPT_CAINFO, security.ca_file.c_str());
    }
  }

  /// Until the exchange has ended: kAnswered, and the code says how; or kLate, kStopped.
  Outcome drive(const HttpRequest& request, CURLcode& code) {
    const std::stop_callback wake(request.stop, [this] { curl_multi_wakeup(multi); });
    for (;;) {
      int running = 0;
      curl_multi_perform(multi, &running);
      int left = 0;
      if (const CURLMsg* message = curl_multi_info_read(multi, &left); message != nullptr) {
        code = message->data.result;
        return Outcome::kAnswered;
      }
      if (request.stop.stop_requested()) return Outcome::kStopped;
      const auto rest =
          std::chrono::ceil<std::chrono::milliseconds>(request.deadline - Clock::now());
      if (rest.count() <= 0) return Outcome::kLate;
      const int wait_ms = static_cast<int>(std::min<std::int64_t>(rest.count(), 1000));
      curl_multi_poll(multi, nullptr, 0, wait_ms, nullptr);
    }
  }

  HttpSecurity security;
  CURLM* multi = nullptr;
  CURL* easy = nullptr;
};

HttpClient::HttpClient(HttpSecurity security)
    : implementation_(std::make_unique<Implementation>(std::move(security))) {}

HttpClient::~HttpClient() = default;

void HttpClient::exchange(const HttpRequest& request, HttpAnswer& answer,
                          const std::function<bool(std::string_view)>& sink) {
  Implementation& curl = *implementation_;
  answer = {};
  const HeaderList headers(request.headers);
  Exchange exchange{
      .body = request.body, .easy = curl.easy, .answer = &answer, .sink = &sink, .thrown = {}};
  curl.set_up(request, headers, exchange);
  curl_multi_add_handle(curl.multi, curl.easy);
  CURLcode code = CURLE_OK;
  answer.outcome = curl.drive(request, code);
  curl_multi_remove_handle(curl.multi, curl.easy);
  if (exchange.thrown) std::rethrow_exception(exchange.thrown);
  if (answer.outcome == Outcome::kAnswered) {
    answer.outcome = exchange.declined ? Outcome::kDeclined : outcome_of(code, curl.easy);
    answer.error = curl_easy_strerror(code);
    curl_easy_getinfo(curl.easy, CURLINFO_RESPONSE_CODE, &answer.status);
  }
}

std::string url_encoded(std::string_view text) {
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  out.reserve(text.size());
  for (const char c : text) {
    const bool plain = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
                       c == '-' || c == '_' || c == '.' || c == '~';
    if (plain) {
      out += c;
    } else {
      const auto byte = static_cast<unsigned char>(c);
      out += '%';
      out += kHex[byte >> 4];
      out += kHex[byte & 15];
    }
  }
  return out;
}

}  // namespace signalbox::server::store

#include "server/cli/http_source.h"

#include <curl/curl.h>

#include <chrono>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "server/ascii.h"
#include "server/cli/failure.h"
#include "server/curl_handles.h"

namespace signalbox::server::cli {
namespace {

constexpr long kOk = 200;
constexpr long kConnectTimeoutMs = 5'000;
constexpr long kAnswerTimeoutMs = 60'000;  // The server's own limit for a query is half of it.
/// Of a stream, which sends something every 15 seconds.
constexpr std::chrono::seconds kLongestSilence{60};
constexpr std::size_t kMostAnswerBytes = std::size_t{1} << 30;

using Clock = std::chrono::steady_clock;

/// What comes of an answer. A stream's success goes to the sink, all else is kept.
struct Transfer {
  CURL* curl;
  ApiReply reply;
  const Sink* sink = nullptr;
  bool is_declined = false;
  Clock::time_point last_bytes = Clock::now();
};

std::size_t on_body(char* data, std::size_t size, std::size_t count, void* user) {
  auto& transfer = *static_cast<Transfer*>(user);
  const std::size_t bytes = size * count;
  transfer.last_bytes = Clock::now();
  long status = 0;
  curl_easy_getinfo(transfer.curl, CURLINFO_RESPONSE_CODE, &status);
  if (transfer.sink != nullptr && status == kOk) {
    transfer.is_declined = !(*transfer.sink)({data, bytes});
    return transfer.is_declined ? 0 : bytes;
  }
  std::string& body = transfer.reply.body;
  if (body.size() + bytes > kMostAnswerBytes) return 0;
  body.append(data, bytes);
  return bytes;
}

/// Called about once a second; not 0 gives the answer up.
int on_progress(void* user, curl_off_t /*to_get*/, curl_off_t /*got*/, curl_off_t /*to_send*/,
                curl_off_t /*sent*/) {
  const auto& transfer = *static_cast<const Transfer*>(user);
  const bool is_broken =
      transfer.sink != nullptr && Clock::now() - transfer.last_bytes > kLongestSilence;
  return is_broken ? 1 : 0;
}

std::string trimmed(std::string_view text) {
  constexpr std::string_view kSpace = " \t\r\n";
  const std::size_t begin = text.find_first_not_of(kSpace);
  if (begin == std::string_view::npos) return {};
  return std::string(text.substr(begin, text.find_last_not_of(kSpace) - begin + 1));
}

/// Keeps a line of the answer's head.
std::size_t keep_header(char* data, std::size_t size, std::size_t count, void* user) {
  auto& headers = *static_cast<std::map<std::string, std::string>*>(user);
  const std::string_view line(data, size * count);
  if (const std::size_t colon = line.find(':'); colon != std::string_view::npos) {
    headers[to_lower(line.substr(0, colon))] = trimmed(line.substr(colon + 1));
  }
  return line.size();
}

std::string base_url(std::string url) {
  if (!url.starts_with("http://") && !url.starts_with("https://")) {
    if (url.find("://") != std::string::npos || url.empty()) {
      throw Failure(ExitCode::kUsage,
                    "--server: '" + url + "' is no URL; write http://HOST:8080 or https://…");
    }
    url = "http://" + url;
  }
  while (url.ends_with('/')) url.pop_back();
  return url;
}

/// What to do about a transfer that failed.
std::string advice(CURLcode code) {
  switch (code) {
    case CURLE_COULDNT_RESOLVE_HOST:
      return "there is no such host; check --server";
    case CURLE_COULDNT_CONNECT:
      return "nothing listens there; start `signalbox serve`, name its address with --server, or "
             "read a stopped server's folder with --data";
    case CURLE_OPERATION_TIMEDOUT:
      return "no answer in time; ask for a shorter time range, or see what `signalbox doctor` says";
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
      return "its certificate is not trusted; name who signed it with --ca FILE, or take any with "
             "--insecure";
    case CURLE_SSL_CONNECT_ERROR:
      return "it speaks no TLS; try http:// in --server";
    case CURLE_GOT_NOTHING:
    case CURLE_RECV_ERROR:
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL:
      return "what listens there does not speak this protocol; is it https:// (--server), or "
             "another program's port?";
    default:
      return curl_easy_strerror(code);
  }
}

}  // namespace

struct HttpSource::Implementation {
  ApiReply perform(const ApiRequest& request, const Sink* sink);

  CurlHandle curl{curl_easy_init()};
  std::string url;
};

HttpSource::HttpSource(const config::Connection& connection)
    : implementation_(std::make_unique<Implementation>()) {
  CURL* const curl = implementation_->curl.get();
  if (curl == nullptr) throw Failure(ExitCode::kFailed, "libcurl cannot be set up");
  implementation_->url = base_url(connection.server);
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, kConnectTimeoutMs);
  curl_easy_setopt(curl, CURLOPT_ACCEPT_ENCODING, "");
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, keep_header);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  if (connection.insecure) {
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
  }
  if (!connection.ca_file.empty()) {
    curl_easy_setopt(curl, CURLOPT_CAINFO, connection.ca_file.c_str());
  }
}

HttpSource::~HttpSource() = default;

ApiReply HttpSource::Implementation::perform(const ApiRequest& request, const Sink* sink) {
  Transfer transfer{.curl = curl.get(), .reply = {}, .sink = sink};
  const std::string target = url + request.target();
  const HeaderList headers(curl_slist_append(nullptr, "Content-Type: application/json"));
  curl_easy_setopt(curl.get(), CURLOPT_URL, target.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT_MS, sink == nullptr ? kAnswerTimeoutMs : 0L);
  curl_easy_setopt(curl.get(), CURLOPT_XFERINFODATA, &transfer);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &transfer);
  curl_easy_setopt(curl.get(), CURLOPT_HEADERDATA, &transfer.reply.headers);
  if (request.body.empty()) {
    curl_easy_setopt(curl.get(), CURLOPT_HTTPGET, 1L);
    curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, nullptr);
  } else {
    curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDS, request.body.data());
    curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, headers.get());
  }
  const CURLcode code = curl_easy_perform(curl.get());
  if (code != CURLE_OK && !transfer.is_declined) {
    throw Failure(ExitCode::kUnreachable, "cannot ask " + url + ": " + advice(code));
  }
  long status = 0;
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
  transfer.reply.status = static_cast<unsigned>(status);
  return std::move(transfer.reply);
}

ApiReply HttpSource::ask(const ApiRequest& request) {
  return implementation_->perform(request, nullptr);
}

ApiReply HttpSource::stream(const ApiRequest& request, const Sink& sink) {
  return implementation_->perform(request, &sink);
}

}  // namespace signalbox::server::cli

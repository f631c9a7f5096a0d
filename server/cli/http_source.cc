#include "server/cli/http_source.h"

#include <curl/curl.h>

#include <map>
#include <string>
#include <string_view>

#include "server/ascii.h"
#include "server/cli/failure.h"
#include "server/curl_handles.h"

namespace signalbox::server::cli {
namespace {

constexpr long kConnectTimeoutMs = 5'000;
constexpr long kAnswerTimeoutMs = 60'000;  // The server's own limit for a query is half of it.
constexpr std::size_t kMostAnswerBytes = std::size_t{1} << 30;

std::size_t append(char* data, std::size_t size, std::size_t count, void* user) {
  auto& body = *static_cast<std::string*>(user);
  if (body.size() + size * count > kMostAnswerBytes) return 0;
  body.append(data, size * count);
  return size * count;
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
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, append);
  curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, keep_header);
  if (connection.insecure) {
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(curl, CURLOPT_SSL_VERIFYHOST, 0L);
  }
  if (!connection.ca_file.empty()) {
    curl_easy_setopt(curl, CURLOPT_CAINFO, connection.ca_file.c_str());
  }
}

HttpSource::~HttpSource() = default;

ApiReply HttpSource::ask(const ApiRequest& request) {
  CURL* const curl = implementation_->curl.get();
  ApiReply reply;
  const std::string url = implementation_->url + request.target();
  const HeaderList headers(curl_slist_append(nullptr, "Content-Type: application/json"));
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, kAnswerTimeoutMs);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &reply.body);
  curl_easy_setopt(curl, CURLOPT_HEADERDATA, &reply.headers);
  if (request.body.empty()) {
    curl_easy_setopt(curl, CURLOPT_HTTPGET, 1L);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, nullptr);
  } else {
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE,
                     static_cast<curl_off_t>(request.body.size()));
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.body.data());
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  }
  const CURLcode code = curl_easy_perform(curl);
  if (code != CURLE_OK) {
    throw Failure(ExitCode::kUnreachable,
                  "cannot ask " + implementation_->url + ": " + advice(code));
  }
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  reply.status = static_cast<unsigned>(status);
  return reply;
}

}  // namespace signalbox::server::cli

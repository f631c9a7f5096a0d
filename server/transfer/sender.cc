#include "server/transfer/sender.h"

#include <curl/curl.h>

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <optional>
#include <thread>

#include "otlp/protobuf_reader.h"
#include "server/curl_handles.h"

namespace signalbox::server::transfer {
namespace {

using std::chrono::milliseconds;

constexpr long kConnectTimeoutMs = 5'000;
constexpr long kAnswerTimeoutMs = 60'000;
constexpr std::size_t kMaxAnswerBytes = std::size_t{1} << 20;
constexpr milliseconds kFirstWait{250};
constexpr milliseconds kLongestWait{5'000};

std::size_t append(char* data, std::size_t size, std::size_t count, void* user) {
  auto& body = *static_cast<std::string*>(user);
  if (body.size() + size * count > kMaxAnswerBytes) return 0;
  body.append(data, size * count);
  return size * count;
}

const char* path_of(otlp::Signal signal) {
  switch (signal) {
    case otlp::Signal::kTraces:
      return "/v1/traces";
    case otlp::Signal::kLogs:
      return "/v1/logs";
    case otlp::Signal::kMetrics:
      break;
  }
  return "/v1/metrics";
}

bool is_temporary(long status) {
  return status == 429 || status == 502 || status == 503 || status == 504;
}

/// The text of `bytes` that stands for a number; 0 of what is none.
std::uint64_t number_of(std::string_view text) {
  std::uint64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

Receipt json_receipt(std::string_view body) {
  Receipt receipt;
  boost::system::error_code error;
  const boost::json::value json = boost::json::parse(body, error);
  if (error || !json.is_object()) return receipt;
  const auto* const partial = json.as_object().if_contains("partialSuccess");
  if (partial == nullptr || !partial->is_object()) return receipt;
  for (const auto& [key, value] : partial->as_object()) {
    if (key == "errorMessage" && value.is_string()) receipt.message = value.as_string();
    if (!key.starts_with("rejected")) continue;
    if (value.is_string()) receipt.rejected = number_of(value.as_string());
    if (value.is_int64()) receipt.rejected = static_cast<std::uint64_t>(value.as_int64());
  }
  return receipt;
}

Receipt protobuf_receipt(std::string_view body) {
  using namespace otlp::internal;
  enum : std::uint32_t { kPartialSuccess = 1, kRejected = 1, kErrorMessage = 2 };
  Receipt receipt;
  try {
    for (FieldReader reader(body); reader.next();) {
      if (reader.tag() != bytes_field(kPartialSuccess)) {
        reader.skip(0);
        continue;
      }
      for (FieldReader partial(reader.bytes()); partial.next();) {
        if (partial.tag() == varint_field(kRejected)) {
          receipt.rejected = partial.varint();
        } else if (partial.tag() == bytes_field(kErrorMessage)) {
          receipt.message = partial.bytes();
        } else {
          partial.skip(0);
        }
      }
    }
  } catch (const Malformed&) {
    return {};
  }
  return receipt;
}

/// What a refusal says: google.rpc.Status in the encoding of the request.
std::string refusal_text(std::string_view body, bool is_json) {
  if (is_json) {
    boost::system::error_code error;
    const boost::json::value json = boost::json::parse(body, error);
    if (error || !json.is_object()) return {};
    const auto* const message = json.as_object().if_contains("message");
    return message != nullptr && message->is_string() ? std::string(message->as_string()) : "";
  }
  using namespace otlp::internal;
  constexpr std::uint32_t kMessage = 2;
  std::string text;
  try {
    for (FieldReader reader(body); reader.next();) {
      if (reader.tag() == bytes_field(kMessage)) {
        text = reader.bytes();
      } else {
        reader.skip(0);
      }
    }
  } catch (const Malformed&) {
    return {};
  }
  return text;
}

/// Whether it is a google.rpc.Status, as the protocol wants it; else something other answers there.
bool is_otlp_status(std::string_view body, bool is_json) {
  if (!is_json) return !refusal_text(body, false).empty();
  boost::system::error_code error;
  const boost::json::value json = boost::json::parse(body, error);
  if (error || !json.is_object()) return false;
  const auto* const code = json.as_object().if_contains("code");
  return (code == nullptr || code->is_number()) && json.as_object().contains("message");
}

}  // namespace

struct Sender::Implementation {
  explicit Implementation(Options given) : options(std::move(given)) {}

  /// One request and its answer.
  struct Exchange {
    CURLcode code = CURLE_OK;
    long status = 0;
    std::string body;
    std::optional<milliseconds> retry_after;
  };

  void set_up();
  [[nodiscard]] HeaderList headers(bool is_json) const;
  Exchange exchange(otlp::Signal signal, const HeaderList& headers, std::string_view message);
  Receipt settle(const Exchange& exchange, bool is_json);

  Options options;
  CurlHandle curl{curl_easy_init()};
  bool has_been_answered = false;
  bool has_accepted = false;
};

void Sender::Implementation::set_up() {
  if (!curl) throw CannotSend("libcurl cannot be set up", false);
  std::string& endpoint = options.endpoint;
  if (endpoint.find("://") == std::string::npos) endpoint = "http://" + endpoint;
  while (endpoint.ends_with('/')) endpoint.pop_back();
  curl_easy_setopt(curl.get(), CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl.get(), CURLOPT_PROTOCOLS_STR, "http,https");
  curl_easy_setopt(curl.get(), CURLOPT_CONNECTTIMEOUT_MS, kConnectTimeoutMs);
  curl_easy_setopt(curl.get(), CURLOPT_TIMEOUT_MS, kAnswerTimeoutMs);
  curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, append);
  if (options.insecure) {
    curl_easy_setopt(curl.get(), CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(curl.get(), CURLOPT_SSL_VERIFYHOST, 0L);
  }
  if (!options.ca_file.empty()) {
    curl_easy_setopt(curl.get(), CURLOPT_CAINFO, options.ca_file.c_str());
  }
}

HeaderList Sender::Implementation::headers(bool is_json) const {
  HeaderList list(curl_slist_append(nullptr, is_json ? "Content-Type: application/json"
                                                     : "Content-Type: application/x-protobuf"));
  const auto add = [&](const std::string& name, const std::string& value) {
    std::string line = name;
    line.append(": ").append(value);
    list.reset(curl_slist_append(list.release(), line.c_str()));
  };
  add("Expect", "");  // Else libcurl asks before a large body, and waits.
  for (const auto& [name, value] : options.headers) add(name, value);
  return list;
}

Sender::Implementation::Exchange Sender::Implementation::exchange(otlp::Signal signal,
                                                                  const HeaderList& headers,
                                                                  std::string_view message) {
  Exchange done;
  const std::string url = options.endpoint + path_of(signal);
  curl_easy_setopt(curl.get(), CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &done.body);
  curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDSIZE_LARGE,
                   static_cast<curl_off_t>(message.size()));
  curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDS,
                   message.data());  // NOLINT(bugprone-suspicious-stringview-data-usage): sized.
  done.code = curl_easy_perform(curl.get());
  if (done.code != CURLE_OK) return done;
  curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &done.status);
  curl_off_t seconds = 0;
  curl_easy_getinfo(curl.get(), CURLINFO_RETRY_AFTER, &seconds);
  if (seconds > 0) done.retry_after = std::chrono::seconds(seconds);
  return done;
}

/// Of an answer that is not to be waited for.
Receipt Sender::Implementation::settle(const Exchange& done, bool is_json) {
  if (done.status >= 200 && done.status < 300) {
    has_accepted = true;
    return read_receipt(done.body, is_json);
  }
  const std::string said = refusal_text(done.body, is_json);
  const std::string status = "status " + std::to_string(done.status);
  const bool is_of_message = done.status == 400 || done.status == 413 || done.status == 422;
  if (is_of_message && (has_accepted || is_otlp_status(done.body, is_json))) {
    return {.is_refused = true, .message = said.empty() ? status : said};
  }
  std::string why = options.endpoint;
  why.append(" refuses (").append(status);
  if (!said.empty()) why.append(": ").append(said);
  const bool wants_key = done.status == 401 || done.status == 403;
  why += wants_key ? "); give an ingestion key with --key"
                   : "); is that an OTLP/HTTP endpoint? Signalbox's is on port 4318 (--endpoint)";
  throw CannotSend(why, false);
}

Sender::Sender(Options options)
    : implementation_(std::make_unique<Implementation>(std::move(options))) {
  implementation_->set_up();
}

Sender::~Sender() = default;

Receipt Sender::send(otlp::Signal signal, bool is_json, std::string_view message) {
  using Clock = std::chrono::steady_clock;
  Implementation& to = *implementation_;
  const HeaderList headers = to.headers(is_json);
  const Clock::time_point end = Clock::now() + to.options.patience;
  milliseconds pause = kFirstWait;
  while (true) {
    const Implementation::Exchange done = to.exchange(signal, headers, message);
    const bool is_answered = done.code == CURLE_OK;
    if (is_answered && !is_temporary(done.status)) {
      to.has_been_answered = true;
      return to.settle(done, is_json);
    }
    const std::string why =
        is_answered ? "it has no room just now (status " + std::to_string(done.status) + ")"
                    : std::string(curl_easy_strerror(done.code));
    const milliseconds wait = std::min(done.retry_after.value_or(pause), kLongestWait);
    // Who has never answered is likely not there.
    const bool may_come_back = is_answered || to.has_been_answered;
    if (!may_come_back || Clock::now() + wait > end) {
      throw CannotSend("cannot send to " + to.options.endpoint + ": " + why, true);
    }
    to.options.on_wait(why, wait);
    std::this_thread::sleep_for(wait);
    pause = std::min(pause * 2, kLongestWait);
  }
}

Receipt read_receipt(std::string_view body, bool is_json) {
  return is_json ? json_receipt(body) : protobuf_receipt(body);
}

}  // namespace signalbox::server::transfer

#include "signalbox/export/otlp_exporter.h"

#include <curl/curl.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <exception>
#include <fstream>
#include <limits>
#include <optional>
#include <random>
#include <string_view>

#include "sdk/export/grpc.h"
#include "sdk/export/gzip.h"
#include "sdk/export/http_client.h"
#include "sdk/export/retry.h"

namespace signalbox::sdk {
namespace {

using Clock = std::chrono::steady_clock;
using Status = ExportResult::Status;
using std::chrono::milliseconds;

constexpr std::size_t kSignals = 3;
constexpr std::array<std::string_view, kSignals> kHttpPaths = {"v1/traces", "v1/metrics",
                                                               "v1/logs"};
constexpr std::array<std::string_view, kSignals> kGrpcPaths = {
    "/opentelemetry.proto.collector.trace.v1.TraceService/Export",
    "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export",
    "/opentelemetry.proto.collector.logs.v1.LogsService/Export"};

// The result of one attempt, and whether there may be another.
struct Attempt {
  ExportResult result;
  bool retryable = false;
  std::optional<milliseconds> asked_for = std::nullopt;  // The server's wish for the next wait.
};

Attempt refused(std::string message) {
  return {.result = {.status = Status::kRejected, .message = std::move(message)}};
}

Attempt try_again(std::string message, std::optional<milliseconds> asked_for = std::nullopt) {
  return {.result = {.status = Status::kUnreachable, .message = std::move(message)},
          .retryable = true,
          .asked_for = asked_for};
}

// Without control characters and of a length for a log line: it comes from the network.
std::string printable(std::string_view text) {
  constexpr std::size_t kMaxChars = 300;
  std::string clean(text.substr(0, kMaxChars));
  std::replace_if(
      clean.begin(), clean.end(), [](unsigned char c) { return c < 0x20 || c == 0x7f; }, ' ');
  return clean;
}

Attempt interpret_grpc(const HttpResponse& response, std::size_t max_response_bytes) {
  const std::string_view status_text = response.header("grpc-status");
  if (status_text.empty()) {
    if (response.status == 200) {
      return refused("answered without a grpc-status: this is not an OTLP/gRPC endpoint");
    }
    const std::string message = "HTTP status " + std::to_string(response.status);
    return grpc_status_of_http(response.status) == GrpcStatus::kUnavailable ? try_again(message)
                                                                            : refused(message);
  }
  std::int32_t status = static_cast<std::int32_t>(GrpcStatus::kUnknown);
  if (status_text.size() <= 2 && std::all_of(status_text.begin(), status_text.end(),
                                             [](char c) { return c >= '0' && c <= '9'; })) {
    status = std::stoi(std::string(status_text));
  }
  if (status == static_cast<std::int32_t>(GrpcStatus::kOk)) {
    const auto frame = parse_grpc_frame(response.body);
    if (!frame) {
      return {};  // Accepted, though the answer says nothing more.
    }
    if (!frame->compressed) {
      return {.result = parse_export_response(frame->message)};
    }
    const auto message = gunzip(frame->message, max_response_bytes);
    return {.result = message ? parse_export_response(*message) : ExportResult{}};
  }
  RpcStatus details;
  if (const auto bytes = base64_decode(response.header("grpc-status-details-bin"))) {
    details = parse_rpc_status(*bytes);
  }
  std::string message(grpc_status_name(status));
  if (const auto text = percent_decode(response.header("grpc-message")); !text.empty()) {
    message += ": " + printable(text);
  }
  return is_retryable_grpc(status, details.retry_delay.has_value())
             ? try_again(std::move(message), details.retry_delay)
             : refused(std::move(message));
}

Attempt interpret_http(const HttpResponse& response) {
  if (response.status >= 200 && response.status < 300) {
    return {.result = parse_export_response(response.body)};
  }
  std::string message = "HTTP status " + std::to_string(response.status);
  if (response.header("content-type").starts_with("application/x-protobuf")) {
    if (const auto status = parse_rpc_status(response.body); !status.message.empty()) {
      message += ": " + printable(status.message);
    }
  } else if (response.header("content-type").starts_with("text/plain")) {
    message += ": " + printable(response.body);
  }
  if (!is_retryable_http(response.status)) {
    return refused(std::move(message));
  }
  return try_again(std::move(message), response.retry_after.count() > 0
                                           ? std::optional<milliseconds>(response.retry_after)
                                           : std::nullopt);
}

class OtlpExporter final : public Exporter {
 public:
  OtlpExporter(OtlpExporterOptions options, std::array<std::string, kSignals> urls)
      : options_(std::move(options)), urls_(std::move(urls)) {
    const TlsFiles tls{.ca_file = options_.ca_file,
                       .client_certificate_file = options_.client_certificate_file,
                       .client_key_file = options_.client_key_file};
    for (Channel& channel : channels_) {
      channel.client.emplace(tls, options_.max_response_bytes, cancels_);
    }
  }

  ExportResult export_request(Signal signal, std::string_view request, std::uint64_t /*items*/,
                              Clock::time_point deadline) noexcept override {
    try {
      return send(signal, request, std::min(deadline, Clock::now() + options_.timeout));
    } catch (const std::exception& failure) {
      return {.status = Status::kRejected, .message = failure.what()};
    }
  }

  void cancel() noexcept override {
    cancels_.fetch_add(1);
    for (Channel& channel : channels_) {
      channel.client->interrupt();
    }
  }

 private:
  // What one signal uses, by one thread at a time.
  struct Channel {
    std::optional<HttpClient> client;
    GzipCompressor gzip;
    std::string body;
  };

  ExportResult send(Signal signal, std::string_view message, Clock::time_point deadline) {
    const std::uint64_t cancels_before = cancels_.load();
    const auto index = static_cast<std::size_t>(signal);
    Channel& channel = channels_[index];
    HttpRequest request{.url = urls_[index],
                        .body = message,
                        .require_http2 = options_.protocol == OtlpProtocol::kGrpc};
    if (!fill_body(channel, message, request)) {
      return {.status = Status::kRejected, .message = "the request cannot be framed: too large"};
    }

    Backoff backoff(options_.retry, std::random_device{}());
    while (true) {
      set_headers(request, deadline);
      Attempt attempt = interpret(channel.client->post(request, deadline, cancels_before));
      if (!attempt.retryable || cancels_.load() != 0) {
        return name_endpoint(std::move(attempt.result), request.url);
      }
      const auto next = Clock::now() + backoff.next(attempt.asked_for);
      if (next >= deadline || !channel.client->wait(next, cancels_before)) {
        return name_endpoint(std::move(attempt.result), request.url);
      }
    }
  }

  [[nodiscard]] bool fill_body(Channel& channel, std::string_view message,
                               HttpRequest& request) const {
    const bool is_grpc = options_.protocol == OtlpProtocol::kGrpc;
    const bool is_gzip = options_.compression == Compression::kGzip;
    if (!is_grpc && !is_gzip) {
      return true;  // Sent as it is.
    }
    channel.body.assign(is_grpc ? kGrpcFrameHeaderBytes : 0, '\0');
    if (!is_gzip) {
      channel.body.append(message);
    } else if (!channel.gzip.append(message, channel.body)) {
      return false;
    }
    if (is_grpc) {
      const std::size_t bytes = channel.body.size() - kGrpcFrameHeaderBytes;
      if (bytes > std::numeric_limits<std::uint32_t>::max()) {
        return false;
      }
      write_grpc_frame_header(channel.body.data(), is_gzip, static_cast<std::uint32_t>(bytes));
    }
    request.body = channel.body;
    return true;
  }

  void set_headers(HttpRequest& request, Clock::time_point deadline) const {
    const bool is_gzip = options_.compression == Compression::kGzip;
    request.headers = {"User-Agent: OTel-OTLP-Exporter-Cpp-Signalbox/" SIGNALBOX_VERSION,
                       "Expect:"};  // No 100-continue: it costs a round trip.
    if (options_.protocol == OtlpProtocol::kGrpc) {
      request.headers.insert(
          request.headers.end(),
          {"Content-Type: application/grpc", "TE: trailers", "grpc-accept-encoding: identity,gzip",
           "grpc-timeout: " +
               grpc_timeout(std::chrono::ceil<milliseconds>(deadline - Clock::now()))});
      if (is_gzip) {
        request.headers.emplace_back("grpc-encoding: gzip");
      }
    } else {
      request.headers.emplace_back("Content-Type: application/x-protobuf");
      if (is_gzip) {
        request.headers.emplace_back("Content-Encoding: gzip");
      }
    }
    for (const auto& [name, value] : options_.headers) {
      // libcurl's way of saying "an empty value" ends in a semicolon.
      std::string& line = request.headers.emplace_back(name);
      line.append(value.empty() ? ";" : ": ").append(value);
    }
  }

  [[nodiscard]] Attempt interpret(const HttpResponse& response) const {
    switch (response.outcome) {
      case HttpResponse::Outcome::kNoAnswer:
      case HttpResponse::Outcome::kNotConnected:
        return try_again(response.error);
      case HttpResponse::Outcome::kUnusable:
        return refused(response.error);
      case HttpResponse::Outcome::kCancelled:
        return {.result = {.status = Status::kUnreachable, .message = response.error}};
      case HttpResponse::Outcome::kAnswered:
        break;
    }
    return options_.protocol == OtlpProtocol::kGrpc
               ? interpret_grpc(response, options_.max_response_bytes)
               : interpret_http(response);
  }

  static ExportResult name_endpoint(ExportResult result, const std::string& url) {
    if (!result.message.empty()) {
      result.message = url + ": " + result.message;
    }
    return result;
  }

  const OtlpExporterOptions options_;
  const std::array<std::string, kSignals> urls_;
  std::atomic<std::uint64_t> cancels_{0};
  std::array<Channel, kSignals> channels_;
};

bool is_token(std::string_view name) {
  constexpr std::string_view kPunctuation = "!#$%&'*+-.^_`|~";
  return !name.empty() && std::all_of(name.begin(), name.end(), [&](unsigned char c) {
    return std::isalnum(c) != 0 ||
           kPunctuation.find(static_cast<char>(c)) != std::string_view::npos;
  });
}

// The URL of one signal, or what is wrong with it.
Result<std::string> signal_url(const OtlpExporterOptions& options, const std::string& own,
                               std::size_t index) {
  const bool is_grpc = options.protocol == OtlpProtocol::kGrpc;
  std::string text = own.empty() ? options.endpoint : own;
  if (text.empty()) {
    text = is_grpc ? "http://localhost:4317" : "http://localhost:4318";
  }
  const auto fail = [&](std::string_view why) {
    return Error{"\"" + text + "\" is no OTLP endpoint: " + std::string(why) +
                 "; give a URL such as http://localhost:4318"};
  };
  const std::unique_ptr<CURLU, void (*)(CURLU*)> url(curl_url(), curl_url_cleanup);
  if (curl_url_set(url.get(), CURLUPART_URL, text.c_str(), 0) != CURLUE_OK) {
    return fail("it cannot be read as a URL");
  }
  const auto part = [&](CURLUPart which) {
    char* value = nullptr;
    curl_url_get(url.get(), which, &value, 0);
    std::string copy = value != nullptr ? value : "";
    curl_free(value);
    return copy;
  };
  if (const auto scheme = part(CURLUPART_SCHEME); scheme != "http" && scheme != "https") {
    return fail("the scheme must be http or https");
  }
  if (is_grpc) {
    curl_url_set(url.get(), CURLUPART_PATH, std::string(kGrpcPaths[index]).c_str(), 0);
    curl_url_set(url.get(), CURLUPART_QUERY, nullptr, 0);
    curl_url_set(url.get(), CURLUPART_FRAGMENT, nullptr, 0);
  } else if (own.empty()) {
    std::string path = part(CURLUPART_PATH);
    if (!path.ends_with('/')) {
      path += '/';
    }
    curl_url_set(url.get(), CURLUPART_PATH, (path + std::string(kHttpPaths[index])).c_str(), 0);
  }
  return part(CURLUPART_URL);
}

std::optional<Error> check(const OtlpExporterOptions& options) {
  for (const auto& [name, value] : options.headers) {
    if (!is_token(name)) {
      return Error{"\"" + printable(name) + "\" cannot be the name of a header"};
    }
    if (std::any_of(value.begin(), value.end(),
                    [](unsigned char c) { return (c < 0x20 && c != '\t') || c == 0x7f; })) {
      return Error{"the value of the header \"" + name + "\" contains control characters"};
    }
  }
  for (const std::string* file :
       {&options.ca_file, &options.client_certificate_file, &options.client_key_file}) {
    if (!file->empty() && !std::ifstream(*file)) {
      return Error{"cannot read the certificate or key file \"" + *file + "\""};
    }
  }
  if (options.client_certificate_file.empty() != options.client_key_file.empty()) {
    return Error{"a client certificate and its key are needed together; only one of them is given"};
  }
  if (options.timeout <= milliseconds(0)) {
    return Error{"the timeout of an OTLP exporter must be positive"};
  }
  const RetryOptions& retry = options.retry;
  if (retry.initial_backoff <= milliseconds(0) || retry.max_backoff < retry.initial_backoff ||
      !(retry.multiplier >= 1)) {
    return Error{"backoff must start above 0, end no lower and grow by a factor of 1 or more"};
  }
  return std::nullopt;
}

}  // namespace

Result<std::shared_ptr<Exporter>> make_otlp_exporter(OtlpExporterOptions options) {
  if (auto error = check(options)) {
    return *std::move(error);
  }
  const std::array<const std::string*, kSignals> own = {
      &options.traces_endpoint, &options.metrics_endpoint, &options.logs_endpoint};
  std::array<std::string, kSignals> urls;
  for (std::size_t i = 0; i < kSignals; ++i) {
    auto url = signal_url(options, *own[i], i);
    if (!url) {
      return url.error();
    }
    urls[i] = std::move(url).value();
  }
  try {
    return std::shared_ptr<Exporter>(
        std::make_shared<OtlpExporter>(std::move(options), std::move(urls)));
  } catch (const std::exception& failure) {
    return Error{failure.what()};
  }
}

}  // namespace signalbox::sdk

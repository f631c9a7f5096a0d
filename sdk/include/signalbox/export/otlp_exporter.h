#pragma once

#include <signalbox/common/result.h>
#include <signalbox/export/exporter.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace signalbox::sdk {

enum class OtlpProtocol : std::uint8_t { kGrpc, kHttpProtobuf };
enum class Compression : std::uint8_t { kNone, kGzip };

/// When a failed attempt is repeated: after `initial_backoff`, then each time after `multiplier`
/// times the last wait but at most `max_backoff`, each wait varied at random by a fifth. A wait
/// that the server asks for (Retry-After, RetryInfo) replaces a shorter one of ours.
struct RetryOptions {
  std::chrono::milliseconds initial_backoff{500};  ///< > 0.
  std::chrono::milliseconds max_backoff{5000};     ///< >= initial_backoff.
  double multiplier = 2.0;                         ///< >= 1.
};

struct OtlpExporterOptions {
  OtlpProtocol protocol = OtlpProtocol::kHttpProtobuf;

  /// An http or https URL. For gRPC its scheme, host and port count. For HTTP, `v1/traces`,
  /// `v1/metrics` or `v1/logs` is appended to its path. Empty: http://localhost:4317 for gRPC,
  /// http://localhost:4318 for HTTP.
  std::string endpoint = {};
  /// Of one signal; wins over `endpoint` and is used as it is, its path too.
  std::string traces_endpoint = {};
  std::string metrics_endpoint = {};
  std::string logs_endpoint = {};

  /// Sent with each request: gRPC metadata or HTTP headers.
  std::vector<std::pair<std::string, std::string>> headers = {};

  /// Of one export, its retries included; > 0. A shorter deadline of the caller wins.
  std::chrono::milliseconds timeout{10'000};
  Compression compression = Compression::kNone;

  /// PEM files; empty: the system's authorities, no client certificate.
  std::string ca_file = {};
  std::string client_certificate_file = {};
  std::string client_key_file = {};

  RetryOptions retry = {};
  std::size_t max_response_bytes = 4 << 20;  ///< After decompression; a longer answer is an error.
};

/// Makes an exporter to an OTLP backend over gRPC or HTTP/protobuf, on libcurl.
///
/// Thread-safety: as Exporter says; signals do not wait for each other. Each signal keeps one
/// connection, reused from export to export. Nothing connects before the first export, so a backend
/// that is down is no error here; a URL, header or file name that cannot work is. After a fork, the
/// child opens connections of its own.
[[nodiscard]] Result<std::shared_ptr<Exporter>> make_otlp_exporter(OtlpExporterOptions options);

}  // namespace signalbox::sdk

#pragma once

#include <signalbox/common/result.h>
#include <signalbox/export/exporter.h>
#include <signalbox/export/otlp_exporter.h>

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace signalbox::sdk {

class TracerProvider;
class MeterProvider;
class LoggerProvider;

/// What a program decides for itself. Whatever the environment says wins over it.
struct SdkOptions {
  /// `service.name`, unless OTEL_SERVICE_NAME or OTEL_RESOURCE_ATTRIBUTES names another. Empty:
  /// `unknown_service:` and the name of the executable.
  std::string service_name = {};
  std::string service_version = {};  ///< `service.version`; empty: none.
  /// More attributes of the resource. OTEL_RESOURCE_ATTRIBUTES wins over each of the same key.
  std::vector<std::pair<std::string, std::string>> resource_attributes = {};
  /// Sent with each OTLP request. OTEL_EXPORTER_OTLP_HEADERS wins over each of the same name.
  std::vector<std::pair<std::string, std::string>> headers = {};
  /// Unless OTEL_EXPORTER_OTLP_PROTOCOL says otherwise. Also decides the default endpoint:
  /// http://localhost:4317 for gRPC, http://localhost:4318 for HTTP.
  OtlpProtocol protocol = OtlpProtocol::kHttpProtobuf;
  /// Receives all signals instead of the exporters that the environment names. Null: those.
  std::shared_ptr<Exporter> exporter = nullptr;
  /// Looks a variable up; nothing if it is not set. Null: the process's environment.
  std::function<std::optional<std::string>(const std::string& name)> environment = nullptr;
};

/// The SDK of a program: resource, propagators, and for each signal a provider with its exporter,
/// built from the OTEL_* environment variables and installed as the globals.
///
/// Keep it until the program ends. Destruction shuts down, for at most 5 seconds. Thread-safety:
/// `force_flush` and `shutdown` from any thread; moving and destruction by the owner alone.
class [[nodiscard]] Sdk {
 public:
  /// Reads the environment, once. A variable with an invalid value is reported to the diagnostic
  /// handler and treated as not set, as the specification asks. Fails if an endpoint, a header or a
  /// certificate file cannot work; the globals are untouched then. With OTEL_SDK_DISABLED=true
  /// nothing but the propagators is installed.
  static Result<Sdk> from_environment(const SdkOptions& options = {});

  Sdk(Sdk&& other) noexcept;
  Sdk& operator=(Sdk&& other) noexcept;
  Sdk(const Sdk&) = delete;
  Sdk& operator=(const Sdk&) = delete;
  ~Sdk();

  /// Exports what has been recorded so far, of all signals. False if not all of it was delivered
  /// within `timeout`.
  bool force_flush(std::chrono::milliseconds timeout = std::chrono::milliseconds(10'000)) noexcept;

  /// As force_flush, then stops for good and makes the globals do nothing again. How many spans and
  /// log records were lost since the start, if any, is told to the diagnostic handler. Later calls
  /// do nothing and return true.
  bool shutdown(std::chrono::milliseconds timeout = std::chrono::milliseconds(5'000)) noexcept;

  /// The providers, for their statistics; null for a signal that is not exported.
  [[nodiscard]] std::shared_ptr<TracerProvider> tracer_provider() const noexcept;
  [[nodiscard]] std::shared_ptr<MeterProvider> meter_provider() const noexcept;
  [[nodiscard]] std::shared_ptr<LoggerProvider> logger_provider() const noexcept;

 private:
  struct Parts;
  explicit Sdk(std::unique_ptr<Parts> parts) noexcept;
  std::unique_ptr<Parts> parts_;
};

}  // namespace signalbox::sdk

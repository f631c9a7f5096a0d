#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "otlp/records.h"

/// The inverse of decode.h: flat views in, OTLP out.
namespace signalbox::otlp {

/// What a message carries.
enum class Signal : std::uint8_t { kTraces, kLogs, kMetrics };

enum class Encoding : std::uint8_t { kJson, kProtobuf };

/// Writes one TracesData, LogsData or MetricsData after another: what its members are told between
/// two calls of `take`. Its bytes are those of an Export…ServiceRequest too. JSON has no line
/// breaks.
///
/// A resource comes before its scopes, a scope before its records, a metric before its points;
/// after `take` all of them have to be told again. Records of another signal than the encoder's are
/// not for it. Views are read during the call. Texts are taken for UTF-8, and nested values for
/// OTLP/JSON, as decoders hand them on.
///
/// Thread-safety: one thread at a time. Errors: std::runtime_error for a nested value that cannot
/// be read, of protobuf only.
class Encoder : public TraceSink, public LogsSink, public MetricsSink {
 public:
  /// About the bytes that `take` would return.
  [[nodiscard]] virtual std::size_t size_bytes() const noexcept = 0;
  /// Ends the message and returns it.
  virtual std::string take() = 0;

  void on_resource(const ResourceView& resource) override = 0;
  void on_scope(const ScopeView& scope) override = 0;
};

std::unique_ptr<Encoder> make_encoder(Signal signal, Encoding encoding);

}  // namespace signalbox::otlp

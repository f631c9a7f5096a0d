#pragma once

#include <cstdint>
#include <span>
#include <string_view>

/// What the decoders of OTLP (protobuf and JSON alike) hand on: one flat view at a time, of bytes
/// that lie in the request or in the decoder's scratch memory. A view is valid only during the call
/// of the sink that receives it. Field names and meanings are those of opentelemetry-proto 1.x.
namespace signalbox::otlp {

/// The kind of an AnyValue. The characters are those of the store's `attribute_types` columns.
enum class ValueType : char {
  kEmpty = 'e',
  kString = 's',
  kBool = 'b',
  kInt = 'i',
  kDouble = 'd',
  kBytes = 'y',
  kArray = 'a',
  kKeyValueList = 'k',
};

/// An AnyValue.
struct ValueView {
  ValueType type = ValueType::kEmpty;
  bool bool_value = false;
  std::int64_t int_value = 0;
  double double_value = 0;
  /// kString: UTF-8 text as sent. kBytes: the raw bytes. kArray and kKeyValueList: the whole
  /// AnyValue as OTLP/JSON text, e.g. `{"arrayValue":{"values":[{"intValue":"1"}]}}`.
  std::string_view text;
};

struct KeyValueView {
  std::string_view key;
  ValueView value;
};

using AttributesView = std::span<const KeyValueView>;

struct ResourceView {
  AttributesView attributes;
  std::uint32_t dropped_attributes_count = 0;
  std::string_view schema_url;  ///< Of the ResourceSpans, ResourceMetrics or ResourceLogs.
};

struct ScopeView {
  std::string_view name;
  std::string_view version;
  AttributesView attributes;
  std::uint32_t dropped_attributes_count = 0;
  std::string_view schema_url;  ///< Of the ScopeSpans, ScopeMetrics or ScopeLogs.
};

struct EventView {
  std::uint64_t time_unix_nano = 0;
  std::string_view name;
  AttributesView attributes;
  std::uint32_t dropped_attributes_count = 0;
};

struct LinkView {
  std::string_view trace_id;  ///< 16 raw bytes.
  std::string_view span_id;   ///< 8 raw bytes.
  std::string_view trace_state;
  AttributesView attributes;
  std::uint32_t dropped_attributes_count = 0;
  std::uint32_t flags = 0;
};

struct SpanView {
  std::string_view trace_id;        ///< 16 raw bytes, not all zero.
  std::string_view span_id;         ///< 8 raw bytes, not all zero.
  std::string_view parent_span_id;  ///< 8 raw bytes, or empty for a root.
  std::string_view trace_state;
  std::uint32_t flags = 0;
  std::string_view name;
  std::int32_t kind = 0;  ///< SpanKind, unknown values included.
  std::uint64_t start_time_unix_nano = 0;
  std::uint64_t end_time_unix_nano = 0;
  AttributesView attributes;
  std::uint32_t dropped_attributes_count = 0;
  std::span<const EventView> events;
  std::uint32_t dropped_events_count = 0;
  std::span<const LinkView> links;
  std::uint32_t dropped_links_count = 0;
  std::int32_t status_code = 0;  ///< StatusCode, unknown values included.
  std::string_view status_message;
};

struct LogRecordView {
  std::uint64_t time_unix_nano = 0;           ///< 0: unknown.
  std::uint64_t observed_time_unix_nano = 0;  ///< 0: unknown.
  std::int32_t severity_number = 0;           ///< SeverityNumber, unknown values included.
  std::string_view severity_text;
  ValueView body;
  AttributesView attributes;
  std::uint32_t dropped_attributes_count = 0;
  std::uint32_t flags = 0;
  std::string_view trace_id;  ///< 16 raw bytes, or empty.
  std::string_view span_id;   ///< 8 raw bytes, or empty.
  std::string_view event_name;
};

enum class MetricType : std::uint8_t { kGauge, kSum, kHistogram, kExponentialHistogram, kSummary };

/// What all points of one metric share; comes before its points.
struct MetricView {
  std::string_view name;
  std::string_view description;
  std::string_view unit;
  MetricType type = MetricType::kGauge;
  std::int32_t temporality = 0;  ///< AggregationTemporality, unknown values included; 0 where none.
  bool is_monotonic = false;     ///< Of a sum.
  AttributesView metadata;
};

struct ExemplarView {
  std::uint64_t time_unix_nano = 0;
  bool is_int = false;
  std::int64_t int_value = 0;
  double double_value = 0;
  std::string_view trace_id;  ///< 16 raw bytes, or empty.
  std::string_view span_id;   ///< 8 raw bytes, or empty.
  AttributesView filtered_attributes;
};

/// A point of a gauge or a sum.
struct NumberPointView {
  AttributesView attributes;
  std::uint64_t start_time_unix_nano = 0;
  std::uint64_t time_unix_nano = 0;
  enum class Kind : std::uint8_t { kNone, kInt, kDouble } kind = Kind::kNone;
  std::int64_t int_value = 0;
  double double_value = 0;
  std::span<const ExemplarView> exemplars;
  std::uint32_t flags = 0;
};

struct HistogramPointView {
  AttributesView attributes;
  std::uint64_t start_time_unix_nano = 0;
  std::uint64_t time_unix_nano = 0;
  std::uint64_t count = 0;
  bool has_sum = false, has_min = false, has_max = false;
  double sum = 0, min = 0, max = 0;
  std::span<const std::uint64_t> bucket_counts;
  std::span<const double> explicit_bounds;
  std::span<const ExemplarView> exemplars;
  std::uint32_t flags = 0;
};

struct ExponentialHistogramPointView {
  AttributesView attributes;
  std::uint64_t start_time_unix_nano = 0;
  std::uint64_t time_unix_nano = 0;
  std::uint64_t count = 0;
  bool has_sum = false, has_min = false, has_max = false;
  double sum = 0, min = 0, max = 0;
  std::int32_t scale = 0;
  std::uint64_t zero_count = 0;
  double zero_threshold = 0;
  std::int32_t positive_offset = 0;
  std::span<const std::uint64_t> positive_counts;
  std::int32_t negative_offset = 0;
  std::span<const std::uint64_t> negative_counts;
  std::span<const ExemplarView> exemplars;
  std::uint32_t flags = 0;
};

struct SummaryPointView {
  AttributesView attributes;
  std::uint64_t start_time_unix_nano = 0;
  std::uint64_t time_unix_nano = 0;
  std::uint64_t count = 0;
  double sum = 0;
  std::span<const double> quantiles;
  std::span<const double> values;  ///< As many as `quantiles`.
  std::uint32_t flags = 0;
};

/// Receives one ExportTraceServiceRequest: each resource, below it each scope, below it each span.
class TraceSink {
 public:
  virtual ~TraceSink() = default;
  virtual void on_resource(const ResourceView& resource) = 0;
  virtual void on_scope(const ScopeView& scope) = 0;
  virtual void on_span(const SpanView& span) = 0;
};

/// Receives one ExportLogsServiceRequest, as TraceSink does.
class LogsSink {
 public:
  virtual ~LogsSink() = default;
  virtual void on_resource(const ResourceView& resource) = 0;
  virtual void on_scope(const ScopeView& scope) = 0;
  virtual void on_log_record(const LogRecordView& record) = 0;
};

/// Receives one ExportMetricsServiceRequest, as TraceSink does; each metric before its points.
class MetricsSink {
 public:
  virtual ~MetricsSink() = default;
  virtual void on_resource(const ResourceView& resource) = 0;
  virtual void on_scope(const ScopeView& scope) = 0;
  virtual void on_metric(const MetricView& metric) = 0;
  virtual void on_point(const NumberPointView& point) = 0;
  virtual void on_point(const HistogramPointView& point) = 0;
  virtual void on_point(const ExponentialHistogramPointView& point) = 0;
  virtual void on_point(const SummaryPointView& point) = 0;
};

}  // namespace signalbox::otlp

#pragma once

#include <charconv>
#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "otlp/records.h"
#include "otlp/text.h"

namespace signalbox::otlp::testing {

/// A sink for tests: writes down every call, with all that its views hold, as one line of text. Two
/// decoders agree when their lines do.
class RecordingSink final : public TraceSink, public LogsSink, public MetricsSink {
 public:
  std::vector<std::string> lines;

  void on_resource(const ResourceView& resource) override {
    begin("resource");
    put("attributes", resource.attributes);
    put("dropped", resource.dropped_attributes_count);
    put("schema_url", resource.schema_url);
  }
  void on_scope(const ScopeView& scope) override {
    begin("scope");
    put("name", scope.name);
    put("version", scope.version);
    put("attributes", scope.attributes);
    put("dropped", scope.dropped_attributes_count);
    put("schema_url", scope.schema_url);
  }
  void on_span(const SpanView& span) override {
    begin("span");
    put_bytes("trace_id", span.trace_id);
    put_bytes("span_id", span.span_id);
    put_bytes("parent", span.parent_span_id);
    put("trace_state", span.trace_state);
    put("flags", span.flags);
    put("name", span.name);
    put("kind", span.kind);
    put("start", span.start_time_unix_nano);
    put("end", span.end_time_unix_nano);
    put("attributes", span.attributes);
    put("dropped_attributes", span.dropped_attributes_count);
    for (const EventView& event : span.events) {
      line() += " event{";
      put("time", event.time_unix_nano);
      put("name", event.name);
      put("attributes", event.attributes);
      put("dropped", event.dropped_attributes_count);
      line() += '}';
    }
    put("dropped_events", span.dropped_events_count);
    for (const LinkView& link : span.links) {
      line() += " link{";
      put_bytes("trace_id", link.trace_id);
      put_bytes("span_id", link.span_id);
      put("trace_state", link.trace_state);
      put("attributes", link.attributes);
      put("dropped", link.dropped_attributes_count);
      put("flags", link.flags);
      line() += '}';
    }
    put("dropped_links", span.dropped_links_count);
    put("status", span.status_code);
    put("status_message", span.status_message);
  }
  void on_log_record(const LogRecordView& record) override {
    begin("log");
    put("time", record.time_unix_nano);
    put("observed", record.observed_time_unix_nano);
    put("severity", record.severity_number);
    put("severity_text", record.severity_text);
    put("body", record.body);
    put("attributes", record.attributes);
    put("dropped", record.dropped_attributes_count);
    put("flags", record.flags);
    put_bytes("trace_id", record.trace_id);
    put_bytes("span_id", record.span_id);
    put("event_name", record.event_name);
  }
  void on_metric(const MetricView& metric) override {
    begin("metric");
    put("name", metric.name);
    put("description", metric.description);
    put("unit", metric.unit);
    put("type", static_cast<int>(metric.type));
    put("temporality", metric.temporality);
    put("monotonic", metric.is_monotonic);
    put("metadata", metric.metadata);
  }
  void on_point(const NumberPointView& point) override {
    begin("number");
    put_common(point);
    put("kind", static_cast<int>(point.kind));
    put("int", point.int_value);
    put("double", point.double_value);
    put("exemplars", point.exemplars);
  }
  void on_point(const HistogramPointView& point) override {
    begin("histogram");
    put_common(point);
    put_summary_values(point);
    put("counts", point.bucket_counts);
    put("bounds", point.explicit_bounds);
    put("exemplars", point.exemplars);
  }
  void on_point(const ExponentialHistogramPointView& point) override {
    begin("exponential");
    put_common(point);
    put_summary_values(point);
    put("scale", point.scale);
    put("zero_count", point.zero_count);
    put("zero_threshold", point.zero_threshold);
    put("positive_offset", point.positive_offset);
    put("positive", point.positive_counts);
    put("negative_offset", point.negative_offset);
    put("negative", point.negative_counts);
    put("exemplars", point.exemplars);
  }
  void on_point(const SummaryPointView& point) override {
    begin("summary");
    put_common(point);
    put("count", point.count);
    put("sum", point.sum);
    put("quantiles", point.quantiles);
    put("values", point.values);
  }

 private:
  std::string& line() { return lines.back(); }
  void begin(std::string_view what) { lines.emplace_back(what); }
  void name(std::string_view what) { line().append(" ").append(what).append("="); }

  void put(std::string_view what, std::string_view text) {
    name(what);
    append_json_string(text, line());
  }
  void put_bytes(std::string_view what, std::string_view bytes) {
    name(what);
    append_base64(bytes, line());
  }
  template <typename Number>
    requires std::is_integral_v<Number>
  void put(std::string_view what, Number number) {
    name(what);
    line() += std::to_string(number);
  }
  void put(std::string_view what, double number) {
    name(what);
    put_double(number);
  }
  void put(std::string_view what, const ValueView& value) {
    name(what);
    line() += static_cast<char>(value.type);
    if (value.type == ValueType::kArray || value.type == ValueType::kKeyValueList) {
      line() += value.text;
    } else {
      append_json_scalar(value, line());
    }
  }
  void put(std::string_view what, AttributesView attributes) {
    name(what);
    line() += '[';
    for (const KeyValueView& attribute : attributes) put(attribute.key, attribute.value);
    line() += ']';
  }
  void put(std::string_view what, std::span<const ExemplarView> exemplars) {
    name(what);
    for (const ExemplarView& exemplar : exemplars) {
      line() += '{';
      put("time", exemplar.time_unix_nano);
      put("is_int", exemplar.is_int);
      put("int", exemplar.int_value);
      put("double", exemplar.double_value);
      put_bytes("trace_id", exemplar.trace_id);
      put_bytes("span_id", exemplar.span_id);
      put("attributes", exemplar.filtered_attributes);
      line() += '}';
    }
  }
  void put(std::string_view what, std::span<const std::uint64_t> numbers) {
    name(what);
    for (const std::uint64_t number : numbers) line() += std::to_string(number) + ',';
  }
  void put(std::string_view what, std::span<const double> numbers) {
    name(what);
    for (const double number : numbers) {
      put_double(number);
      line() += ',';
    }
  }
  void put_double(double number) {
    char buffer[32];
    const auto end = std::to_chars(buffer, buffer + sizeof(buffer), number).ptr;
    line() += std::isnan(number) ? std::string_view("nan") : std::string_view(buffer, end - buffer);
  }
  template <typename Point>
  void put_common(const Point& point) {
    put("attributes", point.attributes);
    put("start", point.start_time_unix_nano);
    put("time", point.time_unix_nano);
    put("flags", point.flags);
  }
  template <typename Point>
  void put_summary_values(const Point& point) {
    put("count", point.count);
    if (point.has_sum) put("sum", point.sum);
    if (point.has_min) put("min", point.min);
    if (point.has_max) put("max", point.max);
  }
};

}  // namespace signalbox::otlp::testing

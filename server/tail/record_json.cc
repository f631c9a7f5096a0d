#include "server/tail/record_json.h"

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "server/query/plan/attributes.h"
#include "server/query/plan/fields.h"
#include "server/store/columns/folded.h"
#include "server/store/columns/metric_sink.h"

namespace signalbox::server::tail {
namespace {

using query::JsonWriter;

/// Null for an id that is not there, or of zeros.
void write_id(std::string_view id, JsonWriter& json) {
  if (id.find_first_not_of('\0') == std::string_view::npos) {
    json.null();
  } else {
    json.hex(id);
  }
}

std::string_view type_name(otlp::ValueType type) {
  return query::attribute_type_name(static_cast<char>(type));
}

/// {type, value}
void write_value(otlp::ValueType type, std::string_view text, JsonWriter& json) {
  json.begin_object();
  json.key("type").string(type_name(type));
  json.key("value").string(text);
  json.end_object();
}

void write_time(std::string_view name, std::uint64_t unix_nano, JsonWriter& json) {
  json.key(name).digits(store::stored_time(unix_nano));
}

void write_events(std::span<const otlp::EventView> events, JsonWriter& json) {
  store::StoredAttributes attributes;
  json.key("events").begin_array();
  for (const otlp::EventView& event : events) {
    json.begin_object();
    write_time("time", event.time_unix_nano, json);
    json.key("name").string(event.name);
    attributes.assign(event.attributes);
    json.key("attributes");
    write_attributes(attributes, json);
    json.key("dropped_attributes_count").number(event.dropped_attributes_count);
    json.end_object();
  }
  json.end_array();
}

void write_links(std::span<const otlp::LinkView> links, JsonWriter& json) {
  store::StoredAttributes attributes;
  json.key("links").begin_array();
  for (const otlp::LinkView& link : links) {
    json.begin_object();
    json.key("trace_id").hex(link.trace_id);
    json.key("span_id").hex(link.span_id);
    json.key("trace_state").string(link.trace_state);
    json.key("flags").number(link.flags);
    attributes.assign(link.attributes);
    json.key("attributes");
    write_attributes(attributes, json);
    json.key("dropped_attributes_count").number(link.dropped_attributes_count);
    json.end_object();
  }
  json.end_array();
}

std::string_view temporality_name(std::int32_t temporality) {
  constexpr std::array<std::string_view, 3> kNames = {"unspecified", "delta", "cumulative"};
  const auto index = static_cast<std::size_t>(temporality);
  return index < kNames.size() ? kNames.at(index) : "unknown";
}

template <typename Point>
void write_times(const Point& point, JsonWriter& json) {
  write_time("time", point.time_unix_nano, json);
  write_time("start_time", point.start_time_unix_nano, json);
  json.key("flags").number(point.flags);
}

void write_optional(std::string_view name, bool is_there, double value, JsonWriter& json) {
  json.key(name);
  if (is_there) {
    json.number(value);
  } else {
    json.null();
  }
}

/// Of a histogram of either kind.
template <typename Point>
void write_measurements(const Point& point, JsonWriter& json) {
  json.key("count").digits(point.count);
  write_optional("sum", point.has_sum, point.sum, json);
  write_optional("min", point.has_min, point.min, json);
  write_optional("max", point.has_max, point.max, json);
}

void write_counts(std::string_view name, std::span<const std::uint64_t> counts, JsonWriter& json) {
  json.key(name).begin_array();
  for (const std::uint64_t count : counts) json.digits(count);
  json.end_array();
}

void write_numbers(std::string_view name, std::span<const double> numbers, JsonWriter& json) {
  json.key(name).begin_array();
  for (const double number : numbers) json.number(number);
  json.end_array();
}

}  // namespace

void write_attributes(const store::StoredAttributes& attributes, JsonWriter& json) {
  const auto& entries = attributes.entries();
  json.begin_array();
  for (std::size_t i = 0; i < entries.size(); ++i) {
    json.begin_object();
    json.key("key").string(entries[i].key);
    json.key("type").string(query::attribute_type_name(attributes.types()[i]));
    json.key("value").string(entries[i].value);
    json.end_object();
  }
  json.end_array();
}

void write_log_record(const query::LiveRecord& record, JsonWriter& json) {
  const otlp::LogRecordView& log = record.log();
  write_time("time", log.time_unix_nano != 0 ? log.time_unix_nano : log.observed_time_unix_nano,
             json);
  json.key("time_unix_nano").digits(log.time_unix_nano);
  json.key("observed_time_unix_nano").digits(log.observed_time_unix_nano);
  json.key("service_name").string(record.resource.find("service.name"));
  json.key("trace_id");
  write_id(log.trace_id, json);
  json.key("span_id");
  write_id(log.span_id, json);
  json.key("flags").number(log.flags);
  json.key("severity").string(query::severity_name(log.severity_number));
  json.key("severity_number").number(log.severity_number);
  json.key("severity_text").string(log.severity_text);
  json.key("body");
  write_value(log.body.type, record.body, json);
  json.key("event_name").string(log.event_name);
  json.key("attributes");
  write_attributes(record.attributes, json);
  json.key("dropped_attributes_count").number(log.dropped_attributes_count);
}

void write_span(const query::LiveRecord& record, JsonWriter& json) {
  const otlp::SpanView& span = record.span();
  json.key("trace_id").hex(span.trace_id);
  json.key("span_id").hex(span.span_id);
  json.key("parent_span_id");
  write_id(span.parent_span_id, json);
  json.key("service_name").string(record.resource.find("service.name"));
  json.key("name").string(span.name);
  json.key("kind").string(query::enum_name(query::span_kinds(), span.kind, "unknown"));
  json.key("kind_number").number(span.kind);
  write_time("start_time", span.start_time_unix_nano, json);
  write_time("end_time", span.end_time_unix_nano, json);
  json.key("duration_ns")
      .digits(store::stored_time(span.end_time_unix_nano) -
              store::stored_time(span.start_time_unix_nano));
  json.key("status").begin_object();
  json.key("code").string(query::enum_name(query::status_codes(), span.status_code, "unknown"));
  json.key("code_number").number(span.status_code);
  json.key("message").string(span.status_message);
  json.end_object();
  json.key("trace_state").string(span.trace_state);
  json.key("flags").number(span.flags);
  json.key("attributes");
  write_attributes(record.attributes, json);
  json.key("dropped_attributes_count").number(span.dropped_attributes_count);
  write_events(span.events, json);
  json.key("dropped_events_count").number(span.dropped_events_count);
  write_links(span.links, json);
  json.key("dropped_links_count").number(span.dropped_links_count);
}

void write_metric(const query::LiveRecord& record, JsonWriter& json) {
  const otlp::MetricView& metric = record.metric();
  json.key("service_name").string(record.resource.find("service.name"));
  json.key("metric").begin_object();
  json.key("name").string(metric.name);
  json.key("type").string(store::metric_type_name(metric.type));
  json.key("unit").string(metric.unit);
  json.key("description").string(metric.description);
  json.key("temporality").string(temporality_name(metric.temporality));
  json.key("is_monotonic").boolean(metric.is_monotonic);
  json.end_object();
  json.key("attributes");
  write_attributes(record.attributes, json);
}

void write_point(const otlp::NumberPointView& point, JsonWriter& json) {
  using Kind = otlp::NumberPointView::Kind;
  write_times(point, json);
  otlp::ValueView value;
  if (point.kind == Kind::kInt) value.type = otlp::ValueType::kInt;
  if (point.kind == Kind::kDouble) value.type = otlp::ValueType::kDouble;
  value.int_value = point.int_value;
  value.double_value = point.double_value;
  std::string text;
  store::append_text(text, value);
  json.key("value");
  write_value(value.type, text, json);
}

void write_point(const otlp::HistogramPointView& point, JsonWriter& json) {
  write_times(point, json);
  write_measurements(point, json);
  write_numbers("bounds", point.explicit_bounds, json);
  write_counts("bucket_counts", point.bucket_counts, json);
}

void write_point(const otlp::ExponentialHistogramPointView& point, JsonWriter& json) {
  write_times(point, json);
  write_measurements(point, json);
  json.key("scale").number(point.scale);
  json.key("zero_count").digits(point.zero_count);
  json.key("zero_threshold").number(point.zero_threshold);
  json.key("positive_offset").number(point.positive_offset);
  write_counts("positive_counts", point.positive_counts, json);
  json.key("negative_offset").number(point.negative_offset);
  write_counts("negative_counts", point.negative_counts, json);
}

void write_point(const otlp::SummaryPointView& point, JsonWriter& json) {
  write_times(point, json);
  json.key("count").digits(point.count);
  json.key("sum").number(point.sum);
  write_numbers("quantiles", point.quantiles, json);
  write_numbers("values", point.values, json);
}

}  // namespace signalbox::server::tail

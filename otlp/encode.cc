#include "otlp/encode.h"

#include <array>
#include <string>
#include <string_view>
#include <utility>

#include "otlp/encode_fields.h"

namespace signalbox::otlp {
namespace {

/// How the levels of a message are called.
struct LevelNames {
  std::string_view resources;
  std::string_view scopes;
  std::string_view records;
};

constexpr std::array<LevelNames, 3> kLevelNames{{{"resourceSpans", "scopeSpans", "spans"},
                                                 {"resourceLogs", "scopeLogs", "logRecords"},
                                                 {"resourceMetrics", "scopeMetrics", "metrics"}}};

template <typename Fields>
void write_span(Fields& fields, const SpanView& span) {
  fields.id(1, "traceId", span.trace_id);
  fields.id(2, "spanId", span.span_id);
  fields.text(3, "traceState", span.trace_state);
  fields.id(4, "parentSpanId", span.parent_span_id);
  fields.text(5, "name", span.name);
  fields.int32(6, "kind", span.kind);
  fields.fixed64(7, "startTimeUnixNano", span.start_time_unix_nano);
  fields.fixed64(8, "endTimeUnixNano", span.end_time_unix_nano);
  fields.attributes(9, "attributes", span.attributes);
  fields.uint32(10, "droppedAttributesCount", span.dropped_attributes_count);
  fields.messages(11, "events", span.events, [](Fields& of_event, const EventView& event) {
    of_event.fixed64(1, "timeUnixNano", event.time_unix_nano);
    of_event.text(2, "name", event.name);
    of_event.attributes(3, "attributes", event.attributes);
    of_event.uint32(4, "droppedAttributesCount", event.dropped_attributes_count);
  });
  fields.uint32(12, "droppedEventsCount", span.dropped_events_count);
  fields.messages(13, "links", span.links, [](Fields& of_link, const LinkView& link) {
    of_link.id(1, "traceId", link.trace_id);
    of_link.id(2, "spanId", link.span_id);
    of_link.text(3, "traceState", link.trace_state);
    of_link.attributes(4, "attributes", link.attributes);
    of_link.uint32(5, "droppedAttributesCount", link.dropped_attributes_count);
    of_link.fixed32(6, "flags", link.flags);
  });
  fields.uint32(14, "droppedLinksCount", span.dropped_links_count);
  if (span.status_code != 0 || !span.status_message.empty()) {
    fields.message(15, "status", [&](Fields& of_status) {
      of_status.text(2, "message", span.status_message);
      of_status.int32(3, "code", span.status_code);
    });
  }
  fields.fixed32(16, "flags", span.flags);
}

template <typename Fields>
void write_log_record(Fields& fields, const LogRecordView& record) {
  fields.fixed64(1, "timeUnixNano", record.time_unix_nano);
  fields.int32(2, "severityNumber", record.severity_number);
  fields.text(3, "severityText", record.severity_text);
  if (record.body.type != ValueType::kEmpty) fields.value(5, "body", record.body);
  fields.attributes(6, "attributes", record.attributes);
  fields.uint32(7, "droppedAttributesCount", record.dropped_attributes_count);
  fields.fixed32(8, "flags", record.flags);
  fields.id(9, "traceId", record.trace_id);
  fields.id(10, "spanId", record.span_id);
  fields.fixed64(11, "observedTimeUnixNano", record.observed_time_unix_nano);
  fields.text(12, "eventName", record.event_name);
}

template <typename Fields>
void write_exemplars(Fields& fields, std::uint32_t field, std::span<const ExemplarView> exemplars) {
  fields.messages(field, "exemplars", exemplars,
                  [](Fields& of_exemplar, const ExemplarView& exemplar) {
                    of_exemplar.fixed64(2, "timeUnixNano", exemplar.time_unix_nano);
                    if (exemplar.is_int) {
                      of_exemplar.set_sfixed64(6, "asInt", exemplar.int_value);
                    } else {
                      of_exemplar.set_real(3, "asDouble", exemplar.double_value);
                    }
                    of_exemplar.id(4, "spanId", exemplar.span_id);
                    of_exemplar.id(5, "traceId", exemplar.trace_id);
                    of_exemplar.attributes(7, "filteredAttributes", exemplar.filtered_attributes);
                  });
}

template <typename Fields, typename Point>
void write_times(Fields& fields, const Point& point) {
  fields.fixed64(2, "startTimeUnixNano", point.start_time_unix_nano);
  fields.fixed64(3, "timeUnixNano", point.time_unix_nano);
}

template <typename Fields>
void write_point(Fields& fields, const NumberPointView& point) {
  write_times(fields, point);
  if (point.kind == NumberPointView::Kind::kInt) fields.set_sfixed64(6, "asInt", point.int_value);
  if (point.kind == NumberPointView::Kind::kDouble) {
    fields.set_real(4, "asDouble", point.double_value);
  }
  write_exemplars(fields, 5, point.exemplars);
  fields.attributes(7, "attributes", point.attributes);
  fields.uint32(8, "flags", point.flags);
}

template <typename Fields>
void write_point(Fields& fields, const HistogramPointView& point) {
  write_times(fields, point);
  fields.fixed64(4, "count", point.count);
  if (point.has_sum) fields.set_real(5, "sum", point.sum);
  fields.fixed64s(6, "bucketCounts", point.bucket_counts);
  fields.reals(7, "explicitBounds", point.explicit_bounds);
  write_exemplars(fields, 8, point.exemplars);
  fields.attributes(9, "attributes", point.attributes);
  fields.uint32(10, "flags", point.flags);
  if (point.has_min) fields.set_real(11, "min", point.min);
  if (point.has_max) fields.set_real(12, "max", point.max);
}

template <typename Fields>
void write_buckets(Fields& fields, std::uint32_t field, std::string_view name, std::int32_t offset,
                   std::span<const std::uint64_t> counts) {
  if (offset == 0 && counts.empty()) return;
  fields.message(field, name, [&](Fields& of_buckets) {
    of_buckets.sint32(1, "offset", offset);
    of_buckets.uint64s(2, "bucketCounts", counts);
  });
}

template <typename Fields>
void write_point(Fields& fields, const ExponentialHistogramPointView& point) {
  fields.attributes(1, "attributes", point.attributes);
  write_times(fields, point);
  fields.fixed64(4, "count", point.count);
  if (point.has_sum) fields.set_real(5, "sum", point.sum);
  fields.sint32(6, "scale", point.scale);
  fields.fixed64(7, "zeroCount", point.zero_count);
  write_buckets(fields, 8, "positive", point.positive_offset, point.positive_counts);
  write_buckets(fields, 9, "negative", point.negative_offset, point.negative_counts);
  fields.uint32(10, "flags", point.flags);
  write_exemplars(fields, 11, point.exemplars);
  if (point.has_min) fields.set_real(12, "min", point.min);
  if (point.has_max) fields.set_real(13, "max", point.max);
  fields.real(14, "zeroThreshold", point.zero_threshold);
}

template <typename Fields>
void write_point(Fields& fields, const SummaryPointView& point) {
  write_times(fields, point);
  fields.fixed64(4, "count", point.count);
  fields.real(5, "sum", point.sum);
  std::size_t at = 0;
  fields.messages(6, "quantileValues", point.quantiles, [&](Fields& of_quantile, double quantile) {
    of_quantile.real(1, "quantile", quantile);
    of_quantile.real(2, "value", point.values[at++]);
  });
  fields.attributes(7, "attributes", point.attributes);
  fields.uint32(8, "flags", point.flags);
}

/// Where in a Metric the points of a type stand.
struct DataField {
  std::uint32_t field;
  std::string_view name;
};
constexpr std::array<DataField, 5> kDataFields{
    {{5, "gauge"}, {7, "sum"}, {9, "histogram"}, {10, "exponentialHistogram"}, {11, "summary"}}};

template <typename Fields>
class EncoderOf final : public Encoder {
 public:
  explicit EncoderOf(Signal signal) : names_(kLevelNames.at(static_cast<std::size_t>(signal))) {}

  [[nodiscard]] std::size_t size_bytes() const noexcept override {
    std::size_t size = resources_.size();
    for (const Level* level : {&resource_, &scope_, &metric_}) {
      size += level->head.size() + level->items.size();
    }
    return size;
  }

  std::string take() override {
    close_resource();
    std::string message;
    Fields(message).items(1, names_.resources, resources_);
    resources_.clear();
    return Fields::whole(message);
  }

  void on_resource(const ResourceView& resource) override {
    close_resource();
    Fields fields = open(resource_);
    fields.message(1, "resource", [&](Fields& of_resource) {
      of_resource.attributes(1, "attributes", resource.attributes);
      of_resource.uint32(2, "droppedAttributesCount", resource.dropped_attributes_count);
    });
    fields.text(3, "schemaUrl", resource.schema_url);
  }

  void on_scope(const ScopeView& scope) override {
    close_scope();
    Fields fields = open(scope_);
    fields.message(1, "scope", [&](Fields& of_scope) {
      of_scope.text(1, "name", scope.name);
      of_scope.text(2, "version", scope.version);
      of_scope.attributes(3, "attributes", scope.attributes);
      of_scope.uint32(4, "droppedAttributesCount", scope.dropped_attributes_count);
    });
    fields.text(3, "schemaUrl", scope.schema_url);
  }

  void on_span(const SpanView& span) override {
    append(scope_, 2, [&](Fields& fields) { write_span(fields, span); });
  }
  void on_log_record(const LogRecordView& record) override {
    append(scope_, 2, [&](Fields& fields) { write_log_record(fields, record); });
  }

  void on_metric(const MetricView& metric) override {
    close_metric();
    Fields fields = open(metric_);
    fields.text(1, "name", metric.name);
    fields.text(2, "description", metric.description);
    fields.text(3, "unit", metric.unit);
    fields.attributes(12, "metadata", metric.metadata);
    type_ = metric.type;
    temporality_ = metric.temporality;
    is_monotonic_ = metric.is_monotonic;
  }
  void on_point(const NumberPointView& point) override { append_point(point); }
  void on_point(const HistogramPointView& point) override { append_point(point); }
  void on_point(const ExponentialHistogramPointView& point) override { append_point(point); }
  void on_point(const SummaryPointView& point) override { append_point(point); }

 private:
  /// A message that is still being told: its own fields, and the items below it.
  struct Level {
    bool is_open = false;
    std::string head;
    std::string items;
  };

  static Fields open(Level& level) {
    level.is_open = true;
    level.head.clear();
    level.items.clear();
    return Fields(level.head);
  }

  template <typename Write>
  void append(Level& level, std::uint32_t field, Write write) {
    record_.clear();
    Fields fields(record_);
    write(fields);
    Fields::append_item(level.items, field, record_);
  }

  template <typename Point>
  void append_point(const Point& point) {
    append(metric_, 1, [&](Fields& fields) { write_point(fields, point); });
  }

  void close_metric() {
    if (!metric_.is_open) return;
    const auto& [field, name] = kDataFields.at(static_cast<std::size_t>(type_));
    Fields fields(metric_.head);
    fields.message(field, name, [&](Fields& data) {
      data.items(1, "dataPoints", metric_.items);
      data.int32(2, "aggregationTemporality", temporality_);
      data.boolean(3, "isMonotonic", is_monotonic_);
    });
    close(metric_, scope_.items, 2);
  }
  void close_scope() {
    close_metric();
    if (!scope_.is_open) return;
    Fields(scope_.head).items(2, names_.records, scope_.items);
    close(scope_, resource_.items, 2);
  }
  void close_resource() {
    close_scope();
    if (!resource_.is_open) return;
    Fields(resource_.head).items(2, names_.scopes, resource_.items);
    close(resource_, resources_, 1);
  }
  static void close(Level& level, std::string& above, std::uint32_t field) {
    Fields::append_item(above, field, level.head);
    level.is_open = false;
    level.head.clear();
    level.items.clear();
  }

  const LevelNames& names_;
  std::string resources_;  // Those that are complete.
  Level resource_, scope_, metric_;
  MetricType type_ = MetricType::kGauge;
  std::int32_t temporality_ = 0;
  bool is_monotonic_ = false;
  std::string record_;  // The one that is being written.
};

}  // namespace

std::unique_ptr<Encoder> make_encoder(Signal signal, Encoding encoding) {
  if (encoding == Encoding::kJson) return std::make_unique<EncoderOf<internal::JsonFields>>(signal);
  return std::make_unique<EncoderOf<internal::ProtobufFields>>(signal);
}

}  // namespace signalbox::otlp

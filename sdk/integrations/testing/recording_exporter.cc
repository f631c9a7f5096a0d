#include "sdk/integrations/testing/recording_exporter.h"

#include <array>
#include <charconv>

#include "otlp/decode.h"

namespace signalbox::testing {
namespace {

std::string hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string out;
  for (const char c : bytes) {
    out += kDigits[static_cast<unsigned char>(c) >> 4];
    out += kDigits[static_cast<unsigned char>(c) & 0xf];
  }
  return out;
}

std::string text(const otlp::ValueView& value) {
  switch (value.type) {
    case otlp::ValueType::kBool:
      return value.bool_value ? "true" : "false";
    case otlp::ValueType::kInt:
      return std::to_string(value.int_value);
    case otlp::ValueType::kDouble: {
      std::array<char, 32> buffer{};
      const auto end =
          std::to_chars(buffer.data(), buffer.data() + buffer.size(), value.double_value);
      return {buffer.data(), end.ptr};
    }
    default:
      return std::string(value.text);
  }
}

TextAttributes texts(otlp::AttributesView attributes) {
  TextAttributes out;
  for (const otlp::KeyValueView& attribute : attributes) {
    out[std::string(attribute.key)] = text(attribute.value);
  }
  return out;
}

class Spans final : public otlp::TraceSink {
 public:
  explicit Spans(std::vector<RecordedSpan>& out) : out_(out) {}
  void on_resource(const otlp::ResourceView& /*resource*/) override {}
  void on_scope(const otlp::ScopeView& scope) override { scope_ = scope.name; }
  void on_span(const otlp::SpanView& span) override {
    RecordedSpan& recorded = out_.emplace_back();
    recorded.scope = scope_;
    recorded.name = span.name;
    recorded.trace_id = hex(span.trace_id);
    recorded.span_id = hex(span.span_id);
    recorded.parent_span_id = hex(span.parent_span_id);
    recorded.status_message = span.status_message;
    recorded.kind = span.kind;
    recorded.status_code = span.status_code;
    recorded.attributes = texts(span.attributes);
    for (const otlp::EventView& event : span.events) recorded.event_names.emplace_back(event.name);
    recorded.start_ns = span.start_time_unix_nano;
    recorded.end_ns = span.end_time_unix_nano;
  }

 private:
  std::vector<RecordedSpan>& out_;
  std::string scope_;
};

class Logs final : public otlp::LogsSink {
 public:
  explicit Logs(std::vector<RecordedLog>& out) : out_(out) {}
  void on_resource(const otlp::ResourceView& /*resource*/) override {}
  void on_scope(const otlp::ScopeView& scope) override { scope_ = scope.name; }
  void on_log_record(const otlp::LogRecordView& record) override {
    RecordedLog& recorded = out_.emplace_back();
    recorded.scope = scope_;
    recorded.severity = record.severity_number;
    recorded.severity_text = record.severity_text;
    recorded.body = text(record.body);
    recorded.trace_id = hex(record.trace_id);
    recorded.span_id = hex(record.span_id);
    recorded.attributes = texts(record.attributes);
  }

 private:
  std::vector<RecordedLog>& out_;
  std::string scope_;
};

class Metrics final : public otlp::MetricsSink {
 public:
  explicit Metrics(std::vector<RecordedPoint>& out) : out_(out) {}
  void on_resource(const otlp::ResourceView& /*resource*/) override {}
  void on_scope(const otlp::ScopeView& /*scope*/) override {}
  void on_metric(const otlp::MetricView& metric) override {
    name_ = metric.name;
    unit_ = metric.unit;
    is_monotonic_ = metric.is_monotonic;
  }
  void on_point(const otlp::NumberPointView& point) override {
    add(point.attributes).int_value = point.int_value;
  }
  void on_point(const otlp::HistogramPointView& point) override {
    RecordedPoint& recorded = add(point.attributes);
    recorded.count = point.count;
    recorded.sum = point.sum;
    recorded.bounds.assign(point.explicit_bounds.begin(), point.explicit_bounds.end());
  }
  void on_point(const otlp::ExponentialHistogramPointView& point) override {
    add(point.attributes).count = point.count;
  }
  void on_point(const otlp::SummaryPointView& point) override {
    add(point.attributes).count = point.count;
  }

 private:
  RecordedPoint& add(otlp::AttributesView attributes) {
    RecordedPoint& recorded = out_.emplace_back();
    recorded.metric = name_;
    recorded.unit = unit_;
    recorded.is_monotonic = is_monotonic_;
    recorded.attributes = texts(attributes);
    return recorded;
  }

  std::vector<RecordedPoint>& out_;
  std::string name_;
  std::string unit_;
  bool is_monotonic_ = false;
};

}  // namespace

sdk::ExportResult RecordingExporter::export_request(
    sdk::Signal signal, std::string_view request, std::uint64_t /*items*/,
    std::chrono::steady_clock::time_point /*deadline*/) noexcept {
  const std::scoped_lock lock(mutex_);
  otlp::DecodeResult result;
  switch (signal) {
    case sdk::Signal::kTraces: {
      Spans sink(spans_);
      result = otlp::decode_traces_protobuf(request, sink);
      break;
    }
    case sdk::Signal::kLogs: {
      Logs sink(logs_);
      result = otlp::decode_logs_protobuf(request, sink);
      break;
    }
    case sdk::Signal::kMetrics: {
      points_.clear();
      Metrics sink(points_);
      result = otlp::decode_metrics_protobuf(request, sink);
      break;
    }
  }
  if (!result.ok) error_ = result.error;
  return {};
}

std::vector<RecordedSpan> RecordingExporter::spans() const {
  const std::scoped_lock lock(mutex_);
  return spans_;
}

std::vector<RecordedLog> RecordingExporter::logs() const {
  const std::scoped_lock lock(mutex_);
  return logs_;
}

std::vector<RecordedPoint> RecordingExporter::points() const {
  const std::scoped_lock lock(mutex_);
  return points_;
}

std::string RecordingExporter::error() const {
  const std::scoped_lock lock(mutex_);
  return error_;
}

}  // namespace signalbox::testing

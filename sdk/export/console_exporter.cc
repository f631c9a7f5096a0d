#include "signalbox/export/console_exporter.h"

#include <array>
#include <charconv>
#include <cinttypes>
#include <cstdio>
#include <ctime>
#include <exception>
#include <mutex>
#include <string>
#include <utility>

#include "otlp/decode.h"

namespace signalbox::sdk {
namespace {

using namespace std::string_view_literals;

template <std::size_t N>
std::string name_of(const std::array<std::string_view, N>& names, std::int32_t value) {
  return value >= 0 && static_cast<std::size_t>(value) < N
             ? std::string(names[static_cast<std::size_t>(value)])
             : std::to_string(value);
}

constexpr std::array kSpanKinds = {"UNSPECIFIED"sv, "INTERNAL"sv, "SERVER"sv,
                                   "CLIENT"sv,      "PRODUCER"sv, "CONSUMER"sv};
constexpr std::array kStatusCodes = {"UNSET"sv, "OK"sv, "ERROR"sv};
constexpr std::array kTemporalities = {"no temporality"sv, "delta"sv, "cumulative"sv};
constexpr std::array kMetricTypes = {"gauge"sv, "sum"sv, "histogram"sv, "exponential histogram"sv,
                                     "summary"sv};

std::string number(double value) {
  std::array<char, 32> text{};
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value).ptr;
  return {text.data(), end};
}

std::string hex(std::string_view bytes) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(bytes.size() * 2);
  for (const char c : bytes) {
    const auto byte = static_cast<unsigned char>(c);
    text += kDigits[byte >> 4];
    text += kDigits[byte & 15];
  }
  return text;
}

std::string time_of(std::uint64_t unix_nano) {
  constexpr std::uint64_t kNanosPerSecond = 1'000'000'000;
  const auto seconds = static_cast<std::time_t>(unix_nano / kNanosPerSecond);
  std::tm utc{};
  gmtime_r(&seconds, &utc);
  std::array<char, 32> date{};
  std::strftime(date.data(), date.size(), "%Y-%m-%dT%H:%M:%S", &utc);
  std::array<char, 16> fraction{};
  std::snprintf(fraction.data(), fraction.size(), ".%09" PRIu64 "Z", unix_nano % kNanosPerSecond);
  return std::string(date.data()) + fraction.data();
}

std::string duration_of(std::uint64_t start_nano, std::uint64_t end_nano) {
  constexpr double kNanosPerMilli = 1e6;
  if (end_nano < start_nano) {
    return "ended before it started";
  }
  std::array<char, 32> text{};
  std::snprintf(text.data(), text.size(), "%.3f ms",
                static_cast<double>(end_nano - start_nano) / kNanosPerMilli);
  return text.data();
}

// In quotes, on one line, unable to control the terminal.
std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (byte < 0x20 || byte == 0x7f) {
      out += "\\x" + hex(std::string_view(&c, 1));
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string text_of(const otlp::ValueView& value) {
  switch (value.type) {
    case otlp::ValueType::kEmpty:
      return "empty";
    case otlp::ValueType::kString:
      return quoted(value.text);
    case otlp::ValueType::kBool:
      return value.bool_value ? "true" : "false";
    case otlp::ValueType::kInt:
      return std::to_string(value.int_value);
    case otlp::ValueType::kDouble:
      return number(value.double_value);
    case otlp::ValueType::kBytes:
      return "0x" + hex(value.text);
    case otlp::ValueType::kArray:
    case otlp::ValueType::kKeyValueList:
      return std::string(value.text);
  }
  return {};
}

// Prints whatever a request contains; one line for each thing, its parts indented below it.
class Printer final : public otlp::TraceSink, public otlp::LogsSink, public otlp::MetricsSink {
 public:
  [[nodiscard]] std::string take() { return std::move(out_); }

  void on_resource(const otlp::ResourceView& resource) override {
    out_ += "resource\n";
    attributes(resource.attributes, 1);
  }

  void on_scope(const otlp::ScopeView& scope) override {
    out_ += "scope " + quoted(scope.name);
    if (!scope.version.empty()) {
      out_ += " version " + quoted(scope.version);
    }
    out_ += '\n';
    attributes(scope.attributes, 1);
  }

  void on_span(const otlp::SpanView& span) override {
    out_ += "span " + quoted(span.name) + ' ' + name_of(kSpanKinds, span.kind) + ' ' +
            duration_of(span.start_time_unix_nano, span.end_time_unix_nano) + '\n';
    line(1, "trace_id", hex(span.trace_id));
    line(1, "span_id", hex(span.span_id));
    if (!span.parent_span_id.empty()) {
      line(1, "parent_span_id", hex(span.parent_span_id));
    }
    if (!span.trace_state.empty()) {
      line(1, "trace_state", quoted(span.trace_state));
    }
    line(1, "start", time_of(span.start_time_unix_nano));
    line(1, "end", time_of(span.end_time_unix_nano));
    if (span.status_code != 0 || !span.status_message.empty()) {
      std::string status = name_of(kStatusCodes, span.status_code);
      if (!span.status_message.empty()) {
        status += ' ' + quoted(span.status_message);
      }
      line(1, "status", status);
    }
    attributes(span.attributes, 1);
    for (const otlp::EventView& event : span.events) {
      line(1, "event", quoted(event.name) + " at " + time_of(event.time_unix_nano));
      attributes(event.attributes, 2);
    }
    for (const otlp::LinkView& link : span.links) {
      line(1, "link", hex(link.trace_id) + ' ' + hex(link.span_id));
      attributes(link.attributes, 2);
    }
    dropped("attributes", span.dropped_attributes_count);
    dropped("events", span.dropped_events_count);
    dropped("links", span.dropped_links_count);
  }

  void on_log_record(const otlp::LogRecordView& record) override {
    out_ += "log " +
            (record.severity_text.empty() ? "severity " + std::to_string(record.severity_number)
                                          : std::string(record.severity_text)) +
            ' ' + text_of(record.body) + '\n';
    line(1, "time",
         time_of(record.time_unix_nano != 0 ? record.time_unix_nano
                                            : record.observed_time_unix_nano));
    if (!record.event_name.empty()) {
      line(1, "event_name", quoted(record.event_name));
    }
    if (!record.trace_id.empty()) {
      line(1, "trace_id", hex(record.trace_id));
      line(1, "span_id", hex(record.span_id));
    }
    attributes(record.attributes, 1);
    dropped("attributes", record.dropped_attributes_count);
  }

  void on_metric(const otlp::MetricView& metric) override {
    out_ += "metric " + quoted(metric.name) + ' ' +
            name_of(kMetricTypes, static_cast<std::int32_t>(metric.type));
    if (!metric.unit.empty()) {
      out_ += " in " + quoted(metric.unit);
    }
    if (metric.temporality != 0) {
      out_ += ", " + name_of(kTemporalities, metric.temporality);
    }
    if (metric.type == otlp::MetricType::kSum) {
      out_ += metric.is_monotonic ? ", monotonic" : ", not monotonic";
    }
    out_ += '\n';
    if (!metric.description.empty()) {
      line(1, "description", quoted(metric.description));
    }
  }

  void on_point(const otlp::NumberPointView& point) override {
    using Kind = otlp::NumberPointView::Kind;
    std::string value = "no value";
    if (point.kind == Kind::kInt) {
      value = std::to_string(point.int_value);
    } else if (point.kind == Kind::kDouble) {
      value = number(point.double_value);
    }
    point_header(value, point.start_time_unix_nano, point.time_unix_nano);
    attributes(point.attributes, 2);
  }

  void on_point(const otlp::HistogramPointView& point) override {
    point_header(summary(point), point.start_time_unix_nano, point.time_unix_nano);
    attributes(point.attributes, 2);
    std::string lower = "-inf";
    for (std::size_t i = 0; i < point.bucket_counts.size(); ++i) {
      const std::string upper =
          i < point.explicit_bounds.size() ? number(point.explicit_bounds[i]) : "+inf";
      if (point.bucket_counts[i] != 0) {
        std::string range = "(";
        range.append(lower).append(", ").append(upper);
        range += i < point.explicit_bounds.size() ? ']' : ')';
        line(2, range, std::to_string(point.bucket_counts[i]));
      }
      lower = upper;
    }
  }

  void on_point(const otlp::ExponentialHistogramPointView& point) override {
    point_header(summary(point) + ", scale " + std::to_string(point.scale),
                 point.start_time_unix_nano, point.time_unix_nano);
    attributes(point.attributes, 2);
  }

  void on_point(const otlp::SummaryPointView& point) override {
    point_header("count " + std::to_string(point.count) + ", sum " + number(point.sum),
                 point.start_time_unix_nano, point.time_unix_nano);
    attributes(point.attributes, 2);
    for (std::size_t i = 0; i < point.quantiles.size(); ++i) {
      line(2, "quantile " + number(point.quantiles[i]), number(point.values[i]));
    }
  }

 private:
  template <typename Point>
  static std::string summary(const Point& point) {
    std::string text = "count " + std::to_string(point.count);
    if (point.has_sum) {
      text += ", sum " + number(point.sum);
    }
    if (point.has_min) {
      text += ", min " + number(point.min);
    }
    if (point.has_max) {
      text += ", max " + number(point.max);
    }
    return text;
  }

  void line(int depth, std::string_view key, std::string_view value) {
    out_.append(static_cast<std::size_t>(depth) * 2, ' ').append(key);
    out_.append(": ").append(value) += '\n';
  }

  void attributes(otlp::AttributesView attributes, int depth) {
    for (const otlp::KeyValueView& attribute : attributes) {
      out_.append(static_cast<std::size_t>(depth) * 2, ' ').append(attribute.key);
      out_.append(" = ").append(text_of(attribute.value)) += '\n';
    }
  }

  void point_header(std::string_view value, std::uint64_t start_nano, std::uint64_t time_nano) {
    out_.append("  ").append(value).append(" at ").append(time_of(time_nano));
    if (start_nano != 0) {
      out_.append(" since ").append(time_of(start_nano));
    }
    out_ += '\n';
  }

  void dropped(std::string_view what, std::uint32_t count) {
    if (count != 0) {
      line(1, "dropped " + std::string(what), std::to_string(count));
    }
  }

  std::string out_;
};

class ConsoleExporter final : public Exporter {
 public:
  explicit ConsoleExporter(std::function<void(std::string_view)> write)
      : write_(std::move(write)) {}

  ExportResult export_request(
      Signal signal, std::string_view request, std::uint64_t /*items*/,
      std::chrono::steady_clock::time_point /*deadline*/) noexcept override {
    try {
      Printer printer;
      const otlp::DecodeResult decoded = decode(signal, request, printer);
      const std::string text = printer.take();
      {
        const std::scoped_lock lock(mutex_);
        if (write_) {
          write_(text);
        } else {
          std::fwrite(text.data(), 1, text.size(), stdout);
          std::fflush(stdout);
        }
      }
      if (!decoded.ok) {
        return {.status = ExportResult::Status::kRejected, .message = decoded.error};
      }
      return {};
    } catch (const std::exception& failure) {
      return {.status = ExportResult::Status::kRejected, .message = failure.what()};
    }
  }

  void cancel() noexcept override {}  // Nothing here waits.

 private:
  static otlp::DecodeResult decode(Signal signal, std::string_view request, Printer& printer) {
    switch (signal) {
      case Signal::kTraces:
        return otlp::decode_traces_protobuf(request, printer);
      case Signal::kMetrics:
        return otlp::decode_metrics_protobuf(request, printer);
      case Signal::kLogs:
        break;
    }
    return otlp::decode_logs_protobuf(request, printer);
  }

  std::function<void(std::string_view)> write_;
  std::mutex mutex_;
};

}  // namespace

std::shared_ptr<Exporter> make_console_exporter(std::function<void(std::string_view)> write) {
  return std::make_shared<ConsoleExporter>(std::move(write));
}

}  // namespace signalbox::sdk

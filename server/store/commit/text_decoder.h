#pragma once

#include <charconv>
#include <cstdint>
#include <stdexcept>
#include <string_view>

#include "server/store/ingest.h"

namespace signalbox::server::store::testing {

/// Decodes payloads that tests can write: "3 whatever" is three records, "3 of all kinds" three of
/// each kind, which fill every table of their signal; "malformed" and "throws" do what they say.
class TextDecoder final : public Decoder {
 public:
  [[nodiscard]] otlp::DecodeResult decode(Signal signal, std::uint8_t /*content*/,
                                          std::string_view payload, Sinks& sinks) const override {
    const bool is_malformed = payload.starts_with("malformed");
    int count = is_malformed ? 1 : 0;
    std::from_chars(payload.data(), payload.data() + payload.size(), count);
    const bool of_all_kinds = payload.find("of all kinds") != std::string_view::npos;
    for (int i = 0; i < count; ++i) of_all_kinds ? add_all(signal, sinks) : add(signal, sinks);
    if (payload.starts_with("throws")) throw std::runtime_error("the decoder is broken");
    otlp::DecodeResult result;
    result.accepted = static_cast<std::uint64_t>(count);
    if (is_malformed) {
      result.ok = false;
      result.offset = 7;
      result.error = "truncated";
    }
    return result;
  }

 private:
  static void add(Signal signal, Sinks& sinks) {
    switch (signal) {
      case Signal::kTraces: {
        sinks.traces.on_resource({});
        sinks.traces.on_scope({});
        otlp::SpanView span;
        span.trace_id = "0123456789abcdef";
        span.span_id = "01234567";
        sinks.traces.on_span(span);
        return;
      }
      case Signal::kMetrics:
        sinks.metrics.on_resource({});
        sinks.metrics.on_scope({});
        sinks.metrics.on_metric({});
        sinks.metrics.on_point(otlp::NumberPointView{});
        return;
      case Signal::kLogs:
        sinks.logs.on_resource({});
        sinks.logs.on_scope({});
        sinks.logs.on_log_record({});
        return;
    }
  }

  static otlp::KeyValueView text(std::string_view key, std::string_view value) {
    return {key, {.type = otlp::ValueType::kString, .text = value}};
  }

  static void add_all(Signal signal, Sinks& sinks) {
    switch (signal) {
      case Signal::kTraces:
        return add_call(sinks.traces);
      case Signal::kMetrics:
        return add_points(sinks.metrics);
      case Signal::kLogs:
        return add_error(sinks.logs);
    }
  }

  /// From one service to another, where it fails.
  static void add_call(otlp::TraceSink& sink) {
    const otlp::KeyValueView web = text("service.name", "web");
    const otlp::KeyValueView shop = text("service.name", "shop");
    const otlp::KeyValueView attribute = text("error.type", "500");
    otlp::ResourceView resource;
    otlp::SpanView span;
    span.trace_id = "0123456789abcdef";
    span.span_id = "01234567";
    span.kind = 3;
    resource.attributes = {&web, 1};
    sink.on_resource(resource);
    sink.on_scope({});
    sink.on_span(span);
    span.parent_span_id = span.span_id;
    span.span_id = "12345678";
    span.kind = 2;
    span.status_code = 2;
    span.attributes = {&attribute, 1};
    resource.attributes = {&shop, 1};
    sink.on_resource(resource);
    sink.on_scope({});
    sink.on_span(span);
  }

  static void add_points(otlp::MetricsSink& sink) {
    sink.on_resource({});
    sink.on_scope({});
    sink.on_metric({});
    const otlp::ExemplarView exemplar;
    otlp::NumberPointView number;
    number.exemplars = {&exemplar, 1};
    sink.on_point(number);
    sink.on_point(otlp::HistogramPointView{});
    sink.on_point(otlp::ExponentialHistogramPointView{});
    sink.on_point(otlp::SummaryPointView{});
  }

  static void add_error(otlp::LogsSink& sink) {
    const otlp::KeyValueView attribute = text("exception.type", "E");
    otlp::LogRecordView record;
    record.severity_number = 17;
    record.attributes = {&attribute, 1};
    sink.on_resource({});
    sink.on_scope({});
    sink.on_log_record(record);
  }
};

}  // namespace signalbox::server::store::testing

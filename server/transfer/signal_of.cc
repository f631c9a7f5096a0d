#include "server/transfer/signal_of.h"

#include <array>

#include "otlp/decode.h"

namespace signalbox::server::transfer {
namespace {

using otlp::Signal;

/// Takes everything and keeps nothing.
class NoSink final : public otlp::TraceSink, public otlp::LogsSink, public otlp::MetricsSink {
 public:
  void on_resource(const otlp::ResourceView& /*resource*/) override {}
  void on_scope(const otlp::ScopeView& /*scope*/) override {}
  void on_span(const otlp::SpanView& /*span*/) override {}
  void on_log_record(const otlp::LogRecordView& /*record*/) override {}
  void on_metric(const otlp::MetricView& /*metric*/) override {}
  void on_point(const otlp::NumberPointView& /*point*/) override {}
  void on_point(const otlp::HistogramPointView& /*point*/) override {}
  void on_point(const otlp::ExponentialHistogramPointView& /*point*/) override {}
  void on_point(const otlp::SummaryPointView& /*point*/) override {}
};

otlp::DecodeResult decode(std::string_view message, bool is_json, Signal signal) {
  NoSink sink;
  switch (signal) {
    case Signal::kTraces:
      return is_json ? otlp::decode_traces_json(message, sink)
                     : otlp::decode_traces_protobuf(message, sink);
    case Signal::kLogs:
      return is_json ? otlp::decode_logs_json(message, sink)
                     : otlp::decode_logs_protobuf(message, sink);
    case Signal::kMetrics:
      break;
  }
  return is_json ? otlp::decode_metrics_json(message, sink)
                 : otlp::decode_metrics_protobuf(message, sink);
}

}  // namespace

Contents contents_of(std::string_view message, bool is_json, Signal likely) {
  Contents best;
  std::uint64_t most_accepted = 0;
  bool is_any_readable = false;
  std::string error;
  for (const Signal signal : std::array{likely, Signal::kTraces, Signal::kLogs, Signal::kMetrics}) {
    const otlp::DecodeResult result = decode(message, is_json, signal);
    if (!result.ok) {
      if (error.empty()) error = result.error;
      continue;
    }
    is_any_readable = true;
    const std::uint64_t records = result.accepted + result.rejected;
    const bool is_better = !best.signal || result.accepted > most_accepted;
    if (records == 0 || !is_better) continue;
    best.signal = signal;
    best.records = records;
    most_accepted = result.accepted;
    if (is_json || result.rejected == 0) break;  // JSON names its signal.
  }
  if (!is_any_readable || (is_json && !best.signal)) best.error = error;
  return best;
}

}  // namespace signalbox::server::transfer

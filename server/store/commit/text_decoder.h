#pragma once

#include <cstdint>
#include <cstdlib>
#include <stdexcept>
#include <string>
#include <string_view>

#include "server/store/ingest.h"

namespace signalbox::server::store::testing {

/// Decodes payloads that tests can write: "3 whatever" is three records; "malformed" and "throws"
/// do what they say.
class TextDecoder final : public Decoder {
 public:
  [[nodiscard]] otlp::DecodeResult decode(Signal signal, std::uint8_t /*content*/,
                                          std::string_view payload, Sinks& sinks) const override {
    const bool is_malformed = payload.starts_with("malformed");
    const int count = is_malformed ? 1 : std::atoi(std::string(payload).c_str());
    for (int i = 0; i < count; ++i) add(signal, sinks);
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
};

}  // namespace signalbox::server::store::testing

#include "server/transfer/signal_of.h"

#include <gtest/gtest.h>

#include <string>

namespace signalbox::server::transfer {
namespace {

using otlp::Signal;

/// One record of the signal, written by our encoder.
std::string message_of(Signal signal, otlp::Encoding encoding) {
  const auto encoder = otlp::make_encoder(signal, encoding);
  encoder->on_resource({});
  encoder->on_scope({});
  otlp::SpanView span;
  span.trace_id = std::string_view("0123456789abcdef");
  span.span_id = std::string_view("01234567");
  otlp::LogRecordView record;
  otlp::MetricView metric;
  metric.name = "requests";
  if (signal == Signal::kTraces) encoder->on_span(span);
  if (signal == Signal::kLogs) encoder->on_log_record(record);
  if (signal == Signal::kMetrics) {
    encoder->on_metric(metric);
    encoder->on_point(otlp::NumberPointView{});
  }
  return encoder->take();
}

TEST(ContentsOf, KnowsTheSignalWhateverWasLikely) {
  for (const Signal signal : {Signal::kTraces, Signal::kLogs, Signal::kMetrics}) {
    for (const Signal likely : {Signal::kTraces, Signal::kLogs, Signal::kMetrics}) {
      for (const auto encoding : {otlp::Encoding::kJson, otlp::Encoding::kProtobuf}) {
        const bool is_json = encoding == otlp::Encoding::kJson;
        const Contents contents = contents_of(message_of(signal, encoding), is_json, likely);
        EXPECT_EQ(contents.signal, signal) << is_json;
        EXPECT_EQ(contents.records, 1u);
        EXPECT_EQ(contents.error, "");
      }
    }
  }
}

TEST(ContentsOf, SaysWhyAMessageIsBroken) {
  EXPECT_NE(contents_of(R"({"resourceSpans": 7})", true, Signal::kLogs).error, "");
  EXPECT_NE(contents_of("{]}", true, Signal::kLogs).error, "");
  EXPECT_NE(contents_of("\x0A\x7F", false, Signal::kLogs).error, "");
}

TEST(ContentsOf, FindsNothingInWhatHasNoRecords) {
  for (const char* const text : {"{}", R"({"resourceProfiles":[{}]})", R"({"resourceLogs":[]})"}) {
    const Contents contents = contents_of(text, true, Signal::kTraces);
    EXPECT_FALSE(contents.signal) << text;
    EXPECT_EQ(contents.error, "") << text;
  }
}

}  // namespace
}  // namespace signalbox::server::transfer

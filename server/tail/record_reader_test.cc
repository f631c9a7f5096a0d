#include "server/tail/record_reader.h"

#include <gtest/gtest.h>

#include <array>
#include <boost/json.hpp>
#include <string>
#include <string_view>
#include <vector>

namespace signalbox::server::tail {
namespace {

namespace json = boost::json;
using namespace std::string_view_literals;

otlp::KeyValueView text_attribute(std::string_view key, std::string_view value) {
  otlp::KeyValueView made;
  made.key = key;
  made.value.type = otlp::ValueType::kString;
  made.value.text = value;
  return made;
}

class RecordReaderTest : public ::testing::Test {
 protected:
  /// Describes resource and scope by texts that do not outlive this, as a decoder does.
  template <typename Sink>
  static void describe(Sink& sink) {
    const std::string service = "shop with a long name that no short string holds";
    const std::string scope = "library with a long name that no short string holds";
    const std::array resource{text_attribute("service.name", service), text_attribute("k", "v")};
    const std::array of_scope{text_attribute("s", service)};
    sink.on_resource({.attributes = resource, .schema_url = scope});
    sink.on_scope({.name = scope, .version = "1", .attributes = of_scope, .schema_url = {}});
  }
  void expect_origin(const json::value& record) {
    EXPECT_EQ(record.at_pointer("/service_name"),
              "shop with a long name that no short string holds");
    EXPECT_EQ(record.at_pointer("/resource/attributes/0/key"), "k");
    EXPECT_EQ(record.at_pointer("/resource/schema_url"),
              "library with a long name that no short string holds");
    EXPECT_EQ(record.at_pointer("/scope/name"),
              "library with a long name that no short string holds");
    EXPECT_EQ(record.at_pointer("/scope/attributes/0/value"),
              "shop with a long name that no short string holds");
  }

  std::vector<json::value> records_;
  RecordReader reader_{
      [this](const query::LiveRecord& /*record*/, const std::function<std::string()>& json) {
        records_.push_back(json::parse(json()));
      }};
  store::Sinks sinks_ = reader_.sinks();
};

TEST_F(RecordReaderTest, MakesLogRecordsAsTheApiHasThem) {
  describe(sinks_.logs);
  const std::array attributes{text_attribute("a", "1")};
  otlp::LogRecordView log;
  log.observed_time_unix_nano = 5;
  log.severity_number = 18;
  log.body.type = otlp::ValueType::kInt;
  log.body.int_value = -7;
  log.span_id = "\1\2\3\4\5\6\7\x8"sv;
  log.attributes = attributes;
  sinks_.logs.on_log_record(log);

  ASSERT_EQ(records_.size(), 1U);
  const json::value& record = records_[0];
  expect_origin(record);
  EXPECT_EQ(record.at("time"), "5");
  EXPECT_EQ(record.at("time_unix_nano"), "0");
  EXPECT_EQ(record.at("severity"), "error");
  EXPECT_EQ(record.at("body"), (json::value{{"type", "int"}, {"value", "-7"}}));
  EXPECT_EQ(record.at("trace_id"), nullptr);
  EXPECT_EQ(record.at("span_id"), "0102030405060708");
  EXPECT_EQ(record.at("attributes"),
            (json::value{{{"key", "a"}, {"type", "string"}, {"value", "1"}}}));
}

TEST_F(RecordReaderTest, MakesSpansAsTheApiHasThem) {
  describe(sinks_.traces);
  const std::array attributes{text_attribute("a", "1")};
  const std::array events{otlp::EventView{.name = "retry", .attributes = attributes}};
  const std::array links{otlp::LinkView{.trace_id = "abcdefghijklmnop",
                                        .span_id = "abcdefgh",
                                        .trace_state = "x=y",
                                        .attributes = {}}};
  otlp::SpanView span;
  span.trace_id = "abcdefghijklmnop";
  span.span_id = "abcdefgh";
  span.name = "GET";
  span.kind = 2;
  span.start_time_unix_nano = 10;
  span.end_time_unix_nano = 30;
  span.status_code = 2;
  span.status_message = "late";
  span.events = events;
  span.links = links;
  sinks_.traces.on_span(span);

  ASSERT_EQ(records_.size(), 1U);
  const json::value& record = records_[0];
  expect_origin(record);
  EXPECT_EQ(record.at("trace_id"), "6162636465666768696a6b6c6d6e6f70");
  EXPECT_EQ(record.at("parent_span_id"), nullptr);
  EXPECT_EQ(record.at("kind"), "server");
  EXPECT_EQ(record.at("duration_ns"), "20");
  EXPECT_EQ(record.at_pointer("/status/code"), "error");
  EXPECT_EQ(record.at_pointer("/events/0/attributes/0/key"), "a");
  EXPECT_EQ(record.at_pointer("/links/0/trace_state"), "x=y");
}

TEST_F(RecordReaderTest, MakesOneRecordOfEachPoint) {
  describe(sinks_.metrics);
  const std::string name = "requests with a long name that no short string holds";
  {
    const std::string copy(name.data(), name.size());
    sinks_.metrics.on_metric({.name = copy,
                              .description = {},
                              .unit = "1",
                              .type = otlp::MetricType::kSum,
                              .temporality = 2,
                              .is_monotonic = true,
                              .metadata = {}});
  }
  otlp::NumberPointView number;
  number.kind = otlp::NumberPointView::Kind::kInt;
  number.int_value = 9007199254740993;
  sinks_.metrics.on_point(number);
  const std::array counts{std::uint64_t{1}, std::uint64_t{2}};
  const std::array bounds{0.5};
  otlp::HistogramPointView histogram;
  histogram.count = 3;
  histogram.has_sum = true;
  histogram.sum = 1.5;
  histogram.bucket_counts = counts;
  histogram.explicit_bounds = bounds;
  sinks_.metrics.on_point(histogram);
  sinks_.metrics.on_point(otlp::ExponentialHistogramPointView{});
  sinks_.metrics.on_point(otlp::SummaryPointView{});

  ASSERT_EQ(records_.size(), 4U);
  for (const json::value& record : records_) {
    expect_origin(record);
    EXPECT_EQ(record.at_pointer("/metric/name"), json::value(name));
    EXPECT_EQ(record.at_pointer("/metric/temporality"), "cumulative");
  }
  EXPECT_EQ(records_[0].at("value"), (json::value{{"type", "int"}, {"value", "9007199254740993"}}));
  EXPECT_EQ(records_[1].at("sum"), 1.5);
  EXPECT_EQ(records_[1].at("max"), nullptr);
  EXPECT_EQ(records_[1].at("bucket_counts"), (json::array{"1", "2"}));
  EXPECT_EQ(records_[2].at("positive_counts"), json::array());
  EXPECT_EQ(records_[3].at("quantiles"), json::array());
}

}  // namespace
}  // namespace signalbox::server::tail

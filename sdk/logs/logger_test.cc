#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signalbox/logs/sdk_logger_provider.h>

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "sdk/testing/capture_exporter.h"
#include "sdk/testing/otlp_reader.h"

namespace signalbox::logs {
namespace {

using sdk::testing::LogRead;
using ::testing::ElementsAre;
using ::testing::Pair;

class LoggerTest : public ::testing::Test {
 protected:
  void use(sdk::LoggerProviderOptions options) {
    options.exporter = exporter_;
    provider_ = sdk::LoggerProvider::create(std::move(options)).value();
    logger_ = provider_->get_logger({.name = "test"});
  }
  void SetUp() override { use({}); }
  std::vector<LogRead> exported() {
    EXPECT_TRUE(provider_->force_flush());
    std::vector<LogRead> all;
    for (const std::string& request : exporter_->requests()) {
      for (LogRead& log : sdk::testing::read_logs(request)) all.push_back(std::move(log));
    }
    return all;
  }

  std::shared_ptr<sdk::testing::CaptureExporter> exporter_ =
      std::make_shared<sdk::testing::CaptureExporter>();
  std::shared_ptr<sdk::LoggerProvider> provider_;
  Logger logger_;
};

TEST_F(LoggerTest, KeepsEveryPartOfARecord) {
  const Timestamp time(std::chrono::nanoseconds(123));
  logger_.emit({.severity = Severity::kError,
                .severity_text = "error",
                .body = "error parsing fibonacci payload",
                .attributes = {{"error.type", "Invalid Input"}, {"n", 1}, {"n", 2}},
                .event_name = "parse",
                .timestamp = time,
                .observed_timestamp = time + std::chrono::nanoseconds(1)});

  const LogRead log = exported().at(0);
  EXPECT_EQ(log.severity, 17U);
  EXPECT_EQ(log.severity_text, "error");
  EXPECT_EQ(log.body, "s:error parsing fibonacci payload");
  EXPECT_THAT(log.attributes, ElementsAre(Pair("error.type", "s:Invalid Input"), Pair("n", "i:2")));
  EXPECT_EQ(log.event_name, "parse");
  EXPECT_EQ(log.time, 123U);
  EXPECT_EQ(log.observed_time, 124U);
  EXPECT_EQ(log.trace_id, "");
  EXPECT_EQ(log.scope_name, "test");
  EXPECT_THAT(exporter_->signals(), ElementsAre(sdk::Signal::kLogs));
}

TEST_F(LoggerTest, TakesIdsFromTheCurrentOrTheGivenContext) {
  const trace::SpanContext first(trace::TraceId::from_hex("0af7651916cd43dd8448eb211c80319c"),
                                 trace::SpanId::from_hex("b7ad6b7169203331"), 1);
  const trace::SpanContext second(first.trace_id(), trace::SpanId::from_hex("00000000000000ff"), 0);
  const context::Context other = context::Context().with_span_context(second);
  {
    const context::Scope scope(context::Context().with_span_context(first));
    logger_.emit({.body = "current"});
    logger_.emit({.body = "given", .context = &other});
  }
  logger_.emit({.body = "none"});

  const std::vector<LogRead> logs = exported();
  ASSERT_EQ(logs.size(), 3U);
  EXPECT_EQ(logs[0].trace_id, first.trace_id().to_hex());
  EXPECT_EQ(logs[0].span_id, first.span_id().to_hex());
  EXPECT_EQ(logs[0].flags, 1U);
  EXPECT_EQ(logs[1].span_id, "00000000000000ff");
  EXPECT_EQ(logs[1].flags, 0U);
  EXPECT_EQ(logs[2].span_id, "");
}

TEST_F(LoggerTest, BodiesMayBeOfAnyTypeOrAMapOrMissing) {
  const std::vector<std::int64_t> list{1, 2};
  logger_.emit({.body = 42});
  logger_.emit({.body = std::span<const std::int64_t>(list)});
  logger_.emit({.body_map = {{"user", "u"}, {"count", 3}}});
  logger_.emit({});

  const std::vector<LogRead> logs = exported();
  ASSERT_EQ(logs.size(), 4U);
  EXPECT_EQ(logs[0].body, "i:42");
  EXPECT_EQ(logs[1].body, "[i:1,i:2]");
  EXPECT_EQ(logs[2].body, "{user=s:u,count=i:3}");
  EXPECT_EQ(logs[3].body, "");
  EXPECT_GT(logs[3].time, 0U);
  EXPECT_EQ(logs[3].time, logs[3].observed_time);
}

TEST_F(LoggerTest, LimitsAreAppliedAndWhatIsDroppedIsCounted) {
  use({.limits = {.attribute_count = 20, .attribute_value_length = 3}});
  std::vector<std::string> keys;
  keys.reserve(30);
  for (int i = 0; i < 30; ++i) keys.push_back("key" + std::to_string(i));
  std::vector<Attribute> attributes;
  attributes.reserve(keys.size());
  for (const std::string& key : keys) attributes.push_back({key, "long value"});
  logger_.emit({.body = "body is not cut", .attributes = std::span<const Attribute>(attributes)});

  const LogRead log = exported().at(0);
  EXPECT_EQ(log.attributes.size(), 20U);
  EXPECT_THAT(log.attributes.back(), Pair("key19", "s:lon"));
  EXPECT_EQ(log.dropped_attributes, 10U);
  EXPECT_EQ(log.body, "s:body is not cut");
}

TEST_F(LoggerTest, RecordsBelowTheMinimumSeverityAreDiscarded) {
  use({.min_severity = Severity::kWarn});
  EXPECT_FALSE(logger_.enabled(Severity::kInfo));
  EXPECT_TRUE(logger_.enabled(Severity::kWarn));
  EXPECT_TRUE(logger_.enabled());
  logger_.emit({.severity = Severity::kInfo, .body = "quiet"});
  logger_.emit({.severity = Severity::kError, .body = "loud"});
  logger_.emit({.body = "unrated"});

  EXPECT_EQ(exported().size(), 2U);
}

TEST_F(LoggerTest, BadUtf8IsRepaired) {
  logger_.emit({.severity_text = "\xFF", .body = "b\xC3(", .attributes = {{"k\xFE", "v"}}});
  const LogRead log = exported().at(0);
  EXPECT_EQ(log.severity_text, "\uFFFD");
  EXPECT_EQ(log.body, "s:b\uFFFD(");
  EXPECT_THAT(log.attributes, ElementsAre(Pair("k\uFFFD", "s:v")));
}

TEST_F(LoggerTest, ALargeRecordIsExportedWhole) {
  logger_.emit({.body = std::string(200'000, 'x')});
  EXPECT_EQ(exported().at(0).body.size(), 200'002U);
}

TEST(Logger, FollowsTheGlobalProvider) {
  const Logger logger = get_logger("early");
  EXPECT_FALSE(logger.enabled());
  logger.emit({.body = "lost"});
  const auto exporter = std::make_shared<sdk::testing::CaptureExporter>();
  const auto provider = sdk::LoggerProvider::create({.exporter = exporter}).value();
  set_global_logger_provider(provider);
  EXPECT_EQ(global_logger_provider(), provider);
  logger.emit({.body = "kept"});
  EXPECT_TRUE(provider->shutdown());
  EXPECT_FALSE(logger.enabled());
  set_global_logger_provider(nullptr);
  EXPECT_EQ(sdk::testing::read_logs(exporter->requests().at(0)).at(0).body, "s:kept");
}

}  // namespace
}  // namespace signalbox::logs

#include "signalbox/bridges/spdlog.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <spdlog/sinks/ostream_sink.h>

#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include "sdk/integrations/testing/recording_exporter.h"
#include "signalbox/logs/sdk_logger_provider.h"
#include "signalbox/trace/sdk_tracer_provider.h"

namespace signalbox::bridges {
namespace {

using ::testing::HasSubstr;

class SpdlogBridge : public ::testing::Test {
 protected:
  SpdlogBridge()
      : exporter_(std::make_shared<signalbox::testing::RecordingExporter>()),
        text_sink_(std::make_shared<spdlog::sinks::ostream_sink_mt>(text_)),
        logger_("shop.cart", {text_sink_, std::make_shared<SpdlogSink>()}) {
    sdk::LoggerProviderOptions options;
    options.exporter = exporter_;
    auto provider = sdk::LoggerProvider::create(std::move(options));
    EXPECT_TRUE(provider.ok());
    provider_ = provider.value();
    logs::set_global_logger_provider(provider_);
    text_sink_->set_formatter(make_spdlog_formatter("%v%*"));
    logger_.set_level(spdlog::level::trace);
  }
  ~SpdlogBridge() override {
    logs::set_global_logger_provider(nullptr);
    provider_->shutdown();
  }

  std::vector<signalbox::testing::RecordedLog> exported() {
    EXPECT_TRUE(provider_->force_flush());
    EXPECT_EQ(exporter_->error(), "");
    return exporter_->logs();
  }

  std::shared_ptr<signalbox::testing::RecordingExporter> exporter_;
  std::shared_ptr<sdk::LoggerProvider> provider_;
  std::ostringstream text_;
  std::shared_ptr<spdlog::sinks::ostream_sink_mt> text_sink_;
  spdlog::logger logger_;
};

TEST_F(SpdlogBridge, ExportsMessageLevelAndLogger) {
  logger_.warn("{} items", 3);

  const auto logs = exported();
  ASSERT_EQ(logs.size(), 1U);
  EXPECT_EQ(logs[0].body, "3 items");
  EXPECT_EQ(logs[0].severity, 13);
  EXPECT_EQ(logs[0].severity_text, "warning");
  EXPECT_EQ(logs[0].scope, "shop.cart");
  EXPECT_EQ(logs[0].attributes.count("thread.id"), 1U);
}

TEST_F(SpdlogBridge, MapsEachLevelToItsSeverity) {
  logger_.trace("a");
  logger_.debug("b");
  logger_.info("c");
  logger_.warn("d");
  logger_.error("e");
  logger_.critical("f");

  std::vector<std::int32_t> severities;
  for (const auto& record : exported()) severities.push_back(record.severity);
  EXPECT_THAT(severities, ::testing::ElementsAre(1, 5, 9, 13, 17, 21));
}

TEST_F(SpdlogBridge, HonoursTheLoggersLevel) {
  logger_.set_level(spdlog::level::err);
  logger_.warn("not this");
  log(logger_, spdlog::level::info, "nor this");
  EXPECT_TRUE(exported().empty());
}

TEST_F(SpdlogBridge, BelongsToTheActiveSpan) {
  sdk::TracerProviderOptions options;
  options.exporter = exporter_;
  auto tracers = sdk::TracerProvider::create(std::move(options));
  ASSERT_TRUE(tracers.ok());
  std::string trace_id;
  std::string span_id;
  {
    const trace::Span span = tracers.value()->get_tracer({.name = "test"}).start_span("work");
    const context::Scope scope(span);
    logger_.info("inside");
    trace_id = span.context().trace_id().to_hex();
    span_id = span.context().span_id().to_hex();
  }
  logger_.info("outside");

  const auto logs = exported();
  ASSERT_EQ(logs.size(), 2U);
  EXPECT_EQ(logs[0].trace_id, trace_id);
  EXPECT_EQ(logs[0].span_id, span_id);
  EXPECT_EQ(logs[1].trace_id, "");
  EXPECT_EQ(logs[1].span_id, "");
}

TEST_F(SpdlogBridge, ExportsAttributesAndTheSourceLocation) {
  log(logger_, spdlog::level::err, "not a {format}",
      {{"error.type", "Invalid Input"}, {"attempt", 2}, {"final", true}, {"load", 0.5}});

  const auto logs = exported();
  ASSERT_EQ(logs.size(), 1U);
  EXPECT_EQ(logs[0].body, "not a {format}");
  EXPECT_EQ(logs[0].attributes.at("error.type"), "Invalid Input");
  EXPECT_EQ(logs[0].attributes.at("attempt"), "2");
  EXPECT_EQ(logs[0].attributes.at("final"), "true");
  EXPECT_EQ(logs[0].attributes.at("load"), "0.5");
  EXPECT_THAT(logs[0].attributes.at("code.file.path"), HasSubstr("spdlog_test.cc"));
  EXPECT_THAT(logs[0].attributes.at("code.function.name"),
              ::testing::AllOf(HasSubstr("signalbox::"), ::testing::EndsWith("::TestBody")));
  EXPECT_EQ(logs[0].attributes.count("code.line.number"), 1U);
}

TEST_F(SpdlogBridge, ShowsAttributesInTextAndForgetsThemAfterwards) {
  log(logger_, spdlog::level::info, "first",
      {{"plain", "a"}, {"spaced", "b c"}, {"empty", ""}, {"number", 7}, {"line", "x\ny"}});
  logger_.info("second");

  EXPECT_EQ(text_.str(),
            "first plain=a spaced=\"b c\" empty=\"\" number=7 line=\"x\\ny\"\nsecond\n");
  EXPECT_EQ(exported().at(1).attributes.count("plain"), 0U);
}

}  // namespace
}  // namespace signalbox::bridges

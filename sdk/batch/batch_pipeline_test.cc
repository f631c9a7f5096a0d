#include "sdk/batch/batch_pipeline.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signalbox/common/diagnostics.h>
#include <sys/wait.h>
#include <unistd.h>

#include <memory>
#include <mutex>
#include <numeric>
#include <string>
#include <thread>
#include <vector>

#include "sdk/testing/capture_exporter.h"
#include "sdk/testing/otlp_reader.h"

namespace signalbox::sdk {
namespace {

using std::chrono::milliseconds;
using std::chrono::steady_clock;
using testing::CaptureExporter;
using ::testing::Each;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Le;

constexpr milliseconds kNever{1'000'000};

/// A `spans` field with a span that has a name only.
std::string item(const std::string& name) {
  std::string span;
  otlp::wire::append_bytes_field(span, 5, name);
  std::string field;
  otlp::wire::append_bytes_field(field, 2, span);
  return field;
}

bool push(BatchPipeline& pipeline, const std::string& bytes, std::uint32_t scope = 0) {
  char* out = pipeline.reserve(bytes.size());
  if (out == nullptr) return false;
  otlp::wire::write_raw(out, bytes.data(), bytes.size());
  pipeline.commit(scope, bytes.size());
  return true;
}

class BatchPipelineTest : public ::testing::Test {
 protected:
  BatchPipeline& make(BatchOptions options = {}) {
    auto pipeline = BatchPipeline::create(Signal::kTraces, Resource({{"service.name", "t"}}),
                                          options, exporter_);
    EXPECT_TRUE(pipeline.ok());
    pipeline_ = pipeline.value();
    pipeline_->add_scope({.name = "scope"});
    return *pipeline_;
  }
  void SetUp() override {
    set_diagnostic_handler(
        [this](DiagnosticLevel, std::string_view message) { messages_.emplace_back(message); });
  }
  void TearDown() override {
    exporter_->unblock();
    if (pipeline_ != nullptr) pipeline_->shutdown(milliseconds(5000));
    set_diagnostic_handler({});
  }
  std::size_t exported_items() {
    const std::vector<std::uint64_t> items = exporter_->items();
    return std::accumulate(items.begin(), items.end(), std::size_t{0});
  }

  std::shared_ptr<CaptureExporter> exporter_ = std::make_shared<CaptureExporter>();
  BatchPipeline* pipeline_ = nullptr;
  std::vector<std::string> messages_;
};

TEST_F(BatchPipelineTest, ExportsWhatWasCommittedInOrder) {
  BatchPipeline& pipeline = make({.schedule_delay = kNever});
  for (int i = 0; i < 1000; ++i) EXPECT_TRUE(push(pipeline, item(std::to_string(i))));
  EXPECT_TRUE(pipeline.force_flush(milliseconds(10'000)));

  const auto spans = testing::read_all_spans(exporter_->requests());
  ASSERT_EQ(spans.size(), 1000U);
  for (int i = 0; i < 1000; ++i) {
    EXPECT_EQ(spans[static_cast<std::size_t>(i)].name, std::to_string(i));
  }
  EXPECT_EQ(pipeline.statistics().exported, 1000U);
  EXPECT_EQ(pipeline.statistics().dropped(), 0U);
}

TEST_F(BatchPipelineTest, AFlushOfNothingExportsNothing) {
  EXPECT_TRUE(make().force_flush(milliseconds(10'000)));
  EXPECT_TRUE(exporter_->requests().empty());
}

TEST_F(BatchPipelineTest, ExportsWhenTheDelayHasPassedWithoutBeingAsked) {
  BatchPipeline& pipeline = make({.schedule_delay = milliseconds(1)});
  EXPECT_TRUE(push(pipeline, item("x")));
  exporter_->wait_for_exports(1);
}

TEST_F(BatchPipelineTest, ExportsEarlyWhenABatchIsFull) {
  BatchPipeline& pipeline = make({.schedule_delay = kNever, .max_export_batch_size = 100});
  for (int i = 0; i < 200; ++i) EXPECT_TRUE(push(pipeline, item("x")));
  exporter_->wait_for_exports(1);
}

TEST_F(BatchPipelineTest, NoRequestExceedsTheBatchLimitsAlsoAfterAFlush) {
  BatchPipeline& pipeline = make(
      {.schedule_delay = kNever, .max_export_batch_size = 64, .max_export_batch_bytes = 64 * 1024});
  for (int round = 0; round < 3; ++round) {
    for (int i = 0; i < 500; ++i) EXPECT_TRUE(push(pipeline, item(std::string(3000, 'x'))));
    EXPECT_TRUE(pipeline.force_flush(milliseconds(10'000)));
  }
  EXPECT_EQ(exported_items(), 1500U);
  EXPECT_THAT(exporter_->items(), Each(Le(64U)));
  for (const std::string& request : exporter_->requests()) EXPECT_LE(request.size(), 70'000U);
}

TEST_F(BatchPipelineTest, AnItemAsLargeAsABatchPassesAndALargerOneIsCounted) {
  BatchPipeline& pipeline = make({.schedule_delay = kNever, .max_export_batch_bytes = 64 * 1024});
  EXPECT_TRUE(push(pipeline, std::string(64 * 1024, '\0')));
  EXPECT_FALSE(push(pipeline, std::string(64 * 1024 + 1, '\0')));
  EXPECT_TRUE(pipeline.force_flush(milliseconds(10'000)));
  EXPECT_EQ(pipeline.statistics().exported, 1U);
  EXPECT_EQ(pipeline.statistics().dropped_too_large, 1U);
}

TEST_F(BatchPipelineTest, AFullQueueDropsTheNewestCountsAndTells) {
  exporter_->block();
  BatchPipeline& pipeline = make({.max_queue_bytes = 256 * 1024, .schedule_delay = kNever});
  const std::string bytes = item(std::string(1000, 'x'));
  std::uint64_t accepted = 0;
  std::uint64_t refused = 0;
  for (int i = 0; i < 2000; ++i) ++(push(pipeline, bytes) ? accepted : refused);
  // The worker may have taken one batch out of the queue before it was stopped.
  EXPECT_GE(accepted, 200U);
  EXPECT_LE(accepted, 900U);
  EXPECT_EQ(pipeline.statistics().dropped_queue_full, refused);

  exporter_->unblock();
  EXPECT_TRUE(pipeline.force_flush(milliseconds(10'000)));
  EXPECT_EQ(pipeline.statistics().exported, accepted);
  EXPECT_TRUE(push(pipeline, bytes)) << "The queue takes items again.";
  pipeline.shutdown(milliseconds(5000));
  ASSERT_FALSE(messages_.empty());
  EXPECT_THAT(messages_.front(), HasSubstr("dropped so far because the queue was full"));
}

TEST_F(BatchPipelineTest, TheNumberOfWaitingItemsIsBoundedToo) {
  exporter_->block();
  BatchPipeline& pipeline = make({.max_queue_items = 100, .schedule_delay = kNever});
  int accepted = 0;
  for (int i = 0; i < 1000; ++i) accepted += push(pipeline, item("x")) ? 1 : 0;
  EXPECT_GE(accepted, 100);
  EXPECT_LE(accepted, 200);  // A batch may have left for the exporter.
  EXPECT_EQ(pipeline.statistics().dropped_queue_full, 1000U - static_cast<unsigned>(accepted));
}

TEST_F(BatchPipelineTest, ManyThreadsThatComeAndGoShareTheirMemoryAndLoseNothing) {
  BatchPipeline& pipeline = make({.max_queue_bytes = 256 * 1024, .schedule_delay = kNever});
  for (int i = 0; i < 300; ++i) {
    std::thread([&] { EXPECT_TRUE(push(pipeline, item("short-lived"))); }).join();
  }
  EXPECT_TRUE(pipeline.force_flush(milliseconds(10'000)));
  EXPECT_EQ(pipeline.statistics().exported, 300U);
}

TEST_F(BatchPipelineTest, ConcurrentProducersAndFlushesLoseNothing) {
  BatchPipeline& pipeline = make({.schedule_delay = milliseconds(1)});
  const std::uint32_t other = pipeline.add_scope({.name = "other"});
  constexpr int kThreads = 4;
  constexpr int kItems = 20'000;
  std::vector<std::thread> threads;
  threads.reserve(kThreads);
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kItems; ++i) {
        push(pipeline, item(std::to_string(t) + "." + std::to_string(i)), i % 2 == 0 ? 0 : other);
        if (i % 5000 == 0) (void)pipeline.force_flush(milliseconds(10'000));
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_TRUE(pipeline.force_flush(milliseconds(30'000)));

  std::vector<int> next_even(kThreads, 0);
  std::vector<int> next_odd(kThreads, 1);
  for (const auto& span : testing::read_all_spans(exporter_->requests())) {
    const std::size_t t = static_cast<std::size_t>(span.name[0] - '0');
    int& next = span.scope_name == "other" ? next_odd[t] : next_even[t];
    EXPECT_EQ(span.name.substr(2), std::to_string(next));
    next += 2;
  }
  EXPECT_THAT(next_even, Each(kItems));
  EXPECT_THAT(next_odd, Each(kItems + 1));
  EXPECT_EQ(pipeline.statistics().exported, static_cast<std::uint64_t>(kThreads) * kItems);
}

TEST_F(BatchPipelineTest, WhatTheExporterRejectsIsCountedAndToldAndTheFlushSaysSo) {
  BatchPipeline& pipeline = make({.schedule_delay = kNever});
  exporter_->set_result({ExportResult::Status::kRejected, 0, "bad key"});
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(push(pipeline, item("x")));
  EXPECT_FALSE(pipeline.force_flush(milliseconds(10'000)));
  exporter_->set_result({ExportResult::Status::kPartialSuccess, 2, "two too old"});
  for (int i = 0; i < 5; ++i) EXPECT_TRUE(push(pipeline, item("x")));
  EXPECT_FALSE(pipeline.force_flush(milliseconds(10'000)));
  exporter_->set_result({});
  EXPECT_TRUE(push(pipeline, item("x")));
  EXPECT_TRUE(pipeline.force_flush(milliseconds(10'000)));

  EXPECT_EQ(pipeline.statistics().exported, 4U);
  EXPECT_EQ(pipeline.statistics().dropped_export_failed, 5U);
  EXPECT_THAT(messages_, ElementsAre("3 spans were not delivered: bad key"));
}

// OTLP: partial_success with nothing rejected carries a warning or a suggestion.
TEST_F(BatchPipelineTest, AWarningOfTheReceiverIsToldAndNothingIsLost) {
  BatchPipeline& pipeline = make({.schedule_delay = kNever});
  exporter_->set_result({ExportResult::Status::kPartialSuccess, 0, "1 strings were not Unicode"});
  EXPECT_TRUE(push(pipeline, item("x")));

  EXPECT_TRUE(pipeline.force_flush(milliseconds(10'000)));

  EXPECT_EQ(pipeline.statistics().exported, 1U);
  EXPECT_EQ(pipeline.statistics().dropped_export_failed, 0U);
  EXPECT_THAT(messages_, ElementsAre("spans were accepted, but: 1 strings were not Unicode"));
}

TEST_F(BatchPipelineTest, AFlushEndsAtItsTimeout) {
  exporter_->block();
  BatchPipeline& pipeline = make({.schedule_delay = kNever});
  EXPECT_TRUE(push(pipeline, item("x")));
  EXPECT_FALSE(pipeline.force_flush(milliseconds(20)));
}

TEST_F(BatchPipelineTest, ShutdownExportsTheRestAndRefusesWhatComesAfter) {
  BatchPipeline& pipeline = make({.schedule_delay = kNever});
  EXPECT_TRUE(push(pipeline, item("x")));
  EXPECT_TRUE(pipeline.shutdown(milliseconds(10'000)));
  EXPECT_FALSE(push(pipeline, item("late")));
  EXPECT_EQ(pipeline.statistics().exported, 1U);
  EXPECT_EQ(pipeline.statistics().dropped_after_shutdown, 1U);
  EXPECT_FALSE(pipeline.shutdown(milliseconds(10)));
  EXPECT_EQ(exporter_.use_count(), 1) << "The exporter is released.";
}

TEST_F(BatchPipelineTest, ShutdownCancelsASlowExporter) {
  exporter_->block();
  BatchPipeline& pipeline = make({.schedule_delay = kNever});
  for (int i = 0; i < 7; ++i) EXPECT_TRUE(push(pipeline, item("x")));
  const auto begin = steady_clock::now();
  EXPECT_FALSE(pipeline.shutdown(milliseconds(400)));
  EXPECT_LT(steady_clock::now() - begin, std::chrono::seconds(5));
  EXPECT_EQ(pipeline.statistics().dropped_export_failed, 7U);
}

TEST_F(BatchPipelineTest, ShutdownIsBoundedAlsoIfTheExporterHangs) {
  exporter_->hang();
  BatchPipeline& pipeline = make({.schedule_delay = kNever, .max_export_batch_size = 4});
  for (int i = 0; i < 10; ++i) EXPECT_TRUE(push(pipeline, item("x")));
  exporter_->wait_for_exports(1);
  const auto begin = steady_clock::now();
  EXPECT_FALSE(pipeline.shutdown(milliseconds(100)));
  EXPECT_LT(steady_clock::now() - begin, std::chrono::seconds(5));
  EXPECT_EQ(pipeline.statistics().dropped_export_failed, 10U);
  EXPECT_EQ(pipeline.statistics().exported, 0U);
  ASSERT_FALSE(messages_.empty());
  EXPECT_THAT(messages_.back(), HasSubstr("10 items were not delivered"));
}

TEST_F(BatchPipelineTest, OptionsOutOfRangeAreRefused) {
  const auto refused = [&](BatchOptions options) {
    return !BatchPipeline::create(Signal::kTraces, Resource(), options, exporter_).ok();
  };
  EXPECT_TRUE(refused({.max_queue_bytes = 1}));
  EXPECT_TRUE(refused({.max_queue_items = 0}));
  EXPECT_TRUE(refused({.schedule_delay = milliseconds(0)}));
  EXPECT_TRUE(refused({.max_export_batch_size = 0}));
  EXPECT_TRUE(refused({.max_export_batch_bytes = 1000}));
  EXPECT_TRUE(refused({.export_timeout = milliseconds(-1)}));
  EXPECT_FALSE(BatchPipeline::create(Signal::kTraces, Resource(), {}, nullptr).ok());
}

#ifndef __SANITIZE_THREAD__  // It does not support threads in a forked child.
TEST_F(BatchPipelineTest, AForkedChildExportsItsOwnItemsOnly) {
  BatchPipeline& pipeline = make({.schedule_delay = kNever});
  EXPECT_TRUE(push(pipeline, item("parent's")));
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    bool good = exporter_->forked() && pipeline.statistics().exported == 0;
    good = push(pipeline, item("child's")) && good;
    std::thread([&] { good = push(pipeline, item("child's")) && good; }).join();
    good = pipeline.force_flush(milliseconds(10'000)) && good;
    std::vector<std::string> names;
    for (const auto& span : testing::read_all_spans(exporter_->requests())) {
      names.push_back(span.name);
    }
    good = good && names == std::vector<std::string>(2, "child's");
    good = pipeline.shutdown(milliseconds(10'000)) && good;
    _exit(good ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_FALSE(exporter_->forked());
  EXPECT_TRUE(pipeline.force_flush(milliseconds(10'000)));
  const auto spans = testing::read_all_spans(exporter_->requests());
  ASSERT_EQ(spans.size(), 1U);
  EXPECT_EQ(spans[0].name, "parent's");
}
#endif

}  // namespace
}  // namespace signalbox::sdk

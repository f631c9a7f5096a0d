#include "server/store/commit/writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <condition_variable>
#include <future>
#include <map>
#include <mutex>
#include <string>
#include <vector>

namespace signalbox::server::store {
namespace {

using ::testing::HasSubstr;
using Status = WriteOutcome::Status;

/// Counts the blocks of each table; can be told to wait and to fail.
class FakeEngine : public Engine {
 public:
  void execute(const std::string&) override {}
  QueryResult query(const std::string&, const std::vector<Parameter>&,
                    const QueryOptions&) override {
    return {};
  }
  void insert_native(std::string_view table, std::string_view) override {
    std::unique_lock lock(mutex_);
    ++waiting_;
    changed_.notify_all();
    changed_.wait(lock, [&] { return open_; });
    --waiting_;
    if (table == fails_) throw EngineError(243, "not enough space");
    ++blocks_[std::string(table)];
  }

  void shut() {
    const std::scoped_lock lock(mutex_);
    open_ = false;
  }
  void open() {
    const std::scoped_lock lock(mutex_);
    open_ = true;
    changed_.notify_all();
  }
  void wait_for_an_insert() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return waiting_ > 0; });
  }
  void fail(std::string table) {
    const std::scoped_lock lock(mutex_);
    fails_ = std::move(table);
  }
  int blocks(const std::string& table) {
    const std::scoped_lock lock(mutex_);
    return blocks_[table];
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  bool open_ = true;
  int waiting_ = 0;
  std::string fails_;
  std::map<std::string, int> blocks_;
};

Ingest::Decode spans(int count) {
  return [count](Sinks& sinks) {
    sinks.traces.on_resource({});
    sinks.traces.on_scope({});
    for (int i = 0; i < count; ++i) sinks.traces.on_span({});
    otlp::DecodeResult result;
    result.accepted = static_cast<std::uint64_t>(count);
    return result;
  };
}

Ingest::Decode log_record() {
  return [](Sinks& sinks) {
    sinks.logs.on_resource({});
    sinks.logs.on_scope({});
    sinks.logs.on_log_record({});
    otlp::DecodeResult result;
    result.accepted = 1;
    return result;
  };
}

Ingest::Decode malformed() {
  return [](Sinks& sinks) {
    sinks.traces.on_resource({});
    sinks.traces.on_scope({});
    sinks.traces.on_span({});
    otlp::DecodeResult result;
    result.ok = false;
    result.offset = 7;
    result.error = "truncated";
    return result;
  };
}

class WriterTest : public ::testing::Test {
 protected:
  std::future<WriteOutcome> write(Writer& writer, Signal signal, Ingest::Decode decode,
                                  std::size_t bytes = 100) {
    auto promise = std::make_shared<std::promise<WriteOutcome>>();
    writer.write(signal, bytes, std::move(decode),
                 [promise](WriteOutcome outcome) { promise->set_value(std::move(outcome)); });
    return promise->get_future();
  }

  FakeEngine engine_;
};

TEST_F(WriterTest, AnswersARequestOnceItsRowsAreInserted) {
  Writer writer(engine_, {});
  engine_.shut();
  auto outcome = write(writer, Signal::kTraces, spans(3));
  engine_.wait_for_an_insert();
  EXPECT_EQ(outcome.wait_for(std::chrono::seconds(0)), std::future_status::timeout);

  engine_.open();

  const WriteOutcome got = outcome.get();
  EXPECT_EQ(got.status, Status::kCommitted);
  EXPECT_EQ(got.decoded.accepted, 3U);
  EXPECT_EQ(engine_.blocks("spans"), 1);
  writer.close();
  EXPECT_EQ(writer.stats().accepted_rows, 3U);
  EXPECT_EQ(writer.stats().queued_bytes, 0U);
}

TEST_F(WriterTest, GathersRequestsWhileABlockIsBeingInserted) {
  Writer writer(engine_, {});
  engine_.shut();
  std::vector<std::future<WriteOutcome>> outcomes;
  outcomes.push_back(write(writer, Signal::kTraces, spans(1)));
  engine_.wait_for_an_insert();
  for (int i = 0; i < 50; ++i) outcomes.push_back(write(writer, Signal::kTraces, spans(1)));

  engine_.open();

  for (auto& outcome : outcomes) EXPECT_EQ(outcome.get().status, Status::kCommitted);
  writer.close();
  EXPECT_EQ(writer.stats().accepted_requests, 51U);
  EXPECT_LE(engine_.blocks("spans"), 3);
}

TEST_F(WriterTest, HandsOverAFullBlock) {
  Writer writer(engine_, {.max_block_rows = 10, .gather = std::chrono::hours(1)});

  auto outcome = write(writer, Signal::kTraces, spans(10));

  EXPECT_EQ(outcome.get().status, Status::kCommitted);
}

TEST_F(WriterTest, AnswersAMalformedRequestWithoutItsRowsAndStoresTheOthers) {
  Writer writer(engine_, {});
  engine_.shut();
  auto first = write(writer, Signal::kTraces, spans(1));
  engine_.wait_for_an_insert();
  auto bad = write(writer, Signal::kTraces, malformed());

  const WriteOutcome got = bad.get();  // Before anything is inserted.

  EXPECT_EQ(got.status, Status::kMalformed);
  EXPECT_EQ(got.decoded.offset, 7U);
  EXPECT_EQ(got.message, "truncated");
  engine_.open();
  EXPECT_EQ(first.get().status, Status::kCommitted);
  writer.close();
  EXPECT_EQ(engine_.blocks("spans"), 1);
  EXPECT_EQ(writer.stats().malformed_requests, 1U);
}

TEST_F(WriterTest, AnswersARequestWhoseDecoderThrows) {
  Writer writer(engine_, {});

  auto outcome = write(writer, Signal::kTraces,
                       [](Sinks&) -> otlp::DecodeResult { throw std::runtime_error("no memory"); });

  const WriteOutcome got = outcome.get();
  EXPECT_EQ(got.status, Status::kFailed);
  EXPECT_THAT(got.message, HasSubstr("no memory"));
}

TEST_F(WriterTest, FailsAllRequestsOfTheSignalThatCouldNotBeInserted) {
  Writer writer(engine_, {});
  engine_.shut();
  auto before = write(writer, Signal::kTraces, spans(1));
  engine_.wait_for_an_insert();
  auto trace = write(writer, Signal::kTraces, spans(1));
  auto another = write(writer, Signal::kTraces, spans(1));
  auto log = write(writer, Signal::kLogs, log_record());
  engine_.fail("spans");

  engine_.open();

  EXPECT_EQ(before.get().status, Status::kFailed);
  const WriteOutcome failed = trace.get();
  EXPECT_EQ(failed.status, Status::kFailed);
  EXPECT_THAT(failed.message, HasSubstr("not enough space"));
  EXPECT_EQ(another.get().status, Status::kFailed);
  EXPECT_EQ(log.get().status, Status::kCommitted);
  engine_.fail("");
  EXPECT_EQ(write(writer, Signal::kTraces, spans(1)).get().status, Status::kCommitted);
}

TEST_F(WriterTest, FailsEveryRequestIfTheDescriptionsCouldNotBeInsertedAndWritesThemAgain) {
  Writer writer(engine_, {});
  engine_.fail("resources");
  EXPECT_EQ(write(writer, Signal::kTraces, spans(1)).get().status, Status::kFailed);
  EXPECT_EQ(engine_.blocks("spans"), 0);
  engine_.fail("");

  EXPECT_EQ(write(writer, Signal::kTraces, spans(1)).get().status, Status::kCommitted);

  EXPECT_EQ(engine_.blocks("resources"), 1);
}

TEST_F(WriterTest, RefusesMoreThanItsLimitOfBytes) {
  Writer writer(engine_, {.max_queued_bytes = 1000});
  engine_.shut();
  auto first = write(writer, Signal::kTraces, spans(1), 600);
  auto second = write(writer, Signal::kTraces, spans(1), 400);

  auto refused = write(writer, Signal::kTraces, spans(1), 1);

  const WriteOutcome got = refused.get();
  EXPECT_EQ(got.status, Status::kOverloaded);
  EXPECT_FALSE(got.message.empty());
  engine_.open();
  EXPECT_EQ(first.get().status, Status::kCommitted);
  EXPECT_EQ(second.get().status, Status::kCommitted);
  writer.close();
  EXPECT_EQ(writer.stats().overloaded_requests, 1U);
}

TEST_F(WriterTest, AnswersEverythingBeforeItCloses) {
  std::vector<std::future<WriteOutcome>> outcomes;
  {
    Writer writer(engine_, {.max_block_rows = 7, .gather = std::chrono::hours(1)});
    for (int i = 0; i < 100; ++i) outcomes.push_back(write(writer, Signal::kTraces, spans(1)));
  }
  for (auto& outcome : outcomes) {
    ASSERT_EQ(outcome.wait_for(std::chrono::seconds(0)), std::future_status::ready);
    EXPECT_EQ(outcome.get().status, Status::kCommitted);
  }
}

TEST_F(WriterTest, TakesNothingAfterItIsClosed) {
  Writer writer(engine_, {});
  writer.close();

  EXPECT_EQ(write(writer, Signal::kTraces, spans(1)).get().status, Status::kOverloaded);
}

}  // namespace
}  // namespace signalbox::server::store

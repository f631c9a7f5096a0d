#include "server/store/commit/writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <functional>
#include <future>
#include <map>
#include <memory>
#include <mutex>
#include <new>
#include <set>
#include <stdexcept>
#include <string>
#include <system_error>
#include <thread>
#include <utility>
#include <vector>

#include "server/store/commit/fake_engine.h"
#include "server/store/commit/text_decoder.h"
#include "server/store/log/memory_files.h"

namespace signalbox::server::store {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using Status = WriteOutcome::Status;
using Insert = testing::FakeEngine::Insert;
using Operation = testing::MemoryFiles::Operation;
using std::chrono::milliseconds;
using std::chrono::seconds;

constexpr seconds kLong{20};

class WriterTest : public ::testing::Test {
 protected:
  Writer::Options options() {
    Writer::Options options;
    options.log_folder = "/log";
    options.segment_bytes = 1 << 20;
    options.first_retry = milliseconds(1);
    options.longest_retry = milliseconds(5);
    options.report = [this](const std::string& text) {
      const std::scoped_lock lock(mutex_);
      reports_.push_back(text);
    };
    return options;
  }

  std::unique_ptr<Writer> start(const Writer::Options& options) {
    return std::make_unique<Writer>(engine_, decoder_, files_, options);
  }
  std::unique_ptr<Writer> start() { return start(options()); }

  static std::future<WriteOutcome> write(Writer& writer, IngestRequest request,
                                         const std::string& payload) {
    auto text = std::make_shared<const std::string>(payload);
    request.payload = *text;
    request.owner = text;
    auto promise = std::make_shared<std::promise<WriteOutcome>>();
    writer.write(std::move(request),
                 [promise](WriteOutcome outcome) { promise->set_value(std::move(outcome)); });
    return promise->get_future();
  }
  static std::future<WriteOutcome> write(Writer& writer, const std::string& payload,
                                         Signal signal = Signal::kTraces) {
    return write(writer,
                 {.signal = signal, .payload = {}, .owner = {}, .deadline = {}, .is_abandoned = {}},
                 payload);
  }
  /// So many requests that differ by a number at their end.
  static std::vector<std::future<WriteOutcome>> write_many(Writer& writer, int count,
                                                           const std::string& payload) {
    std::vector<std::future<WriteOutcome>> outcomes;
    outcomes.reserve(static_cast<std::size_t>(count));
    for (int i = 0; i < count; ++i) {
      outcomes.push_back(write(writer, payload + " " + std::to_string(i)));
    }
    return outcomes;
  }
  static Status status(std::future<WriteOutcome> outcome) {
    if (outcome.wait_for(kLong) != std::future_status::ready) {
      ADD_FAILURE() << "no answer";
      return Status::kFailed;
    }
    return outcome.get().status;
  }

  std::vector<std::string> reports() {
    const std::scoped_lock lock(mutex_);
    return reports_;
  }

  testing::FakeEngine engine_;
  testing::TextDecoder decoder_;
  testing::MemoryFiles files_;

 private:
  std::mutex mutex_;
  std::vector<std::string> reports_;
};

TEST_F(WriterTest, AnswersARequestOnceItIsInTheLogAndInsertsItsRowsAfterwards) {
  const auto writer = start();
  engine_.shut();
  auto outcome = write(*writer, "3 spans");

  ASSERT_EQ(outcome.wait_for(kLong), std::future_status::ready);
  const WriteOutcome got = outcome.get();
  EXPECT_EQ(got.status, Status::kCommitted);
  EXPECT_EQ(got.decoded.accepted, 3U);
  EXPECT_EQ(engine_.rows("span_rows"), 0U);

  engine_.open();
  EXPECT_TRUE(writer->flush(kLong));
  EXPECT_EQ(engine_.rows("span_rows"), 3U);
  EXPECT_EQ(writer->stats().stored_rows, 3U);
}

TEST_F(WriterTest, AnswersOnlyWhatHasBeenSynced) {
  const auto writer = start();
  std::atomic<bool> may_sync{false};
  std::atomic<int> syncs{0};
  files_.set_fault([&](Operation operation, const std::filesystem::path&) {
    if (operation != Operation::kSync) return 0;
    ++syncs;
    return may_sync ? 0 : EIO;
  });

  EXPECT_EQ(status(write(*writer, "1 span")), Status::kFailed);
  EXPECT_GE(syncs, 1);
  may_sync = true;
  std::this_thread::sleep_for(milliseconds(600));  // The pause after a failure.
  EXPECT_EQ(status(write(*writer, "1 span")), Status::kCommitted);

  EXPECT_TRUE(writer->flush(kLong));
  EXPECT_EQ(engine_.rows("span_rows"), 1U);
}

TEST_F(WriterTest, InsertsARequestAtOnceWhenIdleAndGathersTheNextOnes) {
  auto with = options();
  with.block_interval = with.small_block_interval = milliseconds(300);
  const auto writer = start(with);
  for (int i = 0; i < 50; ++i) {
    ASSERT_EQ(status(write(*writer, "1 span " + std::to_string(i))), Status::kCommitted);
  }
  ASSERT_TRUE(writer->flush(kLong));

  EXPECT_EQ(engine_.rows("span_rows"), 50U);
  EXPECT_LE(engine_.blocks("span_rows"),
            4U);  // The first, those of the interval, those of `flush`.
}

TEST_F(WriterTest, SealsAFullBlockBeforeItsTime) {
  auto with = options();
  with.gather = seconds(1000);
  with.max_block_rows = 10;
  const auto writer = start(with);
  ASSERT_EQ(status(write(*writer, "10 spans")), Status::kCommitted);

  for (int i = 0; i < 2000 && engine_.rows("span_rows") == 0; ++i) {
    std::this_thread::sleep_for(milliseconds(5));
  }
  EXPECT_EQ(engine_.rows("span_rows"), 10U);
}

TEST_F(WriterTest, GathersForLongerAfterABlockOfFewRows) {
  for (const bool few : {false, true}) {
    testing::FakeEngine engine;
    testing::MemoryFiles files;
    auto with = options();
    with.gather = with.block_interval = milliseconds(1);
    with.small_block_interval = seconds(1000);
    with.small_block_rows = few ? 11 : 10;
    Writer writer(engine, decoder_, files, with);
    ASSERT_EQ(status(write(writer, "10 spans")), Status::kCommitted);
    const auto blocks_after = [&](std::size_t least) {
      for (int i = 0; i < 400 && engine.blocks("span_rows") < least; ++i) {
        std::this_thread::sleep_for(milliseconds(5));
      }
      return engine.blocks("span_rows");
    };
    ASSERT_EQ(blocks_after(1), 1U);
    ASSERT_EQ(status(write(writer, "10 spans more")), Status::kCommitted);

    if (few) {
      std::this_thread::sleep_for(milliseconds(100));
      EXPECT_EQ(engine.blocks("span_rows"), 1U);
    } else {
      EXPECT_EQ(blocks_after(2), 2U);
    }
  }
}

/// Small inserts are dear: side tables get the rows of several blocks at once.
TEST_F(WriterTest, InsertsSideRowsOfSeveralBlocksAtOnce) {
  auto with = options();
  with.gather = with.block_interval = with.small_block_interval = milliseconds(1);
  with.side_interval = seconds(1000);
  const auto writer = start(with);
  for (std::size_t i = 1; i <= 5; ++i) {
    ASSERT_EQ(status(write(*writer, "2 spans " + std::to_string(i))), Status::kCommitted);
    for (int wait = 0; wait < 2000 && engine_.blocks("span_rows") < i; ++wait) {
      std::this_thread::sleep_for(milliseconds(5));
    }
  }
  ASSERT_EQ(engine_.blocks("span_rows"), 5U);
  EXPECT_EQ(engine_.inserts("span_minute_rows"), 0);

  ASSERT_TRUE(writer->flush(kLong));

  EXPECT_EQ(engine_.inserts("span_minute_rows"), 1);
  EXPECT_EQ(engine_.rows("span_minute_rows"), 5U);
}

/// A process that ends while side rows wait for more must not lose them, nor give them twice.
TEST_F(WriterTest, InsertsSideRowsThatAnEarlierRunHadNot) {
  std::uint64_t first_rows = 0;
  {
    auto with = options();
    with.gather = with.block_interval = with.small_block_interval = milliseconds(1);
    with.side_interval = seconds(1000);
    with.close_timeout = milliseconds(0);
    const auto writer = start(with);
    ASSERT_EQ(status(write(*writer, "2 spans")), Status::kCommitted);
    for (int wait = 0; wait < 2000 && engine_.blocks("span_rows") < 1; ++wait) {
      std::this_thread::sleep_for(milliseconds(5));
    }
    first_rows = engine_.rows("span_rows");
  }
  ASSERT_EQ(first_rows, 2U);
  ASSERT_EQ(engine_.inserts("span_minute_rows"), 0);

  for (int run = 0; run < 2; ++run) {
    const auto writer = start();
    ASSERT_TRUE(writer->flush(kLong));
  }

  EXPECT_EQ(engine_.rows("span_rows"), 2U);
  EXPECT_EQ(engine_.rows("span_minute_rows"), 1U);
  EXPECT_THAT(engine_.twice(), IsEmpty());
}

/// A log that fills up must not wait for side tables.
TEST_F(WriterTest, InsertsSideRowsAndLetsGoOfTheLogWhenAQuarterOfItIsFull) {
  auto with = options();
  with.gather = with.block_interval = with.small_block_interval = milliseconds(1);
  with.max_block_rows = 1;
  with.side_interval = seconds(1000);
  with.segment_bytes = 4096;
  with.max_log_bytes = 64 * 1024;
  const auto writer = start(with);
  const auto write_1000_bytes = [&](std::size_t number) {
    ASSERT_EQ(status(write(*writer, "1 " + std::to_string(number) + std::string(1000, 'x'))),
              Status::kCommitted);
    for (int i = 0; i < 2000 && engine_.blocks("span_rows") < number; ++i) {
      std::this_thread::sleep_for(milliseconds(1));
    }
    ASSERT_EQ(engine_.blocks("span_rows"), number);
  };
  constexpr std::size_t kBlocks = 40;
  for (std::size_t i = 1; i <= 10; ++i) ASSERT_NO_FATAL_FAILURE(write_1000_bytes(i));
  EXPECT_EQ(engine_.inserts("span_minute_rows"), 0);
  for (std::size_t i = 11; i <= kBlocks; ++i) ASSERT_NO_FATAL_FAILURE(write_1000_bytes(i));

  const std::uint64_t most = with.max_log_bytes / 4 + with.segment_bytes;
  for (int i = 0; i < 2000 && writer->stats().log_bytes > most; ++i) {
    std::this_thread::sleep_for(milliseconds(1));
  }

  EXPECT_LE(writer->stats().log_bytes, most);
  EXPECT_GE(engine_.inserts("span_minute_rows"), 1);
  ASSERT_TRUE(writer->flush(kLong));
  EXPECT_EQ(engine_.rows("span_minute_rows"), kBlocks);
}

/// The first block looks at the spans before it. It must not wait for long, nor be lost.
TEST_F(WriterTest, GoesOnWhenTheSpansBeforeTheStartCannotBeRead) {
  const std::map<std::string, std::function<void()>> failures = {
      {"it took too long", [] { throw EngineError(159, "it took too long"); }},
      {"no such table", [] { throw EngineError(60, "no such table"); }},
      {"std::bad_alloc", [] { throw std::bad_alloc(); }}};
  for (const auto& [why, fail] : failures) {
    testing::FakeEngine engine;
    std::atomic<int> looks{0};
    std::atomic<std::uint32_t> limit_ms{0};
    engine.answer([&](const std::string& sql, const QueryOptions& options) -> std::string {
      if (sql.find("FROM span_rows") == std::string::npos) return {};
      ++looks;
      limit_ms = options.max_execution_time_ms;
      fail();
      return {};
    });
    testing::MemoryFiles files;
    Writer writer(engine, decoder_, files, options());
    for (const std::string payload : {"20 of all kinds", "20 of all kinds again"}) {
      ASSERT_EQ(status(write(writer, payload)), Status::kCommitted);
      ASSERT_TRUE(writer.flush(kLong));
    }

    EXPECT_EQ(looks, 1);
    EXPECT_LE(limit_ms, 5'000U);
    EXPECT_EQ(engine.blocks("span_rows"), 2U);
    EXPECT_EQ(engine.blocks("span_edge_rows"), 2U);
    EXPECT_EQ(writer.stats().blocks, 2U);
    EXPECT_THAT(reports(),
                ::testing::Contains(::testing::AllOf(
                    HasSubstr("the spans from before the start cannot be read"), HasSubstr(why))));
  }
}

TEST_F(WriterTest, AnswersAMalformedRequestWithoutItsRowsAndStoresTheOthers) {
  const auto writer = start();
  auto first = write(*writer, "2 spans");
  auto bad = write(*writer, "malformed");
  auto last = write(*writer, "3 spans");

  EXPECT_EQ(status(std::move(first)), Status::kCommitted);
  const WriteOutcome got = bad.get();
  EXPECT_EQ(got.status, Status::kMalformed);
  EXPECT_EQ(got.decoded.offset, 7U);
  EXPECT_EQ(status(std::move(last)), Status::kCommitted);
  ASSERT_TRUE(writer->flush(kLong));
  EXPECT_EQ(engine_.rows("span_rows"), 5U);
}

TEST_F(WriterTest, FailsARequestWhoseDecoderThrows) {
  const auto writer = start();
  const WriteOutcome got = write(*writer, "throws").get();

  EXPECT_EQ(got.status, Status::kFailed);
  EXPECT_THAT(got.message, HasSubstr("the decoder is broken"));
}

TEST_F(WriterTest, StoresARepeatedRequestOnceAndCountsIt) {
  const auto writer = start();
  ASSERT_EQ(status(write(*writer, "2 spans")), Status::kCommitted);
  const WriteOutcome again = write(*writer, "2 spans").get();

  EXPECT_EQ(again.status, Status::kCommitted);
  EXPECT_TRUE(again.repeated);
  ASSERT_EQ(status(write(*writer, "2 spans", Signal::kLogs)), Status::kCommitted);
  ASSERT_TRUE(writer->flush(kLong));
  EXPECT_EQ(engine_.rows("span_rows"), 2U);
  EXPECT_EQ(engine_.rows("log_rows"), 2U);
  EXPECT_EQ(writer->stats().repeated_requests, 1U);
}

/// Notes what it is told.
class NotingTap final : public Tap {
 public:
  void on_request(const IngestRequest& request, std::uint64_t records) noexcept override {
    const std::scoped_lock lock(mutex_);
    noted_.push_back(std::string(request.payload) + ": " + std::to_string(records));
  }
  std::vector<std::string> noted() {
    const std::scoped_lock lock(mutex_);
    return noted_;
  }

 private:
  std::mutex mutex_;
  std::vector<std::string> noted_;
};

TEST_F(WriterTest, TellsTheTapWhatItAcknowledgedAndOnce) {
  NotingTap tap;
  Writer::Options with_tap = options();
  with_tap.tap = &tap;
  const auto writer = start(with_tap);
  ASSERT_EQ(status(write(*writer, "2 spans")), Status::kCommitted);
  ASSERT_EQ(status(write(*writer, "malformed")), Status::kMalformed);
  ASSERT_EQ(status(write(*writer, "2 spans")), Status::kCommitted);
  ASSERT_EQ(status(write(*writer, "3 spans")), Status::kCommitted);
  writer->close();

  EXPECT_THAT(tap.noted(), ElementsAre("2 spans: 2", "3 spans: 3"));
}

TEST_F(WriterTest, KnowsARepeatedRequestAfterARestart) {
  {
    const auto writer = start();
    ASSERT_EQ(status(write(*writer, "2 spans")), Status::kCommitted);
  }
  const auto writer = start();
  EXPECT_TRUE(write(*writer, "2 spans").get().repeated);
  ASSERT_TRUE(writer->flush(kLong));
  EXPECT_EQ(engine_.rows("span_rows"), 2U);
}

TEST_F(WriterTest, DecodesAgainARequestThatWasMalformed) {
  const auto writer = start();
  EXPECT_EQ(write(*writer, "malformed").get().status, Status::kMalformed);
  EXPECT_EQ(write(*writer, "malformed").get().status, Status::kMalformed);
}

TEST_F(WriterTest, InsertsWhatAnEarlierRunLeftInTheLog) {
  {
    auto with = options();
    with.close_timeout = milliseconds(0);
    const auto writer = start(with);
    engine_.behave([](std::string_view) { return Insert::kFailsBefore; });
    ASSERT_EQ(status(write(*writer, "3 spans")), Status::kCommitted);
    ASSERT_EQ(status(write(*writer, "4 records", Signal::kLogs)), Status::kCommitted);
  }
  ASSERT_EQ(engine_.rows("span_rows"), 0U);
  engine_.behave(nullptr);

  const auto writer = start();

  ASSERT_TRUE(writer->flush(kLong));
  EXPECT_EQ(engine_.rows("span_rows"), 3U);
  EXPECT_EQ(engine_.rows("log_rows"), 4U);
  EXPECT_THAT(reports(), ::testing::Contains(HasSubstr("that an earlier run left in the log")));
  EXPECT_THAT(reports(),
              ::testing::Contains("all 2 requests of the earlier run are in their tables"));
}

TEST_F(WriterTest, TellsHowFarWhatAnEarlierRunLeftIs) {
  const std::string padding(2000, 'x');
  {
    auto with = options();
    with.segment_bytes = 4096;
    with.max_block_rows = 1;
    with.close_timeout = milliseconds(0);
    const auto writer = start(with);
    engine_.behave([](std::string_view) { return Insert::kFailsBefore; });
    for (int i = 0; i < 4; ++i) {
      ASSERT_EQ(status(write(*writer, "1 " + std::to_string(i) + padding)), Status::kCommitted);
    }
  }
  engine_.behave(nullptr);
  auto with = options();
  with.progress_interval = milliseconds(0);

  const auto writer = start(with);
  ASSERT_TRUE(writer->flush(kLong));

  const std::string of_all = " of 4 requests of the earlier run are in their tables";
  EXPECT_THAT(reports(),
              ::testing::IsSupersetOf<::testing::Matcher<std::string>>(
                  {::testing::ContainsRegex("^read 1 of [2-9] segments of the log"), "1" + of_all,
                   "3" + of_all, "all 4 requests of the earlier run are in their tables"}));
}

TEST_F(WriterTest, TellsWhatOfAnEarlierRunIsSetAside) {
  {
    auto with = options();
    with.close_timeout = milliseconds(0);
    engine_.behave([](std::string_view) { return Insert::kFailsBefore; });
    const auto writer = start(with);
    ASSERT_EQ(status(write(*writer, "1 span")), Status::kCommitted);
    writer->flush(milliseconds(20));  // Ends the block.
    ASSERT_EQ(status(write(*writer, "1 record", Signal::kLogs)), Status::kCommitted);
  }
  engine_.behave([](std::string_view table) {
    return table == "log_rows" ? Insert::kIsRefused : Insert::kSucceeds;
  });

  const auto writer = start();
  ASSERT_TRUE(writer->flush(kLong));

  EXPECT_THAT(reports(), ::testing::Contains("1 of 2 requests of the earlier run are in their "
                                             "tables, 1 are set aside"));
}

constexpr std::array kDescriptions = {"resource_rows", "scope_rows", "metric_series_rows",
                                      "metric_series_hour_rows", "attribute_slots"};
constexpr std::array kDataTables = {"span_rows",
                                    "log_rows",
                                    "metric_number_rows",
                                    "metric_histogram_rows",
                                    "metric_exponential_histogram_rows",
                                    "metric_summary_rows",
                                    "metric_exemplar_rows"};
constexpr std::array kSideTables = {"span_minute_rows", "span_edge_rows",  "span_value_rows",
                                    "log_value_rows",   "span_error_rows", "log_error_rows"};

/// All of them but descriptions, which may be written twice.
std::set<std::string> tables_with_blocks() {
  std::set<std::string> tables(kDataTables.begin(), kDataTables.end());
  tables.insert(kSideTables.begin(), kSideTables.end());
  return tables;
}

/// Has each of two blocks in all tables, whose inserts do what `behaviour` says.
class EveryTable : public WriterTest {
 protected:
  /// Enough records for keys to get slots.
  static void write_all_kinds(Writer& writer, const std::string& what) {
    for (const Signal signal : {Signal::kTraces, Signal::kLogs, Signal::kMetrics}) {
      ASSERT_EQ(status(write(writer, "20 of all kinds " + what, signal)), Status::kCommitted);
    }
  }

  Writer::Options two_blocks() {
    auto with = options();
    with.gather = seconds(1000);  // Only `flush` ends a block.
    return with;
  }

  void write_two_blocks(testing::FakeEngine& engine, std::uint64_t& failed_inserts) {
    testing::MemoryFiles files;
    Writer writer(engine, decoder_, files, two_blocks());
    for (const std::string block : {"first", "second"}) {
      write_all_kinds(writer, block);
      ASSERT_TRUE(writer.flush(kLong));
    }
    EXPECT_FALSE(writer.stats().is_engine_failing);
    failed_inserts = writer.stats().failed_inserts;
  }
};

TEST_F(EveryTable, HasEachBlockOnceWhicheverInsertFailsAndHow) {
  std::uint64_t failed_inserts = 0;
  testing::FakeEngine sound;
  ASSERT_NO_FATAL_FAILURE(write_two_blocks(sound, failed_inserts));
  ASSERT_EQ(failed_inserts, 0U);
  std::set<std::string> tables = tables_with_blocks();
  tables.insert(kDescriptions.begin(), kDescriptions.end());
  ASSERT_EQ(sound.tables(), tables);

  for (const Insert failure : {Insert::kFailsBefore, Insert::kFailsAfter, Insert::kTimesOutBefore,
                               Insert::kTimesOutAfter}) {
    for (const std::string& table : tables) {
      SCOPED_TRACE(table + ", failure " + std::to_string(static_cast<int>(failure)));
      testing::FakeEngine engine;
      std::atomic<int> failures{3};
      engine.behave([&](std::string_view name) {
        return name == table && failures-- > 0 ? failure : Insert::kSucceeds;
      });
      ASSERT_NO_FATAL_FAILURE(write_two_blocks(engine, failed_inserts));

      EXPECT_GE(failed_inserts, 1U);
      if (failure == Insert::kFailsBefore) {
        EXPECT_THAT(reports(), ::testing::Contains("a block could not be inserted into " + table +
                                                   "; it stays in the log and is tried again: "
                                                   "not enough space"));
      }
      EXPECT_THAT(engine.twice(), IsEmpty());
      for (const std::string& name : tables_with_blocks()) {
        EXPECT_EQ(engine.blocks(name), 2U) << name;
        EXPECT_EQ(engine.rows(name), sound.rows(name)) << name;
      }
      for (const char* const name : kDescriptions) {
        EXPECT_GE(engine.rows(name), sound.rows(name)) << name;
      }
    }
  }
}

/// After a merge a side table does not have the identity of the first block any more. That the
/// blocks are in their tables is mostly not known after the restart: a write that fails may have
/// written.
TEST_F(EveryTable, HasEachBlockOnceAfterARestartAlsoIfSideTablesWereMerged) {
  std::uint64_t taken_up = 0;
  for (int attempt = 0; attempt < 20 && taken_up == 0; ++attempt) {
    testing::FakeEngine engine;
    testing::MemoryFiles files;
    {
      Writer writer(engine, decoder_, files, two_blocks());
      engine.shut();
      for (const std::string block : {"first", "second"}) {
        write_all_kinds(writer, block);
        EXPECT_FALSE(writer.flush(milliseconds(1)));
      }
      for (int i = 0; i < 2000 && writer.stats().waiting_blocks < 2; ++i) {
        std::this_thread::sleep_for(milliseconds(5));
      }
      files.set_fault([](Operation operation, const std::filesystem::path&) {
        return operation == Operation::kWrite ? ENOSPC : 0;
      });
      engine.open();
    }
    files.set_fault(nullptr);
    std::map<std::string, std::uint64_t> rows;
    for (const std::string& name : tables_with_blocks()) rows[name] = engine.rows(name);
    for (const char* const name : kSideTables) {
      engine.merge(name);
      EXPECT_EQ(engine.blocks(name), 1U) << name;
    }

    Writer writer(engine, decoder_, files, two_blocks());
    ASSERT_TRUE(writer.flush(kLong));

    taken_up = writer.stats().blocks;
    for (const auto& [name, count] : rows) EXPECT_EQ(engine.rows(name), count) << name;
  }
  EXPECT_EQ(taken_up, 2U);
}

TEST_F(WriterTest, InsertsABlockOnceWhenTheAnswerOfAnInsertIsLost) {
  std::atomic<int> losses{1};
  engine_.behave([&](std::string_view table) {
    return table == "span_rows" && losses-- > 0 ? Insert::kFailsAfter : Insert::kSucceeds;
  });
  const auto writer = start();
  ASSERT_EQ(status(write(*writer, "3 spans")), Status::kCommitted);

  ASSERT_TRUE(writer->flush(kLong));

  EXPECT_EQ(engine_.inserts("span_rows"), 1);
  EXPECT_EQ(engine_.rows("span_rows"), 3U);
}

TEST_F(WriterTest, SetsABlockAsideThatTheEngineRefusesAndGoesOn) {
  std::atomic<bool> refuses{true};
  engine_.behave([&](std::string_view table) {
    return table == "span_rows" && refuses ? Insert::kIsRefused : Insert::kSucceeds;
  });
  const auto writer = start();
  ASSERT_EQ(status(write(*writer, "3 spans")), Status::kCommitted);
  ASSERT_TRUE(writer->flush(kLong));
  refuses = false;
  ASSERT_EQ(status(write(*writer, "4 spans")), Status::kCommitted);
  ASSERT_TRUE(writer->flush(kLong));

  EXPECT_EQ(engine_.rows("span_rows"), 4U);
  EXPECT_EQ(writer->stats().blocks_set_aside, 1U);
  const std::vector<std::string> kept = files_.list("/log/refused");
  ASSERT_EQ(kept.size(), 1U);
  EXPECT_THAT(files_.content("/log/refused/" + kept[0]), HasSubstr("3 spans"));
}

/// Rows that are only an extract of others do not hold up a block.
TEST_F(WriterTest, CountsSideRowsThatTheEngineRefusesAndGoesOn) {
  std::atomic<bool> refuses{true};
  engine_.behave([&](std::string_view table) {
    return table == "span_minute_rows" && refuses ? Insert::kIsRefused : Insert::kSucceeds;
  });
  const auto writer = start();
  ASSERT_EQ(status(write(*writer, "3 spans")), Status::kCommitted);
  ASSERT_TRUE(writer->flush(kLong));
  EXPECT_EQ(writer->stats().refused_side_rows, 1U);
  refuses = false;
  ASSERT_EQ(status(write(*writer, "4 spans")), Status::kCommitted);
  ASSERT_TRUE(writer->flush(kLong));

  EXPECT_EQ(writer->stats().refused_side_rows, 1U);
  EXPECT_EQ(engine_.rows("span_minute_rows"), 1U);
  EXPECT_EQ(engine_.rows("span_rows"), 7U);
  EXPECT_EQ(writer->stats().blocks, 2U);
  EXPECT_EQ(writer->stats().blocks_set_aside, 0U);
  EXPECT_THAT(reports(), ::testing::Contains(HasSubstr("refuses rows of side tables")));
}

TEST_F(WriterTest, TakesRequestsWhileTheEngineStandsAndReadsThemFromTheLogLater) {
  auto with = options();
  with.max_block_rows = 10;
  with.max_blocks = 3;
  with.gather = seconds(1000);
  engine_.shut();
  const auto writer = start(with);
  for (int i = 0; i < 20; ++i) {
    ASSERT_EQ(status(write(*writer, "10 spans " + std::to_string(i))), Status::kCommitted);
  }
  engine_.open();

  ASSERT_TRUE(writer->flush(kLong));

  EXPECT_EQ(engine_.rows("span_rows"), 200U);
  EXPECT_GT(writer->stats().reloaded_blocks, 0U);
}

TEST_F(WriterTest, DecodesNothingTwiceWhileTheEngineKeepsUp) {
  auto with = options();
  with.lanes = 4;
  with.gather = seconds(1000);  // Only `flush` ends blocks: one of each lane.
  const auto writer = start(with);
  for (int round = 0; round < 20; ++round) {
    auto outcomes = write_many(*writer, 40, "10 spans " + std::to_string(round));
    for (auto& outcome : outcomes) ASSERT_EQ(status(std::move(outcome)), Status::kCommitted);
    ASSERT_TRUE(writer->flush(kLong));
  }

  EXPECT_EQ(engine_.rows("span_rows"), 20U * 40 * 10);
  EXPECT_EQ(writer->stats().reloaded_blocks, 0U);
}

TEST_F(WriterTest, NeedsMoreBlocksThanLanes) {
  auto with = options();
  with.lanes = 4;
  with.max_blocks = 4;
  EXPECT_THROW(start(with), std::invalid_argument);
  with.max_blocks = 5;
  EXPECT_NO_THROW(start(with));
}

TEST_F(WriterTest, RefusesWhenTheLogIsFullAndResumesByItself) {
  auto with = options();
  with.segment_bytes = 4096;
  with.max_log_bytes = 20'000;
  with.max_block_rows = 1;
  engine_.shut();
  const auto writer = start(with);
  const std::string padding(2000, 'x');
  WriteOutcome refused;
  int taken = 0;
  for (int i = 0; i < 100; ++i) {
    refused = write(*writer, "1 " + std::to_string(i) + padding).get();
    if (refused.status != Status::kCommitted) break;
    ++taken;
  }
  ASSERT_EQ(refused.status, Status::kOverloaded);
  EXPECT_THAT(refused.message, HasSubstr("the tables do not keep up"));
  EXPECT_GE(refused.retry_after, milliseconds(1000));
  EXPECT_GT(taken, 5);

  engine_.open();

  Status now = Status::kOverloaded;
  for (int i = 0; i < 2000 && now != Status::kCommitted; ++i) {
    now = write(*writer, "1 later " + std::to_string(i)).get().status;
    std::this_thread::sleep_for(milliseconds(5));
  }
  EXPECT_EQ(now, Status::kCommitted);
  ASSERT_TRUE(writer->flush(kLong));
  EXPECT_EQ(engine_.rows("span_rows"), static_cast<std::uint64_t>(taken) + 1);
}

TEST_F(WriterTest, StoresNothingOfARequestThatItRefusedBecauseTheDiskIsFull) {
  std::atomic<bool> is_full{false};
  files_.set_fault([&](Operation operation, const std::filesystem::path&) {
    return is_full && operation == Operation::kWrite ? ENOSPC : 0;
  });
  auto with = options();
  with.gather = seconds(1000);  // One block holds what was taken and what was refused.
  const auto writer = start(with);
  ASSERT_EQ(status(write(*writer, "1 span")), Status::kCommitted);
  is_full = true;
  const WriteOutcome refused = write(*writer, "10 spans").get();
  EXPECT_EQ(refused.status, Status::kFailed);
  EXPECT_THAT(refused.message, HasSubstr("the log cannot be written"));
  EXPECT_GE(refused.retry_after, milliseconds(5000));
  is_full = false;
  std::this_thread::sleep_for(milliseconds(600));
  ASSERT_EQ(status(write(*writer, "100 spans")), Status::kCommitted);

  ASSERT_TRUE(writer->flush(kLong));

  EXPECT_EQ(engine_.rows("span_rows"), 101U);
  EXPECT_THAT(reports(), ::testing::Contains(HasSubstr("the log can be written again")));
}

TEST_F(WriterTest, DropsRequestsThatNobodyWaitsForBeforeDecodingThem) {
  const auto writer = start();
  IngestRequest gone;
  gone.is_abandoned = [] { return true; };
  IngestRequest late;
  late.deadline = std::chrono::steady_clock::now() - milliseconds(1);

  EXPECT_EQ(status(write(*writer, gone, "throws")), Status::kAbandoned);
  EXPECT_EQ(status(write(*writer, late, "throws")), Status::kAbandoned);
  EXPECT_EQ(writer->stats().abandoned_requests, 2U);
}

TEST_F(WriterTest, RefusesMoreThanItsLimitOfBytes) {
  auto with = options();
  with.max_queued_bytes = 100;
  const auto writer = start(with);

  const WriteOutcome got = write(*writer, "1" + std::string(200, ' ')).get();

  EXPECT_EQ(got.status, Status::kOverloaded);
  EXPECT_EQ(writer->stats().overloaded_requests, 1U);
  EXPECT_EQ(writer->stats().queued_bytes, 0U);
}

/// Lets a test do something before each request is decoded.
class HookedDecoder final : public Decoder {
 public:
  explicit HookedDecoder(std::function<void()> before) : before_(std::move(before)) {}
  [[nodiscard]] otlp::DecodeResult decode(Signal signal, std::uint8_t content,
                                          std::string_view payload, Sinks& sinks) const override {
    before_();
    return decoder_.decode(signal, content, payload, sinks);
  }

 private:
  std::function<void()> before_;
  testing::TextDecoder decoder_;
};

/// What is short for a moment says nothing about what is in the log.
TEST_F(WriterTest, ReadsTheLogAgainWhenMemoryOrDescriptorsWereShort) {
  const std::function<void()> failures[] = {
      [] { throw std::bad_alloc(); },
      [] { throw std::system_error(EMFILE, std::generic_category()); },
      [] { throw std::system_error(ENOMEM, std::generic_category()); }};
  for (const auto& fail : failures) {
    testing::FakeEngine engine;
    testing::MemoryFiles files;
    {
      auto with = options();
      with.close_timeout = milliseconds(0);
      engine.behave([](std::string_view) { return Insert::kFailsBefore; });
      Writer writer(engine, decoder_, files, with);
      ASSERT_EQ(status(write(writer, "3 spans")), Status::kCommitted);
    }
    engine.behave(nullptr);
    std::atomic<int> decoded{0};
    const HookedDecoder decoder([&] {
      if (++decoded <= 2) fail();
    });

    Writer writer(engine, decoder, files, options());
    ASSERT_TRUE(writer.flush(kLong));

    EXPECT_EQ(engine.rows("span_rows"), 3U);
    EXPECT_EQ(engine.rows("span_minute_rows"), 1U);
    EXPECT_EQ(writer.stats().unreadable_requests, 0U);
    EXPECT_EQ(writer.stats().blocks, 1U);
  }
}

/// As when the clock was ahead when the side tables were made: queries count the rows of blocks
/// before that moment themselves.
TEST_F(WriterTest, GivesBlocksIdentitiesThatAreNotBeforeTheSideTables) {
  const auto in_an_hour = std::chrono::system_clock::now() + std::chrono::hours(1);
  const std::int64_t since_ns = std::chrono::nanoseconds(in_an_hour.time_since_epoch()).count();
  engine_.answer([&](const std::string& sql, const QueryOptions&) {
    const bool is_asked = sql.find("FROM schema_versions") != std::string::npos;
    return is_asked ? std::string(reinterpret_cast<const char*>(&since_ns), 8) : std::string();
  });
  const auto writer = start();
  ASSERT_EQ(status(write(*writer, "2 spans")), Status::kCommitted);
  ASSERT_TRUE(writer->flush(kLong));

  EXPECT_GE(engine_.last_block("span_rows") * 1000, since_ns);
  EXPECT_EQ(engine_.rows("span_minute_rows"), 1U);
}

TEST_F(WriterTest, DecodesOnAllLanesAtOnceWhenRequestsWait) {
  std::atomic<int> decoding{0};
  std::promise<void> together;
  const std::shared_future<void> all_came = together.get_future().share();
  std::atomic<bool> met{true};
  const HookedDecoder decoder([&] {
    if (++decoding == 2) together.set_value();
    if (all_came.wait_for(kLong) != std::future_status::ready) met = false;
  });
  auto with = options();
  with.lanes = 2;
  with.bytes_for_next_lane = 1;
  Writer writer(engine_, decoder, files_, with);
  auto outcomes = write_many(writer, 3, "1 span");

  for (auto& outcome : outcomes) EXPECT_EQ(status(std::move(outcome)), Status::kCommitted);
  EXPECT_TRUE(met);
  ASSERT_TRUE(writer.flush(kLong));
  EXPECT_EQ(engine_.rows("span_rows"), 3U);
}

TEST_F(WriterTest, InsertsIntoTablesOfABlockAtOnce) {
  auto with = options();
  with.gather = seconds(1000);  // Only `flush` ends a block.
  const auto writer = start(with);
  EXPECT_EQ(status(write(*writer, "1 span")), Status::kCommitted);
  EXPECT_EQ(status(write(*writer, "1 record", Signal::kLogs)), Status::kCommitted);
  // Its descriptions go first, one after the other.
  ASSERT_TRUE(writer->flush(kLong));
  engine_.shut();

  EXPECT_EQ(status(write(*writer, "2 spans")), Status::kCommitted);
  EXPECT_EQ(status(write(*writer, "2 records", Signal::kLogs)), Status::kCommitted);
  EXPECT_FALSE(writer->flush(milliseconds(1)));

  EXPECT_TRUE(engine_.wait_for_inserts(2)) << "into span_rows and log_rows";
  engine_.open();
  ASSERT_TRUE(writer->flush(kLong));
  EXPECT_EQ(engine_.rows("span_rows"), 3U);
  EXPECT_EQ(engine_.rows("log_rows"), 3U);
}

TEST_F(WriterTest, RefusesWhatWouldWaitTooLongWithHintsThatDiffer) {
  std::promise<void> release;
  const std::shared_future<void> released = release.get_future().share();
  std::atomic<int> decoded{0};
  const HookedDecoder decoder([&] {
    if (++decoded == 1) {
      std::this_thread::sleep_for(milliseconds(20));  // From which the rate is known.
    } else {
      released.wait();
    }
  });
  auto with = options();
  with.lanes = 1;
  with.longest_wait = milliseconds(1);
  Writer writer(engine_, decoder, files_, with);
  ASSERT_EQ(status(write(writer, "1" + std::string(1000, ' '))), Status::kCommitted);
  std::vector<std::future<WriteOutcome>> taken;
  taken.push_back(write(writer, "1 is being decoded"));
  while (decoded < 2) std::this_thread::yield();
  taken.push_back(write(writer, "1 waits" + std::string(100'000, ' ')));

  std::set<milliseconds> hints;
  for (int i = 0; i < 50; ++i) {
    const WriteOutcome refused = write(writer, "1 more").get();
    EXPECT_EQ(refused.status, Status::kOverloaded);
    EXPECT_THAT(refused.message, HasSubstr("requests wait too long"));
    hints.insert(refused.retry_after);
  }
  release.set_value();

  for (auto& outcome : taken) EXPECT_EQ(status(std::move(outcome)), Status::kCommitted);
  EXPECT_EQ(writer.stats().overloaded_requests, 50U);
  EXPECT_GT(hints.size(), 5U) << "all senders would come back at once";
  EXPECT_GT(*hints.begin(), with.longest_wait);
  EXPECT_LE(2 * *hints.rbegin(), 3 * *hints.begin()) << "up to half as long again";
  ASSERT_TRUE(writer.flush(kLong));
  EXPECT_EQ(engine_.rows("span_rows"), 3U);
}

TEST_F(WriterTest, InsertsEverythingBeforeItCloses) {
  const auto writer = start();
  auto outcomes = write_many(*writer, 100, "1 span");

  writer->close();

  for (auto& outcome : outcomes) EXPECT_EQ(outcome.get().status, Status::kCommitted);
  EXPECT_EQ(engine_.rows("span_rows"), 100U);
}

TEST_F(WriterTest, TakesNothingAfterItIsClosed) {
  const auto writer = start();
  writer->close();

  const WriteOutcome refused = write(*writer, "1 span").get();
  EXPECT_EQ(refused.status, Status::kFailed);
  EXPECT_GE(refused.retry_after, milliseconds(1000));
  EXPECT_EQ(writer->stats().failed_requests, 1U);
}

TEST_F(WriterTest, LetsGoOfTheLogBehindItsBlocks) {
  auto with = options();
  with.segment_bytes = 4096;
  with.max_block_rows = 1;
  const auto writer = start(with);
  for (int i = 0; i < 50; ++i) {
    ASSERT_EQ(status(write(*writer, "1 " + std::to_string(i) + std::string(1000, 'x'))),
              Status::kCommitted);
  }
  ASSERT_TRUE(writer->flush(kLong));
  ASSERT_EQ(status(write(*writer, "1 last")), Status::kCommitted);
  ASSERT_TRUE(writer->flush(kLong));
  writer->close();

  EXPECT_LT(writer->stats().log_bytes, 3U * 4096);
}

}  // namespace
}  // namespace signalbox::server::store

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <new>
#include <set>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include "server/store/columns/native.h"
#include "server/store/columns/service_edges.h"
#include "server/store/columns/side_tables.h"
#include "server/store/columns/tables.h"
#include "server/store/commit/fake_engine.h"
#include "server/store/commit/text_decoder.h"
#include "server/store/commit/writer.h"
#include "server/store/log/memory_files.h"

namespace {

/// Of this thread: so many succeed, and then so many fail.
thread_local int to_succeed = 0;
thread_local int to_fail = 0;
std::atomic<int> failed_allocations{0};

void* allocate(std::size_t size) {
  if (to_fail > 0 && to_succeed-- <= 0) {
    --to_fail;
    ++failed_allocations;
    throw std::bad_alloc();
  }
  void* const memory = std::malloc(size == 0 ? 1 : size);
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

/// Not inlined: a compiler that sees `free` beside `new` takes them for a mismatch.
[[gnu::noinline]] void release(void* memory) noexcept {
  std::free(memory);
}

}  // namespace

void* operator new(std::size_t size) {
  return allocate(size);
}
void* operator new[](std::size_t size) {
  return allocate(size);
}
void operator delete(void* memory) noexcept {
  release(memory);
}
void operator delete(void* memory, std::size_t /*size*/) noexcept {
  release(memory);
}
void operator delete[](void* memory) noexcept {
  release(memory);
}
void operator delete[](void* memory, std::size_t /*size*/) noexcept {
  release(memory);
}

/// When memory is short, blocks come late, not twice and not in part.
namespace signalbox::server::store {
namespace {

using Insert = testing::FakeEngine::Insert;
using Status = WriteOutcome::Status;
using std::chrono::milliseconds;

constexpr std::chrono::seconds kLong{20};

bool is_side_table(std::string_view table) {
  static const std::set<std::string_view> all = {"span_minute_rows", "span_edge_rows",
                                                 "span_value_rows",  "log_value_rows",
                                                 "span_error_rows",  "log_error_rows"};
  return all.contains(table);
}

/// What a table gets once more does harm, descriptions apart.
bool has_descriptions(const std::string& table) {
  static const std::set<std::string> all = {"resource_rows", "scope_rows", "metric_series_rows",
                                            "metric_series_hour_rows", "attribute_slots"};
  return all.contains(table);
}

class ShortMemoryTest : public ::testing::Test {
 protected:
  Writer::Options options() {
    Writer::Options options;
    options.log_folder = "/log";
    options.segment_bytes = 1 << 20;
    options.gather = std::chrono::seconds(1000);  // Only `flush` ends a block.
    options.first_retry = milliseconds(1);
    options.longest_retry = milliseconds(2);
    options.report = [this](const std::string& text) {
      const std::scoped_lock lock(mutex_);
      reports_.push_back(text);
    };
    return options;
  }

  static Status write(Writer& writer, const std::string& text, Signal signal) {
    const auto payload = std::make_shared<const std::string>(text);
    IngestRequest request;
    request.signal = signal;
    request.payload = *payload;
    request.owner = payload;
    std::promise<WriteOutcome> outcome;
    writer.write(std::move(request), [&](WriteOutcome got) { outcome.set_value(std::move(got)); });
    return outcome.get_future().get().status;
  }

  static void write_all_kinds(Writer& writer, const std::string& what) {
    for (const Signal signal : {Signal::kTraces, Signal::kLogs, Signal::kMetrics}) {
      ASSERT_EQ(write(writer, "20 of all kinds " + what, signal), Status::kCommitted);
    }
  }

  void write_blocks(testing::FakeEngine& engine) {
    testing::MemoryFiles files;
    Writer writer(engine, decoder_, files, options());
    for (const std::string block : {"first", "second"}) {
      ASSERT_NO_FATAL_FAILURE(write_all_kinds(writer, block));
      ASSERT_TRUE(writer.flush(kLong));
    }
    const Writer::Stats stats = writer.stats();
    EXPECT_EQ(stats.blocks, 2U);
    EXPECT_EQ(stats.waiting_blocks, 0U);
    EXPECT_EQ(stats.unreadable_requests, 0U);
    EXPECT_EQ(stats.refused_side_rows, 0U);
    if (stored_rows_ == 0) stored_rows_ = stats.stored_rows;
    EXPECT_EQ(stats.stored_rows, stored_rows_);
  }

  void expect_as(testing::FakeEngine& sound, testing::FakeEngine& engine) {
    EXPECT_THAT(engine.twice(), ::testing::IsEmpty());
    for (const std::string& table : sound.tables()) {
      if (has_descriptions(table)) continue;
      EXPECT_EQ(engine.blocks(table), sound.blocks(table)) << table;
      EXPECT_EQ(engine.rows(table), sound.rows(table)) << table;
    }
  }

  /// So many allocations succeed behind the first insert into `resource_rows`, which the
  /// committer's own thread does, and then so many fail in that thread: it goes on with rows, side
  /// rows and the block after it.
  static testing::FakeEngine::Behaviour fail_behind(int succeed, int fail) {
    return [=, is_first = true](std::string_view table) mutable {
      if (table == "resource_rows" && std::exchange(is_first, false)) {
        to_succeed = succeed;
        to_fail = fail;
      }
      return Insert::kSucceeds;
    };
  }

  testing::TextDecoder decoder_;
  std::mutex mutex_;
  std::vector<std::string> reports_;

 private:
  std::uint64_t stored_rows_ = 0;
};

TEST_F(ShortMemoryTest, StoresBlocksOnceWhicheverAllocationOfTheCommitterFails) {
  testing::FakeEngine sound;
  ASSERT_NO_FATAL_FAILURE(write_blocks(sound));
  for (const int in_a_row : {1, 3}) {
    for (int succeed = 0;; succeed += in_a_row) {
      SCOPED_TRACE("allocation " + std::to_string(succeed) + ", " + std::to_string(in_a_row));
      const int failed_before = failed_allocations;
      testing::FakeEngine engine;
      engine.behave(fail_behind(succeed, in_a_row));
      ASSERT_NO_FATAL_FAILURE(write_blocks(engine));
      expect_as(sound, engine);
      if (HasFailure()) return;
      if (failed_allocations == failed_before) break;
    }
  }
  EXPECT_GT(failed_allocations, 100);
}

TEST_F(ShortMemoryTest, CountsRequestsOfAnEarlierRunOnceWhicheverAllocationFails) {
  for (int succeed = 0;; ++succeed) {
    SCOPED_TRACE("allocation " + std::to_string(succeed));
    testing::FakeEngine engine;
    testing::MemoryFiles files;
    {
      auto with = options();
      with.close_timeout = milliseconds(0);
      engine.behave([](std::string_view) { return Insert::kFailsBefore; });
      Writer writer(engine, decoder_, files, with);
      // Of one table, so that no other thread helps: each run allocates the same.
      ASSERT_EQ(write(writer, "3 spans", Signal::kTraces), Status::kCommitted);
      ASSERT_EQ(write(writer, "4 spans", Signal::kTraces), Status::kCommitted);
    }
    const int failed_before = failed_allocations;
    reports_.clear();
    engine.behave(fail_behind(succeed, 1));
    {
      Writer writer(engine, decoder_, files, options());
      ASSERT_TRUE(writer.flush(kLong));
      EXPECT_EQ(writer.stats().blocks, 1U);
      EXPECT_EQ(writer.stats().unreadable_requests, 0U);
    }

    EXPECT_THAT(engine.twice(), ::testing::IsEmpty());
    EXPECT_EQ(engine.rows("span_rows"), 7U);
    EXPECT_EQ(engine.rows("span_minute_rows"), 1U);
    for (const std::string& report : reports_) {
      if (!report.ends_with("in their tables")) continue;
      EXPECT_EQ(report, "all 2 requests of the earlier run are in their tables");
    }
    if (HasFailure() || failed_allocations == failed_before) return;
  }
}

/// The committer's own thread inserts into one of the side tables and leaves another one to a
/// thread that helps it: there a failed insert is handled.
TEST_F(ShortMemoryTest, StoresSideRowsOnceWhicheverAllocationOfAHelpingThreadFails) {
  testing::FakeEngine sound;
  ASSERT_NO_FATAL_FAILURE(write_blocks(sound));
  for (const Insert failure : {Insert::kFailsBefore, Insert::kFailsAfter}) {
    for (int succeed = 0;; ++succeed) {
      SCOPED_TRACE("allocation " + std::to_string(succeed));
      const int failed_before = failed_allocations;
      testing::FakeEngine engine;
      std::thread::id committer;
      bool has_help = false;
      engine.behave([&](std::string_view table) {
        if (table == "resource_rows") committer = std::this_thread::get_id();
        if (has_help || !is_side_table(table)) return Insert::kSucceeds;
        if (std::this_thread::get_id() == committer) {
          std::this_thread::sleep_for(milliseconds(20));  // Until the other thread waits.
          return Insert::kSucceeds;
        }
        has_help = true;
        to_succeed = succeed;
        to_fail = 1;
        return failure;
      });
      ASSERT_NO_FATAL_FAILURE(write_blocks(engine));
      EXPECT_TRUE(has_help);
      expect_as(sound, engine);
      if (HasFailure()) return;
      if (failed_allocations == failed_before) break;
    }
  }
  EXPECT_GT(failed_allocations, 2);
}

/// Calls `action` until it does not throw; the allocation after `successes` fails the first time.
/// Returns whether one did.
bool with_one_failure(int successes, const std::function<void()>& action) {
  to_succeed = successes;
  to_fail = 1;
  bool has_failed = false;
  try {
    action();
  } catch (const std::bad_alloc&) {
    has_failed = true;
  }
  to_fail = 0;
  if (has_failed) action();
  return has_failed;
}

TEST(ShortMemory, LeavesADictionaryAsItWas) {
  StringDictionary expected;
  for (int i = 0; i < 500; ++i) (void)expected.index_of("a value " + std::to_string(i));
  int failures = 0;
  for (const int successes : {0, 1}) {
    StringDictionary dictionary;
    for (std::uint32_t i = 0; i < 500; ++i) {
      const std::string value = "a value " + std::to_string(i);
      if (with_one_failure(successes, [&] { ASSERT_EQ(dictionary.index_of(value), i); })) {
        // Every other time as when the request is rolled back, and comes again.
        if (++failures % 2 == 0) continue;
        dictionary.truncate(i / 2);
        for (std::uint32_t j = i / 2; j <= i; ++j) {
          ASSERT_EQ(dictionary.index_of("a value " + std::to_string(j)), j);
        }
      }
    }
    EXPECT_EQ(dictionary.native(), expected.native());
  }
  EXPECT_GT(failures, 10);
}

TEST(ShortMemory, FindsEachCallOnce) {
  SpanColumns spans;
  for (int i = 0; i < 40; ++i) {
    // Callers before and behind those whom they call, some of them called twice.
    for (const std::int32_t kind : i % 2 == 0 ? std::vector{3, 2, 2} : std::vector{2, 3}) {
      spans.service_name.append(kind == 3 ? "web" : "shop " + std::to_string(i % 7));
      spans.trace_id.append("0123456789abcdef");
      spans.span_id.append((kind == 3 ? "client" : "server") + std::to_string(10 + i));
      spans.parent_span_id.append(kind == 3 ? "" : "client" + std::to_string(10 + i));
      spans.kind.append(kind);
      spans.status_code.append(0);
      spans.start_time.append(1'790'000'000'000'000'000);
      spans.duration_ns.append(1000);
    }
  }
  const auto calls = [](const SpanEdgeColumns& edges) {
    std::string text;
    for (std::size_t i = 0; i < edges.calls.size(); ++i) {
      text += std::string(edges.server[i]) + " " + std::to_string(edges.calls[i]) + "; ";
    }
    return text;
  };
  SpanEdgeColumns expected;
  ServiceEdges(1000).find(1, spans, expected);
  int failures = 0;
  for (int successes = 0; successes < 300; ++successes) {
    ServiceEdges edges(1000);
    SpanEdgeColumns found;
    mark(found);
    if (with_one_failure(successes, [&] {
          roll_back(found);
          edges.find(1, spans, found);
        })) {
      ++failures;
    }
    ASSERT_EQ(calls(found), calls(expected)) << "after " << successes;
  }
  EXPECT_GT(failures, 50);
}

}  // namespace
}  // namespace signalbox::server::store

#include "server/retention/sweeper.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "server/store/engine/embedded_engine.h"
#include "server/store/engine/temporary_folder.h"
#include "server/store/sql/schema.h"

namespace signalbox::server::retention {
namespace {

using std::chrono::hours;
using std::chrono::sys_days;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;

constexpr std::chrono::sys_days kToday = sys_days(std::chrono::year_month_day(
    std::chrono::year(2026), std::chrono::month(3), std::chrono::day(20)));

class SweeperTest : public ::testing::Test {
 protected:
  SweeperTest() {
    store::apply_schema(engine_);
    for (const char* table : {"spans_x", "logs_x", "metric_x", "other_x"}) {
      engine_.execute(std::string("CREATE TABLE ") + table +
                      " (received DateTime('UTC'), filler String) ENGINE = MergeTree "
                      "PARTITION BY toDate(received) ORDER BY received");
    }
    engine_.execute(
        "CREATE TABLE logs_pairs (day Date, kind String) ENGINE = MergeTree "
        "PARTITION BY (day, kind) ORDER BY day");
  }

  void insert(const std::string& table, const std::string& day, int kilobytes = 1) {
    engine_.execute("INSERT INTO " + table + " SELECT toDateTime('" + day +
                    " 12:00:00', 'UTC'), randomString(1024) FROM numbers(" +
                    std::to_string(kilobytes) + ")");
  }

  std::string days(const std::string& table) {
    std::string text =
        engine_
            .query(
                "SELECT arrayStringConcat(arraySort(groupUniqArray(formatDateTime(received, "
                "'%m-%d'))), ' ') FROM " +
                table + " FORMAT TabSeparatedRaw")
            .data;
    if (!text.empty()) text.pop_back();
    return text;
  }

  void sweep(const Policy& policy, std::chrono::system_clock::time_point now = kToday + hours(12)) {
    Sweeper(engine_, {.other_bytes = [this] { return other_bytes_; },
                      .report = [this](const std::string& text) { reports_.push_back(text); }})
        .sweep(policy, now);
  }

  store::TemporaryFolder folder_;
  store::EmbeddedEngine engine_{[this] {
    store::EmbeddedEngine::Options options;
    options.data_folder = folder_.path();
    return options;
  }()};
  std::uint64_t other_bytes_ = 0;
  std::vector<std::string> reports_;
};

TEST_F(SweeperTest, RemovesDaysThatAreTooOldForTheirSignal) {
  for (const char* table : {"spans_x", "logs_x", "metric_x", "other_x"}) {
    for (const char* day : {"2026-03-01", "2026-03-16", "2026-03-17", "2026-03-20"}) {
      insert(table, day);
    }
  }
  Policy policy;
  policy.of(Signal::kTraces) = hours(3 * 24);
  policy.of(Signal::kLogs) = hours(0);
  policy.of(Signal::kMetrics) = hours(10 * 24);
  // A day's last moment counts: the 16th ended three days and twelve hours ago, the 17th later.
  sweep(policy);

  EXPECT_EQ(days("spans_x"), "03-17 03-20");
  EXPECT_EQ(days("logs_x"), "03-01 03-16 03-17 03-20") << "0 keeps for ever";
  EXPECT_EQ(days("metric_x"), "03-16 03-17 03-20");
  EXPECT_EQ(days("other_x"), "03-01 03-16 03-17 03-20") << "of no signal";
  EXPECT_THAT(reports_, SizeIs(3));
  EXPECT_THAT(reports_[0], HasSubstr("of 2026-03-01"));

  sweep(policy, kToday + hours(23));
  EXPECT_EQ(days("spans_x"), "03-17 03-20") << "the same the whole day";
  sweep(policy, kToday + hours(24));
  EXPECT_EQ(days("spans_x"), "03-20");
}

TEST_F(SweeperTest, KeepsTodayHoweverShortTheAge) {
  insert("logs_x", "2026-03-19");
  insert("logs_x", "2026-03-20");
  Policy policy;
  policy.of(Signal::kLogs) = std::chrono::seconds(1);
  sweep(policy);
  EXPECT_EQ(days("logs_x"), "03-20");
}

TEST_F(SweeperTest, RemovesTheOldestBeyondTheDisksLimit) {
  insert("spans_x", "2026-03-10", 500);
  insert("logs_x", "2026-03-11", 500);
  insert("metric_x", "2026-03-12", 500);
  insert("spans_x", "2026-03-20", 500);
  Policy policy;
  policy.keep = {};
  policy.max_disk_bytes = 1'300'000;
  sweep(policy);
  EXPECT_EQ(days("spans_x"), "03-20");
  EXPECT_EQ(days("logs_x"), "");
  EXPECT_EQ(days("metric_x"), "03-12");

  reports_.clear();
  sweep(policy);
  EXPECT_THAT(reports_, IsEmpty()) << "and then there is enough room";

  other_bytes_ = 500'000;
  sweep(policy);
  EXPECT_EQ(days("metric_x"), "") << "what lies beside the tables counts";
}

TEST_F(SweeperTest, CountsWhatItRemoves) {
  insert("spans_x", "2026-03-01", 100);
  insert("logs_x", "2026-03-01", 100);
  insert("logs_x", "2026-03-20", 100);
  Policy policy;
  policy.of(Signal::kTraces) = hours(3 * 24);
  policy.of(Signal::kLogs) = hours(3 * 24);
  Sweeper sweeper(engine_, {});

  sweeper.sweep(policy, kToday + hours(12));
  sweeper.sweep(policy, kToday + hours(12));

  EXPECT_EQ(sweeper.removed_partitions(), 2U);
  EXPECT_GT(sweeper.removed_bytes(), 200U * 1024);
}

TEST_F(SweeperTest, SaysWhenTodayAloneIsTooMuchAndKeepsIt) {
  insert("logs_x", "2026-03-20", 500);
  Policy policy;
  policy.max_disk_bytes = 1000;
  sweep(policy);
  EXPECT_EQ(days("logs_x"), "03-20");
  ASSERT_THAT(reports_, SizeIs(1));
  EXPECT_THAT(reports_[0], HasSubstr("--max-disk"));
}

TEST_F(SweeperTest, UnderstandsPartitionsOfSeveralColumns) {
  engine_.execute("INSERT INTO logs_pairs VALUES ('2026-03-01', 'a'), ('2026-03-20', 'it''s')");
  sweep({});
  EXPECT_EQ(engine_.query("SELECT count() FROM logs_pairs FORMAT TabSeparated").data, "1\n");
}

TEST_F(SweeperTest, KnowsTheSignalOfEachPartitionedTable) {
  const std::string data =
      engine_
          .query(
              "SELECT name FROM system.tables WHERE database = currentDatabase() AND "
              "partition_key != '' AND name NOT LIKE '%\\_x' FORMAT TabSeparatedRaw")
          .data;
  ASSERT_THAT(data, HasSubstr("span_rows\n"));
  std::string_view rest = data;
  while (!rest.empty()) {
    const std::string_view name = rest.substr(0, rest.find('\n'));
    EXPECT_TRUE(signal_of_table(name)) << name;
    rest.remove_prefix(name.size() + 1);
  }
}

}  // namespace
}  // namespace signalbox::server::retention

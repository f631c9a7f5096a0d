#include "server/query/plan/operation_minutes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>
#include <string>

#include "server/query/plan/error.h"
#include "server/query/plan/query_test_fixture.h"
#include "server/query/plan/rows.h"

namespace signalbox::server::query {
namespace {

/// SQL for the identity of a block; all of them came after there began to be side tables.
std::string identity(int block) {
  return "(SELECT toDateTime64(max(applied), 6, 'UTC') FROM schema_versions) + toIntervalSecond(" +
         std::to_string(block + 1) + ")";
}

class OperationMinutesTest : public QueryTest {
 protected:
  /// `spans` of a block, spread over the hour behind kT0.
  void insert_block(int block, int spans) {
    engine_.execute(
        "INSERT INTO span_rows (received, service_name, name, start_time, duration_ns, kind, "
        "status_code, span_id) SELECT " +
        identity(block) + ", 'shop', 'op', " + at_s(0) + " + toIntervalSecond(cityHash64(number, " +
        std::to_string(block) +
        ") % 3600), number, 2, number % 3, reinterpretAsFixedString(number) FROM numbers(" +
        std::to_string(spans) + ")");
  }
  /// What side tables get of the blocks from `first` to `last`, as one.
  void insert_side_rows(int first, int last) {
    engine_.execute(
        "INSERT INTO span_minute_rows SELECT max(received), toStartOfMinute(start_time), "
        "service_name, name, kind, true, status_code, count(), min(duration_ns), "
        "max(duration_ns), sum(toFloat64(duration_ns)), max(start_time), map() FROM span_rows "
        "WHERE received >= " +
        identity(first) + " AND received <= " + identity(last) + " GROUP BY ALL");
  }

  struct Counts {
    std::uint64_t spans = 0;
    std::uint64_t errors = 0;
    std::int64_t last_ns = 0;
    friend bool operator==(const Counts&, const Counts&) = default;
  };
  Counts ask(const std::string& sql, const Parameters& parameters) {
    Session of_this_query = session();
    const std::string data = of_this_query.rows(sql, parameters);
    RowReader row(data);
    Counts counts;
    counts.spans = row.u64();
    counts.errors = row.u64();
    counts.last_ns = row.i64();
    return counts;
  }
  Counts from_minutes(const TimeRange& range) {
    Parameters parameters;
    const std::string source = operation_minutes("service_name", "", range, parameters);
    return ask("SELECT sum(spans), sum(errors), max(last_ns) FROM " + source, parameters);
  }
  Counts from_spans(const TimeRange& range) {
    Parameters parameters;
    return ask(
        "SELECT count(), countIf(status_code = 2), "
        "toUnixTimestamp64Nano(max(start_time)) FROM span_rows WHERE " +
            in_range("start_time", range, parameters),
        parameters);
  }
};

/// Whatever blocks the side table has by now, and however its rows were merged.
TEST_F(OperationMinutesTest, CountsEachSpanOnceWhileTheSideTableIsBehind) {
  std::mt19937 random(9);  // NOLINT(bugprone-random-generator-seed): equal runs.
  int in_side_table = 0;
  for (int block = 0; block < 12; ++block) {
    insert_block(block, 1 + static_cast<int>(random() % 200));
    if (random() % 2 == 0) {
      insert_side_rows(in_side_table, block);
      in_side_table = block + 1;
    }
    if (random() % 3 == 0) engine_.execute("OPTIMIZE TABLE span_minute_rows FINAL");
    const auto start = static_cast<std::int64_t>(random() % 1500);
    const TimeRange range =
        seconds_range(start, start + 700 + static_cast<std::int64_t>(random() % 1400));
    EXPECT_EQ(from_minutes(range), from_spans(range)) << block << " " << start;
  }
  EXPECT_GT(in_side_table, 0);
  EXPECT_LT(in_side_table, 12);
}

TEST_F(OperationMinutesTest, NoticesRowsThatCameSinceItLooked) {
  insert_block(0, 10);
  insert_block(1, 10);
  insert_side_rows(0, 0);
  insert_side_rows(1, 1);
  Parameters parameters;
  std::string source = operation_minutes("service_name", "", seconds_range(0, 3600), parameters);
  const std::string latest = "(SELECT max(received) FROM span_minute_rows)";
  ASSERT_NE(source.find(latest), std::string::npos);
  // As if the second block's had come between the look and the reading.
  for (std::size_t at = 0; (at = source.find(latest, at)) != std::string::npos;) {
    source.replace(at, latest.size(), identity(0));
  }
  try {
    ask("SELECT sum(spans), sum(errors), max(last_ns) FROM " + source, parameters);
    FAIL() << "some spans were counted twice";
  } catch (const QueryError& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnavailable);
  }
}

/// The engine, after it has failed so many times because tables changed beneath a statement.
class ChangingTables final : public store::Engine {
 public:
  ChangingTables(store::Engine& engine, int failures) : engine_(engine), failures_(failures) {}

  void execute(const std::string& sql) override { engine_.execute(sql); }
  store::QueryResult query(const std::string& sql, const std::vector<store::Parameter>& parameters,
                           const store::QueryOptions& options) override {
    if (failures_-- > 0) {
      throw store::EngineError(store::error_code::kThrownByStatement, "they changed");
    }
    return engine_.query(sql, parameters, options);
  }
  store::QueryResult query_stream(const std::string& sql,
                                  const std::vector<store::Parameter>& parameters,
                                  const store::QueryOptions& options,
                                  const store::ResultSink& sink) override {
    return engine_.query_stream(sql, parameters, options, sink);
  }
  void insert_native(std::string_view table, std::span<const std::string_view> pieces,
                     const store::InsertOptions& options) override {
    engine_.insert_native(table, pieces, options);
  }

 private:
  store::Engine& engine_;
  int failures_;
};

TEST_F(OperationMinutesTest, AreAskedForAgainWhenTheTablesChanged) {
  const auto deadline = Session::Clock::now() + std::chrono::seconds(60);
  ChangingTables twice(engine_, 2);
  EXPECT_EQ(Session(twice, deadline).rows("SELECT 'x'"), "\x01x");
  ChangingTables always(engine_, 1000);
  try {
    Session(always, deadline).rows("SELECT 'x'");
    FAIL();
  } catch (const QueryError& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnavailable);
  }
}

}  // namespace
}  // namespace signalbox::server::query

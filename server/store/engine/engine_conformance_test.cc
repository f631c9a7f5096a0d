// What every engine does, whether it lies in this process or is spoken to over HTTP.

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <future>
#include <memory>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "server/store/engine/embedded_engine.h"
#include "server/store/engine/remote_engine.h"
#include "server/store/engine/temporary_folder.h"
#include "server/store/engine/test_block.h"
#include "server/store/engine/testing/chdb_front.h"

namespace signalbox::server::store {
namespace {

using ::testing::HasSubstr;
using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

/// Would take minutes; the engine has nothing to hand out before its end.
constexpr const char* kEndless = "SELECT sum(sipHash64(number)) FROM numbers(1000000000000)";

constexpr int kUnknownTable = 60;
constexpr int kThrown = 395;

int code_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const EngineError& error) {
    return error.code();
  }
  return -1;
}

/// An engine with what it needs.
class EngineUnderTest {
 public:
  virtual ~EngineUnderTest() = default;
  virtual Engine& engine() = 0;
};

class Embedded final : public EngineUnderTest {
 public:
  Engine& engine() override { return engine_; }

 private:
  TemporaryFolder folder_;
  EmbeddedEngine engine_{{.data_folder = folder_.path()}};
};

class Remote final : public EngineUnderTest {
 public:
  Engine& engine() override { return engine_; }

 private:
  TemporaryFolder folder_;
  testing::ChdbFront front_{{.folder = folder_.path(), .password = "secret & long"}};
  RemoteEngine engine_{{.urls = {front_.url()}, .password = "secret & long", .ca_file = {}}};
};

struct Kind {
  std::string name;
  std::function<std::unique_ptr<EngineUnderTest>()> make;
};

class EngineConformance : public ::testing::TestWithParam<Kind> {
 protected:
  Engine& engine() { return under_test_->engine(); }

  std::string one(const std::string& sql) {
    std::string text = engine().query(sql + " FORMAT TSV").data;
    if (!text.empty() && text.back() == '\n') text.pop_back();
    return text;
  }

  /// How many statements with `mark` in their text run.
  int running(const std::string& mark) {
    return std::stoi(one("SELECT count() FROM system.processes WHERE query LIKE '%" + mark +
                         "%' AND query NOT LIKE '%system.processes%'"));
  }

  bool becomes(int count, const std::string& mark) {
    const auto deadline = Clock::now() + std::chrono::seconds(10);
    while (running(mark) != count) {
      if (Clock::now() > deadline) return false;
      std::this_thread::sleep_for(milliseconds(10));
    }
    return true;
  }

  std::unique_ptr<EngineUnderTest> under_test_ = GetParam().make();
};

TEST_P(EngineConformance, BindsParametersAndHonoursTheFormatClause) {
  const QueryResult result =
      engine().query("SELECT {a:String} AS a, {n:UInt64} + 1 AS n FORMAT JSONEachRow",
                     {{"a", "it's; a \\\\ {b} & ü %41 +\\n"}, {"n", "41"}});

  EXPECT_EQ(result.data, "{\"a\":\"it's; a \\\\ {b} & ü %41 +\\n\",\"n\":42}\n");
}

TEST_P(EngineConformance, TellsWhatAQueryHasRead) {
  engine().execute("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a");
  engine().insert_native("t", block_of_numbers(0, 1000));

  const QueryResult result = engine().query("SELECT sum(a) FROM t FORMAT TSV");

  EXPECT_EQ(result.rows_read, 1000u);
  EXPECT_EQ(result.bytes_read, 8000u);
}

TEST_P(EngineConformance, InsertsABlockThatComesInPieces) {
  engine().execute("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a");
  const std::string block = block_of_numbers(7, 3);
  std::vector<std::string_view> pieces;
  for (std::size_t at = 0; at < block.size(); at += 5) {
    pieces.push_back(std::string_view(block).substr(at, 5));
    pieces.emplace_back();
  }

  engine().insert_native("t", pieces, {});

  EXPECT_EQ(one("SELECT groupArray(a) FROM t"), "[7,8,9]");
}

TEST_P(EngineConformance, MakesOnePartOfOneBlock) {
  engine().execute("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a");
  for (const std::uint64_t rows : {1, 500'000}) {
    engine().execute("TRUNCATE TABLE t");
    const std::string block = block_of_numbers(0, rows);
    const std::size_t half = block.size() / 2;
    const std::string_view pieces[] = {std::string_view(block).substr(0, half),
                                       std::string_view(block).substr(half)};

    engine().insert_native("t", pieces, {});

    EXPECT_EQ(one("SELECT count(), sum(rows), any(part_type) FROM system.parts\n"
                  "WHERE database = 'signalbox' AND table = 't' AND active"),
              "1\t" + std::to_string(rows) + "\tCompact");
  }
}

TEST_P(EngineConformance, InsertsNothingOfABrokenBlockAndGoesOn) {
  engine().execute("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a");
  const std::string block = block_of_numbers(0, 100'000);
  for (int i = 0; i < 5; ++i) {
    EXPECT_GT(code_of([&] { engine().insert_native("t", block.substr(0, block.size() - 3)); }), 0);
  }
  EXPECT_EQ(code_of([&] { engine().insert_native("absent", block); }), kUnknownTable);
  EXPECT_EQ(one("SELECT count() FROM t"), "0");

  engine().insert_native("t", block);

  EXPECT_EQ(one("SELECT count() FROM t"), "100000");
}

TEST_P(EngineConformance, RefusesNamesThatAreNone) {
  const std::string block = block_of_numbers(0, 1);
  EXPECT_EQ(code_of([&] { engine().insert_native("t SELECT 1; --", block); }),
            error_code::kBadArguments);
  const std::string_view pieces[] = {block};
  EXPECT_EQ(code_of([&] { engine().insert_native("t", pieces, {.deduplication_token = "'"}); }),
            error_code::kBadArguments);
}

TEST_P(EngineConformance, StoresABlockOnceByItsToken) {
  engine().execute(
      "CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a "
      "SETTINGS non_replicated_deduplication_window = 100");
  const std::string block = block_of_numbers(0, 10);
  const std::string_view pieces[] = {block};

  engine().insert_native("t", pieces, {.deduplication_token = "log-1:7"});
  engine().insert_native("t", pieces, {.deduplication_token = "log-1:7"});
  EXPECT_EQ(one("SELECT count() FROM t"), "10");

  engine().insert_native("t", pieces, {.deduplication_token = "log-1:8"});
  engine().insert_native("t", block);
  engine().insert_native("t", block);
  EXPECT_EQ(one("SELECT count() FROM t"), "40");
}

TEST_P(EngineConformance, EndsAStuckInsertAndGoesOn) {
  engine().execute(
      "CREATE TABLE t (a UInt64, b UInt8 MATERIALIZED sleepEachRow(0.25)) "
      "ENGINE = MergeTree ORDER BY a");
  engine().execute("CREATE TABLE u (a UInt64) ENGINE = MergeTree ORDER BY a");
  const std::string block = block_of_numbers(0, 10);
  const std::string_view pieces[] = {block};
  const auto start = Clock::now();

  for (int i = 0; i < 3; ++i) {  // More than there are connections.
    EXPECT_EQ(code_of([&] { engine().insert_native("t", pieces, {.max_execution_time_ms = 300}); }),
              error_code::kTimeoutExceeded);
  }

  EXPECT_LT(Clock::now() - start, std::chrono::seconds(6));
  EXPECT_TRUE(becomes(0, "INSERT INTO t"));
  EXPECT_EQ(one("SELECT count() FROM t"), "0");
  engine().insert_native("u", block);
  EXPECT_EQ(one("SELECT count() FROM u"), "10");
}

/// Otherwise a block that was found missing would be inserted again, and come twice.
TEST_P(EngineConformance, AnswersIngestOnlyWhenAnInsertOfUnknownOutcomeHasEnded) {
  engine().execute(
      "CREATE TABLE t (a UInt64, b UInt8 MATERIALIZED sleepEachRow(0.25)) "
      "ENGINE = MergeTree ORDER BY a");
  const std::string block = block_of_numbers(0, 10);
  const std::string_view pieces[] = {block};
  const QueryOptions ingest{.work = WorkClass::kIngest};
  EXPECT_EQ(code_of([&] { engine().insert_native("t", pieces, {.max_execution_time_ms = 300}); }),
            error_code::kTimeoutExceeded);

  const std::string rows = engine().query("SELECT count() FROM t FORMAT TSV", {}, ingest).data;

  EXPECT_EQ(running("INSERT INTO t"), 0);
  EXPECT_EQ(engine().query("SELECT count() FROM t FORMAT TSV", {}, ingest).data, rows);
}

TEST_P(EngineConformance, RefusesQueriesThatWriteOrChangeSettings) {
  engine().execute("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a");

  for (const char* sql :
       {"INSERT INTO t VALUES (1)", "DROP TABLE t", "CREATE TABLE u (a UInt8) ENGINE = Memory",
        "SET readonly = 0", "SELECT 1 SETTINGS readonly = 0",
        "SELECT 1 SETTINGS max_memory_usage = 0", "SYSTEM FLUSH LOGS"}) {
    EXPECT_EQ(code_of([&] { engine().query(sql); }), error_code::kReadonly) << sql;
  }
  EXPECT_EQ(one("SELECT count() FROM t"), "0");
}

TEST_P(EngineConformance, RefusesQueriesThatReachFilesAndTheNetwork) {
  for (const char* sql : {
           "SELECT * FROM file('/etc/hostname', 'LineAsString')",
           "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
           "SELECT file('/etc/hostname')",
           "SELECT * FROM `file`('/etc/hostname', 'LineAsString')",
           "SELECT 1 AS `a`, * FROM \"FILE\"('/etc/hostname', 'LineAsString')",
           "SELECT * FROM `f\\x69le`('/etc/hostname', 'LineAsString')",
           "SELECT 1 INTO OUTFILE '/tmp/signalbox-must-not-exist'",
       }) {
    EXPECT_THROW(engine().query(sql), EngineError) << sql;
    EXPECT_THROW(engine().query_stream(sql, {}, {}, [](std::string_view) { return true; }),
                 EngineError)
        << sql;
  }
}

TEST_P(EngineConformance, HonoursTheLimitsOfEachQuery) {
  EXPECT_EQ(code_of([&] {
              engine().query("SELECT groupArray(number) FROM numbers(100000000) FORMAT Null", {},
                             {.max_memory_bytes = 50'000'000});
            }),
            error_code::kMemoryLimitExceeded);
  EXPECT_EQ(code_of([&] {
              engine().query("SELECT number FROM numbers(11)", {}, {.max_result_rows = 10});
            }),
            error_code::kTooManyRowsOrBytes);
  EXPECT_EQ(code_of([&] {
              engine().query_stream("SELECT number FROM numbers(11)", {}, {.max_result_rows = 10},
                                    [](std::string_view) { return true; });
            }),
            error_code::kTooManyRowsOrBytes);
  EXPECT_EQ(one("SELECT count() FROM numbers(1000)"), "1000");
}

TEST_P(EngineConformance, EndsAQueryAtItsDeadline) {
  const auto start = Clock::now();
  for (const std::string& sql :
       {std::string(kEndless) + " /* late */",
        std::string("SELECT sleepEachRow(0.1) /* late */ FROM numbers(25)"),
        std::string("SELECT length(groupArray(number)) /* late */ FROM "
                    "(SELECT number FROM numbers(1000000000) ORDER BY "
                    "sipHash64(number))")}) {
    EXPECT_EQ(code_of([&] { engine().query(sql, {}, {.max_execution_time_ms = 300}); }),
              error_code::kTimeoutExceeded)
        << sql;
    EXPECT_TRUE(becomes(0, "late")) << sql;
  }
  EXPECT_LT(Clock::now() - start, std::chrono::seconds(15));
}

TEST_P(EngineConformance, EndsACancelledQuery) {
  std::stop_source stop;
  auto code = std::async(std::launch::async, [&] {
    return code_of([&] {
      engine().query(std::string(kEndless) + " /* unwanted */", {}, {.stop = stop.get_token()});
    });
  });
  ASSERT_TRUE(becomes(1, "unwanted"));

  stop.request_stop();

  ASSERT_EQ(code.wait_for(std::chrono::seconds(5)), std::future_status::ready);
  EXPECT_EQ(code.get(), error_code::kQueryWasCancelled);
  EXPECT_TRUE(becomes(0, "unwanted"));
}

TEST_P(EngineConformance, DefinesWhileALongStatementRunsAndEndsThatWhenAsked) {
  engine().execute("CREATE TABLE copied (a UInt64) ENGINE = MergeTree ORDER BY a");
  std::stop_source stop;
  auto code = std::async(std::launch::async, [&] {
    return code_of([&] {
      engine().execute_long(
          "INSERT INTO copied SELECT sleepEachRow(0.1) /* copying */ FROM numbers(600) "
          "SETTINGS max_block_size = 5, function_sleep_max_microseconds_per_block = 1000000",
          "copied", stop.get_token());
    });
  });
  ASSERT_TRUE(becomes(1, "copying"));

  const auto start = Clock::now();
  engine().execute("CREATE TABLE other (a UInt64) ENGINE = MergeTree ORDER BY a");
  stop.request_stop();

  ASSERT_EQ(code.wait_for(std::chrono::seconds(5)), std::future_status::ready);
  EXPECT_EQ(code.get(), error_code::kQueryWasCancelled);
  EXPECT_LT(Clock::now() - start, std::chrono::seconds(10));

  engine().execute_long("INSERT INTO copied SELECT 1", "copied", {});
  EXPECT_EQ(engine().query("SELECT sum(a) FROM copied FORMAT TSV").data, "1\n");
}

TEST_P(EngineConformance, ReadsQuotedNamesBesideEscapes) {
  EXPECT_EQ(engine().query("SELECT `a.b`, '\\x41' FROM (SELECT 1 AS `a.b`) FORMAT TSV").data,
            "1\tA\n");
}

TEST_P(EngineConformance, DoesNotBeginACancelledQuery) {
  std::stop_source stop;
  stop.request_stop();
  const auto start = Clock::now();

  EXPECT_EQ(code_of([&] { engine().query(kEndless, {}, {.stop = stop.get_token()}); }),
            error_code::kQueryWasCancelled);

  EXPECT_LT(Clock::now() - start, std::chrono::seconds(3));
}

TEST_P(EngineConformance, EndsTheWaitForAConnection) {
  std::stop_source all;
  std::vector<std::jthread> long_queries;
  long_queries.reserve(3);
  for (int i = 0; i < 3; ++i) {
    long_queries.emplace_back([&] {
      EXPECT_EQ(code_of([&] {
                  engine().query(std::string(kEndless) + " /* long */", {},
                                 {.stop = all.get_token()});
                }),
                error_code::kQueryWasCancelled);
    });
  }
  const QueryOptions background{.work = WorkClass::kBackground};
  while (engine()
             .query("SELECT count() FROM system.processes WHERE query LIKE '%long%'\n"
                    "AND query NOT LIKE '%system.processes%' FORMAT TSV",
                    {}, background)
             .data != "3\n") {
    std::this_thread::sleep_for(milliseconds(10));
  }

  EXPECT_EQ(code_of([&] { engine().query("SELECT 1", {}, {.max_execution_time_ms = 200}); }),
            error_code::kTooManySimultaneousQueries);
  std::stop_source stop;
  std::jthread stopper([&] {
    std::this_thread::sleep_for(milliseconds(100));
    stop.request_stop();
  });
  EXPECT_EQ(code_of([&] { engine().query("SELECT 1", {}, {.stop = stop.get_token()}); }),
            error_code::kQueryWasCancelled);
  EXPECT_EQ(engine().query("SELECT 2 FORMAT TSV", {}, {.work = WorkClass::kIngest}).data, "2\n");

  all.request_stop();
}

TEST_P(EngineConformance, CancelsManyQueriesWithoutTouchingTheirSuccessors) {
  for (int i = 0; i < 20; ++i) {
    std::stop_source stop;
    std::jthread stopper([&] {
      std::this_thread::sleep_for(milliseconds(i));
      stop.request_stop();
    });
    EXPECT_EQ(code_of([&] { engine().query(kEndless, {}, {.stop = stop.get_token()}); }),
              error_code::kQueryWasCancelled);
    EXPECT_EQ(one("SELECT sum(number) FROM numbers(1000)"), "499500");
  }
}

TEST_P(EngineConformance, StreamsAResultInPieces) {
  std::string all;
  std::size_t pieces = 0;
  std::size_t largest = 0;

  const QueryResult result =
      engine().query_stream("SELECT number FROM numbers({n:UInt64}) FORMAT TSV", {{"n", "3000000"}},
                            {.max_result_rows = 5'000'000}, [&](std::string_view piece) {
                              all += piece;
                              ++pieces;
                              largest = std::max(largest, piece.size());
                              return true;
                            });

  EXPECT_EQ(result.data, "");
  EXPECT_GT(pieces, 5u);
  EXPECT_LT(largest, 4U << 20);
  EXPECT_TRUE(all.starts_with("0\n1\n2\n"));
  EXPECT_TRUE(all.ends_with("\n2999998\n2999999\n"));
  EXPECT_EQ(std::count(all.begin(), all.end(), '\n'), 3'000'000);
}

TEST_P(EngineConformance, StreamsAnEmptyResult) {
  std::string all;
  engine().query_stream("SELECT 1 WHERE 0 FORMAT TSV", {}, {}, [&](std::string_view piece) {
    all += piece;
    return true;
  });
  EXPECT_EQ(all, "");
}

TEST_P(EngineConformance, EndsAStreamThatNobodyReadsOn) {
  const std::string sql = "SELECT number /* unread */ FROM numbers(1000000000000) FORMAT RowBinary";
  const QueryOptions options{.max_result_rows = 2'000'000'000'000};
  engine().query_stream(sql, {}, options, [](std::string_view) { return false; });
  EXPECT_TRUE(becomes(0, "unread"));

  EXPECT_THROW(engine().query_stream(
                   sql, {}, options,
                   [](std::string_view) -> bool { throw std::logic_error("the reader fails"); }),
               std::logic_error);
  EXPECT_TRUE(becomes(0, "unread"));

  std::stop_source stop;
  QueryOptions stoppable = options;
  stoppable.stop = stop.get_token();
  EXPECT_EQ(code_of([&] {
              engine().query_stream(sql, {}, stoppable, [&](std::string_view) {
                stop.request_stop();
                return true;
              });
            }),
            error_code::kQueryWasCancelled);
  EXPECT_TRUE(becomes(0, "unread"));
}

TEST_P(EngineConformance, TellsOfAnErrorInTheMiddleOfAStream) {
  std::size_t seen = 0;
  const auto run = [&] {
    engine().query_stream(
        "SELECT number, throwIf(number = 20000000, 'enough') FROM numbers(100000000) FORMAT TSV",
        {}, {.max_result_rows = 200'000'000}, [&](std::string_view piece) {
          seen += piece.size();
          return true;
        });
  };
  try {
    run();
    FAIL() << "no error";
  } catch (const EngineError& error) {
    EXPECT_EQ(error.code(), kThrown);
    EXPECT_THAT(error.what(), HasSubstr("enough"));
  }
  EXPECT_GT(seen, 1'000'000u);
  EXPECT_EQ(one("SELECT 1"), "1");
}

TEST_P(EngineConformance, TellsTheEnginesErrors) {
  EXPECT_EQ(code_of([&] { engine().query("SELEC 1"); }), 62);
  EXPECT_EQ(code_of([&] { engine().query("SELECT * FROM absent"); }), kUnknownTable);
  EXPECT_EQ(code_of([&] { engine().execute("DROP TABLE absent"); }), kUnknownTable);
  EXPECT_EQ(code_of([&] { engine().query("SELECT {n:UInt64}", {{"n", "x"}}); }), 457);
}

INSTANTIATE_TEST_SUITE_P(
    Engines, EngineConformance,
    ::testing::Values(Kind{"Embedded", [] { return std::make_unique<Embedded>(); }},
                      Kind{"Remote", [] { return std::make_unique<Remote>(); }}),
    [](const auto& tested) { return tested.param.name; });

}  // namespace
}  // namespace signalbox::server::store

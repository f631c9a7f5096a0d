#include "server/store/engine/embedded_engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <filesystem>
#include <functional>
#include <string>
#include <thread>
#include <vector>

#include "server/store/engine/data_folder.h"
#include "server/store/engine/temporary_folder.h"
#include "server/store/sql/schema.h"

namespace signalbox::server::store {
namespace {

using ::testing::HasSubstr;

int code_of(const std::function<void()>& action) {
  try {
    action();
  } catch (const EngineError& error) {
    return error.code();
  }
  return -1;
}

class EmbeddedEngineTest : public ::testing::Test {
 protected:
  TemporaryFolder folder_;
  EmbeddedEngine engine_{{.data_folder = folder_.path()}};
};

TEST_F(EmbeddedEngineTest, BindsParametersAndHonoursTheFormatClause) {
  const QueryResult result =
      engine_.query("SELECT {a:String} AS a, {n:UInt64} + 1 AS n FORMAT JSONEachRow",
                    {{"a", "it's; a \\ {b}"}, {"n", "41"}});

  EXPECT_EQ(result.data, "{\"a\":\"it's; a \\\\ {b}\",\"n\":42}\n");
}

TEST_F(EmbeddedEngineTest, InsertsANativeBlock) {
  engine_.execute(
      "CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a "
      "SETTINGS fsync_after_insert = 1, fsync_part_directory = 1");
  const std::string block(
      "\x01\x02\x01"
      "a\x06"
      "UInt64\x07\0\0\0\0\0\0\0\x09\0\0\0\0\0\0\0",
      27);

  engine_.insert_native("t", block);

  EXPECT_EQ(engine_.query("SELECT a FROM t ORDER BY a FORMAT TSV").data, "7\n9\n");
}

TEST_F(EmbeddedEngineTest, ThrowsAndInsertsNothingOfABrokenBlock) {
  engine_.execute("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a");
  const std::string block(
      "\x01\x02\x01"
      "a\x06"
      "UInt64\x07\0\0\0",
      14);

  EXPECT_THROW(engine_.insert_native("t", block), EngineError);
  EXPECT_THROW(engine_.insert_native("absent", block), EngineError);

  EXPECT_EQ(engine_.query("SELECT count() FROM t FORMAT TSV").data, "0\n");
}

TEST_F(EmbeddedEngineTest, RefusesQueriesThatWriteOrChangeSettings) {
  engine_.execute("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a");

  for (const char* sql :
       {"INSERT INTO t VALUES (1)", "DROP TABLE t", "CREATE TABLE u (a UInt8) ENGINE = Memory",
        "SET readonly = 0", "SELECT 1 SETTINGS readonly = 0",
        "SELECT 1 SETTINGS max_memory_usage = 0", "SYSTEM FLUSH LOGS", "SELECT 1; DROP TABLE t"}) {
    EXPECT_EQ(code_of([&] { engine_.query(sql); }), 164) << sql;
  }
}

TEST_F(EmbeddedEngineTest, RefusesQueriesThatReachFilesAndTheNetwork) {
  for (const char* sql : {
           "SELECT * FROM file('/etc/hostname', 'LineAsString')",
           "SELECT * FROM url('http://127.0.0.1:1/', 'LineAsString')",
           "SELECT * FROM s3('http://127.0.0.1:1/a/b', 'LineAsString')",
           "SELECT * FROM remote('127.0.0.1:1', system.one)",
           "SELECT * FROM executable('cat', 'LineAsString', 'a String')",
           "SELECT * FROM `/etc/hostname`",
           "SELECT * FROM default.`/etc/hostname`",
           "SELECT * FROM default.`hostname`",
           "SELECT file('/etc/hostname')",
           "SELECT FILE /* */ ('/etc/hostname')",
           "SELECT `file`('/etc/hostname')",
           "SELECT `fil\\x65`('/etc/hostname')",
           "SELECT \"file\"('/etc/hostname')",
           "SELECT 1 -- '\n, file('/etc/hostname') -- '",
           "SELECT * APPLY(file) FROM (SELECT '/etc/hostname')",
           "SELECT 1 INTO OUTFILE '/tmp/signalbox-must-not-exist'",
       }) {
    EXPECT_THROW(engine_.query(sql), EngineError) << sql;
  }
  EXPECT_FALSE(std::filesystem::exists("/tmp/signalbox-must-not-exist"));
}

TEST_F(EmbeddedEngineTest, AllowsTheWordFileInValues) {
  EXPECT_EQ(engine_.query("SELECT 'file', {a:String} FORMAT TSV", {{"a", "file"}}).data,
            "file\tfile\n");
}

TEST_F(EmbeddedEngineTest, HonoursTheLimitsOfEachQuery) {
  const auto start = std::chrono::steady_clock::now();
  EXPECT_EQ(code_of([&] {
              engine_.query("SELECT sum(sipHash64(number)) FROM numbers(100000000000)", {},
                            {.max_execution_time_ms = 300});
            }),
            159);
  EXPECT_LT(std::chrono::steady_clock::now() - start, std::chrono::seconds(10));
  EXPECT_EQ(code_of([&] {
              engine_.query("SELECT groupArray(number) FROM numbers(100000000) FORMAT Null", {},
                            {.max_memory_bytes = 50'000'000});
            }),
            241);
  EXPECT_EQ(code_of([&] {
              engine_.query("SELECT number FROM numbers(11)", {}, {.max_result_rows = 10});
            }),
            396);
  EXPECT_EQ(engine_.query("SELECT count() FROM numbers(1000) FORMAT TSV").data, "1000\n");
}

TEST_F(EmbeddedEngineTest, AnswersAShortQueryWhileLongOnesRun) {
  std::vector<std::thread> long_queries;
  long_queries.reserve(2);
  for (int i = 0; i < 2; ++i) {
    long_queries.emplace_back([&] {
      EXPECT_THROW(engine_.query("SELECT sum(sipHash64(number)) FROM numbers(100000000000)", {},
                                 {.max_execution_time_ms = 2000}),
                   EngineError);
    });
  }
  EXPECT_EQ(engine_.query("SELECT 1 FORMAT TSV").data, "1\n");
  EXPECT_EQ(engine_.query("SELECT 2 FORMAT TSV", {}, {.work = WorkClass::kIngest}).data, "2\n");
  for (std::thread& thread : long_queries) thread.join();
}

TEST_F(EmbeddedEngineTest, RefusesASecondProcessOnTheSameFolderAndNamesTheFirst) {
  try {
    const DataFolderLock second(folder_.path());
    FAIL() << "locked twice";
  } catch (const DataFolderError& error) {
    EXPECT_THAT(error.what(), HasSubstr(folder_.path().string()));
    EXPECT_THAT(error.what(), HasSubstr("process " + std::to_string(getpid())));
  }
}

TEST(EmbeddedEngine, KeepsItsDataAcrossARestart) {
  const TemporaryFolder folder;
  {
    EmbeddedEngine engine({.data_folder = folder.path()});
    apply_schema(engine);
    engine.execute("INSERT INTO trace_times SELECT repeat('a', 16), now64(9), now64(9), 3");
  }
  EmbeddedEngine engine({.data_folder = folder.path()});
  apply_schema(engine);

  EXPECT_EQ(engine.query("SELECT sum(span_count) FROM trace_times FORMAT TSV").data, "3\n");
  EXPECT_EQ(engine.query("SELECT count(), max(version) FROM schema_versions FORMAT TSV").data,
            std::to_string(migrations().size()) + "\t" +
                std::to_string(migrations().back().version) + "\n");
}

TEST(EmbeddedEngine, RefusesDataOfANewerVersion) {
  const TemporaryFolder folder;
  EmbeddedEngine engine({.data_folder = folder.path()});
  apply_schema(engine);
  engine.execute("INSERT INTO schema_versions SELECT 1000, now64(9)");

  EXPECT_THROW(apply_schema(engine), NewerSchemaError);
}

TEST(EmbeddedEngine, SaysWhichFolderItCannotUse) {
  try {
    EmbeddedEngine engine({.data_folder = "/proc/signalbox"});
    FAIL() << "opened";
  } catch (const DataFolderError& error) {
    EXPECT_THAT(error.what(), HasSubstr("/proc/signalbox"));
    EXPECT_THAT(error.what(), HasSubstr("--data"));
  }
}

}  // namespace
}  // namespace signalbox::server::store

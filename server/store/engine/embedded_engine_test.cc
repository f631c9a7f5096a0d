#include "server/store/engine/embedded_engine.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "server/store/engine/data_folder.h"
#include "server/store/engine/engine_settings.h"
#include "server/store/engine/temporary_folder.h"
#include "server/store/engine/test_block.h"
#include "server/store/sql/schema.h"

namespace signalbox::server::store {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

void write(const std::filesystem::path& path, const std::string& text) {
  std::ofstream(path) << text;
}

std::string read(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

class EmbeddedEngineTest : public ::testing::Test {
 protected:
  TemporaryFolder folder_;
  EmbeddedEngine engine_{{.data_folder = folder_.path()}};
};

TEST_F(EmbeddedEngineTest, RefusesSeveralStatementsInOneQuery) {
  EXPECT_THROW(engine_.query("SELECT 1; DROP TABLE t"), EngineError);
}

// What the engine says is in force, not what was asked of it: it ignores names that it does not
// know, and defaults differ from build to build.
TEST_F(EmbeddedEngineTest, KeepsTablesDurableAndTheirPartsFew) {
  const std::map<std::string, std::string> expected = {
      {"fsync_after_insert", "1"},
      {"fsync_part_directory", "1"},
      {"min_rows_to_fsync_after_merge", "1"},
      {"min_compressed_bytes_to_fsync_after_merge", "1"},
      {"min_free_disk_bytes_to_perform_insert", std::to_string(512 << 20)},
      {"min_rows_for_wide_part", "600000"},
      {"merge_selector_base", "8"},
      {"parts_to_delay_insert", "1000"},
      {"parts_to_throw_insert", "3000"},
      {"max_parts_in_total", "20000"},
  };
  for (const auto& [name, value] : expected) {
    EXPECT_EQ(engine_
                  .query("SELECT value FROM system.merge_tree_settings WHERE name = {name:String} "
                         "FORMAT TSV",
                         {{"name", name}})
                  .data,
              value + "\n")
        << name;
  }
}

// What a table says itself wins over the settings above.
TEST_F(EmbeddedEngineTest, HasTablesThatSayNoMoreThanTheirInsertsAreSynced) {
  apply_schema(engine_);
  const std::string tables =
      "FROM system.tables WHERE database = currentDatabase() AND engine LIKE '%MergeTree' ";

  EXPECT_EQ(engine_
                .query("SELECT name " + tables +
                       "AND NOT (engine_full LIKE '%fsync_after_insert = 1%' AND engine_full LIKE "
                       "'%fsync_part_directory = 1%') FORMAT TSV")
                .data,
            "");
  EXPECT_EQ(engine_
                .query("SELECT DISTINCT arrayJoin(splitByString(', ', extract(engine_full, "
                       "'SETTINGS (.*)$'))) AS setting " +
                       tables + "ORDER BY setting FORMAT TSV")
                .data,
            "fsync_after_insert = 1\nfsync_part_directory = 1\nindex_granularity = 8192\n"
            "merge_selector_base = 8\nmin_rows_for_wide_part = 262144\n");
}

TEST_F(EmbeddedEngineTest, HasTheLimitsThatItWasGiven) {
  const std::map<std::string, std::string> expected = {
      {"max_server_memory_usage", std::to_string(3ULL << 30)},
      {"merges_mutations_memory_usage_soft_limit", std::to_string((3ULL << 30) / 8)},
      {"mark_cache_size", std::to_string(64 << 20)},
      {"primary_index_cache_size", std::to_string(64 << 20)},
      {"uncompressed_cache_size", "0"},
      {"index_mark_cache_size", std::to_string(16 << 20)},
      {"query_condition_cache_size", std::to_string(16 << 20)},
      {"compiled_expression_cache_size", std::to_string(16 << 20)},
      {"max_temporary_data_on_disk_size", std::to_string(16ULL << 30)},
      {"background_pool_size", "2"},
  };
  for (const auto& [name, value] : expected) {
    EXPECT_EQ(engine_
                  .query("SELECT value FROM system.server_settings WHERE name = {name:String} "
                         "FORMAT TSV",
                         {{"name", name}})
                  .data,
              value + "\n")
        << name;
  }
}

TEST(EmbeddedEngine, RefusesInsertsWhenTheDiskIsNearlyFull) {
  const TemporaryFolder folder;
  EmbeddedEngine engine({.data_folder = folder.path(), .min_free_disk_bytes = 1ULL << 60});
  engine.execute("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a");
  try {
    engine.insert_native("t", block_of_numbers(0, 10));
    FAIL() << "inserted";
  } catch (const EngineError& error) {
    EXPECT_EQ(error.code(), error_code::kNotEnoughSpace);
    EXPECT_THAT(error.what(), HasSubstr("make room there (Code: 243"));
  }
}

// Queries that take whatever they can get, as many as there may be, while blocks are inserted.
TEST(EmbeddedEngine, InsertsWhileQueriesUseAllTheirMemory) {
  constexpr std::uint64_t kEngineBytes = 512ULL << 20;
  const TemporaryFolder folder;
  EmbeddedEngine engine({.data_folder = folder.path(), .max_memory_bytes = kEngineBytes});
  engine.execute("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a");
  std::atomic<bool> end{false};
  std::atomic<int> starved{0};
  std::vector<std::jthread> queries;
  for (const WorkClass work : {WorkClass::kInteractive, WorkClass::kInteractive,
                               WorkClass::kInteractive, WorkClass::kBackground}) {
    queries.emplace_back([&, work] {
      while (!end) {
        try {
          engine.query(
              "SELECT length(groupArray(repeat('x', 100) || toString(number)))\n"
              "FROM numbers(1000000000)",
              {}, {.work = work});
        } catch (const EngineError& error) {
          EXPECT_EQ(error.code(), error_code::kMemoryLimitExceeded) << error.what();
          EXPECT_THAT(error.what(), Not(HasSubstr("(total)")));
          ++starved;
        }
      }
    });
  }
  const std::string block = block_of_numbers(0, 500'000);

  for (int i = 0; i < 20 || starved < 8; ++i) EXPECT_NO_THROW(engine.insert_native("t", block));

  end = true;
}

// A definition has no limit of its own; queries tell the two by this word.
TEST(EmbeddedEngine, SaysWhenItHasNoMemoryLeftAsAWhole) {
  const TemporaryFolder folder;
  EmbeddedEngine engine({.data_folder = folder.path(), .max_memory_bytes = 512ULL << 20});
  try {
    engine.execute(
        "CREATE TABLE t ENGINE = MergeTree ORDER BY n AS\n"
        "SELECT length(groupArray(repeat('x', 100) || toString(number))) AS n\n"
        "FROM numbers(1000000000)");
    FAIL() << "created";
  } catch (const EngineError& error) {
    EXPECT_EQ(error.code(), error_code::kMemoryLimitExceeded);
    EXPECT_THAT(error.what(), HasSubstr("(total)"));
  }
}

TEST(EmbeddedEngine, GivesOneQueryWhatItHasAskedForAtMost) {
  const MemoryShares shares = divide_memory(3ULL << 30, 4);
  EXPECT_GT(shares.query_bytes, 400ULL << 20);
  EXPECT_LT(4 * shares.query_bytes + shares.merges_bytes, (3ULL << 30) * 3 / 4);
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

TEST(DataFolder, NamesItsFormat) {
  const TemporaryFolder folder;
  {
    EXPECT_EQ(DataFolderLock(folder.path()).found_format(), 0);
  }
  EXPECT_EQ(read(folder.path() / "format"), "signalbox-format 2\n");
  EXPECT_EQ(DataFolderLock(folder.path()).found_format(), 2);
}

TEST(DataFolder, TakesOverAFolderOfTheFirstFormat) {
  const TemporaryFolder folder;
  std::filesystem::create_directory(folder.path() / "clickhouse");
  {
    EXPECT_EQ(DataFolderLock(folder.path()).found_format(), 1);
  }
  EXPECT_EQ(read(folder.path() / "format"), "signalbox-format 2\n");
}

TEST(DataFolder, OfANewerFormatIsLeftAlone) {
  const TemporaryFolder folder;
  write(folder.path() / "format", "signalbox-format 3\n");
  try {
    const EmbeddedEngine engine({.data_folder = folder.path()});
    FAIL() << "opened";
  } catch (const DataFolderError& error) {
    EXPECT_THAT(error.what(), HasSubstr("newer Signalbox"));
    EXPECT_THAT(error.what(), HasSubstr("format is 3"));
    EXPECT_THAT(error.what(), HasSubstr("--data"));
  }
  EXPECT_EQ(read(folder.path() / "format"), "signalbox-format 3\n");
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "clickhouse"));
  EXPECT_FALSE(std::filesystem::exists(folder.path() / "engine.xml"));
}

TEST(DataFolder, OfAnUnknownFormatIsLeftAlone) {
  for (const char* text : {"", "signalbox-format", "signalbox-format x", "signalbox-format 2x",
                           "signalbox-format 0", "signalbox-format -1", "something else"}) {
    const TemporaryFolder folder;
    write(folder.path() / "format", text);
    EXPECT_THROW(DataFolderLock{folder.path()}, DataFolderError) << text;
    EXPECT_EQ(read(folder.path() / "format"), text);
  }
}

TEST(EmbeddedEngine, KeepsItsDataAcrossARestart) {
  const TemporaryFolder folder;
  {
    EmbeddedEngine engine({.data_folder = folder.path()});
    apply_schema(engine);
    engine.execute("INSERT INTO metric_number_rows (metric_name, value) SELECT 'm', 3");
  }
  EmbeddedEngine engine({.data_folder = folder.path()});
  apply_schema(engine);

  EXPECT_EQ(engine.query("SELECT sum(value) FROM metric_number_rows FORMAT TSV").data, "3\n");
  EXPECT_EQ(engine.query("SELECT count(), max(version) FROM schema_versions FORMAT TSV").data,
            std::to_string(migrations().size() - 1) + "\t" +  // The first is of older folders.
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

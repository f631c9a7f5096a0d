#include "server/store/sql/schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <mutex>
#include <string>
#include <vector>

namespace signalbox::server::store {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

/// Remembers the statements it is given; knows the version and the number of tables it was made
/// with. Fails at a statement that contains "fails".
class RecordingEngine : public Engine {
 public:
  explicit RecordingEngine(int version, int tables = 0) : version_(version), tables_(tables) {}
  void execute(const std::string& sql) override {
    const std::scoped_lock lock(mutex_);
    statements.push_back(sql);
    if (sql.find("fails") != std::string::npos) throw EngineError(1, "as asked for");
  }
  QueryResult query(const std::string& sql, const std::vector<Parameter>&,
                    const QueryOptions&) override {
    if (sql.starts_with("SELECT max(version)")) return {.data = std::to_string(version_) + "\n"};
    if (sql.starts_with("SELECT count()")) return {.data = std::to_string(tables_) + "\n"};
    return {};
  }
  void insert_native(std::string_view, std::span<const std::string_view>,
                     const InsertOptions&) override {
    FAIL() << "inserts a block";
  }

  std::vector<std::string> statements;

 private:
  int version_;
  int tables_;
  std::mutex mutex_;
};

TEST(Schema, SplitsStatementsAtSemicolonsThatEndALine) {
  EXPECT_THAT(split_statements("A ';' B;\nC -- ;x\nD;\n\n"), ElementsAre("A ';' B", "C -- ;x\nD"));
}

TEST(Schema, AppliesOnlyTheStepsThatAreMissingInOrder) {
  RecordingEngine engine(1);
  const Migration steps[] = {{1, "001_a.sql", "one;\n"}, {2, "002_b.sql", "two;\nand two;\n"}};

  apply_schema(engine, steps);

  EXPECT_THAT(engine.statements,
              ElementsAre(HasSubstr("CREATE TABLE IF NOT EXISTS schema_versions"), "two", "and two",
                          HasSubstr("INSERT INTO schema_versions SELECT 2")));
}

TEST(Schema, LeavesOutWhatIsOfOlderFoldersWhereThereAreNoTables) {
  const Migration steps[] = {{1, "001_a.sql", "-- Older folders have this.\none;\n"},
                             {2, "002_b.sql", "two;\n\n-- Older folders: moved.\nthree;\n"}};
  RecordingEngine fresh(0, 0);
  apply_schema(fresh, steps);
  EXPECT_THAT(fresh.statements, ElementsAre(HasSubstr("schema_versions"), "two",
                                            HasSubstr("INSERT INTO schema_versions SELECT 2")));

  // Broken off before its first version was noted.
  RecordingEngine begun(0, 3);
  apply_schema(begun, steps);
  EXPECT_THAT(begun.statements,
              ElementsAre(HasSubstr("schema_versions"), HasSubstr("one"), HasSubstr("SELECT 1"),
                          "two", HasSubstr("three"), HasSubstr("SELECT 2")));
}

TEST(Schema, MakesTablesTogetherAndEverythingElseAfterThem) {
  const Migration steps[] = {
      {1, "001_a.sql",
       "-- Of a.\nCREATE TABLE a (\n x;\n\nCREATE TABLE b (\n x;\nCREATE TABLE c AS a;\nlast;\n"}};
  RecordingEngine engine(0, 1);
  apply_schema(engine, steps);
  ASSERT_EQ(engine.statements.size(), 6U);
  EXPECT_THAT(std::vector(engine.statements.begin() + 1, engine.statements.begin() + 3),
              UnorderedElementsAre(HasSubstr("TABLE a ("), HasSubstr("TABLE b (")));
  EXPECT_EQ(engine.statements[3], "CREATE TABLE c AS a");
  EXPECT_EQ(engine.statements[4], "last");
}

TEST(Schema, DoesNotTakeAStepForAppliedOfWhichATableFails) {
  const Migration steps[] = {
      {1, "001_a.sql",
       "CREATE TABLE a (\n x;\nCREATE TABLE fails (\n x;\nCREATE TABLE c (\n x;\nnext;\n"}};
  RecordingEngine engine(0, 1);
  EXPECT_THROW(apply_schema(engine, steps), EngineError);
  for (const std::string& statement : engine.statements) {
    EXPECT_NE(statement, "next");
    EXPECT_THAT(statement, Not(HasSubstr("INSERT")));
  }
}

TEST(Schema, RefusesANewerVersionWithoutTouchingTheTables) {
  RecordingEngine engine(2);
  const Migration steps[] = {{1, "001_a.sql", "one;\n"}};

  EXPECT_THROW(apply_schema(engine, steps), NewerSchemaError);
  EXPECT_EQ(engine.statements.size(), 1U);
}

TEST(Schema, NumbersItsFilesInAscendingOrder) {
  std::uint32_t last = 0;
  for (const Migration& step : migrations()) {
    EXPECT_GT(step.version, last) << step.name;
    last = step.version;
  }
}

}  // namespace
}  // namespace signalbox::server::store

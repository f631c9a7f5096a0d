#include "server/store/sql/schema.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace signalbox::server::store {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// Remembers the statements it is given; knows one fact: the version it was made with.
class RecordingEngine : public Engine {
 public:
  explicit RecordingEngine(int version) : version_(version) {}
  void execute(const std::string& sql) override { statements.push_back(sql); }
  QueryResult query(const std::string&, const std::vector<Parameter>&,
                    const QueryOptions&) override {
    return {.data = std::to_string(version_) + "\n"};
  }
  void insert_native(std::string_view, std::span<const std::string_view>,
                     const InsertOptions&) override {
    FAIL() << "inserts a block";
  }

  std::vector<std::string> statements;

 private:
  int version_;
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

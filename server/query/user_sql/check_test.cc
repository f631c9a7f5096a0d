#include "server/query/user_sql/check.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "server/query/plan/error.h"

namespace signalbox::server::query {
namespace {

using ::testing::HasSubstr;

std::string refusal_of(const std::string& sql) {
  try {
    check_text(sql);
  } catch (const QueryError& error) {
    EXPECT_EQ(error.parameter, "sql");
    return error.what();
  }
  return "";
}

TEST(SqlText, MayHaveWhatAStatementHas) {
  for (const char* sql : {"SELECT 1", "SELECT 'a;b', 'it''s -- no comment', 'it\\'s'",
                          "SELECT `a b`, \"c\"", "SELECT 1 -- it's a comment\n, 2",
                          "SELECT /* `one` */ 1", "SELECT 'typographic “quotes”'"}) {
    // The quoted name within a comment is one too much to tell apart.
    const bool has_both = std::string(sql).find("/* `") != std::string::npos;
    EXPECT_EQ(refusal_of(sql).empty(), !has_both) << sql << ": " << refusal_of(sql);
  }
}

TEST(SqlText, IsOneStatementWithPlainNames) {
  EXPECT_THAT(refusal_of("SELECT 1; DROP TABLE spans"), HasSubstr("one statement"));
  EXPECT_THAT(refusal_of("SELECT 1 -- '\n; DROP TABLE spans"), HasSubstr("one statement"));
  EXPECT_THAT(refusal_of("SELECT $$ ' $$; DROP TABLE spans"), HasSubstr("one statement"));
  EXPECT_THAT(refusal_of("SELECT `a\nSet`"), HasSubstr("line feed"));
  EXPECT_THAT(refusal_of("SELECT \"a\\nSet\""), HasSubstr("line feed"));
  EXPECT_THAT(refusal_of("SELECT 1 /* ' */ AS `a\nSet`"), HasSubstr("do not go together"));
  EXPECT_THAT(refusal_of("SELECT “a\nSet”"), HasSubstr("typographic"));
}

}  // namespace
}  // namespace signalbox::server::query

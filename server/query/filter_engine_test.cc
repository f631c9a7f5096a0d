#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <set>
#include <string>
#include <string_view>

#include "server/query/filter_sql.h"
#include "server/query/query_test_fixture.h"
#include "server/query/regular_expression.h"
#include "server/query/rows.h"
#include "server/query/selection.h"

namespace signalbox::server::query {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

class FilterEngineTest : public QueryTest {
 protected:
  /// The names of the spans that match, or the severity texts of the log records, in order.
  std::set<std::string> found(const std::string& filter, Signal signal = Signal::kTraces) {
    const Selection selection{signal, seconds_range(0, 600), parse_filter(filter)};
    Session of_this_query = session();
    Parameters parameters;
    const std::string condition = selection.condition(of_this_query.slots(), parameters);
    const std::string data = of_this_query.rows(
        std::string("SELECT toString(") + (signal == Signal::kTraces ? "name" : "severity_text") +
            ") FROM " + selection.table() + " WHERE " + condition,
        parameters);
    std::set<std::string> names;
    for (RowReader row(data); !row.at_end();) names.emplace(row.string());
    return names;
  }
};

class SpanFilterTest : public FilterEngineTest {
 protected:
  void add(const std::string& name, double duration_ms, const std::string& attributes = "{}",
           const std::string& types = "") {
    insert("span_rows (service_name, name, start_time, duration_ns, overflow, resource_id)",
           "('demo', '" + name + "', " + at_s(1) + ", " +
               std::to_string(static_cast<std::int64_t>(duration_ms * 1e6)) + ", " +
               overflow_sql(attributes, types) + ", 1)");
  }
};

TEST_F(SpanFilterTest, TakesWhatLiesBetweenTwoValuesAndTheseToo) {
  insert("resource_rows (resource_id, attributes)", "(1, {'size': '9'})");
  add("a", 10, "{'size': '5', 'user': 'Ann'}", "is");
  add("b", 20, "{'size': '12', 'user': 'Bob'}", "ds");
  add("c", 30, "{'user': ''}", "s");

  EXPECT_THAT(found("duration BETWEEN 10ms AND 20ms"), ElementsAre("a", "b"));
  EXPECT_THAT(found("duration BETWEEN 11ms AND 29ms"), ElementsAre("b"));
  EXPECT_THAT(found("duration NOT BETWEEN 11ms AND 29ms"), ElementsAre("a", "c"));
  EXPECT_THAT(found("duration BETWEEN 20ms AND 10ms"), IsEmpty());
  EXPECT_THAT(found("name BETWEEN 'b' AND 'bb'"), ElementsAre("b"));
  EXPECT_THAT(found("attribute.size BETWEEN 5 AND 9.5"), ElementsAre("a"));
  EXPECT_THAT(found("attribute.size NOT BETWEEN 5 AND 9.5"), ElementsAre("b", "c"));
  EXPECT_THAT(found("user BETWEEN 'Ann' AND 'B'"), ElementsAre("a"));
  EXPECT_THAT(found("user BETWEEN '' AND 'A'"), ElementsAre("c"));
  // Of the resource too: 9. No value of any of them lies between, though one is above and one
  // below.
  EXPECT_THAT(found("size BETWEEN 9 AND 9"), ElementsAre("a", "b", "c"));
  EXPECT_THAT(found("size BETWEEN 6 AND 8"), IsEmpty());
}

TEST_F(SpanFilterTest, MatchesByRegularExpressions) {
  add("GET /api/v1/users", 1, "{'size': '512', 'user': 'Ann Lee'}", "is");
  add("POST /api/v22", 1, "{'user': ''}", "s");
  add("two\\nlines", 1);

  EXPECT_THAT(found("name REGEXP '^(GET|POST) /api/v\\\\d+$'"), ElementsAre("POST /api/v22"));
  EXPECT_THAT(found("name NOT REGEXP '/api/'"), ElementsAre("two\nlines"));
  EXPECT_THAT(found("name REGEXP 'two.lines'"), ElementsAre("two\nlines"));
  EXPECT_THAT(found("name REGEXP 'get'"), IsEmpty());
  EXPECT_THAT(found("name REGEXP '(?i)^get'"), ElementsAre("GET /api/v1/users"));
  EXPECT_THAT(found("user REGEXP 'n+ .ee'"), ElementsAre("GET /api/v1/users"));
  EXPECT_THAT(found("size REGEXP '^5.2$'"), ElementsAre("GET /api/v1/users"));
  EXPECT_THAT(found("user REGEXP '^$'"), ElementsAre("POST /api/v22"));
  EXPECT_THAT(found("user NOT REGEXP 'A'"), ElementsAre("POST /api/v22", "two\nlines"));
}

/// Random patterns, most of them nearly right.
std::string random_pattern(std::mt19937& random) {
  constexpr std::array<std::string_view, 40> kParts = {
      "a",    "b",   ".",    "*",    "+",      "?",     "(",    ")",        "(?:",  "(?i)",
      "(?P<", "n>",  "[",    "]",    "[^a]",   "[a-z]", "|",    "^",        "$",    "\\",
      "\\d",  "\\1", "\\pL", "\\p{", "Greek}", "{2}",   "{2,}", "{1001}",   "{3,2", "}",
      "\\Q",  "\\E", "\\x{", "\\C",  "(?=",    "(?<",   "\xff", "\xC3\xA9", " ",    "[[:alpha:]]"};
  const auto below = [&](std::size_t limit) {
    return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random);
  };
  std::string pattern;
  for (std::size_t parts = 1 + below(6); parts > 0; --parts) {
    pattern += kParts.at(below(kParts.size()));
  }
  return pattern;
}

/// The other way round it is not so: the engine takes some patterns that are wrong for others.
TEST_F(FilterEngineTest, AcceptsNoPatternThatTheEngineRefuses) {
  const char* const given = std::getenv("SIGNALBOX_TEST_SEED");
  const auto seed = given != nullptr ? static_cast<std::uint32_t>(std::strtoul(given, nullptr, 10))
                                     : std::random_device{}();
  std::printf("SIGNALBOX_TEST_SEED=%u\n", seed);
  std::mt19937 random(seed);
  int accepted = 0;
  constexpr int kPatterns = 1500;
  for (int i = 0; i < kPatterns; ++i) {
    const std::string pattern = random_pattern(random);
    if (!pattern_fault(pattern).empty()) continue;
    ++accepted;
    Parameters parameters;
    const std::string sql = "SELECT match(materialize('abc'), " + parameters.bind(pattern) + ")";
    EXPECT_NO_THROW(engine_.query(sql, parameters.values())) << pattern;
  }
  EXPECT_GT(accepted, kPatterns / 20);
}

}  // namespace
}  // namespace signalbox::server::query

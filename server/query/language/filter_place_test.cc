#include "server/query/language/filter_place.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>
#include <vector>

#include "server/query/plan/error.h"

namespace signalbox::server::query {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Not;
using ::testing::UnorderedElementsAre;

using Form = FilterPlace::Form;

/// The place of "|" in `text`, which is not part of the filter.
FilterPlace at(std::string text) {
  const std::size_t position = text.find('|');
  return place_in_filter(text.erase(position, 1), position);
}

std::vector<std::string> words(const FilterExpectation& expected) {
  return {expected.words.begin(), expected.words.end()};
}

TEST(FilterPlace, ExpectsAConditionAtTheStart) {
  for (const char* text : {"|", "  |", "(|", "NOT |", "a = 1 AND |", "a = 1 OR (b EXISTS AND |"}) {
    const FilterExpectation expected = at(text).expected;
    EXPECT_TRUE(expected.condition) << text;
    EXPECT_FALSE(expected.value || expected.comparison) << text;
    EXPECT_THAT(words(expected), UnorderedElementsAre("NOT", "(")) << text;
  }
}

TEST(FilterPlace, ExpectsAnOperatorAfterAField) {
  const FilterExpectation expected = at("a = 1 AND `my key` |").expected;
  EXPECT_TRUE(expected.comparison);
  EXPECT_FALSE(expected.condition || expected.value);
  EXPECT_EQ(expected.field, "my key");
  EXPECT_THAT(words(expected), AllOf(IsSupersetOf({"NOT", "IN", "LIKE", "BETWEEN", "EXISTS"}),
                                     Not(Contains("AND"))));
  // A word may be a text to search for.
  EXPECT_THAT(words(at("word |").expected), IsSupersetOf({"NOT", "IN", "AND", "OR"}));
}

TEST(FilterPlace, ExpectsAWordAfterNot) {
  const FilterExpectation expected = at("name NOT |").expected;
  EXPECT_FALSE(expected.comparison || expected.condition);
  EXPECT_EQ(expected.field, "name");
  EXPECT_THAT(words(expected), UnorderedElementsAre("EXISTS", "IN", "BETWEEN", "REGEXP", "LIKE",
                                                    "ILIKE", "CONTAINS"));
}

TEST(FilterPlace, ExpectsAValueOfTheField) {
  for (const char* text : {"kind = |", "a = 1 kind=|", "kind BETWEEN 1 AND |", "kind IN (|",
                           "kind NOT IN (server, |", "kind LIKE |", "kind > |"}) {
    const FilterExpectation expected = at(text).expected;
    EXPECT_TRUE(expected.value) << text;
    EXPECT_EQ(expected.field, "kind") << text;
    EXPECT_THAT(words(expected), IsEmpty()) << text;
  }
  EXPECT_EQ(at("kind > |").expected.op, FilterOperator::kGreater);
  EXPECT_EQ(at("kind IN (server, 'client', |").expected.values.size(), 2U);
}

TEST(FilterPlace, ExpectsWhatJoinsConditions) {
  EXPECT_THAT(words(at("a = 1 |").expected), UnorderedElementsAre("AND", "OR"));
  EXPECT_THAT(words(at("(a = 1 |").expected), UnorderedElementsAre("AND", "OR", ")"));
  EXPECT_THAT(words(at("a IN |").expected), ElementsAre("("));
  EXPECT_THAT(words(at("a IN (1 |").expected), UnorderedElementsAre(",", ")"));
  EXPECT_THAT(words(at("a BETWEEN 1 |").expected), ElementsAre("AND"));
}

TEST(FilterPlace, TakesTheWordThatIsBeingWritten) {
  const FilterPlace place = at("a = 1 AND ser|vice.na = 5");
  EXPECT_EQ(place.form, Form::kBare);
  EXPECT_EQ(place.typed, "ser");
  EXPECT_EQ(place.begin, 10U);
  EXPECT_EQ(place.end, 20U);
  EXPECT_TRUE(place.expected.condition);
  EXPECT_EQ(at("kind = serv|").typed, "serv");
  EXPECT_EQ(at("duration > 10|").typed, "10");
  EXPECT_TRUE(at("duration > 10|").expected.value);
  EXPECT_EQ(at("name !|").typed, "!");
  EXPECT_TRUE(at("name !|").expected.comparison);
  EXPECT_EQ(at("a = 1 |and").form, Form::kNothing);
}

TEST(FilterPlace, TakesTheQuotesAroundIt) {
  FilterPlace place = at("name = 'it\\'s |me' AND b");
  EXPECT_EQ(place.form, Form::kQuoted);
  EXPECT_EQ(place.typed, "it's ");
  EXPECT_EQ(place.begin, 7U);
  EXPECT_EQ(place.end, 17U);
  place = at("name = \"sh|op AND b");
  EXPECT_EQ(place.typed, "sh");
  EXPECT_EQ(place.end, 10U);
  EXPECT_TRUE(place.expected.value);
  place = at("a = 1 and `my |");
  EXPECT_EQ(place.form, Form::kBacktick);
  EXPECT_EQ(place.typed, "my ");
  EXPECT_TRUE(place.expected.condition);
  // Behind a closed quote nothing is being written.
  EXPECT_EQ(at("name = 'x'|").form, Form::kNothing);
  EXPECT_THAT(words(at("name = 'x'|").expected), UnorderedElementsAre("AND", "OR"));
}

TEST(FilterPlace, BeginsAnewBehindWhatIsWrong) {
  for (const char* text :
       {"a = ; AND kind = |", "a ! b = 1 kind = |", "two words kind = |", ") AND kind = |",
        "'' kind = |", "a REGEXP '(' AND kind = |", "'x' = 5 kind = |", "a IN 1, kind = |",
        "= = = kind = |", "OR OR kind = |", "a = - kind = |"}) {
    const FilterExpectation expected = at(text).expected;
    EXPECT_TRUE(expected.value) << text;
    EXPECT_EQ(expected.field, "kind") << text;
  }
}

TEST(FilterPlace, GoesAsDeepAsAFilterMay) {
  EXPECT_TRUE(at(std::string(5000, '(') + "|").expected.condition);
  EXPECT_TRUE(at(std::string(4000, ')') + "|").expected.condition);
  EXPECT_THROW(place_in_filter(std::string(kMaxFilterBytes + 1, ' '), 0), QueryError);
}

TEST(FilterFields, AreQuotedWhereTheyAreNoWords) {
  EXPECT_EQ(print_filter_field("http.route"), "http.route");
  EXPECT_EQ(print_filter_field("items[0].x"), "items[0].x");
  EXPECT_EQ(print_filter_field("my `key`"), "`my \\`key\\``");
  EXPECT_EQ(print_filter_field("And"), "`And`");
  EXPECT_EQ(print_filter_field("a::number"), "`a::number`");
  EXPECT_EQ(print_filter_field("a::int"), "a::int");
  EXPECT_EQ(print_filter_field("5xx"), "`5xx`");
  EXPECT_EQ(print_filter_field(""), "``");
}

}  // namespace
}  // namespace signalbox::server::query

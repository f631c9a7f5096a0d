#include "server/query/aggregate/formula.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <string>

#include "server/query/plan/error.h"

namespace signalbox::server::query {
namespace {

using ::testing::HasSubstr;

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

/// With a = 6, b = 4, b.1 = 5, zero = 0; all else there is not.
double value_of(const std::string& text) {
  return Formula::parse(text).evaluate([](const Formula::Reference& reference) {
    if (reference.query == "a") return 6.0;
    if (reference.query == "b") return reference.aggregation == 1 ? 5.0 : 4.0;
    return reference.query == "zero" ? 0.0 : kNone;
  });
}

TEST(Formula, ComputesAsArithmeticDoes) {
  EXPECT_EQ(value_of("a + b * 2"), 14);
  EXPECT_EQ(value_of("(a + b) * 2"), 20);
  EXPECT_EQ(value_of("a - b - 1"), 1);
  EXPECT_EQ(value_of("a / b / 2"), 0.75);
  EXPECT_EQ(value_of("-a - -1.5e1"), 9);
  EXPECT_EQ(value_of(" b.1*.5 "), 2.5);
  EXPECT_EQ(value_of("abs(b - a) + min(a, b, 1) + max(a, b)"), 9);
  EXPECT_TRUE(std::isnan(value_of("min + 1")));  // A query may be called so.
}

TEST(Formula, MakesNothingOfNothing) {
  EXPECT_TRUE(std::isnan(value_of("a + none")));
  EXPECT_TRUE(std::isnan(value_of("min(a, none)")));
  EXPECT_TRUE(std::isnan(value_of("a / zero")));
  EXPECT_TRUE(std::isnan(value_of("a * 1e308 * 100")));
  EXPECT_EQ(value_of("or(none, a)"), 6);
  EXPECT_EQ(value_of("or(b, a)"), 4);
}

TEST(Formula, SaysWhereItIsWrong) {
  const auto position = [](const std::string& text) -> std::size_t {
    try {
      Formula::parse(text);
    } catch (const QueryError& error) {
      EXPECT_THAT(error.what(), HasSubstr("at position"));
      EXPECT_FALSE(error.hint.empty());
      return *error.position;
    }
    ADD_FAILURE() << text;
    return 0;
  };
  EXPECT_EQ(position(""), 0U);
  EXPECT_EQ(position("a +"), 3U);
  EXPECT_EQ(position("a b"), 2U);
  EXPECT_EQ(position("(a"), 2U);
  EXPECT_EQ(position("a $ b"), 2U);
  EXPECT_EQ(position("abs(a, b)"), 0U);
  EXPECT_EQ(position("1e999"), 0U);
  EXPECT_EQ(position("a.99999999999999999999"), 1U);
  EXPECT_EQ(position(std::string(100, '(') + "a"), kMaxFormulaDepth);
  EXPECT_EQ(position(std::string(100, '-') + "a"), kMaxFormulaDepth);
  EXPECT_EQ(position(std::string(kMaxFormulaBytes + 1, '1')), kMaxFormulaBytes);
}

}  // namespace
}  // namespace signalbox::server::query

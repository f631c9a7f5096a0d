#include "sdk/config/environment.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signalbox/common/diagnostics.h>

#include <map>
#include <string>

namespace signalbox::sdk {
namespace {

using std::chrono::milliseconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

// An environment of one variable, X, and what was reported about it.
class Variable {
 public:
  explicit Variable(std::string value) : value_(std::move(value)) {
    set_diagnostic_handler(
        [this](DiagnosticLevel, std::string_view message) { reported_ += message; });
  }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;
  ~Variable() { set_diagnostic_handler(nullptr); }

  const Environment* operator->() const { return &environment_; }
  [[nodiscard]] const std::string& reported() const { return reported_; }

 private:
  std::string value_;
  std::string reported_;
  Environment environment_{[this](const std::string& name) {
    return name == "X" ? std::optional<std::string>(value_) : std::nullopt;
  }};
};

TEST(Environment, CountsEmptyAndBlankVariablesAsNotSet) {
  EXPECT_EQ(Variable("")->text("X"), std::nullopt);
  EXPECT_EQ(Variable("  ")->text("X"), std::nullopt);
  EXPECT_EQ(Variable("a")->text("Y"), std::nullopt);
  EXPECT_EQ(Variable("\t a b \n")->text("X"), "a b");
}

TEST(Environment, ReadsTheProcessesVariablesByDefault) {
  ASSERT_EQ(setenv("SIGNALBOX_ENVIRONMENT_TEST", "here", 1), 0);
  EXPECT_EQ(Environment(nullptr).text("SIGNALBOX_ENVIRONMENT_TEST"), "here");
  unsetenv("SIGNALBOX_ENVIRONMENT_TEST");
}

TEST(Environment, OnlyTrueIsTrue) {
  for (const char* value : {"true", "TRUE", "True"}) {
    EXPECT_TRUE(Variable(value)->flag("X"));
  }
  for (const char* value : {"false", "", "1", "yes"}) {
    EXPECT_FALSE(Variable(value)->flag("X"));
  }
}

TEST(Environment, TakesWholeNumbersInTheirRange) {
  EXPECT_EQ(Variable("128")->count("X"), 128U);
  EXPECT_EQ(Variable("0")->count("X"), 0U);
  for (const char* value : {"-1", "1.5", "12x", "x", "99999999999999999999999", "0x10"}) {
    EXPECT_EQ(Variable(value)->count("X"), std::nullopt) << value;
  }
  EXPECT_EQ(Variable("0")->count("X", 1), std::nullopt);
  EXPECT_EQ(Variable("11")->count("X", 1, 10), std::nullopt);
}

TEST(Environment, TellsTimeoutsWithoutLimitFromIntervals) {
  EXPECT_EQ(Variable("250")->interval("X"), milliseconds(250));
  EXPECT_EQ(Variable("0")->interval("X"), std::nullopt);
  EXPECT_EQ(Variable("-5")->timeout("X"), std::nullopt);
  EXPECT_GT(*Variable("0")->timeout("X"), std::chrono::hours(24));
}

TEST(Environment, TakesRatiosFromZeroToOne) {
  EXPECT_EQ(Variable("0.25")->ratio("X"), 0.25);
  EXPECT_EQ(Variable("1")->ratio("X"), 1.0);
  for (const char* value : {"-0.1", "1.1", "nan", "half", "0.5x"}) {
    EXPECT_EQ(Variable(value)->ratio("X"), std::nullopt) << value;
  }
}

TEST(Environment, SplitsListsOfWords) {
  EXPECT_THAT(Variable("tracecontext, Baggage,,")->words("X"),
              ElementsAre("tracecontext", "baggage"));
  EXPECT_THAT(Variable(" , ")->words("X"), IsEmpty());
}

TEST(Environment, DecodesListsOfNamesAndValues) {
  const auto pairs = Variable("a=1, b = x%20y%2Cz ,c%3Dd=,e=f=g,")->name_values("X");
  ASSERT_TRUE(pairs);
  EXPECT_EQ(*pairs, (NameValues{{"a", "1"}, {"b", "x y,z"}, {"c=d", ""}, {"e", "f=g"}}));
}

TEST(Environment, RejectsAListWithOneMalformedMemberWithoutRepeatingIt) {
  for (const char* value : {"a=secret,b", "a=secret,=c", "a=secret%2", "a=secret%zz", "secret"}) {
    const Variable variable(value);
    EXPECT_EQ(variable->name_values("X"), std::nullopt) << value;
    EXPECT_THAT(variable.reported(), Not(HasSubstr("secret")));
  }
}

}  // namespace
}  // namespace signalbox::sdk

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <random>
#include <string>
#include <string_view>

#include "server/query/language/filter.h"
#include "server/query/language/filter_lexer.h"
#include "server/query/language/filter_place.h"
#include "server/query/plan/error.h"
#include "server/query/plan/filter_sql.h"

namespace signalbox::server::query {
namespace {

/// Random filters that are well-formed, and what they mean.
class Generator {
 public:
  explicit Generator(std::uint32_t seed) : random_(seed) {}

  std::string filter(int depth) {
    switch (depth == 0 ? 0 : below(4)) {
      case 0:
        return test();
      case 1:
        return "(" + filter(depth - 1) + space() + "AND" + space() + filter(depth - 1) + ")";
      case 2:
        return "(" + filter(depth - 1) + " or " + filter(depth - 1) + ")";
      default:
        return "NOT " + filter(depth - 1);
    }
  }

  std::string text() {
    std::string bytes;
    for (std::size_t i = below(12); i > 0; --i) bytes += static_cast<char>(1 + below(255));
    return bytes;
  }

  std::size_t below(std::size_t limit) {
    return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random_);
  }

 private:
  std::string space() { return std::string(1 + below(3), ' '); }

  std::string test() {
    constexpr std::array<std::string_view, 6> kFields = {
        "name", "service.name", "`odd key`", "resource.x", "url.path::number", "scope.y"};
    constexpr std::array<std::string_view, 8> kOperators = {
        "=", "!=", "<", "<=", ">=", ">", "LIKE", "NOT CONTAINS"};
    const std::string field(kFields.at(below(kFields.size())));
    if (below(8) == 0) return field + " EXISTS";
    if (below(8) == 0) return field + " IN (" + quoted() + ", " + quoted() + ")";
    if (below(8) == 0) return field + " NOT BETWEEN " + quoted() + " AND " + quoted();
    if (below(8) == 0) return field + " REGEXP '[a-c]+(x|y)$'";
    return field + " " + std::string(kOperators.at(below(kOperators.size()))) + " " + quoted();
  }

  std::string quoted() { return quote_filter_text(text()); }

  std::mt19937 random_;
};

std::uint32_t seed() {
  const char* const given = std::getenv("SIGNALBOX_TEST_SEED");
  const std::uint32_t value = given != nullptr
                                  ? static_cast<std::uint32_t>(std::strtoul(given, nullptr, 10))
                                  : std::random_device{}();
  ::testing::Test::RecordProperty("seed", std::to_string(value));
  std::printf("SIGNALBOX_TEST_SEED=%u\n", value);
  return value;
}

TEST(FilterProperty, QuotedTextIsReadBackUnchanged) {
  Generator generator(seed());
  for (int i = 0; i < 2000; ++i) {
    const std::string text = generator.text();
    const FilterNode node = parse_filter("name = " + quote_filter_text(text));
    ASSERT_EQ(node.values.at(0).text, text);
  }
}

/// Whatever its values hold, the SQL consists of our own words only.
TEST(FilterProperty, SqlIsMadeOfKnownCharacters) {
  Generator generator(seed());
  for (int i = 0; i < 2000; ++i) {
    const std::string text = generator.filter(4);
    Parameters parameters;
    const std::string sql =
        filter_sql(parse_filter(text), Signal::kTraces, AttributeSlots(), parameters);
    ASSERT_EQ(sql.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"
                                    "_(){}[]:,<>!='. "),
              std::string::npos)
        << text << "\n"
        << sql;
  }
}

TEST(FilterProperty, EveryPrefixIsReadOrRefusedWithinTheText) {
  Generator generator(seed());
  for (int i = 0; i < 200; ++i) {
    const std::string text = generator.filter(3);
    for (std::size_t length = 0; length <= text.size(); ++length) {
      try {
        Parameters parameters;
        filter_sql(parse_filter(text.substr(0, length)), Signal::kLogs, AttributeSlots(),
                   parameters);
      } catch (const QueryError& error) {
        ASSERT_TRUE(error.position.has_value());
        ASSERT_LE(*error.position, length);
      }
    }
  }
}

bool is_expected(const Token& token, const FilterExpectation& expected) {
  std::string upper = token.text;
  for (char& c : upper) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  const bool is_word =
      std::find(expected.words.begin(), expected.words.end(), upper) != expected.words.end();
  switch (token.kind) {
    case TokenKind::kOperator:
      return expected.comparison;
    case TokenKind::kQuoted:
      return expected.condition || expected.value;
    case TokenKind::kBacktick:
      return expected.condition;
    case TokenKind::kWord:
      return is_word || expected.condition || expected.value;
    case TokenKind::kEnd:
      return !expected.condition && !expected.value;
    default:
      return is_word;
  }
}

TEST(FilterProperty, WhateverComesNextWasExpected) {
  Generator generator(seed());
  for (int i = 0; i < 500; ++i) {
    const std::string text = generator.filter(4);
    Lexer lexer(text);
    for (Token token = lexer.next();; token = lexer.next()) {
      ASSERT_TRUE(is_expected(token, expect_at_end(text.substr(0, token.position))))
          << text << "\nat " << token.position;
      if (token.kind == TokenKind::kEnd) break;
    }
  }
}

TEST(FilterProperty, EveryPlaceOfAnyTextHasAnExpectation) {
  Generator generator(seed());
  for (int i = 0; i < 300; ++i) {
    const std::string text = generator.text() + generator.filter(2) + generator.text();
    for (std::size_t position = 0; position <= text.size(); ++position) {
      const FilterPlace place = place_in_filter(text, position);
      ASSERT_LE(place.begin, position) << text;
      ASSERT_GE(place.end, position) << text;
      ASSERT_LE(place.end, text.size()) << text;
      ASSERT_FALSE(place.expected.is_empty()) << text << "\nat " << position;
    }
  }
}

}  // namespace
}  // namespace signalbox::server::query

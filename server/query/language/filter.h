#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// The filter language: one for traces, logs and metrics. This file knows its form only; what the
/// fields mean is settled in fields.h.
///
///     filter     = or
///     or         = and { "OR" and }
///     and        = unary { [ "AND" ] unary }
///     unary      = "NOT" unary | "(" or ")" | text | field test
///     test       = ( "=" | "==" | "!=" | "<>" | "<" | "<=" | ">" | ">=" ) value
///                | [ "NOT" ] "IN" "(" value { "," value } ")"
///                | [ "NOT" ] "BETWEEN" value "AND" value
///                | [ "NOT" ] ( "LIKE" | "ILIKE" | "CONTAINS" | "REGEXP" ) value
///                | [ "NOT" ] "EXISTS"
///     text       = a quoted text, or a word that ")", "AND", "OR" or nothing follows
///     value      = a quoted text, number, duration (`100ms`), `true`, `false`, or a word
///     field      = a word [ "::string" | "::number" | "::bool" ], or any text in backticks
///
/// Key words are read in any case. In quotes, a backslash keeps the next character as it is.
namespace signalbox::server::query {

/// A value as it was written.
struct FilterValue {
  enum class Kind : std::uint8_t { kString, kWord, kNumber, kDuration, kBool };
  Kind kind = Kind::kString;
  std::string text;          ///< Without quotes; "true" or "false" for kBool.
  double number = 0;         ///< Of kNumber; nanoseconds of kDuration.
  std::size_t position = 0;  ///< Bytes from the start of the filter.
};

enum class FilterOperator : std::uint8_t {
  kEqual,
  kNotEqual,
  kLess,
  kLessOrEqual,
  kGreater,
  kGreaterOrEqual,
  kIn,
  kLike,
  kIlike,
  kContains,
  kExists,
  kBetween,  ///< Two values: at least the first one, at most the second one.
  kRegexp,   ///< One value, which pattern_fault has found nothing wrong with.
};

/// As what an attribute was sent, if a test asks for that: `field::number`.
enum class SentType : std::uint8_t {
  kAny,
  kString,
  kNumber,  ///< Integer or double.
  kBool,
};

/// A filter, or a part of one.
struct FilterNode {
  enum class Kind : std::uint8_t {
    kAll,   ///< Everything: the empty filter.
    kAnd,   ///< All `children` (two or more).
    kOr,    ///< Any of `children` (two or more).
    kNot,   ///< Not the one of `children`.
    kTest,  ///< `field` `op` `values`.
    kText,  ///< Full text: the one of `values`.
  };
  Kind kind = Kind::kAll;
  std::vector<FilterNode> children;
  std::string field;  ///< Without its type.
  SentType type = SentType::kAny;
  FilterOperator op = FilterOperator::kEqual;
  std::vector<FilterValue> values;
  std::size_t position = 0;  ///< Bytes from the start of the filter.
};

/// Limits; a filter beyond them is refused.
inline constexpr std::size_t kMaxFilterBytes = 8192;
inline constexpr std::size_t kMaxFilterDepth = 32;
inline constexpr std::size_t kMaxFilterTests = 128;
inline constexpr std::size_t kMaxFilterListValues = 256;

/// Throws QueryError about "q" if `text` is longer than that.
void check_filter_length(std::string_view text);

/// Parses `text`. Throws QueryError about parameter "q", with position and hint.
FilterNode parse_filter(std::string_view text);

/// What may stand at the end of a filter that has been begun.
struct FilterExpectation {
  bool condition = false;               ///< A field, or a text to search for.
  bool comparison = false;              ///< An operator of signs, behind `field`.
  bool value = false;                   ///< A value that `field` is compared with by `op`.
  std::vector<std::string_view> words;  ///< Key words, in capitals, and "(", ")", ",".
  std::string field;                    ///< Of the test that is not complete, or "".
  FilterOperator op = FilterOperator::kEqual;
  std::vector<FilterValue> values;  ///< Those of the test before the end.

  [[nodiscard]] bool is_empty() const {
    return !condition && !comparison && !value && words.empty();
  }
};

/// What the parser would go on with behind `text`. Where something is wrong before, it begins anew
/// behind that. Never throws QueryError.
FilterExpectation expect_at_end(std::string_view text);

/// `name` such that it is read as a field: in backticks, if need be.
std::string print_filter_field(std::string_view name);

/// `value` as a quoted text of the language, such that it is read back unchanged.
std::string quote_filter_text(std::string_view value);

}  // namespace signalbox::server::query

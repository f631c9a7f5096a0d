#include "server/query/language/filter.h"

#include <algorithm>
#include <array>
#include <utility>

#include "server/query/language/filter_lexer.h"
#include "server/query/language/regular_expression.h"
#include "server/query/plan/error.h"

namespace signalbox::server::query {
namespace {

bool equals_ignoring_case(std::string_view text, std::string_view upper) {
  return std::equal(text.begin(), text.end(), upper.begin(), upper.end(), [](char a, char b) {
    return (a >= 'a' && a <= 'z' ? static_cast<char>(a - 'a' + 'A') : a) == b;
  });
}

struct TypeSuffix {
  std::string_view text;
  SentType type;
};
constexpr std::array kTypeSuffixes = {TypeSuffix{"::string", SentType::kString},
                                      TypeSuffix{"::number", SentType::kNumber},
                                      TypeSuffix{"::bool", SentType::kBool}};

/// Null if the word has no type at its end.
const TypeSuffix* type_suffix(std::string_view word) {
  const auto at =
      std::find_if(kTypeSuffixes.begin(), kTypeSuffixes.end(), [&](const TypeSuffix& suffix) {
        return word.size() > suffix.text.size() && word.ends_with(suffix.text);
      });
  return at == kTypeSuffixes.end() ? nullptr : &*at;
}

void take_type(FilterNode& test) {
  const TypeSuffix* const suffix = type_suffix(test.field);
  if (suffix == nullptr) return;
  test.type = suffix->type;
  test.field.resize(test.field.size() - suffix->text.size());
}

class Parser {
 public:
  explicit Parser(std::string_view text, std::size_t begin = 0) : lexer_(text, begin) {}

  FilterNode parse() {
    advance();
    if (token_.kind == TokenKind::kEnd) {
      expect_condition();
      return {};
    }
    FilterNode node = parse_or(0);
    if (token_.kind == TokenKind::kClose) {
      refuse_filter(token_.position, "Unexpected ')'", "Remove it, or open a parenthesis before.");
    }
    if (token_.kind != TokenKind::kEnd) {
      refuse_filter(token_.position, "Expected AND, OR or the end",
                    "Combine conditions by AND or OR.");
    }
    return node;
  }

  /// What was looked for at the end; nothing if parsing did not come so far.
  [[nodiscard]] const FilterExpectation& at_end() const { return at_end_; }

  /// Where to begin anew after an error at `position`, `begin` having been the last time.
  [[nodiscard]] std::size_t after_error(std::size_t position, std::size_t begin) const {
    const bool is_no_token = position > token_.position || token_.kind == TokenKind::kEnd;
    if (is_no_token) return std::max(position, begin) + 1;
    return token_.position > begin ? token_.position : lexer_.position();
  }

 private:
  /// Notes what the end stands in the place of.
  void expect(std::string_view word) {
    if (token_.kind != TokenKind::kEnd) return;
    if (std::find(at_end_.words.begin(), at_end_.words.end(), word) == at_end_.words.end()) {
      at_end_.words.push_back(word);
    }
  }

  void expect_condition() {
    at_end_.condition = true;
    expect("NOT");
    expect("(");
  }

  void expect_operator(const FilterNode& test) {
    if (token_.kind == TokenKind::kEnd) at_end_.field = test.field;
  }

  void expect_value(const FilterNode& test) {
    if (token_.kind != TokenKind::kEnd) return;
    at_end_.value = true;
    at_end_.field = test.field;
    at_end_.op = test.op;
    at_end_.values = test.values;
  }

  bool at_keyword(std::string_view upper) {
    expect(upper);
    return token_.kind == TokenKind::kWord && equals_ignoring_case(token_.text, upper);
  }

  bool accept_keyword(std::string_view upper) {
    if (!at_keyword(upper)) return false;
    advance();
    return true;
  }

  Token advance() { return std::exchange(token_, lexer_.next()); }

  /// Whether a condition may start here.
  bool at_condition() {
    expect("AND");
    switch (token_.kind) {
      case TokenKind::kEnd:
      case TokenKind::kClose:
      case TokenKind::kComma:
      case TokenKind::kOperator:
        return false;
      default:
        return !at_keyword("OR");
    }
  }

  FilterNode parse_or(std::size_t depth) {
    FilterNode first = parse_and(depth);
    if (!at_keyword("OR")) return first;
    FilterNode node = group(FilterNode::Kind::kOr, std::move(first));
    while (accept_keyword("OR")) node.children.push_back(parse_and(depth));
    return node;
  }

  FilterNode parse_and(std::size_t depth) {
    FilterNode first = parse_unary(depth);
    if (!at_condition()) return first;
    FilterNode node = group(FilterNode::Kind::kAnd, std::move(first));
    while (at_condition()) {
      accept_keyword("AND");
      node.children.push_back(parse_unary(depth));
    }
    return node;
  }

  static FilterNode group(FilterNode::Kind kind, FilterNode first) {
    FilterNode node;
    node.kind = kind;
    node.position = first.position;
    node.children.push_back(std::move(first));
    return node;
  }

  FilterNode parse_unary(std::size_t depth) {
    if (depth >= kMaxFilterDepth) {
      refuse_filter(
          token_.position, "The filter is nested too deeply",
          "Use at most " + std::to_string(kMaxFilterDepth) + " levels of parentheses and NOT.");
    }
    if (at_keyword("NOT")) {
      const std::size_t position = advance().position;
      return negate(parse_unary(depth + 1), position);
    }
    if (token_.kind == TokenKind::kOpen) {
      const std::size_t position = advance().position;
      FilterNode node = parse_or(depth + 1);
      expect(")");
      if (token_.kind != TokenKind::kClose) {
        refuse_filter(
            token_.position, "Expected ')'",
            "The parenthesis at position " + std::to_string(position) + " is not closed.");
      }
      advance();
      return node;
    }
    return parse_condition();
  }

  static FilterNode negate(FilterNode inner, std::size_t position) {
    FilterNode node = group(FilterNode::Kind::kNot, std::move(inner));
    node.position = position;
    return node;
  }

  FilterNode parse_condition() {
    if (++tests_ > kMaxFilterTests) {
      refuse_filter(token_.position, "The filter has too many conditions",
                    "Use at most " + std::to_string(kMaxFilterTests) + ", or IN (…) with a list.");
    }
    switch (token_.kind) {
      case TokenKind::kQuoted:
        return parse_text();
      case TokenKind::kBacktick:
      case TokenKind::kWord:
        break;
      case TokenKind::kEnd:
        expect_condition();
        refuse_filter(token_.position, "Expected a condition",
                      "Write for example: service.name = 'demo'.");
      default:
        refuse_filter(
            token_.position, "Expected a field instead of '" + token_.text + "'",
            "A condition starts with a field: duration > 100ms. Put text to search into quotes.");
    }
    for (const std::string_view keyword : {"AND", "OR", "IN", "LIKE", "CONTAINS", "EXISTS"}) {
      if (at_keyword(keyword)) {
        refuse_filter(token_.position, "Expected a condition before " + std::string(keyword),
                      "Put a field of this name into backticks.");
      }
    }
    const bool is_backtick = token_.kind == TokenKind::kBacktick;
    Token field = advance();
    FilterNode node;
    node.position = field.position;
    node.field = field.text;
    if (!is_backtick) take_type(node);
    if (parse_test(node)) {
      node.kind = FilterNode::Kind::kTest;
      return std::exchange(is_negated_, false) ? negate(std::move(node), field.position)
                                               : std::move(node);
    }
    if (is_backtick) {
      refuse_filter(
          token_.position, "Expected an operator after the field",
          "Write for example: `" + node.field + "` = 'value', or `" + node.field + "` EXISTS.");
    }
    if (at_condition() && !at_keyword("AND")) refuse_after_word(field.text);
    node.kind = FilterNode::Kind::kText;
    FilterValue value;
    value.position = node.position;
    value.text = std::move(field.text);
    node.field.clear();
    node.type = SentType::kAny;
    node.values.push_back(std::move(value));
    return node;
  }

  /// `name REGEXP 'x'` would else be a search for two words and a text, which finds nothing.
  [[noreturn]] void refuse_after_word(const std::string& word) const {
    refuse_filter(
        token_.position, "Expected an operator, AND or OR after '" + word + "'",
        "Operators are = != < <= > >= IN, BETWEEN, LIKE, ILIKE, CONTAINS, REGEXP and EXISTS. Put "
        "text of several words into quotes: 'connection refused'.");
  }

  FilterNode parse_text() {
    Token token = advance();
    if (token_.kind == TokenKind::kOperator) {
      refuse_filter(
          token.position, "Expected a field before '" + token_.text + "'",
          "A quoted text is searched for as it is; write a field without quotes, or in backticks.");
    }
    if (token.text.empty()) {
      refuse_filter(token.position, "The text to search for is empty",
                    "Write something between the quotes.");
    }
    FilterNode node;
    node.kind = FilterNode::Kind::kText;
    node.position = token.position;
    FilterValue value;
    value.text = std::move(token.text);
    value.position = token.position;
    node.values.push_back(std::move(value));
    return node;
  }

  /// The test after a field, if there is one; sets `is_negated_` for NOT IN and its like.
  bool parse_test(FilterNode& node) {
    if (token_.kind == TokenKind::kEnd) at_end_.comparison = true;
    if (token_.kind == TokenKind::kOperator) {
      node.op = comparison(advance().text);
      node.values.push_back(parse_value(node));
      return true;
    }
    if (at_keyword("NOT")) {
      // `a NOT LIKE b` is a test, `a NOT b` is refused at NOT: one more token decides.
      const Lexer lexer = lexer_;
      Token keyword = advance();
      if (!parse_word_test(node)) {
        lexer_ = lexer;
        token_ = std::move(keyword);
        return false;
      }
      is_negated_ = true;
      return true;
    }
    return parse_word_test(node);
  }

  bool parse_word_test(FilterNode& node) {
    expect_operator(node);
    if (accept_keyword("EXISTS")) {
      node.op = FilterOperator::kExists;
      return true;
    }
    if (accept_keyword("IN")) {
      node.op = FilterOperator::kIn;
      parse_list(node);
      return true;
    }
    if (accept_keyword("BETWEEN")) {
      node.op = FilterOperator::kBetween;
      parse_bounds(node);
      return true;
    }
    if (accept_keyword("REGEXP")) {
      node.op = FilterOperator::kRegexp;
      node.values.push_back(parse_pattern(node));
      return true;
    }
    const auto pattern = [&](std::string_view keyword, FilterOperator op) {
      if (!accept_keyword(keyword)) return false;
      node.op = op;
      node.values.push_back(parse_value(node));
      return true;
    };
    return pattern("LIKE", FilterOperator::kLike) || pattern("ILIKE", FilterOperator::kIlike) ||
           pattern("CONTAINS", FilterOperator::kContains);
  }

  static FilterOperator comparison(std::string_view text) {
    if (text == "!=" || text == "<>") return FilterOperator::kNotEqual;
    if (text == "<") return FilterOperator::kLess;
    if (text == "<=") return FilterOperator::kLessOrEqual;
    if (text == ">") return FilterOperator::kGreater;
    if (text == ">=") return FilterOperator::kGreaterOrEqual;
    return FilterOperator::kEqual;
  }

  void parse_bounds(FilterNode& node) {
    node.values.push_back(parse_value(node));
    if (!accept_keyword("AND")) {
      refuse_filter(token_.position, "Expected AND after the first value of BETWEEN",
                    "Write for example: duration BETWEEN 100ms AND 1s.");
    }
    node.values.push_back(parse_value(node));
  }

  FilterValue parse_pattern(const FilterNode& node) {
    FilterValue pattern = parse_value(node);
    const std::string fault = pattern_fault(pattern.text);
    if (!fault.empty()) {
      refuse_filter(
          pattern.position, "The pattern is refused (" + fault + ")",
          "Patterns are regular expressions as RE2 has them, such as '^GET /api/v[12]'. In quotes "
          "a backslash is written twice.");
    }
    return pattern;
  }

  void parse_list(FilterNode& node) {
    expect("(");
    if (token_.kind != TokenKind::kOpen) {
      refuse_filter(token_.position, "Expected '(' after IN",
                    "Write for example: kind IN ('server', 'client').");
    }
    do {
      advance();
      if (node.values.size() == kMaxFilterListValues) {
        refuse_filter(token_.position, "The list is too long",
                      "Use at most " + std::to_string(kMaxFilterListValues) + " values.");
      }
      node.values.push_back(parse_value(node));
      expect(",");
    } while (token_.kind == TokenKind::kComma);
    expect(")");
    if (token_.kind != TokenKind::kClose) {
      refuse_filter(token_.position, "Expected ',' or ')' in the list", "Close the list by ')'.");
    }
    advance();
  }

  FilterValue parse_value(const FilterNode& node) {
    expect_value(node);
    FilterValue value;
    value.position = token_.position;
    switch (token_.kind) {
      case TokenKind::kQuoted:
        value.kind = FilterValue::Kind::kString;
        break;
      case TokenKind::kNumber:
        value.kind = FilterValue::Kind::kNumber;
        break;
      case TokenKind::kDuration:
        value.kind = FilterValue::Kind::kDuration;
        break;
      case TokenKind::kWord:
        value.kind = FilterValue::Kind::kWord;
        break;
      default:
        refuse_filter(token_.position, "Expected a value", "Put text into quotes: 'like this'.");
    }
    value.number = token_.number;
    if (at_keyword("TRUE") || at_keyword("FALSE")) {
      value.kind = FilterValue::Kind::kBool;
      value.text = at_keyword("TRUE") ? "true" : "false";
      advance();
      return value;
    }
    value.text = advance().text;
    return value;
  }

  Lexer lexer_;
  Token token_;
  FilterExpectation at_end_;
  std::size_t tests_ = 0;
  bool is_negated_ = false;
};

bool is_keyword(std::string_view word) {
  constexpr std::array<std::string_view, 10> kKeywords = {
      "AND", "OR", "NOT", "IN", "LIKE", "ILIKE", "CONTAINS", "EXISTS", "BETWEEN", "REGEXP"};
  return std::any_of(kKeywords.begin(), kKeywords.end(),
                     [&](std::string_view keyword) { return equals_ignoring_case(word, keyword); });
}

std::string quoted(std::string_view text, char quote) {
  std::string quoted(1, quote);
  for (const char c : text) {
    if (c == quote || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + quote;
}

}  // namespace

void check_filter_length(std::string_view text) {
  if (text.size() <= kMaxFilterBytes) return;
  refuse_filter(kMaxFilterBytes, "The filter is too long",
                "Use at most " + std::to_string(kMaxFilterBytes) + " bytes.");
}

FilterNode parse_filter(std::string_view text) {
  check_filter_length(text);
  return Parser(text).parse();
}

FilterExpectation expect_at_end(std::string_view text) {
  for (std::size_t begin = 0; begin < text.size();) {
    Parser parser(text, begin);
    try {
      parser.parse();
      return parser.at_end();
    } catch (const QueryError& error) {
      if (!parser.at_end().is_empty()) return parser.at_end();
      begin = parser.after_error(error.position.value_or(begin), begin);
    }
  }
  Parser empty("");
  empty.parse();
  return empty.at_end();
}

std::string print_filter_field(std::string_view name) {
  const bool is_word = !name.empty() && word_length(name) == name.size();
  if (is_word && !is_keyword(name) && type_suffix(name) == nullptr) return std::string(name);
  return quoted(name, '`');
}

std::string quote_filter_text(std::string_view value) {
  return quoted(value, '\'');
}

}  // namespace signalbox::server::query

#include "server/query/filter.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <optional>
#include <utility>

#include "server/query/error.h"
#include "server/query/regular_expression.h"

namespace signalbox::server::query {
namespace {

[[noreturn]] void fail(std::size_t position, const std::string& message, std::string hint) {
  QueryError error =
      QueryError::invalid("q", message + " at position " + std::to_string(position) + ".");
  error.position = position;
  error.hint = std::move(hint);
  throw error;
}

enum class TokenKind : std::uint8_t {
  kEnd,
  kOpen,
  kClose,
  kComma,
  kOperator,
  kQuoted,    ///< 'text' or "text"
  kBacktick,  ///< `field`
  kWord,
  kNumber,
  kDuration,
};

struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string text;
  double number = 0;
  std::size_t position = 0;
};

bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

bool is_word_start(char c) {
  return is_letter(c) || c == '_' || c == '@' || c == '/' || static_cast<unsigned char>(c) >= 0x80;
}

bool is_word_part(char c) {
  return is_word_start(c) || is_digit(c) || c == '.' || c == '-' || c == ':' || c == '$' ||
         c == '#' || c == '*';
}

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r';
}

bool equals_ignoring_case(std::string_view text, std::string_view upper) {
  return std::equal(text.begin(), text.end(), upper.begin(), upper.end(), [](char a, char b) {
    return (a >= 'a' && a <= 'z' ? static_cast<char>(a - 'a' + 'A') : a) == b;
  });
}

struct DurationUnit {
  std::string_view name;
  double ns;
};
constexpr std::array kDurationUnits = {DurationUnit{"ns", 1.0},      DurationUnit{"us", 1e3},
                                       DurationUnit{"\u00B5s", 1e3}, DurationUnit{"\u03BCs", 1e3},
                                       DurationUnit{"ms", 1e6},      DurationUnit{"s", 1e9},
                                       DurationUnit{"m", 60e9},      DurationUnit{"min", 60e9},
                                       DurationUnit{"h", 3600e9},    DurationUnit{"d", 86400e9}};

class Lexer {
 public:
  explicit Lexer(std::string_view text) : text_(text) {}

  Token next() {
    while (at_ < text_.size() && is_space(text_[at_])) ++at_;
    Token token;
    token.position = at_;
    if (at_ == text_.size()) return token;
    const char c = text_[at_];
    if (c == '(') return take(std::move(token), TokenKind::kOpen, 1);
    if (c == ')') return take(std::move(token), TokenKind::kClose, 1);
    if (c == ',') return take(std::move(token), TokenKind::kComma, 1);
    if (c == '\'' || c == '"') return quoted(std::move(token), TokenKind::kQuoted);
    if (c == '`') return quoted(std::move(token), TokenKind::kBacktick);
    if (c == '=' || c == '!' || c == '<' || c == '>') return comparison(std::move(token));
    if (is_digit(c) || c == '-' || c == '+' || c == '.') return number(std::move(token));
    if (is_word_start(c)) return word(std::move(token));
    fail(at_, std::string("Unexpected '") + c + "'", "Put text into quotes: 'like this'.");
  }

 private:
  Token take(Token token, TokenKind kind, std::size_t length) {
    token.kind = kind;
    token.text = text_.substr(at_, length);
    at_ += length;
    return token;
  }

  Token comparison(Token token) {
    const std::string_view two = text_.substr(at_, 2);
    if (two == "==" || two == "!=" || two == "<>" || two == "<=" || two == ">=") {
      return take(std::move(token), TokenKind::kOperator, 2);
    }
    if (text_[at_] == '!') fail(at_, "Unexpected '!'", "Write NOT before a condition, or !=.");
    return take(std::move(token), TokenKind::kOperator, 1);
  }

  Token quoted(Token token, TokenKind kind) {
    const char quote = text_[at_++];
    while (at_ < text_.size() && text_[at_] != quote) {
      if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
      token.text += text_[at_++];
    }
    if (at_ == text_.size()) {
      fail(token.position, "The quote that opens here is not closed",
           std::string("Add a ") + quote + " at the end of the text.");
    }
    ++at_;
    token.kind = kind;
    return token;
  }

  Token word(Token token) {
    std::size_t end = at_;
    while (const std::size_t part = word_part_length(end)) end += part;
    return take(std::move(token), TokenKind::kWord, end - at_);
  }

  /// Of a character of a word, or of an index such as "[0]"; 0 where the word ends.
  [[nodiscard]] std::size_t word_part_length(std::size_t from) const {
    if (from == text_.size()) return 0;
    if (is_word_part(text_[from])) return 1;
    if (text_[from] != '[') return 0;
    std::size_t end = from + 1;
    while (end < text_.size() && is_digit(text_[end])) ++end;
    const bool is_index = end > from + 1 && end < text_.size() && text_[end] == ']';
    return is_index ? end + 1 - from : 0;
  }

  /// A number, a duration, or a word that begins like a number (an id, a date, an address).
  Token number(Token token) {
    std::size_t begin = at_;
    if (text_[begin] == '+') ++begin;
    const char* const first = text_.data() + begin;
    const char* const last = text_.data() + text_.size();
    const auto [after, error] = std::from_chars(first, last, token.number);
    std::size_t end = at_;
    if (error == std::errc() && std::isfinite(token.number)) {
      end = static_cast<std::size_t>(after - text_.data());
    }
    std::size_t word_end = std::max(end, at_ + 1);
    while (word_end < text_.size() && is_word_part(text_[word_end])) ++word_end;
    if (end == at_) {
      if (word_end == at_ + 1) {
        fail(at_, std::string("Unexpected '") + text_[at_] + "'",
             "Put text into quotes: 'like this'.");
      }
      return take(std::move(token), TokenKind::kWord, word_end - at_);
    }
    if (word_end == end) {
      const double value = token.number;
      token = take(std::move(token), TokenKind::kNumber, end - at_);
      token.number = value;
      if (token.text.front() == '+') token.text.erase(0, 1);
      return token;
    }
    const std::string_view suffix = text_.substr(end, word_end - end);
    for (const DurationUnit& unit : kDurationUnits) {
      if (suffix != unit.name) continue;
      token.number *= unit.ns;
      return take(std::move(token), TokenKind::kDuration, word_end - at_);
    }
    return take(std::move(token), TokenKind::kWord, word_end - at_);
  }

  std::string_view text_;
  std::size_t at_ = 0;
};

class Parser {
 public:
  explicit Parser(std::string_view text) : lexer_(text), token_(lexer_.next()) {}

  FilterNode parse() {
    if (token_.kind == TokenKind::kEnd) return {};
    FilterNode node = parse_or(0);
    if (token_.kind == TokenKind::kClose) {
      fail(token_.position, "Unexpected ')'", "Remove it, or open a parenthesis before.");
    }
    if (token_.kind != TokenKind::kEnd) {
      fail(token_.position, "Expected AND, OR or the end", "Combine conditions by AND or OR.");
    }
    return node;
  }

 private:
  [[nodiscard]] bool at_keyword(std::string_view upper) const {
    return token_.kind == TokenKind::kWord && equals_ignoring_case(token_.text, upper);
  }

  bool accept_keyword(std::string_view upper) {
    if (!at_keyword(upper)) return false;
    advance();
    return true;
  }

  Token advance() { return std::exchange(token_, lexer_.next()); }

  /// Whether a condition may start here.
  [[nodiscard]] bool at_condition() const {
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
      fail(token_.position, "The filter is nested too deeply",
           "Use at most " + std::to_string(kMaxFilterDepth) + " levels of parentheses and NOT.");
    }
    if (at_keyword("NOT")) {
      const std::size_t position = advance().position;
      return negate(parse_unary(depth + 1), position);
    }
    if (token_.kind == TokenKind::kOpen) {
      const std::size_t position = advance().position;
      FilterNode node = parse_or(depth + 1);
      if (token_.kind != TokenKind::kClose) {
        fail(token_.position, "Expected ')'",
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
      fail(token_.position, "The filter has too many conditions",
           "Use at most " + std::to_string(kMaxFilterTests) + ", or IN (…) with a list.");
    }
    switch (token_.kind) {
      case TokenKind::kQuoted:
        return parse_text();
      case TokenKind::kBacktick:
      case TokenKind::kWord:
        break;
      case TokenKind::kEnd:
        fail(token_.position, "Expected a condition", "Write for example: service.name = 'demo'.");
      default:
        fail(token_.position, "Expected a field instead of '" + token_.text + "'",
             "A condition starts with a field: duration > 100ms. Put text to search into quotes.");
    }
    for (const std::string_view keyword : {"AND", "OR", "IN", "LIKE", "CONTAINS", "EXISTS"}) {
      if (at_keyword(keyword)) {
        fail(token_.position, "Expected a condition before " + std::string(keyword),
             "Put a field of this name into backticks.");
      }
    }
    const bool is_backtick = token_.kind == TokenKind::kBacktick;
    Token field = advance();
    FilterNode node;
    node.position = field.position;
    node.field = std::move(field.text);
    if (parse_test(node)) {
      node.kind = FilterNode::Kind::kTest;
      return std::exchange(is_negated_, false) ? negate(std::move(node), field.position)
                                               : std::move(node);
    }
    if (is_backtick) {
      fail(token_.position, "Expected an operator after the field",
           "Write for example: `" + node.field + "` = 'value', or `" + node.field + "` EXISTS.");
    }
    if (at_condition() && !at_keyword("AND")) refuse_after_word(node.field);
    node.kind = FilterNode::Kind::kText;
    FilterValue value;
    value.position = node.position;
    value.text = std::exchange(node.field, {});
    node.values.push_back(std::move(value));
    return node;
  }

  /// `name REGEXP 'x'` would else be a search for two words and a text, which finds nothing.
  [[noreturn]] void refuse_after_word(const std::string& word) const {
    fail(token_.position, "Expected an operator, AND or OR after '" + word + "'",
         "Operators are = != < <= > >= IN, BETWEEN, LIKE, ILIKE, CONTAINS, REGEXP and EXISTS. Put "
         "text of several words into quotes: 'connection refused'.");
  }

  FilterNode parse_text() {
    Token token = advance();
    if (token_.kind == TokenKind::kOperator) {
      fail(
          token.position, "Expected a field before '" + token_.text + "'",
          "A quoted text is searched for as it is; write a field without quotes, or in backticks.");
    }
    if (token.text.empty()) {
      fail(token.position, "The text to search for is empty",
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
    if (token_.kind == TokenKind::kOperator) {
      node.op = comparison(advance().text);
      node.values.push_back(parse_value());
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
      node.values.push_back(parse_pattern());
      return true;
    }
    const auto pattern = [&](std::string_view keyword, FilterOperator op) {
      if (!accept_keyword(keyword)) return false;
      node.op = op;
      node.values.push_back(parse_value());
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
    node.values.push_back(parse_value());
    if (!accept_keyword("AND")) {
      fail(token_.position, "Expected AND after the first value of BETWEEN",
           "Write for example: duration BETWEEN 100ms AND 1s.");
    }
    node.values.push_back(parse_value());
  }

  FilterValue parse_pattern() {
    FilterValue pattern = parse_value();
    const std::string fault = pattern_fault(pattern.text);
    if (!fault.empty()) {
      fail(pattern.position, "The pattern is refused (" + fault + ")",
           "Patterns are regular expressions as RE2 has them, such as '^GET /api/v[12]'. In quotes "
           "a backslash is written twice.");
    }
    return pattern;
  }

  void parse_list(FilterNode& node) {
    if (token_.kind != TokenKind::kOpen) {
      fail(token_.position, "Expected '(' after IN",
           "Write for example: kind IN ('server', 'client').");
    }
    do {
      advance();
      if (node.values.size() == kMaxFilterListValues) {
        fail(token_.position, "The list is too long",
             "Use at most " + std::to_string(kMaxFilterListValues) + " values.");
      }
      node.values.push_back(parse_value());
    } while (token_.kind == TokenKind::kComma);
    if (token_.kind != TokenKind::kClose) {
      fail(token_.position, "Expected ',' or ')' in the list", "Close the list by ')'.");
    }
    advance();
  }

  FilterValue parse_value() {
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
        fail(token_.position, "Expected a value", "Put text into quotes: 'like this'.");
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
  std::size_t tests_ = 0;
  bool is_negated_ = false;
};

}  // namespace

FilterNode parse_filter(std::string_view text) {
  if (text.size() > kMaxFilterBytes) {
    fail(kMaxFilterBytes, "The filter is too long",
         "Use at most " + std::to_string(kMaxFilterBytes) + " bytes.");
  }
  return Parser(text).parse();
}

std::string quote_filter_text(std::string_view value) {
  std::string quoted = "'";
  for (const char c : value) {
    if (c == '\'' || c == '\\') quoted += '\\';
    quoted += c;
  }
  return quoted + "'";
}

}  // namespace signalbox::server::query

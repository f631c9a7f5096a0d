#include "server/query/language/filter_lexer.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <system_error>

#include "server/query/plan/error.h"

namespace signalbox::server::query {
namespace {

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

/// Of a character of a word, or of an index such as "[0]"; 0 where the word ends.
std::size_t word_part_length(std::string_view text) {
  if (text.empty()) return 0;
  if (is_word_part(text[0])) return 1;
  if (text[0] != '[') return 0;
  std::size_t end = 1;
  while (end < text.size() && is_digit(text[end])) ++end;
  const bool is_index = end > 1 && end < text.size() && text[end] == ']';
  return is_index ? end + 1 : 0;
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

}  // namespace

void refuse_filter(std::size_t position, const std::string& message, std::string hint) {
  QueryError error =
      QueryError::invalid("q", message + " at position " + std::to_string(position) + ".");
  error.position = position;
  error.hint = std::move(hint);
  throw error;
}

std::size_t word_length(std::string_view text) {
  if (text.empty() || !is_word_start(text[0])) return 0;
  std::size_t end = 1;
  while (const std::size_t part = word_part_length(text.substr(end))) end += part;
  return end;
}

Token Lexer::next() {
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
  refuse_filter(at_, std::string("Unexpected '") + c + "'", "Put text into quotes: 'like this'.");
}

Token Lexer::take(Token token, TokenKind kind, std::size_t length) {
  token.kind = kind;
  token.text = text_.substr(at_, length);
  at_ += length;
  return token;
}

Token Lexer::comparison(Token token) {
  const std::string_view two = text_.substr(at_, 2);
  if (two == "==" || two == "!=" || two == "<>" || two == "<=" || two == ">=") {
    return take(std::move(token), TokenKind::kOperator, 2);
  }
  if (text_[at_] == '!')
    refuse_filter(at_, "Unexpected '!'", "Write NOT before a condition, or !=.");
  return take(std::move(token), TokenKind::kOperator, 1);
}

Token Lexer::quoted(Token token, TokenKind kind) {
  const char quote = text_[at_++];
  while (at_ < text_.size() && text_[at_] != quote) {
    if (text_[at_] == '\\' && at_ + 1 < text_.size()) ++at_;
    token.text += text_[at_++];
  }
  if (at_ == text_.size()) {
    refuse_filter(token.position, "The quote that opens here is not closed",
                  std::string("Add a ") + quote + " at the end of the text.");
  }
  ++at_;
  token.kind = kind;
  return token;
}

Token Lexer::word(Token token) {
  return take(std::move(token), TokenKind::kWord, word_length(text_.substr(at_)));
}

/// A number, a duration, or a word that begins like a number (an id, a date, an address).
Token Lexer::number(Token token) {
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
      refuse_filter(at_, std::string("Unexpected '") + text_[at_] + "'",
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

}  // namespace signalbox::server::query

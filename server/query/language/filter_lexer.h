#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

/// The words and signs of the filter language; filter.h has its grammar.
namespace signalbox::server::query {

/// Throws the QueryError about a filter ("q") that is wrong at `position`.
[[noreturn]] void refuse_filter(std::size_t position, const std::string& message, std::string hint);

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

/// A word or sign of a filter.
struct Token {
  TokenKind kind = TokenKind::kEnd;
  std::string text;  ///< Without quotes and their backslashes.
  double number = 0;
  std::size_t position = 0;  ///< Bytes from the start of the filter.
};

/// How much of the beginning of `text` is a word that does not begin like a number.
std::size_t word_length(std::string_view text);

/// Reads a filter token by token. Not thread-safe. Lifetime: the text outlives it.
class Lexer {
 public:
  explicit Lexer(std::string_view text, std::size_t begin = 0) : text_(text), at_(begin) {}

  /// The next one, or kEnd. Throws QueryError where no token begins, or a quote is not closed.
  Token next();

  /// Where the last token ended.
  [[nodiscard]] std::size_t position() const noexcept { return at_; }

 private:
  Token take(Token token, TokenKind kind, std::size_t length);
  Token comparison(Token token);
  Token quoted(Token token, TokenKind kind);
  Token word(Token token);
  Token number(Token token);

  std::string_view text_;
  std::size_t at_;
};

}  // namespace signalbox::server::query

#include "server/query/language/filter_place.h"

#include <algorithm>

#include "server/query/language/filter_lexer.h"
#include "server/query/plan/error.h"

namespace signalbox::server::query {
namespace {

using Form = FilterPlace::Form;

Form form_of(const Token& token) {
  if (token.kind == TokenKind::kQuoted) return Form::kQuoted;
  return token.kind == TokenKind::kBacktick ? Form::kBacktick : Form::kBare;
}

/// Whether something is complete as soon as it stands there: nobody goes on writing it.
bool is_closed(const Token& token) {
  return token.kind != TokenKind::kWord && token.kind != TokenKind::kNumber &&
         token.kind != TokenKind::kDuration;
}

/// `written` in quotes up to where the place is, without quotes and backslashes.
std::string without_quotes(std::string_view written) {
  std::string text;
  for (std::size_t at = 1; at < written.size(); ++at) {
    if (written[at] == '\\' && at + 1 < written.size()) ++at;
    text += written[at];
  }
  return text;
}

FilterPlace between(std::size_t position) {
  FilterPlace place;
  place.begin = place.end = position;
  return place;
}

/// The place if it is at what the lexer refused at `begin`: a quote that is not closed, or a "!".
FilterPlace in_unfinished(std::string_view text, std::size_t begin, std::size_t position) {
  FilterPlace place = between(position);
  if (position <= begin) return place;
  switch (text[begin]) {
    case '\'':
    case '"':
      place.form = Form::kQuoted;
      break;
    case '`':
      place.form = Form::kBacktick;
      break;
    case '!':
      if (position > begin + 1) return place;
      place.form = Form::kBare;
      break;
    default:
      return place;
  }
  place.begin = begin;
  return place;
}

/// All but what is expected there and what was typed.
FilterPlace find_place(std::string_view text, std::size_t position) {
  for (std::size_t at = 0; at < position;) {
    Lexer lexer(text, at);
    try {
      const Token token = lexer.next();
      const std::size_t end = lexer.position();
      if (token.kind == TokenKind::kEnd || position <= token.position) break;
      if (position < end || (position == end && !is_closed(token))) {
        return {.form = form_of(token),
                .typed = {},
                .begin = token.position,
                .end = end,
                .expected = {}};
      }
      at = end;
    } catch (const QueryError& error) {
      const std::size_t refused = error.position.value_or(at);
      const FilterPlace place = in_unfinished(text, refused, position);
      if (place.form != Form::kNothing || position <= refused) return place;
      at = refused + 1;
    }
  }
  return between(position);
}

}  // namespace

FilterPlace place_in_filter(std::string_view text, std::size_t position) {
  check_filter_length(text);
  FilterPlace place = find_place(text, std::min(position, text.size()));
  const std::string_view written = text.substr(place.begin, position - place.begin);
  const bool is_quoted = place.form == Form::kQuoted || place.form == Form::kBacktick;
  place.typed = is_quoted ? without_quotes(written) : std::string(written);
  place.expected = expect_at_end(text.substr(0, place.begin));
  return place;
}

}  // namespace signalbox::server::query

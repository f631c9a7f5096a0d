#include "server/store/engine/sql_guard.h"

#include <cstddef>

#include "server/ascii.h"

namespace signalbox::server::store {
namespace {

constexpr std::string_view kForbidden[] = {"file", "outfile"};

bool is_word(char c) noexcept {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

bool equals_ignoring_case(std::string_view word, std::string_view lower_case) noexcept {
  if (word.size() != lower_case.size()) return false;
  for (std::size_t i = 0; i < word.size(); ++i) {
    if (to_lower(word[i]) != lower_case[i]) return false;
  }
  return true;
}

/// The end of the literal or quoted name that begins at `at`; npos if it has none. A doubled quote
/// ends one literal and begins the next, which comes to the same here.
std::size_t end_of_quoted(std::string_view sql, std::size_t at) noexcept {
  const char quote = sql[at];
  for (std::size_t i = at + 1; i < sql.size(); ++i) {
    if (sql[i] == '\\') {
      ++i;
    } else if (sql[i] == quote) {
      return i + 1;
    }
  }
  return std::string_view::npos;
}

bool is_forbidden(std::string_view word) noexcept {
  for (const std::string_view forbidden : kForbidden) {
    if (equals_ignoring_case(word, forbidden)) return true;
  }
  return false;
}

bool has_text_where_quotes_mean_nothing(std::string_view sql) noexcept {
  for (const std::string_view mark : {"--", "/*", "#", "$"}) {
    if (sql.find(mark) != std::string_view::npos) return true;
  }
  return false;
}

}  // namespace

bool may_reach_files(std::string_view sql) noexcept {
  const bool skip_literals = !has_text_where_quotes_mean_nothing(sql);
  for (std::size_t i = 0; i < sql.size();) {
    const char c = sql[i];
    if (c == '\'' && skip_literals) {
      i = end_of_quoted(sql, i);
      if (i == std::string_view::npos) return false;  // Not SQL: the engine refuses it.
    } else if (c == '`' || c == '"') {
      // An escape could spell the name.
      const std::size_t end = end_of_quoted(sql, i);
      if (sql.substr(i, end - i).find('\\') != std::string_view::npos) return true;
      if (skip_literals && end != std::string_view::npos) {
        if (is_forbidden(sql.substr(i + 1, end - i - 2))) return true;
        i = end;  // Its last quote begins nothing.
      } else {
        ++i;
      }
    } else if (is_word(c)) {
      const std::size_t begin = i;
      while (i < sql.size() && is_word(sql[i])) ++i;
      if (is_forbidden(sql.substr(begin, i - begin))) return true;
    } else {
      ++i;
    }
  }
  return false;
}

}  // namespace signalbox::server::store

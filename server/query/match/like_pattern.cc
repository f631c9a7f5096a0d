#include "server/query/match/like_pattern.h"

#include <algorithm>
#include <clocale>
#include <cstddef>
#include <cwctype>

#include "server/ascii.h"

namespace signalbox::server::query {
namespace {

/// The character at `at`, which moves behind it. A byte that begins none is one by itself.
char32_t next_character(std::string_view text, std::size_t& at) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned first = byte(at++);
  std::size_t more = 0;
  if (first >= 0xF0) {
    more = 3;
  } else if (first >= 0xE0) {
    more = 2;
  } else if (first >= 0xC0) {
    more = 1;
  }
  if (more == 0 || text.size() - at < more) return first;
  char32_t character = first & (0x3FU >> more);
  for (std::size_t i = 0; i < more; ++i) {
    if ((byte(at + i) & 0xC0U) != 0x80U) return first;
    character = character << 6 | (byte(at + i) & 0x3FU);
  }
  at += more;
  return character;
}

/// One of the letters that differ in case only, always the same.
char32_t fold_case(char32_t character) {
  if (character < 0x80) {
    return static_cast<unsigned char>(to_lower(static_cast<char>(character)));
  }
  static const locale_t unicode = newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr);
  if (unicode == nullptr) return character;
  const auto upper = towupper_l(static_cast<std::wint_t>(character), unicode);
  return static_cast<char32_t>(towlower_l(upper, unicode));
}

}  // namespace

LikePattern::LikePattern(std::string_view pattern, Case letters) : letters_(letters) {
  for (std::size_t at = 0; at < pattern.size();) {
    const char c = pattern[at];
    const char next = at + 1 < pattern.size() ? pattern[at + 1] : '\0';
    if (c == '%' || c == '_') {
      parts_.push_back(c == '%' ? kAnyText : kAnyOne);
      ++at;
      continue;
    }
    if (c == '\\' && (next == '%' || next == '_' || next == '\\')) ++at;
    parts_.push_back(take(pattern, at));
  }
}

char32_t LikePattern::take(std::string_view text, std::size_t& at) const {
  const char32_t character = next_character(text, at);
  return letters_ == Case::kIgnored ? fold_case(character) : character;
}

bool LikePattern::matches(std::string_view text) const {
  constexpr std::size_t kNone = std::string_view::npos;
  std::size_t at = 0;
  std::size_t part = 0;
  // Where to go on when it does not fit: behind the last `%`, which then takes one character more.
  std::size_t retry_part = kNone;
  std::size_t retry_at = 0;
  while (at < text.size()) {
    if (part < parts_.size() && parts_[part] == kAnyText) {
      retry_part = ++part;
      retry_at = at;
      continue;
    }
    std::size_t next = at;
    const char32_t character = take(text, next);
    if (part < parts_.size() && (parts_[part] == kAnyOne || parts_[part] == character)) {
      at = next;
      ++part;
      continue;
    }
    if (retry_part == kNone) return false;
    next_character(text, retry_at);
    at = retry_at;
    part = retry_part;
  }
  return std::all_of(parts_.begin() + static_cast<std::ptrdiff_t>(part), parts_.end(),
                     [](char32_t left) { return left == kAnyText; });
}

bool contains_in_any_case(std::string_view text, std::string_view part) {
  const auto same = [](char a, char b) { return to_lower(a) == to_lower(b); };
  return std::search(text.begin(), text.end(), part.begin(), part.end(), same) != text.end() ||
         part.empty();
}

}  // namespace signalbox::server::query

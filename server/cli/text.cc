#include "server/cli/text.h"

#include <algorithm>
#include <array>
#include <cstdint>

namespace signalbox::server::cli {
namespace {

struct CharacterRange {
  char32_t first;
  char32_t last;
};

/// Of zero width: marks that combine with the character before, joiners, variation selectors.
constexpr std::array kZero = {
    CharacterRange{0x0300, 0x036F}, CharacterRange{0x0483, 0x0489},  CharacterRange{0x0591, 0x05BD},
    CharacterRange{0x0610, 0x061A}, CharacterRange{0x064B, 0x065F},  CharacterRange{0x0900, 0x0902},
    CharacterRange{0x0E34, 0x0E3A}, CharacterRange{0x1AB0, 0x1AFF},  CharacterRange{0x1DC0, 0x1DFF},
    CharacterRange{0x200B, 0x200D}, CharacterRange{0x20D0, 0x20FF},  CharacterRange{0xFE00, 0xFE0F},
    CharacterRange{0xFE20, 0xFE2F}, CharacterRange{0xE0100, 0xE01EF}};

/// Two columns wide: East Asian characters, and pictures.
constexpr std::array kWide = {CharacterRange{0x1100, 0x115F},   CharacterRange{0x231A, 0x231B},
                              CharacterRange{0x23E9, 0x23EC},   CharacterRange{0x26A1, 0x26A1},
                              CharacterRange{0x2705, 0x2705},   CharacterRange{0x274C, 0x274C},
                              CharacterRange{0x2E80, 0x303E},   CharacterRange{0x3041, 0x33FF},
                              CharacterRange{0x3400, 0x4DBF},   CharacterRange{0x4E00, 0x9FFF},
                              CharacterRange{0xA000, 0xA4CF},   CharacterRange{0xAC00, 0xD7A3},
                              CharacterRange{0xF900, 0xFAFF},   CharacterRange{0xFE30, 0xFE4F},
                              CharacterRange{0xFF00, 0xFF60},   CharacterRange{0xFFE0, 0xFFE6},
                              CharacterRange{0x1F300, 0x1F64F}, CharacterRange{0x1F680, 0x1F6FF},
                              CharacterRange{0x1F900, 0x1F9FF}, CharacterRange{0x20000, 0x3FFFD}};

/// Marks of writing direction, with which a line can be made to read as another.
constexpr std::array kDirections = {CharacterRange{0x200E, 0x200F}, CharacterRange{0x202A, 0x202E},
                                    CharacterRange{0x2066, 0x2069}};

template <std::size_t N>
bool is_in(const std::array<CharacterRange, N>& ranges, char32_t c) {
  return std::any_of(ranges.begin(), ranges.end(), [c](const CharacterRange& range) {
    return range.first <= c && c <= range.last;
  });
}

struct Character {
  char32_t code = 0;
  std::size_t bytes = 1;
  bool is_valid = false;
};

/// The first character of `text`, which is not empty.
Character first_character(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {.code = lead, .bytes = 1, .is_valid = true};
  const std::size_t bytes = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < bytes) return {};
  char32_t code = lead & (0xFFU >> (bytes + 1));
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xC0U) != 0x80) return {};
    code = (code << 6U) | (byte(i) & 0x3FU);
  }
  constexpr std::array<char32_t, 5> kLeast = {0, 0, 0x80, 0x800, 0x10000};
  const bool is_surrogate = code >= 0xD800 && code <= 0xDFFF;
  if (code < kLeast.at(bytes) || is_surrogate || code > 0x10FFFF) return {};
  return {.code = code, .bytes = bytes, .is_valid = true};
}

std::size_t width_of(char32_t c) {
  if (c < 0x300) return 1;
  if (is_in(kZero, c)) return 0;
  return is_in(kWide, c) ? 2 : 1;
}

/// U+2400 has a picture of each control character.
std::string picture_of(char32_t control) {
  const char32_t code = control == 0x7F ? 0x2421 : 0x2400 + control;
  return {static_cast<char>(0xE2), static_cast<char>(0x80U | ((code >> 6U) & 0x3FU)),
          static_cast<char>(0x80U | (code & 0x3FU))};
}

}  // namespace

std::string printable(std::string_view text) {
  constexpr std::string_view kReplacement = "\uFFFD";
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    const Character c = first_character(text);
    if (!c.is_valid || is_in(kDirections, c.code) || (c.code >= 0x80 && c.code < 0xA0)) {
      result += kReplacement;
    } else if (c.code == '\t' || c.code == '\n') {
      result += c.code == '\t' ? " " : "\u21B5";
    } else if (c.code < 0x20 || c.code == 0x7F) {
      result += picture_of(c.code);
    } else {
      result += text.substr(0, c.bytes);
    }
    text.remove_prefix(c.bytes);
  }
  return result;
}

std::size_t columns(std::string_view text) {
  std::size_t width = 0;
  while (!text.empty()) {
    const Character c = first_character(text);
    width += width_of(c.code);
    text.remove_prefix(c.bytes);
  }
  return width;
}

std::string cut(std::string_view text, std::size_t width) {
  if (width == 0 || columns(text) <= width) return std::string(text);
  std::size_t used = 0;
  std::size_t bytes = 0;
  while (bytes < text.size()) {
    const Character c = first_character(text.substr(bytes));
    if (used + width_of(c.code) > width - 1) break;
    used += width_of(c.code);
    bytes += c.bytes;
  }
  return std::string(text.substr(0, bytes)) + "…";
}

std::string pad_right(std::string text, std::size_t width) {
  const std::size_t used = columns(text);
  if (used < width) text.append(width - used, ' ');
  return text;
}

std::string pad_left(const std::string& text, std::size_t width) {
  const std::size_t used = columns(text);
  return used < width ? std::string(width - used, ' ') + text : text;
}

std::string repeated(std::string_view text, std::size_t times) {
  std::string result;
  for (std::size_t i = 0; i < times; ++i) result += text;
  return result;
}

}  // namespace signalbox::server::cli

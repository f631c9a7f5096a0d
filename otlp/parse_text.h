#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "otlp/arena.h"

/// Text as the decoders read it: UTF-8, hex and base64.
namespace signalbox::otlp::internal {

/// Whether all of `text` is ASCII. Reads words, since most attributes are short.
inline bool is_ascii(std::string_view text) noexcept {
  constexpr std::uint64_t kHighBits = 0x8080808080808080U;
  const char* data = text.data();
  std::size_t left = text.size();
  std::uint64_t seen = 0;
  if (left >= 8) {
    std::uint64_t word = 0;
    std::memcpy(&word, data + left - 8, 8);  // The last word, which overlaps the one before.
    seen = word;
    for (; left > 8; data += 8, left -= 8) {
      std::memcpy(&word, data, 8);
      seen |= word;
    }
  } else {
    for (; left > 0; --left) seen |= static_cast<unsigned char>(data[left - 1]);
  }
  return (seen & kHighBits) == 0;
}

/// Whether `text` is well-formed UTF-8.
bool is_utf8(std::string_view text) noexcept;

/// `text` with U+FFFD in place of each byte that is not part of well-formed UTF-8, in `arena`.
std::string_view sanitize_utf8(std::string_view text, Arena& arena);

/// `hex` as raw bytes in `arena`; false if it is not an even number of hex digits.
bool decode_hex(std::string_view hex, Arena& arena, std::string_view& bytes);

/// Base64 of the standard or the URL alphabet, padded or not, as raw bytes in `arena`; false if
/// not.
bool decode_base64(std::string_view text, Arena& arena, std::string_view& bytes);

}  // namespace signalbox::otlp::internal

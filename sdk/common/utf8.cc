#include "sdk/common/utf8.h"

namespace signalbox::sdk::detail {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

/// Length of the character at the start of `text` (not empty), 0 if there is no valid one.
std::size_t character_length(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned lead = byte(0);
  if (lead < 0x80) return 1;
  std::size_t length = 0;
  unsigned low = 0x80;  // Bounds of the second byte: no overlong forms, surrogates, or > U+10FFFF.
  unsigned high = 0xBF;
  if (lead >= 0xC2 && lead <= 0xDF) {
    length = 2;
  } else if (lead >= 0xE0 && lead <= 0xEF) {
    length = 3;
    if (lead == 0xE0) low = 0xA0;
    if (lead == 0xED) high = 0x9F;
  } else if (lead >= 0xF0 && lead <= 0xF4) {
    length = 4;
    if (lead == 0xF0) low = 0x90;
    if (lead == 0xF4) high = 0x8F;
  } else {
    return 0;
  }
  if (text.size() < length || byte(1) < low || byte(1) > high) return 0;
  for (std::size_t i = 2; i < length; ++i) {
    if ((byte(i) & 0xC0U) != 0x80) return 0;
  }
  return length;
}

}  // namespace

bool is_utf8(std::string_view text) noexcept {
  while (!text.empty()) {
    const std::size_t length = character_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::size_t repaired_size(std::string_view text) noexcept {
  std::size_t size = 0;
  while (!text.empty()) {
    const std::size_t length = character_length(text);
    size += length == 0 ? kReplacement.size() : length;
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return size;
}

char* write_repaired(char* out, std::string_view text) noexcept {
  while (!text.empty()) {
    const std::size_t length = character_length(text);
    const std::string_view good = length == 0 ? kReplacement : text.substr(0, length);
    out = otlp::wire::write_raw(out, good.data(), good.size());
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return out;
}

std::string_view cut(std::string_view text, std::size_t limit) noexcept {
  if (text.size() <= limit) return text;
  std::size_t end = limit;
  // Back to the start of the character that the limit would cut; at most 3 bytes, or it is none.
  for (std::size_t back = 0; back < 3 && end > 0; ++back) {
    if ((static_cast<unsigned char>(text[end]) & 0xC0U) != 0x80) break;
    --end;
  }
  if ((static_cast<unsigned char>(text[end]) & 0xC0U) == 0x80) end = limit;
  return text.substr(0, end);
}

}  // namespace signalbox::sdk::detail

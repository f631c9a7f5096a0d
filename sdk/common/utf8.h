#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "otlp/wire.h"

/// Text on its way into protobuf `string` fields, which must be UTF-8: a receiver may refuse a
/// whole request for one bad byte.
namespace signalbox::sdk {

namespace detail {
/// Whether `text`, which has bytes ≥ 0x80, is UTF-8.
bool is_utf8(std::string_view text) noexcept;
/// Size of `text` with each bad byte replaced by U+FFFD.
std::size_t repaired_size(std::string_view text) noexcept;
char* write_repaired(char* out, std::string_view text) noexcept;
/// The longest prefix of at most `limit` bytes that cuts no character.
std::string_view cut(std::string_view text, std::size_t limit) noexcept;

inline bool is_ascii(std::string_view text) noexcept {
  constexpr std::uint64_t kHighBits = 0x8080808080808080ULL;
  const char* data = text.data();
  std::size_t size = text.size();
  std::uint64_t word = 0;
  if (size >= 8) {
    std::uint64_t seen = 0;
    for (std::size_t i = 0; i + 8 < size; i += 8) {
      std::memcpy(&word, data + i, 8);
      seen |= word;
    }
    std::memcpy(&word, data + size - 8, 8);
    return ((seen | word) & kHighBits) == 0;
  }
  if (size >= 4) {
    std::uint32_t head = 0;
    std::uint32_t tail = 0;
    std::memcpy(&head, data, 4);
    std::memcpy(&tail, data + size - 4, 4);
    return ((head | tail) & 0x80808080U) == 0;
  }
  unsigned seen = 0;
  while (size-- != 0) seen |= static_cast<unsigned char>(*data++);
  return seen < 0x80;
}
}  // namespace detail

/// A string measured for the wire. Borrows the text.
class WireText {
 public:
  WireText() noexcept = default;
  explicit WireText(std::string_view text,
                    std::size_t limit = static_cast<std::size_t>(-1)) noexcept
      : text_(text.size() <= limit ? text : detail::cut(text, limit)), size_(text_.size()) {
    if (detail::is_ascii(text_) || detail::is_utf8(text_)) [[likely]] {
      return;
    }
    good_ = false;
    size_ = detail::repaired_size(text_);
  }

  /// Bytes that `write` writes.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  char* write(char* out) const noexcept {
    if (good_) [[likely]] {
      return otlp::wire::write_raw(out, text_.data(), text_.size());
    }
    return detail::write_repaired(out, text_);
  }

 private:
  std::string_view text_;
  std::size_t size_ = 0;
  bool good_ = true;
};

/// `text` in a string or bytes field.
inline char* write_text_field(char* out, std::uint32_t field, const WireText& text) noexcept {
  return text.write(otlp::wire::write_length_prefix(out, field, text.size()));
}

}  // namespace signalbox::sdk

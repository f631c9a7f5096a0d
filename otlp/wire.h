#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

/// Writing protobuf: no I/O, no allocation but by the caller's string, no bounds checks: the caller
/// computes sizes first (every `…_size` function is exact) or appends to a std::string.
///
/// The `write_…` functions write at `out` and return the end of what they wrote.
namespace signalbox::otlp::wire {

static_assert(std::endian::native == std::endian::little,
              "fixed-width fields are copied as they are");

enum class WireType : std::uint8_t {
  kVarint = 0,
  kFixed64 = 1,
  kLengthDelimited = 2,
  kFixed32 = 5
};

inline constexpr std::size_t kMaxVarintSize = 10;

[[nodiscard]] constexpr std::uint32_t tag(std::uint32_t field, WireType type) noexcept {
  return (field << 3) | static_cast<std::uint32_t>(type);
}

[[nodiscard]] constexpr std::size_t varint_size(std::uint64_t value) noexcept {
  // 7 payload bits a byte; value 0 still takes one.
  return (static_cast<std::size_t>(std::bit_width(value | 1)) + 6) / 7;
}
[[nodiscard]] constexpr std::size_t tag_size(std::uint32_t field) noexcept {
  return varint_size(std::uint64_t{field} << 3);
}
[[nodiscard]] constexpr std::size_t varint_field_size(std::uint32_t field,
                                                      std::uint64_t value) noexcept {
  return tag_size(field) + varint_size(value);
}
[[nodiscard]] constexpr std::size_t fixed64_field_size(std::uint32_t field) noexcept {
  return tag_size(field) + 8;
}
[[nodiscard]] constexpr std::size_t fixed32_field_size(std::uint32_t field) noexcept {
  return tag_size(field) + 4;
}
/// Of a string, bytes or message field with `size` bytes of content.
[[nodiscard]] constexpr std::size_t bytes_field_size(std::uint32_t field,
                                                     std::size_t size) noexcept {
  return tag_size(field) + varint_size(size) + size;
}

inline char* write_varint(char* out, std::uint64_t value) noexcept {
  while (value >= 0x80) {
    *out++ = static_cast<char>(value | 0x80);
    value >>= 7;
  }
  *out++ = static_cast<char>(value);
  return out;
}
inline char* write_tag(char* out, std::uint32_t field, WireType type) noexcept {
  return write_varint(out, tag(field, type));
}
inline char* write_fixed64(char* out, std::uint64_t value) noexcept {
  std::memcpy(out, &value, 8);
  return out + 8;
}
inline char* write_fixed32(char* out, std::uint32_t value) noexcept {
  std::memcpy(out, &value, 4);
  return out + 4;
}
/// Copies `size` bytes. Short copies, the usual case, are done in place rather than by a call.
inline char* write_raw(char* out, const char* data, std::size_t size) noexcept {
  if (size <= 16) {
    if (size >= 8) {
      std::uint64_t head = 0;
      std::uint64_t tail = 0;
      std::memcpy(&head, data, 8);
      std::memcpy(&tail, data + size - 8, 8);
      std::memcpy(out, &head, 8);
      std::memcpy(out + size - 8, &tail, 8);
    } else if (size >= 4) {
      std::uint32_t head = 0;
      std::uint32_t tail = 0;
      std::memcpy(&head, data, 4);
      std::memcpy(&tail, data + size - 4, 4);
      std::memcpy(out, &head, 4);
      std::memcpy(out + size - 4, &tail, 4);
    } else if (size != 0) {
      out[0] = data[0];
      out[size / 2] = data[size / 2];
      out[size - 1] = data[size - 1];
    }
  } else {
    std::memcpy(out, data, size);
  }
  return out + size;
}

inline char* write_varint_field(char* out, std::uint32_t field, std::uint64_t value) noexcept {
  return write_varint(write_tag(out, field, WireType::kVarint), value);
}
inline char* write_fixed64_field(char* out, std::uint32_t field, std::uint64_t value) noexcept {
  return write_fixed64(write_tag(out, field, WireType::kFixed64), value);
}
inline char* write_fixed32_field(char* out, std::uint32_t field, std::uint32_t value) noexcept {
  return write_fixed32(write_tag(out, field, WireType::kFixed32), value);
}
inline char* write_double_field(char* out, std::uint32_t field, double value) noexcept {
  return write_fixed64_field(out, field, std::bit_cast<std::uint64_t>(value));
}
/// Tag and length of a string, bytes or message field; its `size` bytes of content come next.
inline char* write_length_prefix(char* out, std::uint32_t field, std::size_t size) noexcept {
  return write_varint(write_tag(out, field, WireType::kLengthDelimited), size);
}
inline char* write_bytes_field(char* out, std::uint32_t field, std::string_view bytes) noexcept {
  return write_raw(write_length_prefix(out, field, bytes.size()), bytes.data(), bytes.size());
}

// The same, appended to a string: for what is written seldom.

inline void append_varint_field(std::string& out, std::uint32_t field, std::uint64_t value) {
  char scratch[2 * kMaxVarintSize];
  out.append(scratch, write_varint_field(scratch, field, value));
}
inline void append_fixed64_field(std::string& out, std::uint32_t field, std::uint64_t value) {
  char scratch[kMaxVarintSize + 8];
  out.append(scratch, write_fixed64_field(scratch, field, value));
}
inline void append_fixed32_field(std::string& out, std::uint32_t field, std::uint32_t value) {
  char scratch[kMaxVarintSize + 4];
  out.append(scratch, write_fixed32_field(scratch, field, value));
}
inline void append_double_field(std::string& out, std::uint32_t field, double value) {
  append_fixed64_field(out, field, std::bit_cast<std::uint64_t>(value));
}
inline void append_length_prefix(std::string& out, std::uint32_t field, std::size_t size) {
  char scratch[2 * kMaxVarintSize];
  out.append(scratch, write_length_prefix(scratch, field, size));
}
inline void append_bytes_field(std::string& out, std::uint32_t field, std::string_view bytes) {
  append_length_prefix(out, field, bytes.size());
  out.append(bytes);
}

}  // namespace signalbox::otlp::wire

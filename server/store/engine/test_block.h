#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace signalbox::server::store {

/// For tests: a block in Native format with one column `a UInt64` that holds `first`, `first + 1`,
/// …
inline std::string block_of_numbers(std::uint64_t first, std::uint64_t rows) {
  std::string block = "\x01";
  for (std::uint64_t left = rows;; left >>= 7) {
    const bool more = left >= 0x80;
    block += static_cast<char>((left & 0x7f) | (more ? 0x80 : 0));
    if (!more) break;
  }
  block +=
      "\x01"
      "a\x06"
      "UInt64";
  const std::size_t at = block.size();
  block.resize(at + rows * sizeof(std::uint64_t));
  for (std::uint64_t i = 0; i < rows; ++i) {
    const std::uint64_t number = first + i;
    std::memcpy(block.data() + at + i * sizeof number, &number, sizeof number);
  }
  return block;
}

}  // namespace signalbox::server::store

#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

namespace signalbox::otlp::internal {

/// Scratch memory of a decoder for text that does not lie in the request as such. Addresses stay
/// valid until they are rewound over. Not thread-safe.
class Arena {
 public:
  struct Mark {
    std::size_t chunk = 0;
    std::size_t chunk_used = 0;
    std::size_t total = 0;
  };

  /// `bytes` of uninitialised memory, without alignment.
  char* allocate(std::size_t bytes) {
    while (at_.chunk < chunks_.size() && chunks_[at_.chunk].size - at_.chunk_used < bytes) {
      ++at_.chunk;
      at_.chunk_used = 0;
    }
    if (at_.chunk == chunks_.size()) {
      const std::size_t size = std::max(bytes, kChunkBytes);
      chunks_.push_back({std::unique_ptr<char[]>(new char[size]), size});
      at_.chunk_used = 0;
    }
    char* const result = chunks_[at_.chunk].memory.get() + at_.chunk_used;
    at_.chunk_used += bytes;
    at_.total += bytes;
    return result;
  }
  std::string_view copy(std::string_view text) {
    if (text.empty()) return {};
    char* const memory = allocate(text.size());
    std::memcpy(memory, text.data(), text.size());
    return {memory, text.size()};
  }

  [[nodiscard]] Mark mark() const noexcept { return at_; }
  void rewind(const Mark& mark) noexcept { at_ = mark; }
  [[nodiscard]] std::size_t used_bytes() const noexcept { return at_.total; }

  /// Forgets everything and keeps little memory, so that one large request does not stay for ever.
  void reset() {
    at_ = {};
    if (chunks_.size() > 1) chunks_.resize(1);
    if (!chunks_.empty() && chunks_.front().size > kChunkBytes) chunks_.clear();
  }

 private:
  static constexpr std::size_t kChunkBytes = 64 * 1024;
  struct Chunk {
    std::unique_ptr<char[]> memory;
    std::size_t size;
  };
  std::vector<Chunk> chunks_;
  Mark at_;
};

}  // namespace signalbox::otlp::internal

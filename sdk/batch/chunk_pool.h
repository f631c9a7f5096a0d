#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <mutex>
#include <new>
#include <vector>

#include "sdk/batch/batch_pipeline.h"

namespace signalbox::sdk::detail {

inline constexpr std::size_t kChunkBytes = 32 * 1024;

/// The chunks of one pipeline: given to recording threads, given back by the exporting thread.
///
/// Thread-safety: all members, from any thread; one short critical section each.
class ChunkPool {
 public:
  ChunkPool() = default;
  ChunkPool(const ChunkPool&) = delete;
  ChunkPool& operator=(const ChunkPool&) = delete;
  ~ChunkPool() { trim(0); }

  /// A chunk with room for `needed` bytes. Null if the chunks in use would exceed `max_bytes` and
  /// the caller is not entitled to one in any case, or if there is no memory.
  Chunk* take(std::size_t needed, std::size_t max_bytes, bool entitled) noexcept {
    if (!entitled && exhausted_.load(std::memory_order_relaxed)) return nullptr;
    const std::size_t bytes = std::max(kChunkBytes, sizeof(Chunk) + needed);
    const std::scoped_lock lock(mutex_);
    if (bytes == kChunkBytes && !free_.empty()) {
      Chunk* chunk = free_.back();
      free_.pop_back();
      used_bytes_.fetch_add(bytes, std::memory_order_relaxed);
      return new (chunk) Chunk{.capacity = kChunkBytes - sizeof(Chunk)};
    }
    if (!entitled && used_bytes_.load(std::memory_order_relaxed) + bytes > max_bytes) {
      if (bytes == kChunkBytes) exhausted_.store(true, std::memory_order_relaxed);
      return nullptr;
    }
    void* memory = std::malloc(bytes);
    if (memory == nullptr) return nullptr;
    used_bytes_.fetch_add(bytes, std::memory_order_relaxed);
    return new (memory) Chunk{.capacity = static_cast<std::uint32_t>(bytes - sizeof(Chunk))};
  }

  /// Takes back a chunk that nobody writes to or reads from any more.
  void give_back(Chunk* chunk) noexcept {
    const std::size_t bytes = sizeof(Chunk) + chunk->capacity;
    const std::scoped_lock lock(mutex_);
    used_bytes_.fetch_sub(bytes, std::memory_order_relaxed);
    exhausted_.store(false, std::memory_order_relaxed);
    if (bytes != kChunkBytes || free_.size() == kMaxFree || free_.capacity() == 0) {
      std::free(chunk);
    } else {
      free_.push_back(chunk);  // Capacity is reserved: cannot throw.
    }
  }

  /// Returns free chunks to the system but for `keep`.
  void trim(std::size_t keep) noexcept {
    const std::scoped_lock lock(mutex_);
    while (free_.size() > keep) {
      std::free(free_.back());
      free_.pop_back();
    }
  }

  /// Bytes of the chunks that recording threads or the exporting thread hold.
  [[nodiscard]] std::size_t used_bytes() const noexcept {
    return used_bytes_.load(std::memory_order_relaxed);
  }

 private:
  static constexpr std::size_t kMaxFree = 512;  // 16 MiB.

  std::mutex mutex_;
  std::vector<Chunk*> free_ = [] {
    std::vector<Chunk*> list;
    list.reserve(kMaxFree);
    return list;
  }();
  std::atomic<std::size_t> used_bytes_{0};
  std::atomic<bool> exhausted_{false};
};

}  // namespace signalbox::sdk::detail

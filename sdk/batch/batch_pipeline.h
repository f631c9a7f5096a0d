#pragma once

#include <signalbox/common/batch_options.h>
#include <signalbox/common/instrumentation_scope.h>
#include <signalbox/common/result.h>
#include <signalbox/export/exporter.h>
#include <signalbox/resource/resource.h>

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>

#include "otlp/wire.h"

namespace signalbox::sdk {

namespace detail {

/// In front of each item in a chunk.
struct ItemFrame {
  std::uint32_t size = 0;  // Of the item, which follows.
  std::uint32_t scope = 0;
};

/// Memory that one thread fills with items, front to back, and the exporting thread reads behind
/// it. The items follow the header.
struct Chunk {
  std::atomic<Chunk*> next{nullptr};        // Set once nothing more will be committed here.
  std::atomic<std::uint32_t> committed{0};  // Bytes, frames included, that are ready to be read.
  std::atomic<std::uint32_t> consumed{0};   // Bytes that the exporting thread has done with.
  std::uint32_t capacity = 0;

  char* data() noexcept { return reinterpret_cast<char*>(this + 1); }
};

/// The end of a pipeline that one thread writes to; when that ends, another takes it over.
struct ThreadBuffer {
  // Touched by the owning thread only.
  Chunk* write_chunk = nullptr;
  char* position = nullptr;
  char* end = nullptr;
  std::uint32_t credits = 0;  // Items that may still be committed before asking for more.

  // Written by the owning thread, read by others.
  std::atomic<std::uint64_t> committed_items{0};
  std::atomic<Chunk*> first_chunk{nullptr};

  // Touched by the exporting thread only.
  alignas(64) Chunk* read_chunk = nullptr;
  std::uint32_t read_offset = 0;

  ThreadBuffer() noexcept = default;
  ThreadBuffer(const ThreadBuffer&) = delete;
  ThreadBuffer& operator=(const ThreadBuffer&) = delete;
  ~ThreadBuffer();
};

/// The calling thread's buffers of the pipelines that it used last.
struct ThreadSlot {
  std::uint64_t pipeline_id = 0;
  ThreadBuffer* buffer = nullptr;
};
inline constexpr std::size_t kThreadSlots = 8;
extern constinit thread_local ThreadSlot thread_slots[kThreadSlots];

}  // namespace detail

/// From the threads that record to one exporter: finished OTLP bytes of spans or log records,
/// gathered in the memory of each thread, taken from there by one exporting thread, framed as a
/// request with resource and scopes, and exported.
///
/// No lock and no shared cache line for an item: threads meet once a chunk (32 KiB) and once in up
/// to 64 items, when the bounds of the queue are checked. A full queue drops the newest item and
/// counts it.
///
/// Thread-safety: all members, from any thread. Lifetime: lives as long as the process, because
/// spans may; after `shutdown` it holds next to nothing.
class BatchPipeline {
 public:
  /// `signal` is kTraces or kLogs. Fails if an option is out of range or the thread cannot start.
  static Result<BatchPipeline*> create(Signal signal, const Resource& resource,
                                       const BatchOptions& options,
                                       std::shared_ptr<Exporter> exporter);

  BatchPipeline(const BatchPipeline&) = delete;
  BatchPipeline& operator=(const BatchPipeline&) = delete;

  /// Registers a scope; the number names it in `commit`.
  std::uint32_t add_scope(const InstrumentationScope& scope);

  /// Room for an item of `size` bytes, to be committed by this thread before it reserves again.
  /// Null if the item is dropped; it is counted.
  [[nodiscard]] char* reserve(std::size_t size) noexcept {
    detail::ThreadSlot& slot = detail::thread_slots[id_ % detail::kThreadSlots];
    if (slot.pipeline_id == id_) [[likely]] {
      detail::ThreadBuffer& buffer = *slot.buffer;
      if (static_cast<std::size_t>(buffer.end - buffer.position) >= size + kFrameSize &&
          buffer.credits != 0 && accepting_.load(std::memory_order_relaxed)) [[likely]] {
        return buffer.position + kFrameSize;
      }
    }
    return reserve_slowly(size);
  }

  /// Hands over the item reserved last: a whole `spans` or `log_records` field of `size` bytes.
  void commit(std::uint32_t scope, std::size_t size) noexcept {
    detail::ThreadBuffer& buffer = *detail::thread_slots[id_ % detail::kThreadSlots].buffer;
    const detail::ItemFrame frame{static_cast<std::uint32_t>(size), scope};
    __builtin_memcpy(buffer.position, &frame, sizeof(frame));
    buffer.position += kFrameSize + size;
    --buffer.credits;
    buffer.committed_items.store(buffer.committed_items.load(std::memory_order_relaxed) + 1,
                                 std::memory_order_relaxed);
    buffer.write_chunk->committed.store(
        static_cast<std::uint32_t>(buffer.position - buffer.write_chunk->data()),
        std::memory_order_release);
  }

  /// Whether items are still taken.
  [[nodiscard]] bool accepting() const noexcept {
    return accepting_.load(std::memory_order_relaxed);
  }
  /// Largest item that is taken.
  [[nodiscard]] std::size_t max_item_bytes() const noexcept {
    return options_.max_export_batch_bytes;
  }
  /// Counts an item that came after the shutdown.
  void count_late() noexcept { late_.fetch_add(1, std::memory_order_relaxed); }
  /// Counts an item that a limit of the caller refused.
  void count_refused() noexcept { dropped_full_.fetch_add(1, std::memory_order_relaxed); }

  [[nodiscard]] bool force_flush(std::chrono::milliseconds timeout) noexcept;
  bool shutdown(std::chrono::milliseconds timeout) noexcept;
  [[nodiscard]] BatchStatistics statistics() const noexcept;

 private:
  static constexpr std::size_t kFrameSize = sizeof(detail::ItemFrame);

  struct Shared;
  class Worker;
  friend class Worker;
  friend struct PipelineFork;
  friend struct OwnedBuffers;

  struct Scope {
    std::string bytes;   // The scope field of a ScopeSpans or ScopeLogs.
    std::string schema;  // Its schema_url field.
  };

  BatchPipeline(Signal signal, const Resource& resource, const BatchOptions& options,
                std::shared_ptr<Exporter> exporter);

  [[nodiscard]] const Scope& scope(std::uint32_t index) const;
  char* reserve_slowly(std::size_t size) noexcept;
  detail::ThreadBuffer* find_or_add_buffer();
  bool take_credits(detail::ThreadBuffer& buffer) noexcept;
  bool take_chunk(detail::ThreadBuffer& buffer, std::size_t size) noexcept;
  static void request_export(Shared& shared) noexcept;
  void start_worker(Shared& shared);
  void restart_in_child(std::shared_ptr<Exporter> exporter);

  const std::uint64_t id_;
  std::atomic<bool> accepting_{true};
  const Signal signal_;
  const BatchOptions options_;
  const std::uint32_t credit_block_;
  const std::string resource_bytes_;  // The resource field of a ResourceSpans or ResourceLogs.
  const std::string schema_bytes_;    // Its schema_url field.
  std::deque<Scope> scopes_;          // Grows only; guarded by a mutex that forks wait for.
  Shared* shared_;  // Replaced in a forked child, while it has one thread; the old one stays.

  alignas(64) std::atomic<std::int64_t> free_items_{0};
  std::atomic<std::uint64_t> exported_{0};
  std::atomic<std::uint64_t> dropped_full_{0};
  std::atomic<std::uint64_t> dropped_large_{0};
  std::atomic<std::uint64_t> dropped_failed_{0};
  std::atomic<std::uint64_t> late_{0};
};

}  // namespace signalbox::sdk

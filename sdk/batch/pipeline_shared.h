#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "sdk/batch/batch_pipeline.h"
#include "sdk/batch/chunk_pool.h"

namespace signalbox::sdk {

/// What the threads of one process share of a pipeline. A forked child gets a new one.
struct BatchPipeline::Shared {
  detail::ChunkPool chunks;
  std::atomic<bool> export_requested{false};  // Cleared by the worker when it looks.

  mutable std::mutex mutex;  // Guards all that follows.
  std::condition_variable wake;
  std::condition_variable done;
  std::shared_ptr<Exporter> exporter;
  std::thread thread;
  std::vector<std::shared_ptr<detail::ThreadBuffer>> buffers;
  std::vector<std::shared_ptr<detail::ThreadBuffer>>
      idle_buffers;  // Those whose threads have ended.
  std::uint64_t flush_requested = 0;
  std::uint64_t flush_done = 0;
  bool stop = false;
  bool stopped = false;
  bool abandoned = false;  // Stopped without waiting for the worker, which hangs in the exporter.
  std::chrono::steady_clock::time_point stop_deadline =
      std::chrono::steady_clock::time_point::max();
  std::uint64_t committed_by_removed = 0;  // Items of buffers that are no longer there.
  std::uint64_t settled = 0;               // Items whose fate is known.

  /// A buffer for a thread: one left by another, or a new one.
  std::shared_ptr<detail::ThreadBuffer> take_buffer() {
    if (!idle_buffers.empty()) {
      std::shared_ptr<detail::ThreadBuffer> buffer = std::move(idle_buffers.back());
      idle_buffers.pop_back();
      return buffer;
    }
    idle_buffers.reserve(buffers.size() + 1);  // A thread that ends cannot fail to leave its own.
    return buffers.emplace_back(std::make_shared<detail::ThreadBuffer>());
  }
  void remove(const detail::ThreadBuffer* buffer) noexcept {
    committed_by_removed += buffer->committed_items.load(std::memory_order_relaxed);
    std::erase_if(buffers, [&](const auto& each) { return each.get() == buffer; });
  }

  /// Items that were committed and whose fate is not known yet.
  [[nodiscard]] std::uint64_t unsettled() const noexcept {
    std::uint64_t committed = committed_by_removed;
    for (const auto& buffer : buffers) {
      committed += buffer->committed_items.load(std::memory_order_relaxed);
    }
    return committed - settled;
  }
  /// Settles those, as what the caller counts them.
  std::uint64_t settle_rest() noexcept {
    const std::uint64_t rest = unsettled();
    settled += rest;
    return rest;
  }
};

}  // namespace signalbox::sdk

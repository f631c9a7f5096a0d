#include <mutex>
#include <new>
#include <utility>

#include "sdk/common/fork.h"
#include "sdk/trace/span_recording.h"

namespace signalbox::trace::detail {
namespace {

struct ThreadList {
  SpanRecording* head = nullptr;
  std::uint32_t size = 0;
};
constinit thread_local ThreadList thread_list;
/// Set when this thread's list is gone: what ends later goes to the process's.
constinit thread_local bool thread_over = false;

// A thread that only ends what others start gives back this many at a time, and so do others take.
constexpr std::uint32_t kTransfer = 32;
constexpr std::uint32_t kMaxThreadList = 2 * kTransfer;
constexpr std::size_t kSlab = 16;

sdk::ForkSafeMutex pool_mutex;
constinit SpanRecording* pool_head = nullptr;
constinit std::size_t recordings = 0;

void push(ThreadList& list, SpanRecording* recording) noexcept {
  recording->next_free = std::exchange(list.head, recording);
  ++list.size;
}

SpanRecording* pop(ThreadList& list) noexcept {
  --list.size;
  return std::exchange(list.head, list.head->next_free);
}

void give_to_process(ThreadList& list, std::uint32_t count) noexcept {
  const std::scoped_lock lock(pool_mutex);
  while (count-- != 0 && list.head != nullptr) {
    SpanRecording* recording = pop(list);
    recording->next_free = std::exchange(pool_head, recording);
  }
}

void give_back_at_thread_exit() noexcept {
  struct GiveBack {
    ~GiveBack() {
      thread_over = true;
      give_to_process(thread_list, thread_list.size);
    }
  };
  static thread_local const GiveBack give_back;
  (void)give_back;
}

/// Fills the calling thread's empty list; false if that is impossible.
bool refill(ThreadList& list) noexcept {
  if (!thread_over) give_back_at_thread_exit();
  {
    const std::scoped_lock lock(pool_mutex);
    const std::uint32_t wanted = thread_over ? 1 : kTransfer;
    while (pool_head != nullptr && list.size < wanted) {
      push(list, std::exchange(pool_head, pool_head->next_free));
    }
    if (list.head != nullptr) return true;
    if (recordings + kSlab > RecordingPool::kMaxRecordings) return false;
    recordings += kSlab;
  }
  // Never freed: see SpanRecording.
  auto* slab = new (std::nothrow) SpanRecording[kSlab];
  if (slab == nullptr) {
    const std::scoped_lock lock(pool_mutex);
    recordings -= kSlab;
    return false;
  }
  for (std::size_t i = kSlab; i-- > 0;) push(list, slab + i);
  return true;
}

}  // namespace

SpanRecording* RecordingPool::take() noexcept {
  ThreadList& list = thread_list;
  if (list.head == nullptr && !refill(list)) [[unlikely]] {
    return nullptr;
  }
  return pop(list);
}

void RecordingPool::give_back(SpanRecording* recording) noexcept {
  ThreadList& list = thread_list;
  push(list, recording);
  if (list.size > kMaxThreadList) [[unlikely]] {
    give_to_process(list, kTransfer);
  } else if (thread_over) [[unlikely]] {
    give_to_process(list, list.size);
  } else if (list.size == 1) {
    give_back_at_thread_exit();
  }
}

}  // namespace signalbox::trace::detail

#include "sdk/common/fork.h"

#include <pthread.h>

#include <atomic>

namespace signalbox::sdk {
namespace {

// A forked child must find these lists whole whatever other threads were doing: entries are
// published by a store of the count and never removed. Static objects only, so a fixed capacity
// does.
constexpr int kMaxEntries = 32;
ForkSafeMutex* mutexes[kMaxEntries];
void (*child_handlers[kMaxEntries])() noexcept;
constinit std::atomic<int> mutex_count{0};
constinit std::atomic<int> handler_count{0};
constinit std::mutex registration;

void prepare() {
  const int count = mutex_count.load(std::memory_order_acquire);
  for (int i = 0; i < count; ++i) mutexes[i]->lock();
}

void parent() {
  const int count = mutex_count.load(std::memory_order_acquire);
  for (int i = count; i-- > 0;) mutexes[i]->unlock();
}

void child() {
  parent();
  const int count = handler_count.load(std::memory_order_acquire);
  for (int i = 0; i < count; ++i) child_handlers[i]();
}

void install_once() {
  static const int installed = pthread_atfork(prepare, parent, child);
  (void)installed;
}

template <typename T>
void add(T* entries, std::atomic<int>& count, T entry) {
  install_once();
  const std::scoped_lock lock(registration);
  const int index = count.load(std::memory_order_relaxed);
  if (index == kMaxEntries) return;
  entries[index] = entry;
  count.store(index + 1, std::memory_order_release);
}

}  // namespace

void at_fork_in_child(void (*in_child)() noexcept) noexcept {
  add(child_handlers, handler_count, in_child);
}

ForkSafeMutex::ForkSafeMutex() noexcept {
  add(mutexes, mutex_count, this);
}

}  // namespace signalbox::sdk

#pragma once

#include <mutex>

/// Surviving fork(): the child has one thread, the caller's, and a copy of everybody's memory.
namespace signalbox::sdk {

/// Calls `in_child` in each forked child, in the order of registration. For the life of the
/// process.
void at_fork_in_child(void (*in_child)() noexcept) noexcept;

/// A mutex that no vanished thread holds in a forked child: fork() waits until it is free. Of
/// static storage duration only; never lock one while holding another.
class ForkSafeMutex {
 public:
  ForkSafeMutex() noexcept;
  ForkSafeMutex(const ForkSafeMutex&) = delete;
  ForkSafeMutex& operator=(const ForkSafeMutex&) = delete;
  ~ForkSafeMutex() = default;

  void lock() { mutex_.lock(); }
  void unlock() { mutex_.unlock(); }

 private:
  std::mutex mutex_;
};

}  // namespace signalbox::sdk

#pragma once

#include <atomic>
#include <cstddef>

namespace signalbox::server::net {

/// The most connections that the servers which share it have together, whatever each may have: open
/// files are the process's, not a port's.
///
/// Thread-safety: all members from any thread.
class ConnectionCap {
 public:
  explicit ConnectionCap(std::size_t most) noexcept : most_(most) {}

  /// False, and nothing is taken, if there are as many as may be.
  [[nodiscard]] bool take() noexcept {
    if (count_.fetch_add(1) < most_) return true;
    --count_;
    return false;
  }
  void give_back() noexcept { --count_; }

 private:
  const std::size_t most_;
  std::atomic<std::size_t> count_{0};
};

}  // namespace signalbox::server::net

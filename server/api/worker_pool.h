#pragma once

#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace signalbox::server::api {

/// A few threads that run jobs which block, in order, with a limit on how many wait.
///
/// Thread-safety: `try_submit` from any thread. The destructor runs what was submitted, and joins.
class WorkerPool {
 public:
  /// Both > 0.
  WorkerPool(std::size_t threads, std::size_t max_queued);
  ~WorkerPool();
  WorkerPool(const WorkerPool&) = delete;
  WorkerPool& operator=(const WorkerPool&) = delete;

  /// False, and `job` is not taken, if as many wait as may. `job` must not throw.
  [[nodiscard]] bool try_submit(std::function<void()> job);

 private:
  void run();

  const std::size_t max_queued_;
  std::mutex mutex_;
  std::condition_variable ready_;
  std::deque<std::function<void()>> jobs_;
  bool stopping_ = false;
  std::vector<std::thread> threads_;
};

}  // namespace signalbox::server::api

#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "server/store/columns/block.h"
#include "server/store/log/log.h"

namespace signalbox::server::store {

/// A block on its way into the tables, and where the log has its requests.
///
/// One thread at a time has it: a lane while it is open, then the log's thread, then the committer.
struct Batch {
  std::uint64_t number = 0;   ///< In the log.
  std::int64_t identity = 0;  ///< Of its rows; 0 until it is sealed.
  /// The decoded rows. Null: they are to be read from the log again, because memory was short or an
  /// earlier process decoded them.
  std::unique_ptr<Block> block;
  std::vector<Log::Position> requests;  ///< Written by the log's thread only.
  /// Some of the rows in `block` are of requests that did not get into the log: they were refused,
  /// so they must not be stored.
  std::atomic<bool> is_spoilt{false};
  bool is_recovered = false;  ///< An earlier process left it in the log.
  /// An earlier process may have inserted it into some of its tables.
  bool is_in_doubt = false;
};

/// Empty blocks to be used again: their number bounds what decoded rows take of memory.
///
/// Thread-safety: all members from any thread.
class BlockPool {
 public:
  BlockPool(Registry& registry, std::size_t blocks) : registry_(registry), left_(blocks) {
    free_.reserve(blocks);  // So that none is lost when memory is short.
  }

  /// Null if all are still in use after `wait`.
  [[nodiscard]] std::unique_ptr<Block> take(std::chrono::milliseconds wait = {}) {
    std::unique_lock lock(mutex_);
    given_back_.wait_for(lock, wait, [&] { return !free_.empty() || left_ > 0 || !may_wait_; });
    if (!free_.empty()) {
      auto block = std::move(free_.back());
      free_.pop_back();
      return block;
    }
    if (left_ == 0) return nullptr;
    --left_;
    return std::make_unique<Block>(registry_);
  }

  void give_back(std::unique_ptr<Block> block) {
    block->clear();
    {
      const std::scoped_lock lock(mutex_);
      free_.push_back(std::move(block));
    }
    given_back_.notify_one();
  }

  /// From now on nobody waits.
  void end_waits() {
    {
      const std::scoped_lock lock(mutex_);
      may_wait_ = false;
    }
    given_back_.notify_all();
  }

 private:
  Registry& registry_;
  std::mutex mutex_;
  std::condition_variable given_back_;
  bool may_wait_ = true;
  std::vector<std::unique_ptr<Block>> free_;
  std::size_t left_;
};

}  // namespace signalbox::server::store

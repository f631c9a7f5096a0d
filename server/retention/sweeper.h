#pragma once

#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "server/retention/policy.h"
#include "server/store/engine/engine.h"

namespace signalbox::server::retention {

/// Removes data that is too old, or too much, by whole partitions, each a day: no row is rewritten.
///
/// Not thread-safe but for the counts. Lifetime: the engine outlives it.
class Sweeper {
 public:
  struct Options {
    /// What the data folder holds beside the tables, in bytes.
    std::function<std::uint64_t()> other_bytes = [] { return std::uint64_t{0}; };
    /// Told in sentences of what was removed, and of what cannot be done.
    std::function<void(const std::string&)> report = [](const std::string&) {};
  };

  Sweeper(store::Engine& engine, Options options);

  /// Removes what `policy` no longer keeps at `now`. The day of `now`, and later ones, stay, even
  /// beyond the limit of the disk: that is reported. Errors: store::EngineError; what was removed
  /// before stays removed.
  void sweep(const Policy& policy, std::chrono::system_clock::time_point now);

  /// Since the start. From any thread.
  [[nodiscard]] std::uint64_t removed_partitions() const noexcept { return removed_partitions_; }
  [[nodiscard]] std::uint64_t removed_bytes() const noexcept { return removed_bytes_; }

 private:
  struct Partition {
    std::string table;
    std::string id;
    std::chrono::sys_days day;
    Signal signal;
    std::uint64_t bytes;
  };
  /// Of tables with a signal, the oldest day first.
  std::vector<Partition> partitions();
  std::uint64_t table_bytes();
  void drop(const Partition& partition, const std::string& why);

  store::Engine& engine_;
  const Options options_;
  std::atomic<std::uint64_t> removed_partitions_{0};
  std::atomic<std::uint64_t> removed_bytes_{0};
};

}  // namespace signalbox::server::retention

#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "server/store/columns/side_tables.h"
#include "server/store/commit/batch.h"
#include "server/store/engine/engine.h"
#include "server/store/ingest.h"
#include "server/store/log/log.h"

namespace signalbox::server::store {

/// Brings sealed blocks into the tables, in the order of their identities, each table once.
///
/// Side tables get the rows of several blocks at once: small inserts are dear, and what they hold
/// is not needed at once. A block is done when they have its rows, too, so that after a crash it is
/// known that they may lack them.
///
/// An insert that fails is tried again until it succeeds: the requests are in the log. Whenever the
/// outcome of an insert is not known, the table is asked whether it has the block. A block that the
/// engine refuses again and again for a reason that does not pass is handed to `set_aside`, so that
/// it does not hold up all others.
///
/// Thread-safety: `submit`, `close` and `stats` from any thread. Lifetime: what it refers to
/// outlives it.
class Committer {
 public:
  struct Options {
    std::size_t parallel_inserts = 2;  ///< Tables of a block at one time. > 0.
    /// The side tables get their rows so long after the first block that has any, or …
    std::chrono::milliseconds side_interval{10'000};
    std::size_t side_rows = 250'000;  ///< … when blocks with so many rows wait for that, or …
    std::uint64_t side_log_bytes = 256ULL << 20;     ///< … when the log is so large: it keeps them.
    std::chrono::milliseconds first_retry{200};      ///< Doubles with each failure …
    std::chrono::milliseconds longest_retry{5'000};  ///< … up to this.
    std::size_t attempts_before_set_aside = 8;       ///< At reasons that do not pass. > 0.
    /// Called for each block that is in all its tables, or set aside, from the committer's thread.
    /// If it throws, it has done nothing, and is called again.
    std::function<void(const std::shared_ptr<Batch>&)> on_done;
    /// Called for a block that the engine refuses for good: keeps its requests elsewhere than in
    /// the log. Until it returns, instead of throwing, the block is tried again.
    std::function<void(const Batch&)> set_aside;
    /// For an operator: what went wrong, and what follows.
    std::function<void(const std::string&)> report;
  };

  struct Stats {
    std::uint64_t blocks = 0;           ///< In all their tables.
    std::uint64_t rows = 0;             ///< Of blocks in their tables, the side tables apart.
    std::uint64_t reloaded_blocks = 0;  ///< Were decoded again from the log.
    std::uint64_t failed_inserts = 0;   ///< Of one table each; tried again.
    std::uint64_t blocks_set_aside = 0;
    std::uint64_t refused_side_rows = 0;    ///< By the engine, again and again; left out.
    std::uint64_t unreadable_requests = 0;  ///< Could not be read from the log, or decoded, again.
    std::chrono::nanoseconds insert_time{0};
    std::size_t waiting_blocks = 0;  ///< Submitted and not done, side tables included.
    bool is_failing = false;         ///< The latest insert failed.
    std::string last_error;
  };

  Committer(Engine& engine, const Decoder& decoder, const Log& log, Registry& registry,
            BlockPool& pool, Options options);
  ~Committer();
  Committer(const Committer&) = delete;
  Committer& operator=(const Committer&) = delete;

  void submit(std::shared_ptr<Batch> batch);

  /// While there are such calls without an `end_hurry`, side tables do not wait for more rows.
  void begin_hurry();
  void end_hurry();

  /// Works off what was submitted, but begins nothing new after `deadline` and does not try again
  /// what failed; what is left stays in the log. Then ends the thread.
  void close(std::chrono::steady_clock::time_point deadline);

  [[nodiscard]] Stats stats() const;

 private:
  using Clock = std::chrono::steady_clock;
  enum class Result : std::uint8_t { kDone, kGivenUp, kRefused };
  struct Inserted {
    Result worst = Result::kDone;
    std::size_t refused_rows = 0;
  };

  void run();
  Result commit(Batch& batch);
  /// Until it is done; what it throws (memory is short, say) makes it begin again.
  Result commit_with_patience(Batch& batch);
  SealedBlock seal(Batch& batch);
  void reload(const Batch& batch);
  Result insert_descriptions(Batch& batch, const SealedBlock& sealed);
  Inserted insert_tables(const std::vector<TableRows>& tables, std::int64_t identity,
                         bool is_in_doubt);
  /// Of a block that is sealed: what the side tables do not have yet.
  void add_side_rows(const Batch& batch);
  [[nodiscard]] bool must_write_side_tables();
  /// The blocks in `without_side_rows_`, until they are done; false if that was given up.
  bool finish_blocks();
  bool insert_side_rows(bool is_in_doubt);
  /// Until `on_done` has taken it; false if that was given up.
  bool hand_over(const std::shared_ptr<Batch>& batch);
  /// With `identity` not 0 the table is asked whether it has that block before each attempt but, if
  /// not `is_in_doubt`, the first.
  Result insert(const TableRows& rows, std::int64_t identity, bool is_in_doubt);
  /// With ">=" of a side table: blocks come in order, so one that has a later block has this one.
  [[nodiscard]] bool has_block(std::string_view table, std::string_view comparison,
                               std::int64_t identity);
  void fail(std::string_view table, const std::string& error);
  /// Leaves out what cannot be told because memory is short.
  void report(std::string_view what, std::string_view why = {}) const noexcept;
  /// False if the committer is closing.
  bool wait(std::chrono::milliseconds pause);
  [[nodiscard]] bool must_end() const;

  Engine& engine_;
  const Decoder& decoder_;
  const Log& log_;
  BlockPool& pool_;
  const Options options_;
  Block reloaded_;  // For blocks whose rows are read from the log again.
  SideTables side_;
  std::vector<std::shared_ptr<Batch>> without_side_rows_;  // Which have rows in `side_`.
  std::size_t rows_without_side_rows_ = 0;                 // Of these.
  Clock::time_point side_due_;

  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::shared_ptr<Batch>> queue_;
  int hurries_ = 0;
  bool closing_ = false;
  Clock::time_point deadline_ = Clock::time_point::max();
  Stats stats_;
  std::thread thread_;
};

}  // namespace signalbox::server::store

#pragma once

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <list>
#include <mutex>
#include <optional>
#include <stop_token>
#include <thread>

namespace signalbox::server::store {

/// Ends statements that take longer than they may, or that nobody waits for any more. libchdb can
/// only end a statement from another connection, so a thread of its own does it, and repeats it:
/// a statement cannot be ended before the engine has begun it.
///
/// Thread-safety: all members from any thread. Lifetime: outlives its guards.
class StatementWatch {
 public:
  using Clock = std::chrono::steady_clock;
  enum class Verdict : std::uint8_t { kNone, kLate, kStopped };

  /// `kill` ends what runs on the connection with this number, and does nothing if nothing runs
  /// there. It may throw; it is called by one thread at a time.
  explicit StatementWatch(std::function<void(std::uint64_t connection)> kill);
  ~StatementWatch();
  StatementWatch(const StatementWatch&) = delete;
  StatementWatch& operator=(const StatementWatch&) = delete;

 private:
  struct Entry {
    std::uint64_t connection;
    Clock::time_point due;
    Verdict verdict = Verdict::kNone;
    bool being_killed = false;
  };

 public:
  /// Watches one statement for as long as it lives; after its destruction nothing on that
  /// connection is killed any more.
  class Guard {
   public:
    Guard(StatementWatch& watch, std::uint64_t connection, Clock::time_point deadline,
          const std::stop_token& stop);
    ~Guard();
    Guard(const Guard&) = delete;
    Guard& operator=(const Guard&) = delete;

    /// Why the statement was ended, if it was.
    [[nodiscard]] Verdict verdict() const;

   private:
    StatementWatch& watch_;
    std::list<Entry>::iterator entry_;
    std::optional<std::stop_callback<std::function<void()>>> on_stop_;
  };

 private:
  void run(const std::stop_token& end);
  void end_due_statements(std::unique_lock<std::mutex>& lock);
  [[nodiscard]] Clock::time_point next_due() const;

  std::function<void(std::uint64_t)> kill_;
  mutable std::mutex mutex_;
  std::condition_variable_any changed_;
  std::list<Entry> entries_;
  std::jthread thread_;
};

}  // namespace signalbox::server::store

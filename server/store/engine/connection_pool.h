#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include "server/store/engine/chdb_connection.h"
#include "server/store/engine/statement_watch.h"

namespace signalbox::server::store {

/// A read-only connection cannot change its settings, so the limits of a query are those of the
/// connection that runs it.
struct Limits {
  std::uint32_t execution_time_s = 0;  ///< 0: none of the three.
  std::uint64_t memory_bytes = 0;
  std::uint64_t result_rows = 0;
  friend bool operator==(const Limits&, const Limits&) = default;
};

/// How long a statement may take, the wait for a connection included, and who may end it.
struct Term {
  std::chrono::steady_clock::time_point deadline = std::chrono::steady_clock::time_point::max();
  std::stop_token stop = {};
};

/// Connections of one class of work, opened when first needed. A connection whose statement failed
/// is not used again.
///
/// Thread-safety: all members from any thread. Lifetime: `watch` outlives it; the destructor waits
/// for statements under way. Errors: EngineError; kTimeoutExceeded and kQueryWasCancelled when the
/// term of a statement ends it, kTooManySimultaneousQueries when it does so before it began.
class ConnectionPool {
 public:
  ConnectionPool(StatementWatch& watch, std::vector<std::string> arguments, std::size_t size);
  ~ConnectionPool();
  ConnectionPool(const ConnectionPool&) = delete;
  ConnectionPool& operator=(const ConnectionPool&) = delete;

  /// Runs `use(connection)` on a connection with `limits`.
  template <typename Use>
  auto run(const Limits& limits, const Term& term, Use&& use) {
    Lease lease(*this, limits, term);
    try {
      return std::forward<Use>(use)(lease.connection());
    } catch (const EngineError& error) {
      lease.give_up();
      lease.throw_if_ended(error);
      throw;
    } catch (...) {
      lease.give_up();
      throw;
    }
  }

  /// By which `watch` finds what runs on a connection: its value of the setting `log_comment`.
  static std::string mark_of(std::uint64_t connection);

 private:
  struct Slot {
    std::uint64_t number = 0;
    std::unique_ptr<ChdbConnection> connection;
    Limits limits;
    bool busy = false;
  };

  class Lease {
   public:
    Lease(ConnectionPool& pool, const Limits& limits, const Term& term);
    ~Lease();
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;

    ChdbConnection& connection() { return *slot_.connection; }
    void give_up() noexcept { failed_ = true; }
    void throw_if_ended(const EngineError& error) const;

   private:
    ConnectionPool& pool_;
    Slot& slot_;
    std::unique_ptr<StatementWatch::Guard> guard_;
    bool failed_ = false;
  };

  Slot& acquire(const Limits& limits, const Term& term);
  void release(Slot& slot);
  std::unique_ptr<ChdbConnection> open(const Slot& slot, const Limits& limits) const;

  StatementWatch& watch_;
  const std::vector<std::string> arguments_;
  std::mutex mutex_;
  std::condition_variable_any freed_;
  std::vector<Slot> slots_;
  std::size_t busy_ = 0;
};

}  // namespace signalbox::server::store

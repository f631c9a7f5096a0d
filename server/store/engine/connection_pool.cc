#include "server/store/engine/connection_pool.h"

#include <atomic>

namespace signalbox::server::store {
namespace {
std::atomic<std::uint64_t> last_number{0};

int rank(bool is_open, bool has_limits) {
  if (!is_open) return 1;
  return has_limits ? 2 : 0;
}

EngineError cancelled() {
  return {error_code::kQueryWasCancelled, "the statement was cancelled"};
}

}  // namespace

std::string ConnectionPool::mark_of(std::uint64_t connection) {
  return "signalbox-connection-" + std::to_string(connection);
}

ConnectionPool::ConnectionPool(StatementWatch& watch, std::vector<std::string> arguments,
                               std::size_t size)
    : watch_(watch), arguments_(std::move(arguments)), slots_(size) {
  for (Slot& slot : slots_) slot.number = ++last_number;
}

ConnectionPool::~ConnectionPool() {
  std::unique_lock lock(mutex_);
  freed_.wait(lock, [&] { return busy_ == 0; });
}

ConnectionPool::Slot& ConnectionPool::acquire(const Limits& limits, const Term& term) {
  std::unique_lock lock(mutex_);
  const auto has_free = [&] { return busy_ < slots_.size(); };
  const bool in_time = term.deadline == StatementWatch::Clock::time_point::max()
                           ? freed_.wait(lock, term.stop, has_free)
                           : freed_.wait_until(lock, term.stop, term.deadline, has_free);
  if (term.stop.stop_requested()) throw cancelled();
  if (!in_time) {
    throw EngineError(error_code::kTooManySimultaneousQueries,
                      "the engine is busy with other statements; try again later");
  }
  Slot* best = nullptr;
  int best_rank = -1;
  for (Slot& slot : slots_) {
    if (slot.busy) continue;
    const int of_slot = rank(slot.connection != nullptr, slot.limits == limits);
    if (of_slot > best_rank) {
      best = &slot;
      best_rank = of_slot;
    }
  }
  best->busy = true;
  ++busy_;
  return *best;
}

void ConnectionPool::release(Slot& slot) {
  {
    const std::scoped_lock lock(mutex_);
    slot.busy = false;
    --busy_;
  }
  freed_.notify_all();
}

std::unique_ptr<ChdbConnection> ConnectionPool::open(const Slot& slot, const Limits& limits) const {
  std::vector<std::string> arguments = arguments_;
  arguments.push_back("--log_comment=" + mark_of(slot.number));
  if (limits.execution_time_s != 0) {
    arguments.push_back("--max_execution_time=" + std::to_string(limits.execution_time_s));
    arguments.emplace_back("--timeout_overflow_mode=throw");
    arguments.push_back("--max_memory_usage=" + std::to_string(limits.memory_bytes));
    arguments.push_back("--max_result_rows=" + std::to_string(limits.result_rows));
    arguments.emplace_back("--result_overflow_mode=throw");
  }
  auto connection = std::make_unique<ChdbConnection>(std::move(arguments));
  connection->query("USE signalbox");
  return connection;
}

ConnectionPool::Lease::Lease(ConnectionPool& pool, const Limits& limits, const Term& term)
    : pool_(pool), slot_(pool.acquire(limits, term)) {
  try {
    if (slot_.connection == nullptr || slot_.limits != limits) {
      slot_.connection.reset();
      slot_.connection = pool_.open(slot_, limits);
      slot_.limits = limits;
    }
    guard_ = std::make_unique<StatementWatch::Guard>(pool_.watch_, slot_.number, term.deadline,
                                                     term.stop);
  } catch (...) {
    pool_.release(slot_);
    throw;
  }
}

ConnectionPool::Lease::~Lease() {
  guard_.reset();  // From here on nothing on this connection is killed.
  if (failed_) slot_.connection.reset();
  pool_.release(slot_);
}

void ConnectionPool::Lease::throw_if_ended(const EngineError& error) const {
  if (error.code() != error_code::kQueryWasCancelled) return;
  if (guard_->verdict() == StatementWatch::Verdict::kStopped) throw cancelled();
  if (guard_->verdict() == StatementWatch::Verdict::kLate) {
    throw EngineError(error_code::kTimeoutExceeded, "the statement took longer than it may");
  }
}

}  // namespace signalbox::server::store

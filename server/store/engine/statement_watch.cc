#include "server/store/engine/statement_watch.h"

#include <algorithm>
#include <exception>
#include <utility>

namespace signalbox::server::store {
namespace {

constexpr std::chrono::milliseconds kRepeatAfter{50};

}  // namespace

StatementWatch::StatementWatch(std::function<void(std::uint64_t connection)> kill)
    : kill_(std::move(kill)), thread_([this](const std::stop_token& end) { run(end); }) {}

StatementWatch::~StatementWatch() = default;

StatementWatch::Guard::Guard(StatementWatch& watch, std::uint64_t connection,
                             Clock::time_point deadline, const std::stop_token& stop)
    : watch_(watch) {
  {
    const std::scoped_lock lock(watch_.mutex_);
    entry_ = watch_.entries_.insert(watch_.entries_.end(), {connection, deadline});
  }
  watch_.changed_.notify_all();
  if (!stop.stop_possible()) return;
  on_stop_.emplace(stop, [this] {
    {
      const std::scoped_lock lock(watch_.mutex_);
      entry_->due = Clock::now();
      entry_->verdict = Verdict::kStopped;
    }
    watch_.changed_.notify_all();
  });
}

StatementWatch::Guard::~Guard() {
  on_stop_.reset();
  std::unique_lock lock(watch_.mutex_);
  watch_.changed_.wait(lock, [&] { return !entry_->being_killed; });
  watch_.entries_.erase(entry_);
}

StatementWatch::Verdict StatementWatch::Guard::verdict() const {
  const std::scoped_lock lock(watch_.mutex_);
  return entry_->verdict;
}

void StatementWatch::run(const std::stop_token& end) {
  std::unique_lock lock(mutex_);
  while (!end.stop_requested()) {
    const Clock::time_point due = next_due();
    const auto changed = [&] { return next_due() < due || next_due() <= Clock::now(); };
    if (due == Clock::time_point::max()) {
      changed_.wait(lock, end, changed);
    } else {
      changed_.wait_until(lock, end, due, changed);
    }
    end_due_statements(lock);
  }
}

void StatementWatch::end_due_statements(std::unique_lock<std::mutex>& lock) {
  // An entry that is being killed stays where it is: its guard waits.
  for (auto entry = entries_.begin(); entry != entries_.end(); ++entry) {
    if (entry->due > Clock::now()) continue;
    if (entry->verdict == Verdict::kNone) entry->verdict = Verdict::kLate;
    entry->being_killed = true;
    lock.unlock();
    try {
      kill_(entry->connection);
    } catch (const std::exception&) {  // NOLINT(bugprone-empty-catch): tried again below.
    }
    lock.lock();
    entry->being_killed = false;
    entry->due = Clock::now() + kRepeatAfter;
    changed_.notify_all();
  }
}

StatementWatch::Clock::time_point StatementWatch::next_due() const {
  auto due = Clock::time_point::max();
  for (const Entry& entry : entries_) due = std::min(due, entry.due);
  return due;
}

}  // namespace signalbox::server::store

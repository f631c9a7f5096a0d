#include "server/store/engine/statement_watch.h"

#include <gtest/gtest.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <stdexcept>
#include <stop_token>
#include <thread>
#include <vector>

namespace signalbox::server::store {
namespace {

using Clock = StatementWatch::Clock;
using Verdict = StatementWatch::Verdict;

/// Kills that a test waits for.
class Kills {
 public:
  void add(std::uint64_t connection) {
    {
      const std::scoped_lock lock(mutex_);
      all_.push_back(connection);
    }
    changed_.notify_all();
  }
  /// False if there were not so many in time.
  bool reach(std::size_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(10), [&] { return all_.size() >= count; });
  }
  std::vector<std::uint64_t> all() {
    const std::scoped_lock lock(mutex_);
    return all_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::uint64_t> all_;
};

TEST(StatementWatch, EndsAStatementThatIsLateAndRepeatsIt) {
  Kills kills;
  StatementWatch watch([&](std::uint64_t connection) { kills.add(connection); });
  const StatementWatch::Guard patient(watch, 1, Clock::time_point::max(), {});
  const StatementWatch::Guard late(watch, 2, Clock::now(), {});

  EXPECT_TRUE(kills.reach(3));

  EXPECT_EQ(kills.all()[0], 2u);
  EXPECT_EQ(kills.all()[2], 2u);
  EXPECT_EQ(late.verdict(), Verdict::kLate);
  EXPECT_EQ(patient.verdict(), Verdict::kNone);
}

TEST(StatementWatch, EndsAStatementThatIsStopped) {
  Kills kills;
  StatementWatch watch([&](std::uint64_t connection) { kills.add(connection); });
  std::stop_source stop;
  const StatementWatch::Guard guard(watch, 7, Clock::time_point::max(), stop.get_token());

  stop.request_stop();

  EXPECT_TRUE(kills.reach(1));
  EXPECT_EQ(guard.verdict(), Verdict::kStopped);
}

TEST(StatementWatch, GoesOnAfterAFailedAttempt) {
  Kills kills;
  StatementWatch watch([&](std::uint64_t connection) {
    kills.add(connection);
    throw std::runtime_error("no connection");
  });
  const StatementWatch::Guard guard(watch, 7, Clock::now(), {});
  EXPECT_TRUE(kills.reach(2));
}

// The next statement on the connection must not be hit by what was meant for this one.
TEST(StatementWatch, KillsNothingOnceTheStatementHasEnded) {
  std::mutex mutex;
  std::uint64_t running = 0;
  bool hit_another = false;
  StatementWatch watch([&](std::uint64_t connection) {
    std::this_thread::yield();
    const std::scoped_lock lock(mutex);
    hit_another = hit_another || running != connection;
  });
  for (std::uint64_t statement = 1; statement <= 500; ++statement) {
    {
      const std::scoped_lock lock(mutex);
      running = statement;
    }
    std::stop_source stop;
    {
      const StatementWatch::Guard guard(watch, statement, Clock::now(), stop.get_token());
      std::jthread stopper([&] { stop.request_stop(); });
      if (statement % 3 == 0) stopper.join();
    }
  }
  EXPECT_FALSE(hit_another);
}

}  // namespace
}  // namespace signalbox::server::store

#include "signalbox/integrations/asio_context.h"

#include <gtest/gtest.h>

#include <atomic>
#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/thread_pool.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/use_future.hpp>
#include <chrono>
#include <cstdint>
#include <future>
#include <optional>
#include <random>
#include <set>
#include <thread>
#include <vector>

#include "signalbox/trace/span.h"

namespace signalbox::integrations {
namespace {

namespace asio = boost::asio;
using context::Context;

// A context that is told apart from others by a number.
Context numbered(std::uint64_t number) {
  std::array<std::uint8_t, 16> trace_id{1};
  std::array<std::uint8_t, 8> span_id{};
  for (std::size_t i = 0; i < 8; ++i) {
    span_id[i] = static_cast<std::uint8_t>(number >> (8 * i));
  }
  return Context().with_span_context(
      {trace::TraceId(trace_id), trace::SpanId(span_id), trace::kTraceFlagsSampled});
}

bool is_current(const Context& expected) {
  return context::current().span_context() == expected.span_context();
}

bool nothing_is_current() {
  return !context::current().span_context().is_valid();
}

asio::awaitable<void> pause(int microseconds) {
  asio::steady_timer timer(co_await asio::this_coro::executor,
                           std::chrono::microseconds(microseconds));
  co_await timer.async_wait(asio::use_awaitable);
}

void run(asio::io_context& io, int threads) {
  std::vector<std::jthread> pool;
  pool.reserve(threads);
  for (int i = 0; i < threads; ++i) {
    pool.emplace_back([&io] {
      io.run();
      EXPECT_TRUE(nothing_is_current());
    });
  }
}

TEST(ContextExecutor, RestoresTheContextWhenACoroutineGoesOn) {
  asio::io_context io;
  const Context mine = numbered(1);
  int checks = 0;
  asio::co_spawn(
      ContextExecutor(io.get_executor()),
      [&]() -> asio::awaitable<void> {
        const context::Scope scope(mine);
        co_await pause(100);
        checks += is_current(mine) ? 1 : 0;
        co_await asio::post(asio::use_awaitable);
        checks += is_current(mine) ? 1 : 0;
      },
      asio::detached);
  while (io.run_one() > 0) EXPECT_TRUE(nothing_is_current());
  EXPECT_EQ(checks, 2);
}

// A Scope that was opened before a suspension must still find itself afterwards.
TEST(ContextExecutor, LetsScopesCloseInWhicheverThreadTheCoroutineIs) {
  asio::io_context io;
  bool outer_is_back = false;
  bool nothing_is_back = false;
  asio::co_spawn(
      ContextExecutor(io.get_executor()),
      [&]() -> asio::awaitable<void> {
        {
          const context::Scope outer(numbered(1));
          {
            const context::Scope inner(numbered(2));
            co_await pause(100);
            co_await asio::post(asio::use_awaitable);
          }
          outer_is_back = is_current(numbered(1));
          co_await pause(100);
        }
        nothing_is_back = nothing_is_current();
      },
      asio::detached);
  // Each step in a thread of its own.
  for (bool more = true; more;) {
    std::thread([&] { more = io.run_one() > 0; }).join();
  }
  EXPECT_TRUE(outer_is_back);
  EXPECT_TRUE(nothing_is_back);
}

TEST(ContextExecutor, StartsAChildInACopyOfItsSpawnersContext) {
  asio::io_context io;
  const Context parent = numbered(1);
  const Context child = numbered(2);
  bool child_inherits = false;
  bool parent_keeps = false;
  bool child_keeps = false;
  asio::co_spawn(
      ContextExecutor(io.get_executor()),
      [&]() -> asio::awaitable<void> {
        std::optional<context::Scope> scope(std::in_place, parent);
        asio::co_spawn(
            co_await asio::this_coro::executor,
            [&]() -> asio::awaitable<void> {
              child_inherits = is_current(parent);
              const context::Scope own(child);
              co_await pause(3000);
              child_keeps = is_current(child);
            },
            asio::detached);
        co_await pause(1000);
        parent_keeps = is_current(parent);
        scope.reset();
      },
      asio::detached);
  io.run();
  EXPECT_TRUE(child_inherits);
  EXPECT_TRUE(parent_keeps);
  EXPECT_TRUE(child_keeps);
}

TEST(ContextExecutor, RunsAFunctionInTheContextThatWasCurrentWhenItWasPosted) {
  asio::thread_pool pool(2);
  const ContextExecutor executor(pool.get_executor());
  std::future<bool> result;
  {
    const context::Scope scope(numbered(7));
    result = asio::post(executor, asio::use_future([] { return is_current(numbered(7)); }));
  }
  EXPECT_TRUE(result.get());
  pool.join();
}

TEST(ContextExecutor, KeepsTheContextWhenAnOperationFailsOrIsCancelled) {
  asio::io_context io;
  bool kept = false;
  asio::steady_timer timer(io, std::chrono::hours(1));
  asio::co_spawn(
      ContextExecutor(io.get_executor()),
      [&]() -> asio::awaitable<void> {
        const context::Scope scope(numbered(3));
        try {
          co_await timer.async_wait(asio::use_awaitable);
        } catch (const boost::system::system_error&) {
          kept = is_current(numbered(3));
        }
      },
      asio::detached);
  asio::post(io, [&] {
    const context::Scope other(numbered(4));
    timer.cancel();
  });
  io.run();
  EXPECT_TRUE(kept);
}

TEST(ContextExecutor, LeavesTheThreadsContextAloneWhenAHandlerThrows) {
  asio::io_context io;
  asio::post(ContextExecutor(io.get_executor()), [] {
    const context::Scope scope(numbered(5));
    throw std::runtime_error("expected");
  });
  EXPECT_THROW(io.run(), std::runtime_error);
  EXPECT_TRUE(nothing_is_current());
}

TEST(ContextExecutor, IsEqualToItsCopiesOnly) {
  asio::io_context io;
  asio::io_context other_io;
  const ContextExecutor executor(io.get_executor());
  EXPECT_EQ(executor, ContextExecutor(io.get_executor()));
  EXPECT_NE(executor, ContextExecutor(other_io.get_executor()));
  const asio::any_io_executor any(executor);
  EXPECT_EQ(any, asio::any_io_executor(executor));
  EXPECT_NE(any, asio::any_io_executor(io.get_executor()));
  EXPECT_EQ(&asio::query(any, asio::execution::context), &io);
}

// Many tasks on several threads, each nesting scopes, awaiting at random and spawning children that
// do the same: each must see its own context after every suspension.
class ManyTasks {
 public:
  void start(const asio::any_io_executor& executor, std::uint64_t tasks) {
    for (std::uint64_t i = 0; i < tasks; ++i) {
      asio::co_spawn(executor, task((i + 1) << 32, 3), asio::detached);
    }
  }
  [[nodiscard]] int checks() const { return checks_; }
  [[nodiscard]] int mixed_up() const { return mixed_up_; }

 private:
  void check(const Context& expected) {
    ++checks_;
    if (!is_current(expected)) ++mixed_up_;
  }

  asio::awaitable<void> task(std::uint64_t number, int children) {
    std::minstd_rand random(static_cast<std::uint32_t>(number >> 32) * 31 + children);
    const Context mine = numbered(number);
    const context::Scope scope(mine);
    for (int step = 0; step < 4; ++step) {
      co_await nested(number + 1 + step, random() % 700);
      check(mine);
      if (step < children) {
        asio::co_spawn(co_await asio::this_coro::executor,
                       task(number + (std::uint64_t{1} << (16 + 4 * children)), children - 1),
                       asio::detached);
        check(mine);
      }
      co_await asio::post(asio::use_awaitable);
      check(mine);
    }
  }

  asio::awaitable<void> nested(std::uint64_t number, std::uint32_t microseconds) {
    const Context mine = numbered(number);
    const context::Scope scope(mine);
    co_await pause(static_cast<int>(microseconds));
    check(mine);
    if (microseconds > 100) co_await nested(number + 8, microseconds / 2 + 1);
    check(mine);
  }

  std::atomic<int> checks_{0};
  std::atomic<int> mixed_up_{0};
};

TEST(ContextExecutor, NeverMixesUpHundredsOfConcurrentTasks) {
  asio::io_context io;
  ManyTasks tasks;
  tasks.start(ContextExecutor(io.get_executor()), 300);
  run(io, 4);
  EXPECT_EQ(tasks.mixed_up(), 0);
  EXPECT_GT(tasks.checks(), 300 * 15 * 10);
}

TEST(ContextExecutor, NeverMixesUpTasksOnStrands) {
  asio::io_context io;
  ManyTasks tasks;
  for (int i = 0; i < 20; ++i) {
    tasks.start(ContextExecutor(asio::make_strand(io)), 5);
  }
  run(io, 4);
  EXPECT_EQ(tasks.mixed_up(), 0);
}

TEST(ContextExecutor, WrapsAnExecutorOfAnyType) {
  asio::thread_pool pool(3);
  ManyTasks tasks;
  tasks.start(ContextExecutor(asio::any_io_executor(pool.get_executor())), 50);
  pool.join();
  EXPECT_EQ(tasks.mixed_up(), 0);
  EXPECT_GT(tasks.checks(), 0);
}

}  // namespace
}  // namespace signalbox::integrations

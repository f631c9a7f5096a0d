#include "sdk/common/random.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <bit>
#include <set>
#include <thread>
#include <vector>

namespace signalbox::sdk {
namespace {

TEST(Random, ThreadsDrawDifferentNumbers) {
  std::vector<std::vector<std::uint64_t>> drawn(4);
  std::vector<std::thread> threads;
  threads.reserve(drawn.size());
  for (auto& numbers : drawn) {
    threads.emplace_back([&numbers] {
      for (int i = 0; i < 10'000; ++i) numbers.push_back(random_uint64());
    });
  }
  for (std::thread& thread : threads) thread.join();
  std::set<std::uint64_t> all;
  for (const auto& numbers : drawn) all.insert(numbers.begin(), numbers.end());
  EXPECT_EQ(all.size(), 40'000U);
}

TEST(Random, EveryBitIsSetHalfTheTime) {
  int set[64] = {};
  constexpr int kDraws = 20'000;
  for (int i = 0; i < kDraws; ++i) {
    const std::uint64_t number = random_uint64();
    for (int bit = 0; bit < 64; ++bit) set[bit] += static_cast<int>((number >> bit) & 1);
  }
  // Seven standard deviations of a binomial distribution: 71 each.
  for (const int count : set) EXPECT_NEAR(count, 0.5 * kDraws, 500);
}

// A child that went on with the parent's generator would give its spans the parent's ids.
TEST(Random, AForkedChildDrawsOtherNumbers) {
  (void)random_uint64();
  int ends[2];
  ASSERT_EQ(pipe(ends), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  const std::uint64_t number = random_uint64();
  if (child == 0) {
    const bool sent = write(ends[1], &number, sizeof(number)) == sizeof(number);
    _exit(sent ? 0 : 1);
  }
  std::uint64_t of_child = 0;
  ASSERT_EQ(read(ends[0], &of_child, sizeof(of_child)), static_cast<ssize_t>(sizeof(of_child)));
  close(ends[0]);
  close(ends[1]);
  EXPECT_NE(number, of_child);
  int status = -1;
  EXPECT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
}

}  // namespace
}  // namespace signalbox::sdk

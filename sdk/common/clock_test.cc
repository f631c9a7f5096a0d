#include "sdk/common/clock.h"

#include <gtest/gtest.h>

#include <chrono>

namespace signalbox::sdk {
namespace {

std::uint64_t system_ns() {
  return detail::system_clock_ns();
}

TEST(Clock, StaysWithTheSystemsClockBeforeAndAfterItIsTied) {
  for (int tie = 0; tie < 4; ++tie) {
    const std::uint64_t start = system_ns();
    // Long enough a baseline for the next tie to count.
    while (system_ns() - start < 25'000'000) {
      const std::uint64_t before = system_ns();
      const std::uint64_t now = read_clock().unix_ns;
      const std::uint64_t after = system_ns();
      constexpr std::uint64_t kTolerance = 1'000'000;
      ASSERT_GE(now + kTolerance, before);
      ASSERT_LE(now, after + kTolerance);
    }
    tie_clock();
  }
}

TEST(Clock, TimeSinceAStartNeverRunsBackwards) {
  const ClockReading start = read_clock();
  std::uint64_t last = start.unix_ns;
  for (int i = 0; i < 10'000; ++i) {
    if (i % 1000 == 0) tie_clock();
    const std::uint64_t now = read_clock_since(start);
    ASSERT_GE(now + 1000, last);
    ASSERT_GE(now, start.unix_ns);
    last = now;
  }
  const ClockReading future{start.unix_ns + 3'600'000'000'000, 0};
  EXPECT_EQ(read_clock_since(future), future.unix_ns);
}

}  // namespace
}  // namespace signalbox::sdk

#include "sdk/export/retry.h"

#include <gtest/gtest.h>

namespace signalbox::sdk {
namespace {

using std::chrono::milliseconds;

constexpr RetryOptions kOptions{
    .initial_backoff = milliseconds(1000), .max_backoff = milliseconds(3000), .multiplier = 2.0};

TEST(Backoff, GrowsToItsLimitAndVariesByAFifth) {
  for (std::uint64_t seed = 1; seed < 200; ++seed) {
    Backoff backoff(kOptions, seed);
    for (const int expected_ms : {1000, 2000, 3000, 3000}) {
      const auto wait = backoff.next();
      EXPECT_GE(wait.count(), expected_ms * 8 / 10) << "seed " << seed;
      EXPECT_LE(wait.count(), expected_ms * 12 / 10) << "seed " << seed;
    }
  }
}

TEST(Backoff, DiffersFromClientToClient) {
  EXPECT_NE(Backoff(kOptions, 1).next(), Backoff(kOptions, 2'000'000'000).next());
}

TEST(Backoff, WaitsAtLeastAsLongAsTheServerAsks) {
  Backoff backoff(kOptions, 1);
  EXPECT_EQ(backoff.next(milliseconds(60'000)), milliseconds(60'000));
  EXPECT_GE(backoff.next(milliseconds(1)), milliseconds(1600));
}

}  // namespace
}  // namespace signalbox::sdk

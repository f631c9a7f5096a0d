#include "server/net/pace.h"

#include <gtest/gtest.h>

namespace signalbox::server::net {
namespace {

using namespace std::chrono_literals;

constexpr Pace::Limits kLimits{
    .silence = 20s, .stretch = 30s, .bytes_in_stretch = 3000, .whole = 300s};

/// When a sender of `bytes` each `interval` is given up.
std::chrono::seconds given_up_after(std::size_t bytes, std::chrono::seconds interval) {
  const Pace::TimePoint start{};
  Pace pace(kLimits, start);
  Pace::TimePoint now = start;
  while (now + interval < pace.deadline()) {
    now += interval;
    pace.progress(bytes, now);
  }
  return std::chrono::duration_cast<std::chrono::seconds>(pace.deadline() - start);
}

TEST(Pace, EndsWithSilence) {
  EXPECT_EQ(given_up_after(1'000'000, 25s), 20s);
}

TEST(Pace, EndsWithTheFirstStretchThatBringsTooLittle) {
  EXPECT_EQ(given_up_after(1, 10s), 30s);
}

TEST(Pace, EndsSoonAfterALargeBeginningOfATrickle) {
  const Pace::TimePoint start{};
  Pace pace(kLimits, start);
  pace.progress(64'000'000, start + 1s);
  for (auto at = start + 10s; at < pace.deadline(); at += 10s) pace.progress(1, at);

  EXPECT_LE(pace.deadline(), start + 60s);
}

TEST(Pace, LetsASteadySenderGoOnUntilTheWholeTimeIsOver) {
  EXPECT_EQ(given_up_after(2000, 10s), 300s);
}

}  // namespace
}  // namespace signalbox::server::net

#include "demo/loadgen/statistics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace signalbox::demo {
namespace {

using std::chrono::milliseconds;
using ::testing::HasSubstr;

TEST(Statistics, CountsStatusesAndFailuresOfEachEndpoint) {
  Statistics statistics;
  statistics.answered("GET /", 200, milliseconds(1));
  statistics.answered("GET /", 404, milliseconds(1));
  statistics.answered("GET /", 200, milliseconds(1));
  statistics.failed("GET /");
  statistics.failed("GET /external");

  EXPECT_EQ(statistics.requests(), 5U);
  EXPECT_EQ(statistics.failures(), 2U);
  EXPECT_THAT(statistics.table(), HasSubstr("200: 2, 404: 1"));
}

TEST(Statistics, ShowsTheMedianAndTheHighestPercentile) {
  Statistics statistics;
  for (int i = 1; i <= 100; ++i) statistics.answered("GET /", 200, milliseconds(i));

  EXPECT_THAT(statistics.table(), HasSubstr("50.0      99.0"));
}

TEST(Statistics, KeepsDurationsOfAnyLength) {
  Statistics statistics;
  statistics.answered("GET /", 200, std::chrono::hours(10));

  EXPECT_THAT(statistics.table(), HasSubstr("60000.0"));
}

}  // namespace
}  // namespace signalbox::demo

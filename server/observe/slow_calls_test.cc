#include "server/observe/slow_calls.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace signalbox::server::observe {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

/// The lines about one call that took `duration`.
std::vector<std::string> lines_of(std::chrono::milliseconds duration) {
  std::vector<std::string> lines;
  Reporter::Options options;
  options.sink = [&](Reporter::Level /*level*/, const std::string& line) { lines.push_back(line); };
  Reporter reporter(options);
  api::ApiCall call;
  call.route = "/api/v1/traces";
  call.target = "/api/v1/traces?q=a";
  call.status = 504;
  call.duration = duration;
  call.rows_read = 12;
  report_slow(call, reporter);
  return lines;
}

TEST(SlowCalls, AreReportedWithWhatTheyCost) {
  EXPECT_THAT(lines_of(std::chrono::milliseconds(1540)),
              ElementsAre("Slow query, 1.5 s: /api/v1/traces?q=a read 12 rows, answered 504"));
}

TEST(SlowCalls, AreNoneBelowASecond) {
  EXPECT_THAT(lines_of(std::chrono::milliseconds(999)), IsEmpty());
}

}  // namespace
}  // namespace signalbox::server::observe

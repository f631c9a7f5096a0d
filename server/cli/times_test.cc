#include "server/cli/times.h"

#include <gtest/gtest.h>

#include <cstdlib>
#include <ctime>
#include <string>

#include "server/cli/failure.h"

namespace signalbox::server::cli {
namespace {

constexpr std::int64_t kSecond = 1'000'000'000;
constexpr std::int64_t kNow = 1'764'597'600 * kSecond;  // 2025-12-01T14:00:00Z
constexpr std::int64_t kMidnight = kNow - 14 * 3600 * kSecond;

class Times : public ::testing::Test {
 protected:
  Times() { use_zone("UTC"); }
  ~Times() override { use_zone("UTC"); }

  static void use_zone(const char* zone) {
    setenv("TZ", zone, 1);
    tzset();
  }
  static std::int64_t at(const std::string& text) {
    const auto time = parse_time(text, kNow);
    EXPECT_TRUE(time.has_value()) << text;
    return time.value_or(0);
  }
};

TEST_F(Times, AreReadAsPeopleWriteThem) {
  EXPECT_EQ(at("now"), kNow);
  EXPECT_EQ(at("15m"), kNow - 900 * kSecond);
  EXPECT_EQ(at("2h ago"), kNow - 7200 * kSecond);
  EXPECT_EQ(at("2025-12-01"), kMidnight);
  EXPECT_EQ(at("2025-12-01 14:00"), kNow);
  EXPECT_EQ(at("2025-12-01T14:00:01.25Z"), kNow + kSecond + kSecond / 4);
  EXPECT_EQ(at("2025-12-01T15:30:00+01:30"), kNow);
  EXPECT_EQ(at("2025-12-01T13:00:00-0100"), kNow);
  EXPECT_EQ(at("today"), kMidnight);
  EXPECT_EQ(at("9:30"), kMidnight + (9 * 3600 + 1800) * kSecond);
  EXPECT_EQ(at("yesterday 14:00"), kNow - 86'400 * kSecond);
}

TEST_F(Times, AreLocalUnlessTheyNameTheirZone) {
  use_zone("<+02>-2");
  EXPECT_EQ(at("2025-12-01 16:00"), kNow);
  EXPECT_EQ(at("2025-12-01T14:00:00Z"), kNow);
  EXPECT_EQ(date_time_text(kNow), "2025-12-01 16:00:00.000");
  EXPECT_EQ(at("today"), kMidnight - 2 * 3600 * kSecond);
}

TEST_F(Times, AreRefusedIfTheyAreNone) {
  for (const char* const text :
       {"", "soon", "14", "25:00", "14:60", "2025-13-01", "2025-12-01 x", "2025-12-01T14:00:00Zx",
        "yesterdayx", "yesterday ", "-5m", "15", "1.5h", "99999999999999d"}) {
    EXPECT_FALSE(parse_time(text, kNow)) << text;
  }
}

TEST_F(Times, MakeARange) {
  EXPECT_EQ(parse_range({}, kNow).start_ns, kNow - 900 * kSecond);
  EXPECT_EQ(parse_range({.since = "1h"}, kNow).end_ns, kNow);
  const Range range = parse_range({.from = "13:00", .to = "13:30"}, kNow);
  EXPECT_EQ(range.end_ns - range.start_ns, 1800 * kSecond);
  EXPECT_EQ(parse_range({.to = "13:00"}, kNow).start_ns, kNow - (3600 + 900) * kSecond);
  EXPECT_THROW(parse_range({.from = "13:00", .to = "12:00"}, kNow), Failure);
  EXPECT_THROW(parse_range({.since = "x"}, kNow), Failure);
}

}  // namespace
}  // namespace signalbox::server::cli

#include "server/config/quantity.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace signalbox::server::config {
namespace {

using std::chrono::hours;
using std::chrono::seconds;

TEST(Quantity, ReadsSizes) {
  EXPECT_EQ(parse_size("0"), 0U);
  EXPECT_EQ(parse_size("1000"), 1000U);
  EXPECT_EQ(parse_size("100GiB"), std::uint64_t{100} << 30);
  EXPECT_EQ(parse_size("512 MiB"), std::uint64_t{512} << 20);
  for (const char* bad : {"", "GiB", "1.5GiB", "-1", "1GB", "1 GiB x", "18446744073709551615KiB"}) {
    EXPECT_THROW(parse_size(bad), std::invalid_argument) << bad;
  }
}

TEST(Quantity, ReadsAges) {
  EXPECT_EQ(parse_age("0"), seconds(0));
  EXPECT_EQ(parse_age("15d"), hours(15 * 24));
  EXPECT_EQ(parse_age("2w"), hours(14 * 24));
  EXPECT_EQ(parse_age("36h"), hours(36));
  EXPECT_EQ(parse_age("90m"), seconds(5400));
  for (const char* bad : {"", "15", "d", "1y", "-1d", "99999999999d", "200000d"}) {
    EXPECT_THROW(parse_age(bad), std::invalid_argument) << bad;
  }
}

TEST(Quantity, WritesWhatItReads) {
  for (const char* text : {"0", "1B", "1023B", "1KiB", "100GiB", "3TiB"}) {
    EXPECT_EQ(size_text(parse_size(text)), text);
  }
  for (const char* text : {"0", "15d", "36h", "90m", "7s"}) {
    EXPECT_EQ(age_text(parse_age(text)), text);
  }
}

TEST(Quantity, ReadsIntegersWithinTheirRange) {
  EXPECT_EQ(parse_integer("7", 1, 7), 7U);
  for (const char* bad : {"", "0", "8", "+7", "7.0", "0x7", "99999999999999999999"}) {
    EXPECT_THROW(parse_integer(bad, 1, 7), std::invalid_argument) << bad;
  }
}

}  // namespace
}  // namespace signalbox::server::config

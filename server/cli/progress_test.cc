#include "server/cli/progress.h"

#include <gtest/gtest.h>

namespace signalbox::server::cli {
namespace {

TEST(Progress, WritesNumbersForPeople) {
  EXPECT_EQ(grouped(0), "0");
  EXPECT_EQ(grouped(999), "999");
  EXPECT_EQ(grouped(1000), "1,000");
  EXPECT_EQ(grouped(1234567), "1,234,567");
  EXPECT_EQ(bytes_text(1023), "1023 bytes");
  EXPECT_EQ(bytes_text(5'452'595), "5.2 MiB");
}

TEST(Progress, NamesTheRecordsThatThereAre) {
  EXPECT_EQ(records_text(0, 0, 0), "no records");
  EXPECT_EQ(records_text(1, 0, 0), "1 span");
  EXPECT_EQ(records_text(0, 1, 2), "1 log record and 2 metric points");
  EXPECT_EQ(records_text(3000, 2, 1), "3,000 spans, 2 log records and 1 metric point");
}

}  // namespace
}  // namespace signalbox::server::cli

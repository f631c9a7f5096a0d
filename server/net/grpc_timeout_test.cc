#include "server/net/grpc_timeout.h"

#include <gtest/gtest.h>

namespace signalbox::server::net {
namespace {

using namespace std::chrono_literals;

TEST(GrpcTimeout, ReadsEveryUnit) {
  EXPECT_EQ(parse_grpc_timeout("2H"), 2h);
  EXPECT_EQ(parse_grpc_timeout("3M"), 3min);
  EXPECT_EQ(parse_grpc_timeout("10S"), 10s);
  EXPECT_EQ(parse_grpc_timeout("250m"), 250ms);
  EXPECT_EQ(parse_grpc_timeout("99999999u"), 99'999'999us);
  EXPECT_EQ(parse_grpc_timeout("0n"), 0ns);
}

TEST(GrpcTimeout, StaysWithinTheClockForTheLongest) {
  EXPECT_EQ(parse_grpc_timeout("99999999H"), 24h * 365);
}

TEST(GrpcTimeout, IsNothingForOtherText) {
  for (const char* text : {"", "S", "5", "5s", "-5S", "+5S", "5 S", "123456789S", "1.5S", "SS"}) {
    EXPECT_EQ(parse_grpc_timeout(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace signalbox::server::net

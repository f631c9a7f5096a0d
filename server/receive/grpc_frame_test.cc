#include "server/receive/grpc_frame.h"

#include <gtest/gtest.h>

namespace signalbox::server::receive {
namespace {

TEST(GrpcFrame, ReadsWhatItMakes) {
  for (const std::string& message : {std::string(), std::string("abc"), std::string(70'000, 'x')}) {
    const std::string body = make_grpc_frame(message);
    const GrpcFrame frame = parse_grpc_frame(body);
    EXPECT_TRUE(frame.ok);
    EXPECT_FALSE(frame.compressed);
    EXPECT_EQ(frame.message, message);
  }
}

TEST(GrpcFrame, ReadsTheCompressedFlag) {
  EXPECT_TRUE(parse_grpc_frame(std::string("\1\0\0\0\1x", 6)).compressed);
  EXPECT_FALSE(parse_grpc_frame(std::string("\2\0\0\0\1x", 6)).ok);
}

TEST(GrpcFrame, RefusesABodyThatIsNotExactlyOneFrame) {
  const std::string body = make_grpc_frame("abc");
  for (std::size_t size = 0; size < body.size(); ++size) {
    EXPECT_FALSE(parse_grpc_frame(body.substr(0, size)).ok) << size;
  }
  EXPECT_FALSE(parse_grpc_frame(body + body).ok);
  EXPECT_FALSE(parse_grpc_frame(std::string("\0\xFF\xFF\xFF\xFF", 5)).ok);
}

}  // namespace
}  // namespace signalbox::server::receive

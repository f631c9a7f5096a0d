#include "sdk/export/grpc.h"

#include <gtest/gtest.h>

#include <array>
#include <string>

#include "otlp/wire.h"

namespace signalbox::sdk {
namespace {

namespace wire = otlp::wire;
using std::chrono::milliseconds;
using namespace std::string_literals;

std::string retry_info_status(std::int64_t seconds, std::int32_t nanos) {
  std::string duration;
  wire::append_varint_field(duration, 1, static_cast<std::uint64_t>(seconds));
  wire::append_varint_field(duration, 2, static_cast<std::uint64_t>(nanos));
  std::string retry_info;
  wire::append_bytes_field(retry_info, 1, duration);
  std::string any;
  wire::append_bytes_field(any, 1, "type.googleapis.com/google.rpc.RetryInfo");
  wire::append_bytes_field(any, 2, retry_info);
  std::string status;
  wire::append_varint_field(status, 1, 8);
  wire::append_bytes_field(status, 2, "slow down");
  wire::append_bytes_field(status, 3, any);
  return status;
}

std::string partial_success(std::int64_t rejected, std::string_view message) {
  std::string partial;
  wire::append_varint_field(partial, 1, static_cast<std::uint64_t>(rejected));
  wire::append_bytes_field(partial, 2, message);
  std::string response;
  wire::append_bytes_field(response, 1, partial);
  return response;
}

TEST(GrpcFrame, IsReadBackAsWritten) {
  std::string frame(kGrpcFrameHeaderBytes, 'x');
  write_grpc_frame_header(frame.data(), true, 0x010203);
  EXPECT_EQ(frame, "\x01\x00\x01\x02\x03"s);
  write_grpc_frame_header(frame.data(), false, 3);
  frame += "abc";
  const auto parsed = parse_grpc_frame(frame);
  ASSERT_TRUE(parsed);
  EXPECT_FALSE(parsed->compressed);
  EXPECT_EQ(parsed->message, "abc");
}

TEST(GrpcFrame, MustBeExactlyOne) {
  const std::string frame = "\0\0\0\0\x03"s + "abc";
  for (std::size_t size = 0; size < frame.size(); ++size) {
    EXPECT_FALSE(parse_grpc_frame(std::string_view(frame).substr(0, size))) << size;
  }
  EXPECT_FALSE(parse_grpc_frame(frame + "d"));
  EXPECT_FALSE(parse_grpc_frame("\2\0\0\0\0"s));
}

TEST(PercentDecode, UndoesEscapesAndKeepsTheRest) {
  EXPECT_EQ(percent_decode("quota%20exceeded%3A%C3%A4"), "quota exceeded:ä");
  EXPECT_EQ(percent_decode("100%, %zz, %4"), "100%, %zz, %4");
  EXPECT_EQ(percent_decode("%41"), "A");
  EXPECT_EQ(percent_decode(""), "");
}

TEST(Base64, IsReadWithAndWithoutPaddingInBothAlphabets) {
  EXPECT_EQ(base64_decode("aGVsbG8="), "hello");
  EXPECT_EQ(base64_decode("aGVsbG8"), "hello");
  EXPECT_EQ(base64_decode("-_-_"), base64_decode("+/+/"));
  EXPECT_EQ(base64_decode(""), "");
  EXPECT_FALSE(base64_decode("a"));
  EXPECT_FALSE(base64_decode("a b="));
}

TEST(GrpcTimeout, HasAtMostEightDigits) {
  EXPECT_EQ(grpc_timeout(milliseconds(1500)), "1500m");
  EXPECT_EQ(grpc_timeout(milliseconds(-5)), "1m");
  EXPECT_EQ(grpc_timeout(std::chrono::hours(24 * 365)), "31536000S");
}

TEST(Retry, FollowsTheTablesOfTheSpecification) {
  for (std::int32_t status = 0; status <= 20; ++status) {
    const bool always =
        status == 1 || status == 4 || status == 10 || status == 11 || status == 14 || status == 15;
    EXPECT_EQ(is_retryable_grpc(status, false), always) << status;
    EXPECT_EQ(is_retryable_grpc(status, true), always || status == 8) << status;
  }
  for (const long status : {429L, 502L, 503L, 504L}) {
    EXPECT_TRUE(is_retryable_http(status)) << status;
  }
  for (const long status : {400L, 401L, 403L, 404L, 408L, 413L, 500L, 501L}) {
    EXPECT_FALSE(is_retryable_http(status)) << status;
  }
}

TEST(RpcStatus, TellsMessageAndRetryDelay) {
  const RpcStatus status = parse_rpc_status(retry_info_status(2, 500'000'000));
  EXPECT_EQ(status.message, "slow down");
  EXPECT_EQ(status.retry_delay, milliseconds(2500));
}

TEST(RpcStatus, BoundsTheDelayThatAServerMayAskFor) {
  EXPECT_EQ(parse_rpc_status(retry_info_status(-1, -1)).retry_delay, milliseconds(0));
  EXPECT_EQ(parse_rpc_status(retry_info_status(INT64_MAX, INT32_MAX)).retry_delay,
            std::chrono::hours(24) + milliseconds(999));
}

TEST(RpcStatus, OfBrokenBytesIsEmpty) {
  const std::string status = retry_info_status(2, 0);
  for (std::size_t size = 0; size < status.size(); ++size) {
    EXPECT_FALSE(parse_rpc_status(std::string_view(status).substr(0, size)).retry_delay) << size;
  }
  EXPECT_EQ(parse_rpc_status("<html>Bad Gateway</html>").message, "");
}

TEST(ExportResponse, OfAcceptedDataIsSuccess) {
  EXPECT_EQ(parse_export_response("").status, ExportResult::Status::kSuccess);
  EXPECT_EQ(parse_export_response("\x0a\x00"s).status, ExportResult::Status::kSuccess);
  EXPECT_EQ(parse_export_response("garbage").status, ExportResult::Status::kSuccess);
}

TEST(ExportResponse, TellsPartialSuccess) {
  const ExportResult result = parse_export_response(partial_success(3, "bad ids"));
  EXPECT_EQ(result.status, ExportResult::Status::kPartialSuccess);
  EXPECT_EQ(result.rejected_items, 3U);
  EXPECT_EQ(result.message, "bad ids");
  EXPECT_EQ(parse_export_response(partial_success(-3, "odd")).rejected_items, 0U);
}

}  // namespace
}  // namespace signalbox::sdk

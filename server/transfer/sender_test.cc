#include "server/transfer/sender.h"

#include <gtest/gtest.h>

#include <string>

namespace signalbox::server::transfer {
namespace {

TEST(ReadReceipt, ReadsWhatWasRejected) {
  const Receipt json =
      read_receipt(R"({"partialSuccess":{"rejectedLogRecords":"3","errorMessage":"why"}})", true);
  EXPECT_EQ(json.rejected, 3u);
  EXPECT_EQ(json.message, "why");
  EXPECT_EQ(read_receipt(R"({"partialSuccess":{"rejectedSpans":4}})", true).rejected, 4u);

  const Receipt protobuf = read_receipt("\x0A\x07\x08\x03\x12\x03why", false);
  EXPECT_EQ(protobuf.rejected, 3u);
  EXPECT_EQ(protobuf.message, "why");
}

TEST(ReadReceipt, TakesAnythingElseForSuccess) {
  for (const bool is_json : {true, false}) {
    for (const char* const body : {"", "{}", "\x0A", "[1]", "{\"partialSuccess\":null}", "hello"}) {
      const Receipt receipt = read_receipt(body, is_json);
      EXPECT_FALSE(receipt.is_refused);
      EXPECT_EQ(receipt.rejected, 0u) << body;
    }
  }
}

}  // namespace
}  // namespace signalbox::server::transfer

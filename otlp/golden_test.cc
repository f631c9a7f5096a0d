#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <string>

#include "otlp/decode.h"
#include "otlp/recording_sink.h"

namespace signalbox::otlp {
namespace {

using ::testing::HasSubstr;
using testing::RecordingSink;

/// A request made with the OpenTelemetry project's own protobuf classes (Python's
/// opentelemetry-proto).
std::string golden(const std::string& name) {
  std::ifstream file(SIGNALBOX_CORPUS "/" + name, std::ios::binary);
  EXPECT_TRUE(file) << name;
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(DecodeGolden, TracesOfTheReferenceLibraryAreTheSameInBothEncodings) {
  RecordingSink protobuf;
  RecordingSink json;

  const auto result = decode_traces_protobuf(golden("traces_protobuf/all_fields.bin"), protobuf);
  EXPECT_TRUE(decode_traces_json(golden("traces_json/all_fields.json"), json).ok);

  EXPECT_EQ(result.accepted, 1u);
  EXPECT_EQ(result.rejected, 2u);
  EXPECT_EQ(protobuf.lines, json.lines);
  ASSERT_EQ(protobuf.lines.size(), 5u);
  EXPECT_THAT(protobuf.lines[2], HasSubstr("trace_state=\"a=b\" flags=257 name=\"GET /\" kind=2"));
  EXPECT_THAT(protobuf.lines[2], HasSubstr("link{ trace_id=AAECAwQFBgcICQoLDA0ODw=="));
  EXPECT_THAT(protobuf.lines[2], HasSubstr("dropped_links=4 status=2 status_message=\"bad\""));
}

TEST(DecodeGolden, LogsOfTheReferenceLibraryAreTheSameInBothEncodings) {
  RecordingSink protobuf;
  RecordingSink json;

  const auto result = decode_logs_protobuf(golden("logs_protobuf/all_fields.bin"), protobuf);
  EXPECT_TRUE(decode_logs_json(golden("logs_json/all_fields.json"), json).ok);

  EXPECT_EQ(result.accepted, 5u);
  EXPECT_EQ(protobuf.lines, json.lines);
}

TEST(DecodeGolden, MetricsOfTheReferenceLibraryAreTheSameInBothEncodings) {
  RecordingSink protobuf;
  RecordingSink json;

  const auto result = decode_metrics_protobuf(golden("metrics_protobuf/all_fields.bin"), protobuf);
  EXPECT_TRUE(decode_metrics_json(golden("metrics_json/all_fields.json"), json).ok);

  EXPECT_EQ(result.accepted, 6u);
  EXPECT_EQ(protobuf.lines, json.lines);
  ASSERT_EQ(protobuf.lines.size(), 13u);
  EXPECT_THAT(protobuf.lines[10], HasSubstr("scale=-3 zero_count=2 zero_threshold=1e-09 "
                                            "positive_offset=-7 positive=1,0,300,"));
}

}  // namespace
}  // namespace signalbox::otlp

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "otlp/decode.h"
#include "otlp/random_request.h"
#include "otlp/recording_sink.h"

namespace signalbox::otlp {
namespace {

using testing::Both;
using testing::RandomRequests;
using testing::RecordingSink;

struct Decoders {
  const char* signal;
  Both (RandomRequests::*make)();
  DecodeResult (*protobuf)(std::string_view, RecordingSink&);
  DecodeResult (*json)(std::string_view, RecordingSink&);
};

constexpr Decoders kSignals[] = {
    {"traces", &RandomRequests::traces,
     [](std::string_view in, RecordingSink& sink) { return decode_traces_protobuf(in, sink); },
     [](std::string_view in, RecordingSink& sink) { return decode_traces_json(in, sink); }},
    {"logs", &RandomRequests::logs,
     [](std::string_view in, RecordingSink& sink) { return decode_logs_protobuf(in, sink); },
     [](std::string_view in, RecordingSink& sink) { return decode_logs_json(in, sink); }},
    {"metrics", &RandomRequests::metrics,
     [](std::string_view in, RecordingSink& sink) { return decode_metrics_protobuf(in, sink); },
     [](std::string_view in, RecordingSink& sink) { return decode_metrics_json(in, sink); }},
};

/// Set SIGNALBOX_SEED to repeat a failure.
std::uint64_t first_seed() {
  const char* const seed = std::getenv("SIGNALBOX_SEED");
  return seed == nullptr ? 1 : std::strtoull(seed, nullptr, 10);
}

TEST(DecodeProperty, ProtobufAndJsonOfTheSameRequestGiveTheSameRecords) {
  for (const Decoders& decoders : kSignals) {
    std::uint64_t accepted = 0;
    for (std::uint64_t seed = first_seed(); seed < first_seed() + 500; ++seed) {
      SCOPED_TRACE(std::string(decoders.signal) + ", SIGNALBOX_SEED=" + std::to_string(seed));
      const Both request = (RandomRequests(seed).*decoders.make)();
      RecordingSink from_protobuf;
      RecordingSink from_json;

      const DecodeResult protobuf = decoders.protobuf(request.protobuf, from_protobuf);
      const DecodeResult json = decoders.json(request.json, from_json);

      ASSERT_TRUE(protobuf.ok) << protobuf.error;
      ASSERT_TRUE(json.ok) << json.error << '\n' << request.json;
      ASSERT_EQ(from_protobuf.lines, from_json.lines) << request.json;
      ASSERT_EQ(protobuf.accepted, json.accepted);
      ASSERT_EQ(protobuf.rejected, json.rejected);
      ASSERT_EQ(protobuf.rejected_reason, json.rejected_reason);
      accepted += protobuf.accepted;
    }
    EXPECT_GT(accepted, 300u) << decoders.signal << ": too little was compared";
  }
}

TEST(DecodeProperty, ARequestCutAtAnyByteIsAnErrorOrItsBeginning) {
  for (const Decoders& decoders : kSignals) {
    for (std::uint64_t seed = first_seed(); seed < first_seed() + 12; ++seed) {
      SCOPED_TRACE(std::string(decoders.signal) + ", SIGNALBOX_SEED=" + std::to_string(seed));
      const Both request = (RandomRequests(seed).*decoders.make)();
      RecordingSink whole;
      ASSERT_TRUE(decoders.protobuf(request.protobuf, whole).ok);

      for (std::size_t size = 0; size < request.protobuf.size(); ++size) {
        // A copy of exactly this size, so that a sanitizer sees every read beyond it.
        const std::vector<char> cut(request.protobuf.begin(),
                                    request.protobuf.begin() + static_cast<std::ptrdiff_t>(size));
        RecordingSink sink;
        const DecodeResult result = decoders.protobuf({cut.data(), size}, sink);
        if (result.ok) {
          ASSERT_LE(sink.lines.size(), whole.lines.size());
          ASSERT_TRUE(std::equal(sink.lines.begin(), sink.lines.end(), whole.lines.begin()));
        } else {
          ASSERT_LE(result.offset, size);
        }
      }
      for (std::size_t size = 0; size < request.json.size(); ++size) {
        RecordingSink sink;
        ASSERT_FALSE(decoders.json(request.json.substr(0, size), sink).ok);
      }
    }
  }
}

TEST(DecodeProperty, AByteChangedAnywhereNeverEscapesTheRequest) {
  for (const Decoders& decoders : kSignals) {
    for (std::uint64_t seed = first_seed(); seed < first_seed() + 5; ++seed) {
      SCOPED_TRACE(std::string(decoders.signal) + ", SIGNALBOX_SEED=" + std::to_string(seed));
      std::string bytes = (RandomRequests(seed).*decoders.make)().protobuf;
      for (char& byte : bytes) {
        for (const char other : {'\x00', '\x7F', '\x80', '\xFF'}) {
          const char kept = std::exchange(byte, other);
          RecordingSink sink;
          const DecodeResult result = decoders.protobuf(bytes, sink);
          ASSERT_LE(result.offset, bytes.size());
          byte = kept;
        }
      }
    }
  }
}

}  // namespace
}  // namespace signalbox::otlp

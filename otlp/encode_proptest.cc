#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "otlp/decode.h"
#include "otlp/encode.h"
#include "otlp/random_request.h"
#include "otlp/recording_sink.h"

namespace signalbox::otlp {
namespace {

using testing::Both;
using testing::RandomRequests;
using testing::RecordingSink;

template <typename Sink>
DecodeResult decode(Signal signal, Encoding encoding, std::string_view bytes, Sink& sink) {
  const bool is_json = encoding == Encoding::kJson;
  switch (signal) {
    case Signal::kTraces:
      return is_json ? decode_traces_json(bytes, sink) : decode_traces_protobuf(bytes, sink);
    case Signal::kLogs:
      return is_json ? decode_logs_json(bytes, sink) : decode_logs_protobuf(bytes, sink);
    case Signal::kMetrics:
      break;
  }
  return is_json ? decode_metrics_json(bytes, sink) : decode_metrics_protobuf(bytes, sink);
}

Both make_request(std::uint64_t seed, Signal signal) {
  RandomRequests requests(seed);
  if (signal == Signal::kTraces) return requests.traces();
  return signal == Signal::kLogs ? requests.logs() : requests.metrics();
}

/// Set SIGNALBOX_SEED to repeat a failure.
std::uint64_t first_seed() {
  const char* const seed = std::getenv("SIGNALBOX_SEED");
  return seed == nullptr ? 1 : std::strtoull(seed, nullptr, 10);
}

TEST(EncodeProperty, WhatIsEncodedIsDecodedAsItWasTold) {
  for (const Signal signal : {Signal::kTraces, Signal::kLogs, Signal::kMetrics}) {
    for (const Encoding encoding : {Encoding::kJson, Encoding::kProtobuf}) {
      const auto encoder =
          make_encoder(signal, encoding);  // One for all: it begins anew each time.
      std::uint64_t records = 0;
      for (std::uint64_t seed = first_seed(); seed < first_seed() + 400; ++seed) {
        SCOPED_TRACE("signal " + std::to_string(static_cast<int>(signal)) + ", encoding " +
                     std::to_string(static_cast<int>(encoding)) +
                     ", SIGNALBOX_SEED=" + std::to_string(seed));
        const Both request = make_request(seed, signal);
        RecordingSink told;
        ASSERT_TRUE(decode(signal, Encoding::kProtobuf, request.protobuf, told).ok);
        ASSERT_TRUE(decode(signal, Encoding::kProtobuf, request.protobuf, *encoder).ok);

        const std::string encoded = encoder->take();

        RecordingSink read;
        const DecodeResult result = decode(signal, encoding, encoded, read);
        ASSERT_TRUE(result.ok) << result.error << '\n' << encoded;
        ASSERT_EQ(told.lines, read.lines);
        ASSERT_EQ(result.rejected, 0u);
        ASSERT_EQ(result.altered, Alterations{});
        if (encoding == Encoding::kJson) {
          ASSERT_EQ(encoded.find('\n'), std::string::npos);
        }
        records += result.accepted;
      }
      EXPECT_GT(records, 300u) << "too little was compared";
    }
  }
}

}  // namespace
}  // namespace signalbox::otlp

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "otlp/decode.h"
#include "otlp/recording_sink.h"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input(reinterpret_cast<const char*>(data), size);
  signalbox::otlp::testing::RecordingSink sink;
  const auto result = signalbox::otlp::decode_traces_protobuf(input, sink);
  if (result.offset > size || result.ok != result.error.empty()) __builtin_trap();
  return 0;
}

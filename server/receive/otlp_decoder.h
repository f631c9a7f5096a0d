#pragma once

#include <cstdint>
#include <string_view>

#include "otlp/decode.h"
#include "server/receive/decompress.h"
#include "server/receive/status.h"
#include "server/store/ingest.h"

namespace signalbox::server::receive {

/// How a request's payload is written, as the store's log keeps it: bit 0 is set for JSON, bit 1
/// for gzip or zlib, bit 2 for zstd. Logs outlive the program: add codes, never change them.
[[nodiscard]] std::uint8_t content_code(BodyFormat format, Compression compression) noexcept;

/// Decompresses and decodes OTLP requests.
///
/// Thread-safety: any thread.
class OtlpDecoder final : public store::Decoder {
 public:
  struct Options {
    DecompressLimits decompress;
    otlp::DecodeLimits limits;
  };

  explicit OtlpDecoder(Options options) : options_(options) {}

  [[nodiscard]] otlp::DecodeResult decode(store::Signal signal, std::uint8_t content,
                                          std::string_view payload,
                                          store::Sinks& sinks) const override;

 private:
  const Options options_;
};

}  // namespace signalbox::server::receive

#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "otlp/decode.h"
#include "server/receive/status.h"
#include "server/store/ingest.h"

namespace signalbox::server::receive {

/// How a request's payload is written, as the store's log keeps it: bit 0 is set for JSON, bit 1
/// for a compressed payload. Logs outlive the program: add codes, never change them.
[[nodiscard]] std::uint8_t content_code(BodyFormat format, bool compressed) noexcept;

/// Decompresses and decodes OTLP requests.
///
/// Thread-safety: any thread.
class OtlpDecoder final : public store::Decoder {
 public:
  struct Options {
    /// Largest request after decompression. > 0.
    std::size_t max_decoded_bytes = 64 * 1024 * 1024;
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

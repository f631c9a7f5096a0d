#include "server/receive/otlp_decoder.h"

#include <string>

#include "server/receive/gzip.h"

namespace signalbox::server::receive {
namespace {

using store::Signal;

constexpr std::uint8_t kJsonBit = 1;
constexpr std::uint8_t kCompressedBit = 2;

otlp::DecodeResult decode_as(Signal signal, bool is_json, std::string_view bytes,
                             store::Sinks& sinks, const otlp::DecodeLimits& limits) {
  switch (signal) {
    case Signal::kTraces:
      return is_json ? otlp::decode_traces_json(bytes, sinks.traces, limits)
                     : otlp::decode_traces_protobuf(bytes, sinks.traces, limits);
    case Signal::kMetrics:
      return is_json ? otlp::decode_metrics_json(bytes, sinks.metrics, limits)
                     : otlp::decode_metrics_protobuf(bytes, sinks.metrics, limits);
    case Signal::kLogs:
      break;
  }
  return is_json ? otlp::decode_logs_json(bytes, sinks.logs, limits)
                 : otlp::decode_logs_protobuf(bytes, sinks.logs, limits);
}

}  // namespace

std::uint8_t content_code(BodyFormat format, bool compressed) noexcept {
  const unsigned code =
      (format == BodyFormat::kJson ? kJsonBit : 0U) | (compressed ? kCompressedBit : 0U);
  return static_cast<std::uint8_t>(code);
}

otlp::DecodeResult OtlpDecoder::decode(Signal signal, std::uint8_t content,
                                       std::string_view payload, store::Sinks& sinks) const {
  otlp::DecodeResult result;
  if ((content & ~(kJsonBit | kCompressedBit)) != 0) {
    result.ok = false;
    result.error = "the payload is written in a way that this version does not know";
    return result;
  }
  const bool is_json = (content & kJsonBit) != 0;
  if ((content & kCompressedBit) == 0) {
    return decode_as(signal, is_json, payload, sinks, options_.limits);
  }
  constexpr std::size_t kKeptBytes = 8 * 1024 * 1024;
  thread_local std::string inflated;
  if (inflated.capacity() > kKeptBytes) std::string().swap(inflated);
  switch (gunzip(payload, options_.max_decoded_bytes, inflated)) {
    case GunzipStatus::kOk:
      return decode_as(signal, is_json, inflated, sinks, options_.limits);
    case GunzipStatus::kCorrupt:
      result.error = "the compressed body is damaged or cut short; send it as gzip";
      break;
    case GunzipStatus::kTooLarge:
      result.too_large = true;
      result.error = "the request has more than " + std::to_string(options_.max_decoded_bytes) +
                     " bytes when decompressed; send smaller batches";
      break;
  }
  result.ok = false;
  return result;
}

}  // namespace signalbox::server::receive

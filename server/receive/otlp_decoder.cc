#include "server/receive/otlp_decoder.h"

#include <optional>
#include <string>

namespace signalbox::server::receive {
namespace {

using store::Signal;

constexpr unsigned kJsonBit = 1;
constexpr unsigned kDeflateBit = 2;
constexpr unsigned kZstdBit = 4;

unsigned bits_of(Compression compression) {
  switch (compression) {
    case Compression::kNone:
      return 0;
    case Compression::kGzip:
    case Compression::kDeflate:  // Told apart by their first bytes.
      return kDeflateBit;
    case Compression::kZstd:
      return kZstdBit;
  }
  return 0;
}

/// What `content_code` made of it; nothing if it made no such code.
std::optional<Compression> compression_of(unsigned content) {
  switch (content & ~kJsonBit) {
    case 0:
      return Compression::kNone;
    case kDeflateBit:
      return Compression::kGzip;
    case kZstdBit:
      return Compression::kZstd;
    default:
      return std::nullopt;
  }
}

/// The thread's memory for decompressed requests; more than a usual one needs is not kept.
class InflatedText {
 public:
  InflatedText() : text_(of_thread()) {}
  ~InflatedText() {
    constexpr std::size_t kKeptBytes = 4 * 1024 * 1024;
    if (text_.capacity() > kKeptBytes) std::string().swap(text_);
  }
  InflatedText(const InflatedText&) = delete;
  InflatedText& operator=(const InflatedText&) = delete;
  std::string& operator*() const { return text_; }

 private:
  static std::string& of_thread() {
    thread_local std::string text;
    return text;
  }
  std::string& text_;
};

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

std::uint8_t content_code(BodyFormat format, Compression compression) noexcept {
  const unsigned json = format == BodyFormat::kJson ? kJsonBit : 0U;
  return static_cast<std::uint8_t>(json | bits_of(compression));
}

otlp::DecodeResult OtlpDecoder::decode(Signal signal, std::uint8_t content,
                                       std::string_view payload, store::Sinks& sinks) const {
  const bool is_json = (content & kJsonBit) != 0;
  const auto compression = compression_of(content);
  if (compression == Compression::kNone) {
    return decode_as(signal, is_json, payload, sinks, options_.limits);
  }
  otlp::DecodeResult result;
  result.ok = false;
  if (!compression) {
    result.error = "the payload is written in a way that this version does not know";
    return result;
  }
  const InflatedText inflated;
  const DecompressLimits& limits = options_.decompress;
  switch (decompress(*compression, payload, limits, *inflated)) {
    case DecompressStatus::kOk:
      return decode_as(signal, is_json, *inflated, sinks, options_.limits);
    case DecompressStatus::kCorrupt:
      result.error =
          "the compressed body is damaged, cut short, or not compressed as its header says";
      break;
    case DecompressStatus::kTooLarge:
      result.too_large = true;
      result.error = "the request has more than " +
                     std::to_string(limits.bytes_of(payload.size())) +
                     " bytes when decompressed (at most " + std::to_string(limits.max_ratio) +
                     " times what was sent, and zstd windows of 8 MiB); send smaller batches";
      break;
  }
  return result;
}

}  // namespace signalbox::server::receive

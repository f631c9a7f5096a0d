#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// Undoing the compression of requests, the same for OTLP/gRPC and OTLP/HTTP.
namespace signalbox::server::receive {

enum class Compression : std::uint8_t {
  kNone,
  kGzip,
  kDeflate,  ///< As HTTP and gRPC mean it: zlib's format.
  kZstd,
};

/// What `compression_named` knows, as accept-encoding and grpc-accept-encoding list it.
inline constexpr std::string_view kAcceptedCompressions = "identity,deflate,gzip,zstd";

/// The compression that a content-encoding or grpc-encoding names, in letters of either case; none
/// for "identity" and for an empty name.
std::optional<Compression> compression_named(std::string_view name);

/// How far a request may grow. What is small may grow by any factor; beyond that a factor that no
/// telemetry reaches is taken for an attack, long before `max_bytes` are made.
struct DecompressLimits {
  std::size_t max_bytes = 64 * 1024 * 1024;
  std::size_t any_ratio_bytes = 4 * 1024 * 1024;  ///< Up to here any factor is right.
  std::size_t max_ratio = 250;

  /// Of a request that has `compressed_bytes`.
  [[nodiscard]] std::size_t bytes_of(std::size_t compressed_bytes) const;
};

enum class DecompressStatus : std::uint8_t {
  kOk,
  kCorrupt,   ///< Of another format, damaged, or cut short.
  kTooLarge,  ///< More than the limits when decompressed, or zstd with a window beyond 8 MiB.
};

/// Decompresses into `out`, replacing what is there; its capacity is used again. Several gzip
/// members or zstd frames in a row are one text. Never makes `out` larger than the limits allow. On
/// failure `out` is unspecified. Thread-safety: any thread. Throws std::bad_alloc.
DecompressStatus decompress(Compression compression, std::string_view compressed,
                            const DecompressLimits& limits, std::string& out);

}  // namespace signalbox::server::receive

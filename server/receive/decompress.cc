#include "server/receive/decompress.h"

#include <zlib.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <algorithm>
#include <array>
#include <limits>
#include <memory>
#include <new>

#include "server/ascii.h"

namespace signalbox::server::receive {
namespace {

/// What one step of a decoder came to.
enum class Step : std::uint8_t { kMore, kEnd, kCorrupt, kTooLarge };

/// gzip or zlib, told apart by their first bytes.
class Inflater {
 public:
  explicit Inflater(std::string_view compressed) {
    constexpr int kGzipOrZlib = 15 + 32;
    if (inflateInit2(&stream_, kGzipOrZlib) != Z_OK) throw std::bad_alloc();
    // zlib's interface takes mutable bytes, and does not change them.
    stream_.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(compressed.data()));
    stream_.avail_in = static_cast<uInt>(compressed.size());
  }
  ~Inflater() { inflateEnd(&stream_); }
  Inflater(const Inflater&) = delete;
  Inflater& operator=(const Inflater&) = delete;

  /// Writes up to `room` bytes at `out`; `made` says how many.
  Step step(char* out, std::size_t room, std::size_t& made) {
    const auto offered =
        static_cast<uInt>(std::min<std::size_t>(room, std::numeric_limits<uInt>::max()));
    stream_.next_out = reinterpret_cast<Bytef*>(out);
    stream_.avail_out = offered;
    const int result = inflate(&stream_, Z_NO_FLUSH);
    made = offered - stream_.avail_out;
    if (result == Z_MEM_ERROR) throw std::bad_alloc();
    if (result == Z_STREAM_END) {
      if (stream_.avail_in == 0) return Step::kEnd;
      return inflateReset(&stream_) == Z_OK ? Step::kMore : Step::kCorrupt;
    }
    const bool is_stuck = made == 0 && stream_.avail_in == 0;
    return result == Z_OK && !is_stuck ? Step::kMore : Step::kCorrupt;
  }

 private:
  z_stream stream_{};
};

class ZstdDecoder {
 public:
  explicit ZstdDecoder(std::string_view compressed)
      : context_(ZSTD_createDCtx()), input_{compressed.data(), compressed.size(), 0} {
    constexpr int kMaxWindowLog = 23;  // 8 MiB: what HTTP allows, and what a decoder must hold.
    if (context_ == nullptr) throw std::bad_alloc();
    ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, kMaxWindowLog);
  }

  Step step(char* out, std::size_t room, std::size_t& made) {
    ZSTD_outBuffer output{out, room, 0};
    const std::size_t result = ZSTD_decompressStream(context_.get(), &output, &input_);
    made = output.pos;
    if (ZSTD_isError(result) != 0) {
      switch (ZSTD_getErrorCode(result)) {
        case ZSTD_error_memory_allocation:
          throw std::bad_alloc();
        case ZSTD_error_frameParameter_windowTooLarge:
          return Step::kTooLarge;
        default:
          return Step::kCorrupt;
      }
    }
    const bool is_consumed = input_.pos == input_.size;
    if (result == 0 && is_consumed) return Step::kEnd;
    return is_consumed && made < room ? Step::kCorrupt : Step::kMore;
  }

 private:
  struct Free {
    void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
  };
  std::unique_ptr<ZSTD_DCtx, Free> context_;
  ZSTD_inBuffer input_;
};

/// Lets a decoder fill `out`, which grows up to `max_bytes`.
template <typename Decoder>
DecompressStatus run(std::string_view compressed, std::size_t max_bytes, std::string& out) {
  Decoder decoder(compressed);
  std::size_t written = 0;
  out.resize(std::min(max_bytes, std::max(out.capacity(), 4 * compressed.size() + 64)));
  for (;;) {
    if (written == out.size() && out.size() < max_bytes) {
      out.resize(std::min(max_bytes, 2 * out.size() + 64));
    }
    // With the limit reached, one byte more tells whether the data ends here.
    char beyond = 0;
    const bool is_full = written == out.size();
    std::size_t made = 0;
    const Step step = is_full ? decoder.step(&beyond, 1, made)
                              : decoder.step(out.data() + written, out.size() - written, made);
    if (step == Step::kCorrupt) return DecompressStatus::kCorrupt;
    if (step == Step::kTooLarge || (is_full && made > 0)) return DecompressStatus::kTooLarge;
    written += made;
    if (step == Step::kEnd) break;
  }
  out.resize(written);
  return DecompressStatus::kOk;
}

}  // namespace

std::optional<Compression> compression_named(std::string_view name) {
  struct Named {
    std::string_view name;
    Compression compression;
  };
  static constexpr std::array kNames{
      Named{"", Compression::kNone},           Named{"identity", Compression::kNone},
      Named{"gzip", Compression::kGzip},       Named{"x-gzip", Compression::kGzip},
      Named{"deflate", Compression::kDeflate}, Named{"zstd", Compression::kZstd}};
  const std::string lower = to_lower(name);
  for (const Named& known : kNames) {
    if (known.name == lower) return known.compression;
  }
  return std::nullopt;
}

std::size_t DecompressLimits::bytes_of(std::size_t compressed_bytes) const {
  const std::size_t by_ratio =
      compressed_bytes > max_bytes / max_ratio ? max_bytes : compressed_bytes * max_ratio;
  return std::min(max_bytes, std::max(any_ratio_bytes, by_ratio));
}

DecompressStatus decompress(Compression compression, std::string_view compressed,
                            const DecompressLimits& limits, std::string& out) {
  const std::size_t max_bytes = limits.bytes_of(compressed.size());
  switch (compression) {
    case Compression::kNone:
      if (compressed.size() > limits.max_bytes) return DecompressStatus::kTooLarge;
      out.assign(compressed);
      return DecompressStatus::kOk;
    case Compression::kGzip:
    case Compression::kDeflate:
      if (compressed.size() > std::numeric_limits<uInt>::max()) return DecompressStatus::kTooLarge;
      return run<Inflater>(compressed, max_bytes, out);
    case Compression::kZstd:
      return run<ZstdDecoder>(compressed, max_bytes, out);
  }
  return DecompressStatus::kCorrupt;
}

}  // namespace signalbox::server::receive

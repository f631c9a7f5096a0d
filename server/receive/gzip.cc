#include "server/receive/gzip.h"

#include <zlib.h>

#include <algorithm>
#include <limits>
#include <memory>
#include <new>

namespace signalbox::server::receive {
namespace {

struct InflateEnd {
  void operator()(z_stream* stream) const { inflateEnd(stream); }
};

}  // namespace

GunzipStatus gunzip(std::string_view compressed, std::size_t max_bytes, std::string& out) {
  if (compressed.size() > std::numeric_limits<uInt>::max()) return GunzipStatus::kTooLarge;
  constexpr int kGzipOrZlib = 15 + 32;
  z_stream stream{};
  if (inflateInit2(&stream, kGzipOrZlib) != Z_OK) throw std::bad_alloc();
  const std::unique_ptr<z_stream, InflateEnd> guard(&stream);
  // zlib's interface takes mutable bytes, and does not change them.
  stream.next_in = const_cast<Bytef*>(reinterpret_cast<const Bytef*>(compressed.data()));
  stream.avail_in = static_cast<uInt>(compressed.size());

  std::size_t written = 0;
  out.resize(std::min(max_bytes, std::max(out.capacity(), 4 * compressed.size() + 64)));
  for (;;) {
    if (written == out.size()) {
      if (out.size() < max_bytes) out.resize(std::min(max_bytes, 2 * out.size() + 64));
    }
    // With the limit reached, one byte more tells whether the data ends here.
    Bytef beyond = 0;
    const bool is_full = written == out.size();
    constexpr std::size_t kMaxStep = std::numeric_limits<uInt>::max();
    const auto room = static_cast<uInt>(is_full ? 1 : std::min(out.size() - written, kMaxStep));
    stream.next_out = is_full ? &beyond : reinterpret_cast<Bytef*>(out.data() + written);
    stream.avail_out = room;
    const int result = inflate(&stream, Z_NO_FLUSH);
    const std::size_t made = room - stream.avail_out;
    if (is_full && made > 0) return GunzipStatus::kTooLarge;
    if (!is_full) written += made;
    if (result == Z_STREAM_END) {
      if (stream.avail_in == 0) break;
      if (inflateReset(&stream) != Z_OK) return GunzipStatus::kCorrupt;
    } else if (result == Z_MEM_ERROR) {
      throw std::bad_alloc();
    } else if (result != Z_OK || (made == 0 && stream.avail_in == 0)) {
      return GunzipStatus::kCorrupt;
    }
  }
  out.resize(written);
  return GunzipStatus::kOk;
}

}  // namespace signalbox::server::receive

#include "sdk/export/gzip.h"

#include <algorithm>
#include <limits>

namespace signalbox::sdk {
namespace {

constexpr int kGzipWindow = 15 + 16;       // The largest window, gzip header.
constexpr int kAnyHeaderWindow = 15 + 32;  // The largest window, header detected.
constexpr int kDefaultMemoryLevel = 8;
constexpr std::size_t kMaxInputBytes = std::numeric_limits<uInt>::max();

// zlib's interface is not const-correct: it only reads its input.
Bytef* input_bytes(std::string_view input) {
  return reinterpret_cast<Bytef*>(const_cast<char*>(input.data()));
}

}  // namespace

GzipCompressor::GzipCompressor() noexcept {
  // Speed over ratio: telemetry repeats itself, and the exporter shares the program's cores.
  ready_ = deflateInit2(&stream_, Z_BEST_SPEED, Z_DEFLATED, kGzipWindow, kDefaultMemoryLevel,
                        Z_DEFAULT_STRATEGY) == Z_OK;
}

GzipCompressor::~GzipCompressor() {
  if (ready_) {
    deflateEnd(&stream_);
  }
}

bool GzipCompressor::append(std::string_view input, std::string& output) {
  if (!ready_ || input.size() > kMaxInputBytes || deflateReset(&stream_) != Z_OK) {
    return false;
  }
  const std::size_t start = output.size();
  output.resize(start + deflateBound(&stream_, input.size()));
  if (output.size() - start > kMaxInputBytes) {
    return false;
  }
  stream_.next_in = input_bytes(input);
  stream_.avail_in = static_cast<uInt>(input.size());
  stream_.next_out = reinterpret_cast<Bytef*>(output.data() + start);
  stream_.avail_out = static_cast<uInt>(output.size() - start);
  if (deflate(&stream_, Z_FINISH) != Z_STREAM_END) {
    return false;
  }
  output.resize(output.size() - stream_.avail_out);
  return true;
}

std::optional<std::string> gunzip(std::string_view input, std::size_t max_bytes) {
  if (input.size() > kMaxInputBytes) {
    return std::nullopt;
  }
  z_stream stream{};
  if (inflateInit2(&stream, kAnyHeaderWindow) != Z_OK) {
    return std::nullopt;
  }
  stream.next_in = input_bytes(input);
  stream.avail_in = static_cast<uInt>(input.size());

  constexpr std::size_t kStepBytes = 16 * 1024;
  std::string output;
  int status = Z_OK;
  while (status == Z_OK && output.size() <= max_bytes) {
    const std::size_t before = output.size();
    output.resize(before + kStepBytes);
    stream.next_out = reinterpret_cast<Bytef*>(output.data() + before);
    stream.avail_out = kStepBytes;
    status = inflate(&stream, Z_NO_FLUSH);
    output.resize(before + kStepBytes - stream.avail_out);
  }
  inflateEnd(&stream);
  if (status != Z_STREAM_END || output.size() > max_bytes) {
    return std::nullopt;
  }
  return output;
}

}  // namespace signalbox::sdk

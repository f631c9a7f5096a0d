#pragma once

#include <zlib.h>

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace signalbox::sdk {

/// Compresses one request after the other, keeping zlib's memory. Thread-safety: one thread at a
/// time.
class GzipCompressor {
 public:
  GzipCompressor() noexcept;
  GzipCompressor(const GzipCompressor&) = delete;
  GzipCompressor& operator=(const GzipCompressor&) = delete;
  ~GzipCompressor();

  /// Appends the gzip form of `input` to `output`. False, with `output` unspecified, if zlib has no
  /// memory.
  [[nodiscard]] bool append(std::string_view input, std::string& output);

 private:
  z_stream stream_{};
  bool ready_ = false;
};

/// Decompresses gzip or zlib data. Nothing if it is broken, incomplete or longer than `max_bytes`.
[[nodiscard]] std::optional<std::string> gunzip(std::string_view input, std::size_t max_bytes);

}  // namespace signalbox::sdk

#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace signalbox::server::receive {

enum class GunzipStatus : std::uint8_t {
  kOk,
  kCorrupt,   ///< Not gzip or zlib, damaged, or cut short.
  kTooLarge,  ///< More than the limit when decompressed.
};

/// Decompresses gzip (of one or several members) or zlib data into `out`, replacing what is there;
/// its capacity is used again. Never makes `out` larger than `max_bytes`. On failure `out` is
/// unspecified. Thread-safety: any thread. Throws std::bad_alloc.
GunzipStatus gunzip(std::string_view compressed, std::size_t max_bytes, std::string& out);

}  // namespace signalbox::server::receive

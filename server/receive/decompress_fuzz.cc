#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "server/receive/decompress.h"

/// A compressed body: the first byte says how, the rest is foreign.
// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace signalbox::server::receive;
  constexpr DecompressLimits kLimits{
      .max_bytes = 64 * 1024, .any_ratio_bytes = 1024, .max_ratio = 100};
  if (size == 0) return 0;
  const auto compression = static_cast<Compression>(data[0] % 4);
  const std::string_view compressed(reinterpret_cast<const char*>(data) + 1, size - 1);
  std::string out;
  const DecompressStatus status = decompress(compression, compressed, kLimits, out);
  if (out.size() > kLimits.max_bytes) __builtin_trap();
  const bool is_bounded =
      compression == Compression::kNone || out.size() <= kLimits.bytes_of(compressed.size());
  if (status == DecompressStatus::kOk && !is_bounded) __builtin_trap();
  return 0;
}

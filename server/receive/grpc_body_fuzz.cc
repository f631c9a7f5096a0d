#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "server/receive/decompress.h"
#include "server/receive/grpc_frame.h"

/// A gRPC body from the wire: framing, then decompression.
// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace signalbox::server::receive;
  constexpr std::size_t kMaxBytes = 64 * 1024;
  const auto frame = parse_grpc_frame({reinterpret_cast<const char*>(data), size});
  if (!frame.ok) return 0;
  if (frame.message.size() + 5 != size) __builtin_trap();
  std::string out;
  const auto status = decompress(Compression::kGzip, frame.message, {.max_bytes = kMaxBytes}, out);
  if (status == DecompressStatus::kOk && out.size() > kMaxBytes) __builtin_trap();
  return 0;
}

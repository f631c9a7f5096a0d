#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "server/transfer/message_reader.h"

/// Whatever a file holds, its messages lie in it one behind the other, or it is broken.
// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using signalbox::server::transfer::BrokenFile;
  using signalbox::server::transfer::MessageReader;
  const std::string_view file(reinterpret_cast<const char*>(data), size);
  std::string_view left = file;
  MessageReader reader([&](char* to, std::size_t most) {
    const std::size_t count = std::min({left.size(), most, std::size_t{7}});
    left.copy(to, count);
    left.remove_prefix(count);
    return count;
  });
  std::size_t end = 0;
  try {
    while (const auto message = reader.next()) {
      const std::size_t begin = file.find(message->bytes, message->offset);
      if (message->offset < end || begin == std::string_view::npos) std::abort();
      end = begin + message->bytes.size();
    }
  } catch (const BrokenFile& broken) {
    if (broken.offset > size) std::abort();
  }
  return 0;
}

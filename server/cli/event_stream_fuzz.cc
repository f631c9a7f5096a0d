#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/cli/event_stream.h"

namespace {

using signalbox::server::cli::EventStream;
using Events = std::vector<std::pair<std::string, std::string>>;

Events events_of(std::string_view head, std::string_view tail) {
  Events events;
  EventStream stream(
      [&](const std::string& name, const std::string& data) { events.emplace_back(name, data); });
  stream.feed(head);
  stream.feed(tail);
  return events;
}

}  // namespace

/// Wherever the bytes are cut, the events are the same.
// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  const std::size_t at = size == 0 ? 0 : data[0] % size;
  if (events_of(bytes, "") != events_of(bytes.substr(0, at), bytes.substr(at))) std::abort();
  return 0;
}

#include "server/cli/event_stream.h"

#include <utility>

namespace signalbox::server::cli {

void EventStream::feed(std::string_view bytes) {
  for (const char c : bytes) {
    if (std::exchange(skips_newline_, false) && c == '\n') continue;
    if (c == '\r' || c == '\n') {
      skips_newline_ = c == '\r';
      take_line(std::exchange(line_, {}));
    } else if (line_.size() + data_.size() < kMostEventBytes) {
      line_ += c;
    } else {
      is_too_large_ = true;
    }
  }
}

void EventStream::take_line(std::string_view line) {
  if (line.empty()) return finish_event();
  const std::size_t colon = line.find(':');
  if (colon == 0) return;  // A comment.
  const std::string_view field = line.substr(0, colon);
  std::string_view value = colon == std::string_view::npos ? "" : line.substr(colon + 1);
  if (value.starts_with(' ')) value.remove_prefix(1);
  if (field == "event") name_ = value;
  if (field == "data") {
    if (has_data_) data_ += '\n';
    data_ += value;
    has_data_ = true;
  }
}

void EventStream::finish_event() {
  const std::string name = std::exchange(name_, {});
  const std::string data = std::exchange(data_, {});
  const bool is_whole = !std::exchange(is_too_large_, false);
  if (std::exchange(has_data_, false) && is_whole) on_event_(name.empty() ? "message" : name, data);
}

}  // namespace signalbox::server::cli

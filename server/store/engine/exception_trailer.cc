#include "server/store/engine/exception_trailer.h"

#include <algorithm>
#include <cstddef>
#include <utility>

namespace signalbox::server::store {
namespace {

constexpr std::size_t kLongestTrailer = 1 << 20;

/// How much of the end of `text` may be the beginning of `mark`.
std::size_t begun(std::string_view text, std::string_view mark) {
  for (std::size_t size = std::min(text.size(), mark.size() - 1); size > 0; --size) {
    if (text.ends_with(mark.substr(0, size))) return size;
  }
  return 0;
}

}  // namespace

ExceptionTrailer::ExceptionTrailer(std::string_view tag, std::function<bool(std::string_view)> sink)
    : sink_(std::move(sink)) {
  if (!tag.empty()) mark_ = "\r\n__exception__\r\n" + std::string(tag) + "\r\n";
}

bool ExceptionTrailer::write(std::string_view data) {
  if (mark_.empty()) return sink_(data);
  if (in_trailer_) {
    held_.append(data.substr(0, kLongestTrailer - std::min(kLongestTrailer, held_.size())));
    return true;
  }
  std::string joined;
  if (!held_.empty()) {
    joined = std::move(held_);
    joined += data;
    data = joined;
  }
  const std::size_t at = data.find(mark_);
  in_trailer_ = at != std::string_view::npos;
  const std::size_t passed = in_trailer_ ? at : data.size() - begun(data, mark_);
  std::string rest(data.substr(in_trailer_ ? at + mark_.size() : passed));
  const bool goes_on = passed == 0 || sink_(data.substr(0, passed));
  held_ = std::move(rest);
  return goes_on;
}

bool ExceptionTrailer::finish() {
  if (in_trailer_ || held_.empty()) return true;
  return sink_(std::exchange(held_, {}));
}

std::string ExceptionTrailer::message() const {
  if (!in_trailer_) return {};
  const std::size_t end = held_.rfind("\r\n__exception__");
  const std::string text = held_.substr(0, end);
  const std::size_t size_line = text.rfind("\r\n");
  std::string message = end == std::string::npos ? text : text.substr(0, size_line);
  return message.empty() ? "the query failed without a message" : message;
}

}  // namespace signalbox::server::store

#include "server/transfer/message_reader.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace signalbox::server::transfer {
namespace {

constexpr std::size_t kReadBytes = std::size_t{256} << 10;
constexpr std::string_view kSpace = " \t\r\n";
/// The tag of field 1, with which a message of protobuf begins. As the first byte of a length it
/// would mean more than any message has.
constexpr char kFirstTag = 0x0A;

std::string too_large() {
  return "a message has more than " + std::to_string(MessageReader::kMaxMessageBytes >> 20U) +
         " MiB";
}

/// Finds the end of a JSON object, piece by piece. It checks no more than it needs for that.
class ObjectEnd {
 public:
  enum class State : std::uint8_t { kGoesOn, kEnded, kBroken };

  State pass(char c) {
    if (in_string_) {
      if (is_escaped_) {
        is_escaped_ = false;
      } else if (c == '\\') {
        is_escaped_ = true;
      } else if (c == '"') {
        in_string_ = false;
      } else if (c == '\n') {
        return State::kBroken;
      }
      return State::kGoesOn;
    }
    if (c == '"') in_string_ = true;
    if (c == '{') ++depth_;
    if (c == '}' && --depth_ == 0) return State::kEnded;
    return State::kGoesOn;
  }

 private:
  std::size_t depth_ = 0;
  bool in_string_ = false;
  bool is_escaped_ = false;
};

}  // namespace

void MessageReader::fail(const std::string& why) const {
  throw BrokenFile(why, offset_, format_ == Format::kJson ? line_ : 0);
}

bool MessageReader::fill() {
  if (at_ != 0) {
    buffer_.erase(0, at_);
    at_ = 0;
  }
  const std::size_t size = buffer_.size();
  buffer_.resize(size + kReadBytes);
  const std::size_t count = read_(buffer_.data() + size, kReadBytes);
  buffer_.resize(size + count);
  return count != 0;
}

void MessageReader::consume(std::size_t bytes) {
  const std::string_view passed(buffer_.data() + at_, bytes);
  line_ += static_cast<std::uint64_t>(std::count(passed.begin(), passed.end(), '\n'));
  at_ += bytes;
  offset_ += bytes;
}

void MessageReader::skip_space() {
  do {
    const std::size_t end = std::min(buffer_.find_first_not_of(kSpace, at_), buffer_.size());
    consume(end - at_);
  } while (at_ == buffer_.size() && fill());
}

MessageReader::Format MessageReader::find_format() {
  if (buffer_.empty() && !fill()) return Format::kUnknown;
  if (kSpace.find(buffer_[0]) != std::string_view::npos && buffer_[0] != kFirstTag) {
    return Format::kJson;
  }
  if (buffer_[0] == '{') return Format::kJson;
  return buffer_[0] == kFirstTag ? Format::kAlone : Format::kFramed;
}

std::optional<Message> MessageReader::next() {
  if (format_ == Format::kUnknown) format_ = find_format();
  switch (format_) {
    case Format::kUnknown:
      return std::nullopt;
    case Format::kJson:
      return next_object();
    case Format::kFramed:
      return next_framed();
    case Format::kAlone:
      break;
  }
  if (at_ == buffer_.size() && !fill()) return std::nullopt;
  return rest();
}

std::optional<Message> MessageReader::next_object() {
  skip_space();
  if (at_ == buffer_.size()) return std::nullopt;
  if (buffer_[at_] != '{') fail("a JSON object was expected, not '" + buffer_.substr(at_, 1) + "'");
  ObjectEnd end;
  for (std::size_t size = 0;; ++size) {
    if (size > kMaxMessageBytes) fail(too_large());
    if (at_ + size == buffer_.size() && !fill()) fail("the file ends within a message");
    switch (end.pass(buffer_[at_ + size])) {
      case ObjectEnd::State::kGoesOn:
        break;
      case ObjectEnd::State::kBroken:
        fail("a line ends within a text");
      case ObjectEnd::State::kEnded: {
        Message message{buffer_.substr(at_, size + 1), true, offset_, line_};
        consume(size + 1);
        return message;
      }
    }
  }
}

std::optional<Message> MessageReader::next_framed() {
  constexpr std::size_t kLengthBytes = 4;
  while (buffer_.size() - at_ < kLengthBytes) {
    if (fill()) continue;
    if (at_ == buffer_.size()) return std::nullopt;
    fail("the file ends within the length of a message");
  }
  std::size_t size = 0;
  for (std::size_t i = 0; i < kLengthBytes; ++i) {
    size = size << 8U | static_cast<unsigned char>(buffer_[at_ + i]);
  }
  if (size > kMaxMessageBytes) {
    fail("this is neither JSON nor protobuf behind its length, or " + too_large());
  }
  while (buffer_.size() - at_ < kLengthBytes + size) {
    if (!fill()) fail("the file ends within a message");
  }
  Message message{buffer_.substr(at_ + kLengthBytes, size), false, offset_, 0};
  consume(kLengthBytes + size);
  return message;
}

Message MessageReader::rest() {
  while (fill()) {
    if (buffer_.size() > kMaxMessageBytes) fail(too_large());
  }
  Message message{buffer_, false, offset_, 0};
  consume(buffer_.size());
  return message;
}

}  // namespace signalbox::server::transfer

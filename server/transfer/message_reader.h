#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <optional>
#include <stdexcept>
#include <string>

namespace signalbox::server::transfer {

/// One OTLP message of a file.
struct Message {
  std::string bytes;
  bool is_json = true;
  std::uint64_t offset = 0;  ///< Where it begins, in bytes of what is not compressed.
  std::uint64_t line = 0;    ///< The same of JSON, from 1.
};

/// The file is not what it should be. `what()` says why, not where.
class BrokenFile : public std::runtime_error {
 public:
  BrokenFile(const std::string& why, std::uint64_t at_offset, std::uint64_t at_line = 0)
      : std::runtime_error(why), offset(at_offset), line(at_line) {}

  std::uint64_t offset;  ///< Where the message begins.
  std::uint64_t line;    ///< Of JSON, from 1; else 0.
};

/// Splits a file into messages: JSON objects behind each other, mostly one a line, or protobuf,
/// each message behind its length as four bytes, big endian, or one protobuf message alone. The
/// first byte tells which.
///
/// Thread-safety: one thread. Errors: BrokenFile, and what `read` throws.
class MessageReader {
 public:
  /// Reads up to `size` bytes to `to`; 0 at the end.
  using Read = std::function<std::size_t(char* to, std::size_t size)>;

  /// As servers take them.
  static constexpr std::size_t kMaxMessageBytes = std::size_t{64} << 20;

  explicit MessageReader(Read read) : read_(std::move(read)) {}

  /// Nothing at the end.
  std::optional<Message> next();

 private:
  enum class Format : std::uint8_t { kUnknown, kJson, kFramed, kAlone };

  Format find_format();
  std::optional<Message> next_object();
  std::optional<Message> next_framed();
  Message rest();
  [[nodiscard]] bool fill();
  void skip_space();
  void consume(std::size_t bytes);
  [[noreturn]] void fail(const std::string& why) const;

  Read read_;
  std::string buffer_;
  std::size_t at_ = 0;  // In the buffer.
  std::uint64_t offset_ = 0;
  std::uint64_t line_ = 1;
  Format format_ = Format::kUnknown;
};

}  // namespace signalbox::server::transfer

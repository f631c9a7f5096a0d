#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace signalbox::server::query {

/// Writes JSON text from front to back; commas are its own business, matching `begin` and `end`
/// the caller's. Bytes that are not UTF-8 become U+FFFD. Not thread-safe.
class JsonWriter {
 public:
  JsonWriter& begin_object() { return open('{'); }
  JsonWriter& end_object() { return close('}'); }
  JsonWriter& begin_array() { return open('['); }
  JsonWriter& end_array() { return close(']'); }
  JsonWriter& key(std::string_view name);

  JsonWriter& string(std::string_view text);
  JsonWriter& boolean(bool value);
  JsonWriter& null();
  /// A number; NaN and infinities, which JSON has not, become null.
  JsonWriter& number(double value);
  JsonWriter& number(std::integral auto value) { return raw(std::to_string(value)); }
  /// A 64-bit integer as a string of digits.
  JsonWriter& digits(std::integral auto value) { return raw('"' + std::to_string(value) + '"'); }
  /// A value that is JSON already.
  JsonWriter& json(std::string_view value);
  /// Bytes as lowercase hexadecimal digits.
  JsonWriter& hex(std::string_view bytes);

  [[nodiscard]] std::string take() { return std::move(text_); }

 private:
  JsonWriter& open(char bracket);
  JsonWriter& close(char bracket);
  JsonWriter& raw(std::string_view text);
  void separate();
  /// The character at `at`, which is not ASCII, or U+FFFD for a byte of none; returns its length.
  std::size_t append_character(std::string_view text, std::size_t at);

  std::string text_;
  bool needs_comma_ = false;
};

}  // namespace signalbox::server::query

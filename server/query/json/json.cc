#include "server/query/json/json.h"

#include <charconv>
#include <cmath>
#include <cstddef>

namespace signalbox::server::query {
namespace {

constexpr char kHexDigits[] = "0123456789abcdef";

std::uint8_t byte_at(std::string_view text, std::size_t at) {
  return at < text.size() ? static_cast<std::uint8_t>(text[at]) : 0;
}

bool is_continuation(std::uint8_t byte) {
  return (byte & 0xC0) == 0x80;
}

/// Length of the well-formed UTF-8 character at `at`, or 0.
std::size_t utf8_length(std::string_view text, std::size_t at) {
  const std::uint8_t lead = byte_at(text, at);
  const std::uint8_t second = byte_at(text, at + 1);
  if (lead >= 0xC2 && lead <= 0xDF) return is_continuation(second) ? 2 : 0;
  if (lead >= 0xE0 && lead <= 0xEF) {
    const bool overlong = lead == 0xE0 && second < 0xA0;
    const bool surrogate = lead == 0xED && second > 0x9F;
    if (overlong || surrogate || !is_continuation(second)) return 0;
    return is_continuation(byte_at(text, at + 2)) ? 3 : 0;
  }
  if (lead >= 0xF0 && lead <= 0xF4) {
    const bool overlong = lead == 0xF0 && second < 0x90;
    const bool too_large = lead == 0xF4 && second > 0x8F;
    if (overlong || too_large || !is_continuation(second)) return 0;
    return is_continuation(byte_at(text, at + 2)) && is_continuation(byte_at(text, at + 3)) ? 4 : 0;
  }
  return 0;
}

bool is_plain(char c) {
  const auto byte = static_cast<std::uint8_t>(c);
  return byte >= 0x20 && byte < 0x7F && c != '"' && c != '\\';
}

void append_escaped(std::string& out, char c) {
  switch (c) {
    case '"':
      out += "\\\"";
      return;
    case '\\':
      out += "\\\\";
      return;
    case '\n':
      out += "\\n";
      return;
    case '\r':
      out += "\\r";
      return;
    case '\t':
      out += "\\t";
      return;
    default:
      out += "\\u00";
      out += kHexDigits[static_cast<std::uint8_t>(c) >> 4];
      out += kHexDigits[static_cast<std::uint8_t>(c) & 0xF];
  }
}

}  // namespace

void JsonWriter::separate() {
  if (needs_comma_) text_ += ',';
  needs_comma_ = true;
}

JsonWriter& JsonWriter::open(char bracket) {
  separate();
  text_ += bracket;
  needs_comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::close(char bracket) {
  text_ += bracket;
  needs_comma_ = true;
  return *this;
}

JsonWriter& JsonWriter::raw(std::string_view text) {
  separate();
  text_ += text;
  return *this;
}

JsonWriter& JsonWriter::key(std::string_view name) {
  string(name);
  text_ += ':';
  needs_comma_ = false;
  return *this;
}

JsonWriter& JsonWriter::string(std::string_view text) {
  separate();
  text_ += '"';
  std::size_t at = 0;
  while (at < text.size()) {
    std::size_t plain_end = at;
    while (plain_end < text.size() && is_plain(text[plain_end])) ++plain_end;
    text_.append(text, at, plain_end - at);
    at = plain_end;
    if (at == text.size()) break;
    if (static_cast<std::uint8_t>(text[at]) < 0x80) {
      append_escaped(text_, text[at]);
      ++at;
    } else {
      at += append_character(text, at);
    }
  }
  text_ += '"';
  return *this;
}

std::size_t JsonWriter::append_character(std::string_view text, std::size_t at) {
  const std::size_t length = utf8_length(text, at);
  if (length == 0) {
    text_ += "\xEF\xBF\xBD";
    return 1;
  }
  text_.append(text, at, length);
  return length;
}

JsonWriter& JsonWriter::json(std::string_view value) {
  separate();
  for (std::size_t at = 0; at < value.size();) {
    if (static_cast<std::uint8_t>(value[at]) < 0x80) {
      text_ += value[at++];
    } else {
      at += append_character(value, at);
    }
  }
  return *this;
}

JsonWriter& JsonWriter::boolean(bool value) {
  return raw(value ? "true" : "false");
}

JsonWriter& JsonWriter::null() {
  return raw("null");
}

JsonWriter& JsonWriter::number(double value) {
  if (!std::isfinite(value)) return null();
  char text[32];
  const auto end = std::to_chars(std::begin(text), std::end(text), value).ptr;
  return raw(std::string_view(text, static_cast<std::size_t>(end - text)));
}

JsonWriter& JsonWriter::hex(std::string_view bytes) {
  separate();
  text_ += '"';
  for (const char c : bytes) {
    text_ += kHexDigits[static_cast<std::uint8_t>(c) >> 4];
    text_ += kHexDigits[static_cast<std::uint8_t>(c) & 0xF];
  }
  text_ += '"';
  return *this;
}

}  // namespace signalbox::server::query

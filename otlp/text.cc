#include "otlp/text.h"

#include <array>
#include <charconv>
#include <cmath>

namespace signalbox::otlp::internal {
namespace {

/// Length of the well-formed UTF-8 sequence at the start of `text` (not empty), 0 if there is none.
std::size_t sequence_length(std::string_view text) noexcept {
  const auto byte = [&](std::size_t i) -> unsigned {
    return i < text.size() ? static_cast<unsigned char>(text[i]) : 0U;
  };
  const auto continues = [&](std::size_t i) { return (byte(i) & 0xC0U) == 0x80U; };
  const unsigned first = byte(0);
  if (first < 0x80U) return 1;
  if (first >= 0xC2U && first <= 0xDFU) return continues(1) ? 2 : 0;
  if (first >= 0xE0U && first <= 0xEFU) {
    const bool overlong = first == 0xE0U && byte(1) < 0xA0U;
    const bool surrogate = first == 0xEDU && byte(1) >= 0xA0U;
    return !overlong && !surrogate && continues(1) && continues(2) ? 3 : 0;
  }
  if (first >= 0xF0U && first <= 0xF4U) {
    const bool overlong = first == 0xF0U && byte(1) < 0x90U;
    const bool too_large = first == 0xF4U && byte(1) >= 0x90U;
    return !overlong && !too_large && continues(1) && continues(2) && continues(3) ? 4 : 0;
  }
  return 0;
}

constexpr std::string_view kBase64Alphabet =
    "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t kNoDigit = 0xFF;

constexpr std::array<std::uint8_t, 256> make_base64_digits() {
  std::array<std::uint8_t, 256> digits{};
  digits.fill(kNoDigit);
  for (std::size_t i = 0; i < kBase64Alphabet.size(); ++i) {
    digits[static_cast<unsigned char>(kBase64Alphabet[i])] = static_cast<std::uint8_t>(i);
  }
  digits['-'] = 62;
  digits['_'] = 63;
  return digits;
}
constexpr auto kBase64Digits = make_base64_digits();

int hex_digit(char c) noexcept {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

void append_double(double value, std::string& out) {
  if (std::isnan(value)) {
    out += "\"NaN\"";
  } else if (std::isinf(value)) {
    out += value > 0 ? "\"Infinity\"" : "\"-Infinity\"";
  } else {
    std::array<char, 32> buffer{};
    const auto end = std::to_chars(buffer.data(), buffer.data() + buffer.size(), value).ptr;
    out.append(buffer.data(), end);
  }
}

}  // namespace

bool is_utf8(std::string_view text) noexcept {
  while (!text.empty()) {
    const std::size_t length = sequence_length(text);
    if (length == 0) return false;
    text.remove_prefix(length);
  }
  return true;
}

std::string_view sanitize_utf8(std::string_view text, Arena& arena) {
  constexpr std::string_view kReplacement = "\xEF\xBF\xBD";
  std::string out;
  out.reserve(text.size() + 16);
  while (!text.empty()) {
    const std::size_t length = sequence_length(text);
    out += length == 0 ? kReplacement : text.substr(0, length);
    text.remove_prefix(length == 0 ? 1 : length);
  }
  return arena.copy(out);
}

bool decode_hex(std::string_view hex, Arena& arena, std::string_view& bytes) {
  if (hex.size() % 2 != 0) return false;
  char* const out = arena.allocate(hex.size() / 2);
  for (std::size_t i = 0; i < hex.size(); i += 2) {
    const int high = hex_digit(hex[i]);
    const int low = hex_digit(hex[i + 1]);
    if (high < 0 || low < 0) return false;
    out[i / 2] = static_cast<char>(high * 16 + low);
  }
  bytes = {out, hex.size() / 2};
  return true;
}

bool decode_base64(std::string_view text, Arena& arena, std::string_view& bytes) {
  for (int padding = 0; padding < 2 && text.ends_with('='); ++padding) text.remove_suffix(1);
  if (text.size() % 4 == 1) return false;
  const std::size_t size = text.size() * 3 / 4;
  char* const out = arena.allocate(size);
  std::uint32_t bits = 0;
  unsigned bit_count = 0;
  std::size_t written = 0;
  for (const char c : text) {
    const std::uint8_t digit = kBase64Digits[static_cast<unsigned char>(c)];
    if (digit == kNoDigit) return false;
    bits = bits << 6U | digit;
    bit_count += 6;
    if (bit_count >= 8) {
      bit_count -= 8;
      out[written++] = static_cast<char>(bits >> bit_count & 0xFFU);
    }
  }
  bytes = {out, written};
  return true;
}

void append_base64(std::string_view bytes, std::string& out) {
  const auto at = [&](std::size_t i) -> std::uint32_t {
    return i < bytes.size() ? static_cast<unsigned char>(bytes[i]) : 0U;
  };
  for (std::size_t i = 0; i < bytes.size(); i += 3) {
    const std::uint32_t group = at(i) << 16U | at(i + 1) << 8U | at(i + 2);
    out += kBase64Alphabet[group >> 18U & 63U];
    out += kBase64Alphabet[group >> 12U & 63U];
    out += i + 1 < bytes.size() ? kBase64Alphabet[group >> 6U & 63U] : '=';
    out += i + 2 < bytes.size() ? kBase64Alphabet[group & 63U] : '=';
  }
}

void append_json_string(std::string_view utf8, std::string& out) {
  constexpr std::string_view kHex = "0123456789abcdef";
  out += '"';
  for (const char c : utf8) {
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (static_cast<unsigned char>(c) >= 0x20U) {
      out += c;
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (c == '\r') {
      out += "\\r";
    } else {
      out += "\\u00";
      out += kHex[static_cast<unsigned char>(c) >> 4U];
      out += kHex[static_cast<unsigned char>(c) & 15U];
    }
  }
  out += '"';
}

void append_json_scalar(const ValueView& value, std::string& out) {
  switch (value.type) {
    case ValueType::kString:
      out += "{\"stringValue\":";
      append_json_string(value.text, out);
      break;
    case ValueType::kBool:
      out += value.bool_value ? "{\"boolValue\":true" : "{\"boolValue\":false";
      break;
    case ValueType::kInt:
      out += "{\"intValue\":\"" + std::to_string(value.int_value) + '"';
      break;
    case ValueType::kDouble:
      out += "{\"doubleValue\":";
      append_double(value.double_value, out);
      break;
    case ValueType::kBytes:
      out += "{\"bytesValue\":\"";
      append_base64(value.text, out);
      out += '"';
      break;
    case ValueType::kEmpty:
    case ValueType::kArray:
    case ValueType::kKeyValueList:
      out += '{';
      break;
  }
  out += '}';
}

}  // namespace signalbox::otlp::internal

#include "otlp/text.h"

#include <array>
#include <charconv>
#include <cmath>

namespace signalbox::otlp {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";

template <typename Number>
void append_number(Number value, std::string& out) {
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), value).ptr;
  out.append(digits.data(), end);
}

}  // namespace

void append_double(double value, std::string& out) {
  if (std::isnan(value)) {
    out += "NaN";
  } else if (std::isinf(value)) {
    out += value > 0 ? "Infinity" : "-Infinity";
  } else {
    append_number(value, out);
  }
}

void append_json_double(double value, std::string& out) {
  if (value == 0 && std::signbit(value)) {
    out += "-0.0";  // Readers take -0 for an integer, which has no sign then.
    return;
  }
  const std::string_view quote = std::isfinite(value) ? "" : "\"";
  out += quote;
  append_double(value, out);
  out += quote;
}

void append_int(std::int64_t value, std::string& out) {
  append_number(value, out);
}

void append_hex(std::string_view bytes, std::string& out) {
  for (const char byte : bytes) {
    out += kHexDigits[static_cast<unsigned char>(byte) >> 4U];
    out += kHexDigits[static_cast<unsigned char>(byte) & 15U];
  }
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
      out += kHexDigits[static_cast<unsigned char>(c) >> 4U];
      out += kHexDigits[static_cast<unsigned char>(c) & 15U];
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
      append_json_double(value.double_value, out);
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

}  // namespace signalbox::otlp

#include "server/query/export/stored_values.h"

#include <charconv>
#include <limits>
#include <stdexcept>
#include <string>

#include "otlp/parse_text.h"

namespace signalbox::server::query {
namespace {

using otlp::ValueType;

[[noreturn]] void fail(std::string_view text, const char* type) {
  throw std::runtime_error("A stored value is no " + std::string(type) + ": '" +
                           std::string(text.substr(0, 100)) + "'.");
}

template <typename Number>
Number parse_number(std::string_view text, const char* type) {
  Number number = 0;
  const char* const begin = text.data();
  const char* const end = begin + text.size();
  const auto parsed = std::from_chars(begin, end, number);
  if (parsed.ec != std::errc() || parsed.ptr != end) fail(text, type);
  return number;
}

double parse_double(std::string_view text) {
  if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
  if (text == "Infinity") return std::numeric_limits<double>::infinity();
  if (text == "-Infinity") return -std::numeric_limits<double>::infinity();
  return parse_number<double>(text, "double");
}

}  // namespace

std::string_view id_or_none(std::string_view bytes) {
  return bytes.find_first_not_of('\0') == std::string_view::npos ? std::string_view() : bytes;
}

otlp::ValueView stored_value(char type, std::string_view text, otlp::internal::Arena& arena) {
  otlp::ValueView value;
  value.type = static_cast<ValueType>(type);
  switch (value.type) {
    case ValueType::kEmpty:
      break;
    case ValueType::kBool:
      value.bool_value = text == "true";
      break;
    case ValueType::kInt:
      value.int_value = parse_number<std::int64_t>(text, "integer");
      break;
    case ValueType::kDouble:
      value.double_value = parse_double(text);
      break;
    case ValueType::kBytes:
      if (!otlp::internal::decode_base64(text, arena, value.text)) fail(text, "base64");
      break;
    case ValueType::kString:
    case ValueType::kArray:
    case ValueType::kKeyValueList:
      value.text = text;
      break;
    default:
      fail(std::string_view(&type, 1), "type");
  }
  return value;
}

std::vector<otlp::KeyValueView> stored_attributes(const std::vector<std::string_view>& keys,
                                                  const std::vector<std::string_view>& texts,
                                                  std::string_view types,
                                                  otlp::internal::Arena& arena) {
  std::vector<otlp::KeyValueView> attributes;
  attributes.reserve(keys.size());
  for (std::size_t i = 0; i < keys.size(); ++i) {
    attributes.push_back({keys[i], stored_value(types.at(i), texts.at(i), arena)});
  }
  return attributes;
}

std::vector<otlp::KeyValueView> read_attributes(RowReader& row, otlp::internal::Arena& arena) {
  std::vector<std::string_view> keys;
  std::vector<std::string_view> texts;
  for (const auto& [key, text] : row.map()) {
    keys.push_back(key);
    texts.push_back(text);
  }
  return stored_attributes(keys, texts, row.string(), arena);
}

}  // namespace signalbox::server::query

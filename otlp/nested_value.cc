#include "otlp/nested_value.h"

#include <array>
#include <cstdint>
#include <stdexcept>
#include <string_view>

#include "otlp/decode.h"
#include "otlp/json_reader.h"
#include "otlp/parse_text.h"
#include "otlp/wire.h"

namespace signalbox::otlp::internal {
namespace {

using simdjson::dom::element;

enum : std::uint32_t {
  kStringValue = 1,
  kBoolValue,
  kIntValue,
  kDoubleValue,
  kArrayValue,
  kKeyValueListValue,
  kBytesValue
};

/// Reads AnyValues of OTLP/JSON and writes them as protobuf.
class Converter {
 public:
  // Nesting is bounded by DecodeLimits::max_value_depth.
  // NOLINTNEXTLINE(misc-no-recursion)
  std::string any_value(simdjson::dom::object value, std::uint32_t depth = 0) {
    static constexpr std::array<std::string_view, 7> kNames{
        "stringValue", "boolValue",   "intValue",  "doubleValue",
        "arrayValue",  "kvlistValue", "bytesValue"};
    if (depth > DecodeLimits{}.max_value_depth) throw Malformed{nullptr, "it nests too deeply"};
    std::string out;
    for_each_field(value, kNames, [&](std::size_t index, std::string_view key, element member) {
      append(static_cast<std::uint32_t>(index) + 1, key, member, depth, out);
    });
    return out;
  }

 private:
  // NOLINTNEXTLINE(misc-no-recursion)
  void append(std::uint32_t field, std::string_view key, element member, std::uint32_t depth,
              std::string& out) {
    switch (field) {
      case kStringValue:
        wire::append_bytes_field(out, field, json_string(key, member));
        break;
      case kBoolValue:
        wire::append_varint_field(out, field, json_bool(key, member) ? 1 : 0);
        break;
      case kIntValue:
        wire::append_varint_field(out, field, static_cast<std::uint64_t>(json_int64(key, member)));
        break;
      case kDoubleValue:
        wire::append_double_field(out, field, json_double(key, member));
        break;
      case kBytesValue: {
        std::string_view bytes;
        if (!decode_base64(json_string(key, member), arena_, bytes)) fail_json(key, "base64");
        wire::append_bytes_field(out, field, bytes);
        break;
      }
      default:
        wire::append_bytes_field(out, field, items(member, field == kKeyValueListValue, depth + 1));
    }
  }

  /// An ArrayValue or KeyValueList.
  // NOLINTNEXTLINE(misc-no-recursion)
  std::string items(element list, bool have_keys, std::uint32_t depth) {
    static constexpr std::array<std::string_view, 1> kNames{"values"};
    std::string out;
    for_each_field(json_object("values", list), kNames,
                   [&](std::size_t /*index*/, std::string_view key, element values) {
                     for (const element item : json_array(key, values)) {
                       wire::append_bytes_field(out, 1,
                                                have_keys
                                                    ? key_value(item, depth)
                                                    : any_value(json_object(key, item), depth));
                     }
                   });
    return out;
  }

  // NOLINTNEXTLINE(misc-no-recursion)
  std::string key_value(element item, std::uint32_t depth) {
    static constexpr std::array<std::string_view, 2> kNames{"key", "value"};
    std::string out;
    for_each_field(json_object("values", item), kNames,
                   [&](std::size_t index, std::string_view name, element member) {
                     if (index == 0) wire::append_bytes_field(out, 1, json_string(name, member));
                     if (index == 1) {
                       wire::append_bytes_field(out, 2,
                                                any_value(json_object(name, member), depth));
                     }
                   });
    return out;
  }

  Arena arena_;
};

std::string nested_protobuf(std::string_view json) {
  try {
    simdjson::dom::parser parser;
    Alterations altered;
    return Converter().any_value(parse_object(json, parser, altered));
  } catch (const Malformed& malformed) {
    throw std::runtime_error("a nested value is not OTLP/JSON: " + malformed.why);
  }
}

}  // namespace

std::string any_value_protobuf(const ValueView& value) {
  std::string out;
  switch (value.type) {
    case ValueType::kEmpty:
      break;
    case ValueType::kString:
      wire::append_bytes_field(out, kStringValue, value.text);
      break;
    case ValueType::kBool:
      wire::append_varint_field(out, kBoolValue, value.bool_value ? 1 : 0);
      break;
    case ValueType::kInt:
      wire::append_varint_field(out, kIntValue, static_cast<std::uint64_t>(value.int_value));
      break;
    case ValueType::kDouble:
      wire::append_double_field(out, kDoubleValue, value.double_value);
      break;
    case ValueType::kBytes:
      wire::append_bytes_field(out, kBytesValue, value.text);
      break;
    case ValueType::kArray:
    case ValueType::kKeyValueList:
      return nested_protobuf(value.text);
  }
  return out;
}

}  // namespace signalbox::otlp::internal

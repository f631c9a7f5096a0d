#include "otlp/json_reader.h"

#include <charconv>
#include <cmath>
#include <limits>
#include <memory>
#include <utility>

namespace signalbox::otlp::internal {
namespace {

using simdjson::dom::element;
using simdjson::dom::element_type;

/// All of `text` as a number; false if it is none, or out of range.
template <typename Number>
bool parse_number(std::string_view text, Number& number) {
  const char* const begin = text.data();
  const char* const end = begin + text.size();
  const auto parsed = std::from_chars(begin, end, number);
  return parsed.ec == std::errc() && parsed.ptr == end;
}

/// An integer of type `Int`, written as a number (1, 1.0, 1e3) or in a string ("1").
template <typename Int>
Int json_integer(std::string_view field, element value, const char* expected) {
  switch (value.type()) {
    case element_type::INT64: {
      const std::int64_t number = value.get_int64().value_unsafe();
      if (std::in_range<Int>(number)) return static_cast<Int>(number);
      break;
    }
    case element_type::UINT64: {
      const std::uint64_t number = value.get_uint64().value_unsafe();
      if (std::in_range<Int>(number)) return static_cast<Int>(number);
      break;
    }
    case element_type::DOUBLE: {
      const double number = value.get_double().value_unsafe();
      const double beyond = std::ldexp(1.0, std::numeric_limits<Int>::digits);
      constexpr auto kLowest = static_cast<double>(std::numeric_limits<Int>::min());
      if (number == std::trunc(number) && number >= kLowest && number < beyond) {
        return static_cast<Int>(number);
      }
      break;
    }
    case element_type::STRING: {
      Int number = 0;
      if (parse_number(value.get_string().value_unsafe(), number)) return number;
      break;
    }
    default:
      break;
  }
  fail_json(field, expected);
}

/// simdjson refuses integers beyond 64 bits, which JavaScript writes for doubles below 1e21. Gives
/// such integers a fraction, which makes them doubles.
std::string with_wide_integers_as_doubles(std::string_view text) {
  std::string result;
  result.reserve(text.size() + 64);
  bool in_string = false;
  for (std::size_t i = 0; i < text.size();) {
    const char c = text[i];
    if (in_string || c == '"') {
      if (c == '"') in_string = !in_string;
      const std::size_t length = c == '\\' && i + 1 < text.size() ? 2 : 1;
      result += text.substr(i, length);
      i += length;
      continue;
    }
    const std::size_t end = std::min(text.find_first_not_of("+-.0123456789eE", i), text.size());
    if (end == i || !(c == '-' || (c >= '0' && c <= '9'))) {
      result += c;
      ++i;
      continue;
    }
    const std::string_view token = text.substr(i, end - i);
    result += token;
    std::int64_t negative = 0;
    std::uint64_t positive = 0;
    const bool is_integer = token.find_first_of(".eE") == std::string_view::npos;
    if (is_integer && !parse_number(token, negative) && !parse_number(token, positive)) {
      result += ".0";
    }
    i = end;
  }
  return result;
}

/// The UTF-16 unit of an escape \uXXXX at the start of `text`.
std::optional<std::uint32_t> escaped_unit(std::string_view text) {
  constexpr std::size_t kLength = 6;
  if (!text.starts_with("\\u") || text.size() < kLength) return std::nullopt;
  std::uint32_t unit = 0;
  const char* const end = text.data() + kLength;
  const auto parsed = std::from_chars(text.data() + 2, end, unit, 16);
  return parsed.ec == std::errc() && parsed.ptr == end ? std::optional(unit) : std::nullopt;
}

/// simdjson refuses half of a surrogate pair, which JavaScript writes when it cuts a string. Puts
/// U+FFFD in its place, and counts it.
std::string with_whole_surrogates(std::string_view text, std::uint64_t& replaced) {
  const auto is_high = [](std::optional<std::uint32_t> unit) {
    return unit && *unit >= 0xD800 && *unit <= 0xDBFF;
  };
  const auto is_low = [](std::optional<std::uint32_t> unit) {
    return unit && *unit >= 0xDC00 && *unit <= 0xDFFF;
  };
  std::string result;
  result.reserve(text.size());
  while (!text.empty()) {
    std::size_t length = std::min(text.find('\\'), text.size());
    if (length == 0) {
      const auto unit = escaped_unit(text);
      const bool is_pair = is_high(unit) && is_low(escaped_unit(text.substr(6)));
      if (!is_pair && (is_high(unit) || is_low(unit))) {
        result += "\\uFFFD";
        ++replaced;
        text.remove_prefix(6);
        continue;
      }
      length = is_pair ? 12 : std::min<std::size_t>(2, text.size());
    }
    result += text.substr(0, length);
    text.remove_prefix(length);
  }
  return result;
}

}  // namespace

void fail_json(std::string_view field, const char* expected) {
  throw Malformed{nullptr,
                  "field \"" + std::string(field.substr(0, 100)) + "\": expected " + expected};
}

std::string_view json_string(std::string_view field, element value) {
  std::string_view text;
  if (value.get_string().get(text) != simdjson::SUCCESS) fail_json(field, "a string");
  return text;
}
bool json_bool(std::string_view field, element value) {
  bool result = false;
  if (value.get_bool().get(result) != simdjson::SUCCESS) fail_json(field, "true or false");
  return result;
}
std::int64_t json_int64(std::string_view field, element value) {
  return json_integer<std::int64_t>(field, value, "a signed integer of 64 bits");
}
std::uint64_t json_uint64(std::string_view field, element value) {
  return json_integer<std::uint64_t>(field, value, "an unsigned integer of 64 bits");
}
std::int32_t json_int32(std::string_view field, element value) {
  return json_integer<std::int32_t>(field, value, "a signed integer of 32 bits");
}
std::uint32_t json_uint32(std::string_view field, element value) {
  return json_integer<std::uint32_t>(field, value, "an unsigned integer of 32 bits");
}

double json_double(std::string_view field, element value) {
  double number = 0;
  if (value.get_double().get(number) == simdjson::SUCCESS) return number;
  std::string_view text;
  if (value.get_string().get(text) == simdjson::SUCCESS) {
    if (text == "NaN") return std::numeric_limits<double>::quiet_NaN();
    if (text == "Infinity") return std::numeric_limits<double>::infinity();
    if (text == "-Infinity") return -std::numeric_limits<double>::infinity();
    if (parse_number(text, number) && std::isfinite(number)) return number;
  }
  fail_json(field, R"(a number, "NaN", "Infinity" or "-Infinity")");
}

simdjson::dom::object json_object(std::string_view field, element value) {
  simdjson::dom::object object;
  if (value.get_object().get(object) != simdjson::SUCCESS) fail_json(field, "an object");
  return object;
}
simdjson::dom::array json_array(std::string_view field, element value) {
  simdjson::dom::array array;
  if (value.get_array().get(array) != simdjson::SUCCESS) fail_json(field, "an array");
  return array;
}

std::size_t find_json_name(std::string_view key, std::span<const std::string_view> names) {
  std::array<char, 40> camel{};
  if (key.find('_') != std::string_view::npos) {
    if (key.size() > camel.size()) return names.size();
    std::size_t size = 0;
    for (std::size_t i = 0; i < key.size(); ++i) {
      const bool is_start = key[i] == '_' && i + 1 < key.size();
      if (is_start) ++i;
      const char c = key[i];
      camel[size++] = is_start && c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
    }
    key = {camel.data(), size};
  }
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (names[i] == key) return i;
  }
  return names.size();
}

JsonParts::RawValue JsonParts::raw_value(element any_value) {
  enum : std::size_t { kString, kBool, kInt, kDouble, kArray, kKeyValueList, kBytes };
  static constexpr std::array<std::string_view, 7> kNames{
      "stringValue", "boolValue",   "intValue",  "doubleValue",
      "arrayValue",  "kvlistValue", "bytesValue"};
  RawValue raw;
  if (any_value.is_null()) return raw;
  for_each_field(json_object("value", any_value), kNames,
                 [&](std::size_t index, std::string_view key, element value) {
                   raw = {};
                   ValueView& view = raw.value;
                   switch (index) {
                     case kString:
                       view.type = ValueType::kString;
                       view.text = json_string(key, value);
                       break;
                     case kBool:
                       view.type = ValueType::kBool;
                       view.bool_value = json_bool(key, value);
                       break;
                     case kInt:
                       view.type = ValueType::kInt;
                       view.int_value = json_int64(key, value);
                       break;
                     case kDouble:
                       view.type = ValueType::kDouble;
                       view.double_value = json_double(key, value);
                       break;
                     case kArray:
                     case kKeyValueList:
                       view.type = index == kArray ? ValueType::kArray : ValueType::kKeyValueList;
                       raw.nested = value;
                       break;
                     case kBytes: {
                       const std::string_view text = json_string(key, value);
                       checks_.text(text.size(), nullptr);
                       view.type = ValueType::kBytes;
                       if (!decode_base64(text, scratch_.arena, view.text)) {
                         fail_json(key, "base64");
                       }
                       break;
                     }
                     default:
                       break;
                   }
                 });
  return raw;
}

ValueView JsonParts::value(element any_value) {
  RawValue raw = raw_value(any_value);
  if (raw.value.type == ValueType::kArray || raw.value.type == ValueType::kKeyValueList) {
    scratch_.value_text.clear();
    append_json(raw, 1);
    checks_.made_text(scratch_.value_text.size(), nullptr);
    raw.value.text = scratch_.arena.copy(scratch_.value_text);
  }
  return raw.value;
}

// Nesting is bounded by DecodeLimits::max_value_depth.
// NOLINTNEXTLINE(misc-no-recursion)
void JsonParts::append_json(const RawValue& raw, std::uint32_t depth) {
  std::string& out = scratch_.value_text;
  checks_.depth(depth, nullptr);
  if (raw.value.type == ValueType::kArray) {
    out += R"({"arrayValue":{"values":[)";
  } else if (raw.value.type == ValueType::kKeyValueList) {
    out += R"({"kvlistValue":{"values":[)";
  } else {
    append_json_scalar(raw.value, out);
    return;
  }
  append_json_items(raw, depth);
  out += "]}}";
}

// NOLINTNEXTLINE(misc-no-recursion)
void JsonParts::append_json_items(const RawValue& raw, std::uint32_t depth) {
  static constexpr std::array<std::string_view, 1> kListNames{"values"};
  static constexpr std::array<std::string_view, 2> kItemNames{"key", "value"};
  std::string& out = scratch_.value_text;
  std::optional<element> items;
  for_each_field(json_object("value", raw.nested), kListNames,
                 [&](std::size_t, std::string_view, element value) { items = value; });
  if (!items) return;
  bool first = true;
  for (const element item : json_array("values", *items)) {
    checks_.text(out.size(), nullptr);
    if (!std::exchange(first, false)) out += ',';
    if (raw.value.type == ValueType::kArray) {
      append_json(raw_value(item), depth + 1);
      continue;
    }
    std::string_view key;
    RawValue value;
    for_each_field(json_object("values", item), kItemNames,
                   [&](std::size_t index, std::string_view name, element field) {
                     if (index == 0) key = json_string(name, field);
                     if (index == 1) value = raw_value(field);
                   });
    out += "{\"key\":";
    append_json_string(key, out);
    out += ",\"value\":";
    append_json(value, depth + 1);
    out += '}';
  }
}

std::int32_t JsonParts::enumerator(std::string_view field, element value,
                                   std::span<const EnumName> names) {
  std::string_view text;
  if (value.get_string().get(text) != simdjson::SUCCESS) return json_int32(field, value);
  for (const EnumName& known : names) {
    if (known.name == text) return known.number;
  }
  ++result_.altered.unknown_names;
  return 0;
}

void JsonParts::attributes(std::string_view field, element value, AttributeList& list) {
  static constexpr std::array<std::string_view, 2> kNames{"key", "value"};
  list.items.resize(list.begin);
  list.dropped = 0;
  for (const element item : json_array(field, value)) {
    if (!checks_.one_more_attribute(list.size(), nullptr)) {
      ++list.dropped;
      continue;
    }
    KeyValueView attribute;
    for_each_field(json_object(field, item), kNames,
                   [&](std::size_t index, std::string_view key, element part) {
                     if (index == 0) attribute.key = json_string(key, part);
                     if (index == 1) attribute.value = this->value(part);
                   });
    list.items.push_back(attribute);
  }
}

std::string_view JsonParts::id(std::string_view field, element value) {
  constexpr std::size_t kLongest = 64;
  constexpr std::string_view kNoId = "?";
  const std::string_view hex = json_string(field, value);
  std::string_view bytes;
  const bool is_hex = hex.size() <= kLongest && decode_hex(hex, scratch_.arena, bytes);
  return is_hex ? bytes : kNoId;
}

void JsonParts::count_dropped(const AttributeList& list, std::uint32_t& count) {
  add_dropped(list.dropped, count);
  result_.altered.dropped_attributes += list.dropped;
}

ResourceView JsonParts::resource(element value) {
  enum : std::size_t { kAttributes, kDroppedAttributesCount };
  static constexpr std::array<std::string_view, 2> kNames{"attributes", "droppedAttributesCount"};
  ResourceView resource;
  AttributeList list{scratch_.resource_attributes};
  list.items.clear();
  for_each_field(json_object("resource", value), kNames,
                 [&](std::size_t index, std::string_view key, element field) {
                   if (index == kAttributes) {
                     attributes(key, field, list);
                   } else {
                     resource.dropped_attributes_count = json_uint32(key, field);
                   }
                 });
  resource.attributes = list.items;
  count_dropped(list, resource.dropped_attributes_count);
  return resource;
}

ScopeView JsonParts::scope(element value) {
  enum : std::size_t { kName, kVersion, kAttributes, kDroppedAttributesCount };
  static constexpr std::array<std::string_view, 4> kNames{"name", "version", "attributes",
                                                          "droppedAttributesCount"};
  ScopeView scope;
  AttributeList list{scratch_.scope_attributes};
  list.items.clear();
  for_each_field(json_object("scope", value), kNames,
                 [&](std::size_t index, std::string_view key, element field) {
                   switch (index) {
                     case kName:
                       scope.name = json_string(key, field);
                       break;
                     case kVersion:
                       scope.version = json_string(key, field);
                       break;
                     case kAttributes:
                       attributes(key, field, list);
                       break;
                     case kDroppedAttributesCount:
                       scope.dropped_attributes_count = json_uint32(key, field);
                       break;
                     default:
                       break;
                   }
                 });
  scope.attributes = list.items;
  count_dropped(list, scope.dropped_attributes_count);
  return scope;
}

void JsonParts::events(std::string_view field, element value) {
  enum : std::size_t { kTimeUnixNano, kName, kAttributes, kDroppedAttributesCount };
  static constexpr std::array<std::string_view, 4> kNames{"timeUnixNano", "name", "attributes",
                                                          "droppedAttributesCount"};
  scratch_.events.clear();
  scratch_.event_attributes.clear();
  scratch_.dropped_events = 0;
  for (const element item : json_array(field, value)) {
    if (!checks_.one_more_nested(scratch_.events.size(), nullptr)) {
      ++scratch_.dropped_events;
      continue;
    }
    AttributeList list{scratch_.nested_attributes, scratch_.nested_attributes.size()};
    EventView event;
    for_each_field(json_object(field, item), kNames,
                   [&](std::size_t index, std::string_view key, element part) {
                     switch (index) {
                       case kTimeUnixNano:
                         event.time_unix_nano = json_uint64(key, part);
                         break;
                       case kName:
                         event.name = json_string(key, part);
                         break;
                       case kAttributes:
                         attributes(key, part, list);
                         break;
                       case kDroppedAttributesCount:
                         event.dropped_attributes_count = json_uint32(key, part);
                         break;
                       default:
                         break;
                     }
                   });
    count_dropped(list, event.dropped_attributes_count);
    scratch_.events.push_back(event);
    scratch_.event_attributes.push_back({list.begin, list.size()});
  }
}

void JsonParts::links(std::string_view field, element value) {
  enum : std::size_t {
    kTraceId,
    kSpanId,
    kTraceState,
    kAttributes,
    kDroppedAttributesCount,
    kFlags
  };
  static constexpr std::array<std::string_view, 6> kNames{
      "traceId", "spanId", "traceState", "attributes", "droppedAttributesCount", "flags"};
  scratch_.links.clear();
  scratch_.link_attributes.clear();
  scratch_.dropped_links = 0;
  for (const element item : json_array(field, value)) {
    if (!checks_.one_more_nested(scratch_.links.size(), nullptr)) {
      ++scratch_.dropped_links;
      continue;
    }
    AttributeList list{scratch_.nested_attributes, scratch_.nested_attributes.size()};
    LinkView link;
    for_each_field(json_object(field, item), kNames,
                   [&](std::size_t index, std::string_view key, element part) {
                     switch (index) {
                       case kTraceId:
                         link.trace_id = id(key, part);
                         break;
                       case kSpanId:
                         link.span_id = id(key, part);
                         break;
                       case kTraceState:
                         link.trace_state = json_string(key, part);
                         break;
                       case kAttributes:
                         attributes(key, part, list);
                         break;
                       case kDroppedAttributesCount:
                         link.dropped_attributes_count = json_uint32(key, part);
                         break;
                       case kFlags:
                         link.flags = json_uint32(key, part);
                         break;
                       default:
                         break;
                     }
                   });
    count_dropped(list, link.dropped_attributes_count);
    scratch_.links.push_back(link);
    scratch_.link_attributes.push_back({list.begin, list.size()});
  }
}

void JsonParts::exemplars(std::string_view field, element value) {
  enum : std::size_t { kTimeUnixNano, kAsDouble, kAsInt, kSpanId, kTraceId, kFilteredAttributes };
  static constexpr std::array<std::string_view, 6> kNames{
      "timeUnixNano", "asDouble", "asInt", "spanId", "traceId", "filteredAttributes"};
  scratch_.exemplars.clear();
  scratch_.exemplar_attributes.clear();
  scratch_.dropped_exemplars = 0;
  for (const element item : json_array(field, value)) {
    if (!checks_.one_more_nested(scratch_.exemplars.size(), nullptr)) {
      ++scratch_.dropped_exemplars;
      continue;
    }
    AttributeList list{scratch_.nested_attributes, scratch_.nested_attributes.size()};
    ExemplarView exemplar;
    for_each_field(json_object(field, item), kNames,
                   [&](std::size_t index, std::string_view key, element part) {
                     switch (index) {
                       case kTimeUnixNano:
                         exemplar.time_unix_nano = json_uint64(key, part);
                         break;
                       case kAsDouble:
                         exemplar.is_int = false;
                         exemplar.int_value = 0;
                         exemplar.double_value = json_double(key, part);
                         break;
                       case kAsInt:
                         exemplar.is_int = true;
                         exemplar.int_value = json_int64(key, part);
                         exemplar.double_value = 0;
                         break;
                       case kSpanId:
                         exemplar.span_id = id(key, part);
                         break;
                       case kTraceId:
                         exemplar.trace_id = id(key, part);
                         break;
                       case kFilteredAttributes:
                         attributes(key, part, list);
                         break;
                       default:
                         break;
                     }
                   });
    result_.altered.dropped_attributes += list.dropped;
    scratch_.exemplars.push_back(exemplar);
    scratch_.exemplar_attributes.push_back({list.begin, list.size()});
  }
}

namespace {

/// A parser's memory is up to twelve times the document's; more than a usual one needs is not kept.
class ParserLease {
 public:
  ParserLease() {
    if (parser() == nullptr) parser() = std::make_unique<simdjson::dom::parser>();
  }
  ~ParserLease() {
    constexpr std::size_t kKeptBytes = 4 * 1024 * 1024;
    if (parser()->capacity() > kKeptBytes) parser().reset();
  }
  ParserLease(const ParserLease&) = delete;
  ParserLease& operator=(const ParserLease&) = delete;
  simdjson::dom::parser& operator*() const { return *parser(); }

 private:
  static std::unique_ptr<simdjson::dom::parser>& parser() {
    thread_local std::unique_ptr<simdjson::dom::parser> parser;
    return parser;
  }
};

}  // namespace

simdjson::dom::object parse_object(std::string_view text, simdjson::dom::parser& parser,
                                   Alterations& altered) {
  if (text.empty()) throw Malformed{nullptr, "the body is empty; send at least {}"};
  element root;
  auto error = parser.parse(text.data(), text.size()).get(root);
  std::string mended;
  // A document may need both repairs; each is done once at most.
  for (int repairs = 0; repairs < 2; ++repairs) {
    if (error == simdjson::NUMBER_ERROR) {
      mended = with_wide_integers_as_doubles(mended.empty() ? text : mended);
    } else if (error == simdjson::STRING_ERROR) {
      mended = with_whole_surrogates(mended.empty() ? text : mended, altered.replaced_texts);
    } else {
      break;
    }
    error = parser.parse(mended).get(root);
  }
  if (error != simdjson::SUCCESS) throw Malformed{nullptr, simdjson::error_message(error)};
  simdjson::dom::object object;
  if (root.get_object().get(object) != simdjson::SUCCESS) {
    throw Malformed{nullptr, "expected an object"};
  }
  return object;
}

DecodeResult run_json_decoder(
    std::string_view text, const DecodeLimits& limits,
    const std::function<void(simdjson::dom::object, JsonParts&)>& decode) {
  DecodeResult result;
  const ParserLease parser;
  const ScratchLease scratch;
  try {
    if (text.size() > limits.max_json_bytes) {
      throw Malformed{nullptr,
                      "the request has more than " + std::to_string(limits.max_json_bytes) +
                          " bytes of JSON; send smaller batches, or protobuf",
                      true};
    }
    const simdjson::dom::object root = parse_object(text, *parser, result.altered);
    JsonParts parts(limits, *scratch, text.size(), result);
    decode(root, parts);
  } catch (const Malformed& malformed) {
    result = {};
    result.ok = false;
    result.too_large = malformed.too_large;
    result.error = malformed.too_large ? malformed.why : "malformed JSON: " + malformed.why;
  }
  return result;
}

}  // namespace signalbox::otlp::internal

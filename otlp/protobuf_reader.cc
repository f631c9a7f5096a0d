#include "otlp/protobuf_reader.h"

#include <utility>

namespace signalbox::otlp::internal {
namespace {

namespace any_value {
enum : std::uint32_t { kString = 1, kBool, kInt, kDouble, kArray, kKeyValueList, kBytes };
constexpr std::uint32_t kKnown =
    known_fields(kString, kBool, kInt, kDouble, kArray, kKeyValueList, kBytes);
}  // namespace any_value

namespace key_value_message {
enum : std::uint32_t { kKey = 1, kValue };
constexpr std::uint32_t kKnown = known_fields(kKey, kValue);
}  // namespace key_value_message

}  // namespace

std::string_view ProtobufParts::checked_text(std::string_view bytes) {
  if (is_utf8(bytes)) return bytes;
  checks_.text(3 * bytes.size(), start_of(bytes));
  const std::string_view mended = sanitize_utf8(bytes, scratch_.arena);
  checks_.made_text(mended.size(), start_of(bytes));
  ++result_.altered.replaced_texts;
  return mended;
}

ProtobufParts::RawValue ProtobufParts::raw_value(std::string_view message) {
  using namespace any_value;
  RawValue value;
  for (FieldReader reader(message); reader.next();) {
    switch (reader.tag()) {
      case bytes_field(kString):
        value = {.type = ValueType::kString, .text = text(reader.bytes())};
        break;
      case varint_field(kBool):
        value = {.type = ValueType::kBool, .bool_value = reader.boolean(), .text = {}};
        break;
      case varint_field(kInt):
        value = {.type = ValueType::kInt, .int_value = reader.int64(), .text = {}};
        break;
      case fixed64_field(kDouble):
        value = {.type = ValueType::kDouble, .double_value = reader.float64(), .text = {}};
        break;
      case bytes_field(kArray):
        value = {.type = ValueType::kArray, .text = reader.bytes()};
        break;
      case bytes_field(kKeyValueList):
        value = {.type = ValueType::kKeyValueList, .text = reader.bytes()};
        break;
      case bytes_field(kBytes):
        value = {.type = ValueType::kBytes, .text = reader.bytes()};
        break;
      default:
        reader.skip(kKnown);
    }
  }
  return value;
}

ValueView ProtobufParts::value(std::string_view message) {
  return finished(raw_value(message), start_of(message));
}

ValueView ProtobufParts::finished(RawValue value, const char* position) {
  if (value.type == ValueType::kArray || value.type == ValueType::kKeyValueList) {
    scratch_.value_text.clear();
    append_json(value, 1, position);
    checks_.made_text(scratch_.value_text.size(), position);
    value.text = scratch_.arena.copy(scratch_.value_text);
  }
  return value;
}

KeyValueView ProtobufParts::raw_key_value(std::string_view message) {
  using namespace key_value_message;
  KeyValueView result;
  for (FieldReader reader(message); reader.next();) {
    switch (reader.tag()) {
      case bytes_field(kKey):
        result.key = text(reader.bytes());
        break;
      case bytes_field(kValue):
        result.value = raw_value(reader.bytes());
        break;
      default:
        reader.skip(kKnown);
    }
  }
  return result;
}

bool ProtobufParts::read_short_text(std::string_view message, KeyValueView& attribute) {
  const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(message[at]); };
  constexpr unsigned char kShort = 0x80;  // Lengths below it take one byte.
  if (message.size() < 4 || byte(0) != bytes_field(key_value_message::kKey) || byte(1) >= kShort) {
    return false;
  }
  const std::size_t key_end = 2U + byte(1);
  if (message.size() < key_end + 4 || byte(key_end) != bytes_field(key_value_message::kValue) ||
      byte(key_end + 1) >= kShort || byte(key_end + 2) != bytes_field(any_value::kString)) {
    return false;
  }
  const std::size_t text_begin = key_end + 4;
  if (byte(key_end + 1) != message.size() - key_end - 2 ||
      byte(key_end + 3) != message.size() - text_begin) {
    return false;
  }
  attribute.key = text(message.substr(2, key_end - 2));
  attribute.value.type = ValueType::kString;
  attribute.value.text = text(message.substr(text_begin));
  return true;
}

KeyValueView ProtobufParts::key_value(std::string_view message) {
  KeyValueView result = raw_key_value(message);
  result.value = finished(result.value, start_of(message));
  return result;
}

// Nesting is bounded by DecodeLimits::max_value_depth.
// NOLINTNEXTLINE(misc-no-recursion)
void ProtobufParts::append_json(const RawValue& value, std::uint32_t depth, const char* position) {
  std::string& out = scratch_.value_text;
  checks_.depth(depth, position);
  if (value.type != ValueType::kArray && value.type != ValueType::kKeyValueList) {
    append_json_scalar(value, out);
    return;
  }
  const bool is_array = value.type == ValueType::kArray;
  out += is_array ? R"({"arrayValue":{"values":[)" : R"({"kvlistValue":{"values":[)";
  bool first = true;
  for (FieldReader reader(value.text); reader.next();) {
    if (reader.tag() != bytes_field(1)) {
      reader.skip(known_fields(1));
      continue;
    }
    checks_.text(out.size(), reader.field_begin());
    if (!std::exchange(first, false)) out += ',';
    if (is_array) {
      append_json(raw_value(reader.bytes()), depth + 1, reader.field_begin());
      continue;
    }
    const KeyValueView item = raw_key_value(reader.bytes());
    out += "{\"key\":";
    append_json_string(item.key, out);
    out += ",\"value\":";
    append_json(item.value, depth + 1, reader.field_begin());
    out += '}';
  }
  out += "]}}";
}

void ProtobufParts::merge_resource(std::string_view message, ResourceView& resource,
                                   AttributeList& attributes) {
  enum : std::uint32_t { kAttributes = 1, kDroppedAttributesCount };
  for (FieldReader reader(message); reader.next();) {
    switch (reader.tag()) {
      case bytes_field(kAttributes):
        attribute(reader.bytes(), attributes);
        break;
      case varint_field(kDroppedAttributesCount):
        resource.dropped_attributes_count = reader.uint32();
        break;
      default:
        reader.skip(known_fields(kAttributes, kDroppedAttributesCount));
    }
  }
}

void ProtobufParts::merge_scope(std::string_view message, ScopeView& scope,
                                AttributeList& attributes) {
  enum : std::uint32_t { kName = 1, kVersion, kAttributes, kDroppedAttributesCount };
  for (FieldReader reader(message); reader.next();) {
    switch (reader.tag()) {
      case bytes_field(kName):
        scope.name = text(reader.bytes());
        break;
      case bytes_field(kVersion):
        scope.version = text(reader.bytes());
        break;
      case bytes_field(kAttributes):
        attribute(reader.bytes(), attributes);
        break;
      case varint_field(kDroppedAttributesCount):
        scope.dropped_attributes_count = reader.uint32();
        break;
      default:
        reader.skip(known_fields(kName, kVersion, kAttributes, kDroppedAttributesCount));
    }
  }
}

void ProtobufParts::event(std::string_view message) {
  enum : std::uint32_t { kTimeUnixNano = 1, kName, kAttributes, kDroppedAttributesCount };
  if (!checks_.one_more_nested(scratch_.events.size(), start_of(message))) {
    ++scratch_.dropped_events;
    return;
  }
  AttributeList attributes{scratch_.nested_attributes, scratch_.nested_attributes.size()};
  EventView event;
  for (FieldReader reader(message); reader.next();) {
    switch (reader.tag()) {
      case fixed64_field(kTimeUnixNano):
        event.time_unix_nano = reader.fixed64();
        break;
      case bytes_field(kName):
        event.name = text(reader.bytes());
        break;
      case bytes_field(kAttributes):
        attribute(reader.bytes(), attributes);
        break;
      case varint_field(kDroppedAttributesCount):
        event.dropped_attributes_count = reader.uint32();
        break;
      default:
        reader.skip(known_fields(kTimeUnixNano, kName, kAttributes, kDroppedAttributesCount));
    }
  }
  add_dropped(attributes.dropped, event.dropped_attributes_count);
  result_.altered.dropped_attributes += attributes.dropped;
  scratch_.events.push_back(event);
  scratch_.event_attributes.push_back({attributes.begin, attributes.size()});
}

void ProtobufParts::link(std::string_view message) {
  enum : std::uint32_t {
    kTraceId = 1,
    kSpanId,
    kTraceState,
    kAttributes,
    kDroppedAttributesCount,
    kFlags
  };
  if (!checks_.one_more_nested(scratch_.links.size(), start_of(message))) {
    ++scratch_.dropped_links;
    return;
  }
  AttributeList attributes{scratch_.nested_attributes, scratch_.nested_attributes.size()};
  LinkView link;
  for (FieldReader reader(message); reader.next();) {
    switch (reader.tag()) {
      case bytes_field(kTraceId):
        link.trace_id = reader.bytes();
        break;
      case bytes_field(kSpanId):
        link.span_id = reader.bytes();
        break;
      case bytes_field(kTraceState):
        link.trace_state = text(reader.bytes());
        break;
      case bytes_field(kAttributes):
        attribute(reader.bytes(), attributes);
        break;
      case varint_field(kDroppedAttributesCount):
        link.dropped_attributes_count = reader.uint32();
        break;
      case fixed32_field(kFlags):
        link.flags = reader.fixed32();
        break;
      default:
        reader.skip(known_fields(kTraceId, kSpanId, kTraceState, kAttributes,
                                 kDroppedAttributesCount, kFlags));
    }
  }
  add_dropped(attributes.dropped, link.dropped_attributes_count);
  result_.altered.dropped_attributes += attributes.dropped;
  scratch_.links.push_back(link);
  scratch_.link_attributes.push_back({attributes.begin, attributes.size()});
}

void ProtobufParts::exemplar(std::string_view message) {
  enum : std::uint32_t {
    kTimeUnixNano = 2,
    kAsDouble = 3,
    kSpanId = 4,
    kTraceId = 5,
    kAsInt = 6,
    kFilteredAttributes = 7
  };
  if (!checks_.one_more_nested(scratch_.exemplars.size(), start_of(message))) {
    ++scratch_.dropped_exemplars;
    return;
  }
  AttributeList attributes{scratch_.nested_attributes, scratch_.nested_attributes.size()};
  ExemplarView exemplar;
  for (FieldReader reader(message); reader.next();) {
    switch (reader.tag()) {
      case fixed64_field(kTimeUnixNano):
        exemplar.time_unix_nano = reader.fixed64();
        break;
      case fixed64_field(kAsDouble):
        exemplar.is_int = false;
        exemplar.int_value = 0;
        exemplar.double_value = reader.float64();
        break;
      case fixed64_field(kAsInt):
        exemplar.is_int = true;
        exemplar.int_value = reader.sfixed64();
        exemplar.double_value = 0;
        break;
      case bytes_field(kSpanId):
        exemplar.span_id = reader.bytes();
        break;
      case bytes_field(kTraceId):
        exemplar.trace_id = reader.bytes();
        break;
      case bytes_field(kFilteredAttributes):
        attribute(reader.bytes(), attributes);
        break;
      default:
        reader.skip(
            known_fields(kTimeUnixNano, kAsDouble, kSpanId, kTraceId, kAsInt, kFilteredAttributes));
    }
  }
  result_.altered.dropped_attributes += attributes.dropped;
  scratch_.exemplars.push_back(exemplar);
  scratch_.exemplar_attributes.push_back({attributes.begin, attributes.size()});
}

}  // namespace signalbox::otlp::internal

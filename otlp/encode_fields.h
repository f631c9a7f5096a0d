#pragma once

#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "otlp/nested_value.h"
#include "otlp/records.h"
#include "otlp/text.h"
#include "otlp/wire.h"

/// The fields of one OTLP message, appended to a string in either encoding. Both classes have the
/// same members, so that a message is described once: each takes the field's number and its name in
/// JSON. What proto3 leaves out, the default of a field, is left out.
namespace signalbox::otlp::internal {

/// Members of a JSON object, without its braces.
class JsonFields {
 public:
  explicit JsonFields(std::string& out) : out_(out) {}

  void text(std::uint32_t /*field*/, std::string_view name, std::string_view value) {
    if (!value.empty()) append_json_string(value, member(name));
  }
  void id(std::uint32_t /*field*/, std::string_view name, std::string_view bytes) {
    if (bytes.empty()) return;
    append_hex(bytes, member(name) += '"');
    out_ += '"';
  }
  void fixed64(std::uint32_t /*field*/, std::string_view name, std::uint64_t value) {
    if (value != 0) append_digits(member(name), value);
  }
  void uint32(std::uint32_t /*field*/, std::string_view name, std::uint32_t value) {
    if (value != 0) member(name) += std::to_string(value);
  }
  void fixed32(std::uint32_t field, std::string_view name, std::uint32_t value) {
    uint32(field, name, value);
  }
  void int32(std::uint32_t /*field*/, std::string_view name, std::int32_t value) {
    if (value != 0) member(name) += std::to_string(value);
  }
  void sint32(std::uint32_t field, std::string_view name, std::int32_t value) {
    int32(field, name, value);
  }
  void boolean(std::uint32_t /*field*/, std::string_view name, bool value) {
    if (value) member(name) += "true";
  }
  /// Of a oneof, or optional: written whatever it is.
  void set_sfixed64(std::uint32_t /*field*/, std::string_view name, std::int64_t value) {
    append_digits(member(name), value);
  }
  void set_real(std::uint32_t /*field*/, std::string_view name, double value) {
    append_json_double(value, member(name));
  }
  void real(std::uint32_t field, std::string_view name, double value) {
    if (std::bit_cast<std::uint64_t>(value) != 0) set_real(field, name, value);
  }
  void fixed64s(std::uint32_t /*field*/, std::string_view name,
                std::span<const std::uint64_t> values) {
    list(name, values, [&](std::uint64_t value) { append_digits(out_, value); });
  }
  void uint64s(std::uint32_t field, std::string_view name, std::span<const std::uint64_t> values) {
    fixed64s(field, name, values);
  }
  void reals(std::uint32_t /*field*/, std::string_view name, std::span<const double> values) {
    list(name, values, [&](double value) { append_json_double(value, out_); });
  }
  void value(std::uint32_t /*field*/, std::string_view name, const ValueView& value) {
    append_value(member(name), value);
  }
  void attributes(std::uint32_t /*field*/, std::string_view name, AttributesView attributes) {
    list(name, attributes, [&](const KeyValueView& attribute) {
      out_ += R"({"key":)";
      append_json_string(attribute.key, out_);
      out_ += R"(,"value":)";
      append_value(out_, attribute.value);
      out_ += '}';
    });
  }
  /// `write(fields)` writes the message.
  template <typename Write>
  void message(std::uint32_t /*field*/, std::string_view name, Write write) {
    write_object(member(name), write);
  }
  /// `write(fields, item)` writes each.
  template <typename Items, typename Write>
  void messages(std::uint32_t /*field*/, std::string_view name, const Items& items, Write write) {
    list(name, items, [&](const auto& item) {
      write_object(out_, [&](JsonFields& fields) { write(fields, item); });
    });
  }

  /// Appends `item`, what such an object wrote, to `items`.
  static void append_item(std::string& items, std::uint32_t /*field*/, std::string_view item) {
    if (!items.empty()) items += ',';
    items += '{';
    items += item;
    items += '}';
  }
  /// Adds a repeated message whose items have been appended so.
  void items(std::uint32_t /*field*/, std::string_view name, std::string_view items) {
    if (items.empty()) return;
    member(name) += '[';
    out_ += items;
    out_ += ']';
  }
  /// The message whose fields are `fields`.
  static std::string whole(const std::string& fields) { return '{' + fields + '}'; }

 private:
  std::string& member(std::string_view name) {
    if (!out_.empty() && out_.back() != '{') out_ += ',';
    out_ += '"';
    out_ += name;
    out_ += "\":";
    return out_;
  }
  template <std::integral Int>
  static void append_digits(std::string& out, Int value) {
    out += '"';
    out += std::to_string(value);
    out += '"';
  }
  static void append_value(std::string& out, const ValueView& value) {
    if (value.type == ValueType::kArray || value.type == ValueType::kKeyValueList) {
      out += value.text;
    } else {
      append_json_scalar(value, out);
    }
  }
  template <typename Items, typename One>
  void list(std::string_view name, const Items& items, One one) {
    if (items.empty()) return;
    member(name);
    char separator = '[';
    for (const auto& item : items) {
      out_ += separator;
      one(item);
      separator = ',';
    }
    out_ += ']';
  }
  template <typename Write>
  static void write_object(std::string& out, Write write) {
    out += '{';
    JsonFields fields(out);
    write(fields);
    out += '}';
  }

  std::string& out_;
};

/// Fields of a protobuf message.
class ProtobufFields {
 public:
  explicit ProtobufFields(std::string& out) : out_(out) {}

  void text(std::uint32_t field, std::string_view /*name*/, std::string_view value) {
    if (!value.empty()) wire::append_bytes_field(out_, field, value);
  }
  void id(std::uint32_t field, std::string_view name, std::string_view bytes) {
    text(field, name, bytes);
  }
  void fixed64(std::uint32_t field, std::string_view /*name*/, std::uint64_t value) {
    if (value != 0) wire::append_fixed64_field(out_, field, value);
  }
  void uint32(std::uint32_t field, std::string_view /*name*/, std::uint32_t value) {
    if (value != 0) wire::append_varint_field(out_, field, value);
  }
  void fixed32(std::uint32_t field, std::string_view /*name*/, std::uint32_t value) {
    if (value != 0) wire::append_fixed32_field(out_, field, value);
  }
  void int32(std::uint32_t field, std::string_view /*name*/, std::int32_t value) {
    if (value == 0) return;
    wire::append_varint_field(out_, field,
                              static_cast<std::uint64_t>(static_cast<std::int64_t>(value)));
  }
  void sint32(std::uint32_t field, std::string_view /*name*/, std::int32_t value) {
    if (value == 0) return;
    const auto bits = static_cast<std::uint32_t>(value);
    wire::append_varint_field(out_, field, (bits << 1U) ^ (value < 0 ? ~0U : 0U));
  }
  void boolean(std::uint32_t field, std::string_view /*name*/, bool value) {
    if (value) wire::append_varint_field(out_, field, 1);
  }
  void set_sfixed64(std::uint32_t field, std::string_view /*name*/, std::int64_t value) {
    wire::append_fixed64_field(out_, field, static_cast<std::uint64_t>(value));
  }
  void set_real(std::uint32_t field, std::string_view /*name*/, double value) {
    wire::append_double_field(out_, field, value);
  }
  void real(std::uint32_t field, std::string_view name, double value) {
    if (std::bit_cast<std::uint64_t>(value) != 0) set_real(field, name, value);
  }
  void fixed64s(std::uint32_t field, std::string_view /*name*/,
                std::span<const std::uint64_t> values) {
    packed(field, values);
  }
  void uint64s(std::uint32_t field, std::string_view /*name*/,
               std::span<const std::uint64_t> values) {
    if (values.empty()) return;
    std::string varints;
    for (const std::uint64_t value : values) {
      char scratch[wire::kMaxVarintSize];
      varints.append(scratch, wire::write_varint(scratch, value));
    }
    wire::append_bytes_field(out_, field, varints);
  }
  void reals(std::uint32_t field, std::string_view /*name*/, std::span<const double> values) {
    packed(field, values);
  }
  void value(std::uint32_t field, std::string_view /*name*/, const ValueView& value) {
    wire::append_bytes_field(out_, field, any_value_protobuf(value));
  }
  void attributes(std::uint32_t field, std::string_view name, AttributesView attributes) {
    messages(field, name, attributes, [](ProtobufFields& fields, const KeyValueView& attribute) {
      fields.text(1, "key", attribute.key);
      fields.value(2, "value", attribute.value);
    });
  }
  template <typename Write>
  void message(std::uint32_t field, std::string_view /*name*/, Write write) {
    std::string content;
    ProtobufFields fields(content);
    write(fields);
    wire::append_bytes_field(out_, field, content);
  }
  template <typename Items, typename Write>
  void messages(std::uint32_t field, std::string_view name, const Items& items, Write write) {
    for (const auto& item : items) {
      message(field, name, [&](ProtobufFields& fields) { write(fields, item); });
    }
  }

  static void append_item(std::string& items, std::uint32_t field, std::string_view item) {
    wire::append_bytes_field(items, field, item);
  }
  void items(std::uint32_t /*field*/, std::string_view /*name*/, std::string_view items) {
    out_ += items;
  }
  static std::string whole(const std::string& fields) { return fields; }

 private:
  template <typename Number>
  void packed(std::uint32_t field, std::span<const Number> values) {
    if (values.empty()) return;
    wire::append_length_prefix(out_, field, values.size_bytes());
    out_.append(reinterpret_cast<const char*>(values.data()), values.size_bytes());
  }

  std::string& out_;
};

}  // namespace signalbox::otlp::internal

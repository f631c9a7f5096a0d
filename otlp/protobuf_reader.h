#pragma once

#include <cstdint>
#include <cstring>
#include <protozero/types.hpp>
#include <protozero/varint.hpp>
#include <string>
#include <string_view>

#include "otlp/scratch.h"

namespace signalbox::otlp::internal {

/// A field's number and wire type as one number, as they are on the wire.
constexpr std::uint32_t varint_field(std::uint32_t field) {
  return field << 3U;
}
constexpr std::uint32_t fixed64_field(std::uint32_t field) {
  return field << 3U | 1U;
}
constexpr std::uint32_t bytes_field(std::uint32_t field) {
  return field << 3U | 2U;
}
constexpr std::uint32_t fixed32_field(std::uint32_t field) {
  return field << 3U | 5U;
}

/// The set of a message's known fields, to tell an unknown field from a known one of wrong type.
template <typename... Fields>
constexpr std::uint32_t known_fields(Fields... fields) {
  return (0U | ... | (1U << static_cast<std::uint32_t>(fields)));
}

/// Reads the fields of one message. In contrast to protozero's own reader, whose varints it uses, a
/// length may not wrap around, every error knows its place, and a wrong wire type is an error in
/// all builds. After `next` exactly one of the getters or `skip` is to be called. Throws Malformed.
class FieldReader {
 public:
  explicit FieldReader(std::string_view message)
      : at_(message.data()), end_(message.data() + message.size()) {}

  /// Goes to the next field; false at the end of the message.
  bool next() {
    if (at_ == end_) return false;
    field_begin_ = at_;
    const std::uint64_t tag = raw_varint();
    // Numbers up to 2^29 - 1 are allowed, 0 is not.
    if (tag < 8 || tag > UINT32_MAX) fail("invalid field number");
    tag_ = static_cast<std::uint32_t>(tag);
    return true;
  }

  [[nodiscard]] std::uint32_t tag() const { return tag_; }
  [[nodiscard]] const char* field_begin() const { return field_begin_; }

  std::uint64_t varint() { return raw_varint(); }
  std::uint32_t uint32() { return static_cast<std::uint32_t>(raw_varint()); }
  std::int32_t int32() { return static_cast<std::int32_t>(raw_varint()); }
  std::int64_t int64() { return static_cast<std::int64_t>(raw_varint()); }
  bool boolean() { return raw_varint() != 0; }
  std::int32_t sint32() {
    return protozero::decode_zigzag32(static_cast<std::uint32_t>(raw_varint()));
  }
  std::uint64_t fixed64() { return fixed<std::uint64_t>(); }
  std::int64_t sfixed64() { return fixed<std::int64_t>(); }
  double float64() { return fixed<double>(); }
  std::uint32_t fixed32() { return fixed<std::uint32_t>(); }
  std::string_view bytes() {
    const std::uint64_t length = raw_varint();
    if (length > static_cast<std::uint64_t>(end_ - at_)) fail("a field is longer than its message");
    const std::string_view result(at_, static_cast<std::size_t>(length));
    at_ += length;
    return result;
  }

  /// Skips a field whose tag is none of the message's; one of `known_fields` has a wrong wire type.
  void skip(std::uint32_t known_fields) {
    const std::uint32_t field = tag_ >> 3U;
    if (field < 32 && (known_fields >> field & 1U) != 0) fail("a field has the wrong wire type");
    switch (tag_ & 7U) {
      case 0:
        raw_varint();
        return;
      case 1:
        fixed64();
        return;
      case 2:
        bytes();
        return;
      case 5:
        fixed32();
        return;
      default:
        fail("a field has no known wire type");
    }
  }

  [[noreturn]] void fail(const char* why) const { throw Malformed{field_begin_, why}; }

 private:
  std::uint64_t raw_varint() {
    try {
      return protozero::decode_varint(&at_, end_);
    } catch (const protozero::end_of_buffer_exception&) {
      fail("the message ends within a number");
    } catch (const protozero::varint_too_long_exception&) {
      fail("a number has more than 10 bytes");
    }
  }
  template <typename T>
  T fixed() {
    if (end_ - at_ < static_cast<std::ptrdiff_t>(sizeof(T)))
      fail("the message ends within a number");
    T result;
    std::memcpy(&result, at_, sizeof(T));
    at_ += sizeof(T);
    return result;
  }

  const char* at_;
  const char* end_;
  const char* field_begin_ = nullptr;
  std::uint32_t tag_ = 0;
};

/// What the decoders of the three signals have in common: values, attributes, resources, scopes.
class ProtobufParts {
 public:
  ProtobufParts(const DecodeLimits& limits, Scratch& scratch, std::size_t request_bytes,
                DecodeResult& result)
      : scratch_(scratch), checks_(limits, scratch, request_bytes), result_(result) {}

  /// A string field's bytes as UTF-8.
  std::string_view text(std::string_view bytes) {
    return is_ascii(bytes) ? bytes : checked_text(bytes);
  }

  void attribute(std::string_view message, AttributeList& list) {
    if (!checks_.one_more_attribute(list.size(), start_of(message))) {
      ++list.dropped;
      return;
    }
    KeyValueView& attribute = list.items.emplace_back();
    if (!read_short_text(message, attribute)) attribute = key_value(message);
  }
  ValueView value(std::string_view message);

  /// Merges one occurrence of the message into `resource` or `scope`, and into its attributes.
  void merge_resource(std::string_view message, ResourceView& resource, AttributeList& attributes);
  void merge_scope(std::string_view message, ScopeView& scope, AttributeList& attributes);

  /// Reads events, links and exemplars into the scratch's record.
  void event(std::string_view message);
  void link(std::string_view message);
  void exemplar(std::string_view message);

  [[nodiscard]] LimitChecks& checks() { return checks_; }
  [[nodiscard]] Scratch& scratch() { return scratch_; }
  [[nodiscard]] DecodeResult& result() { return result_; }

 private:
  /// A value whose arrays and lists are still protobuf, in `text`.
  using RawValue = ValueView;

  /// Reads a key and a text value, both shorter than 128 bytes and written as encoders write them,
  /// which most attributes are. False, and `attribute` is as before, if it is anything else.
  bool read_short_text(std::string_view message, KeyValueView& attribute);
  KeyValueView key_value(std::string_view message);
  KeyValueView raw_key_value(std::string_view message);
  RawValue raw_value(std::string_view message);
  std::string_view checked_text(std::string_view bytes);
  /// `value` with arrays and lists as OTLP/JSON text.
  ValueView finished(RawValue value, const char* position);
  /// Appends a value's OTLP/JSON text to the scratch's `value_text`.
  void append_json(const RawValue& value, std::uint32_t depth, const char* position);

  Scratch& scratch_;
  LimitChecks checks_;
  DecodeResult& result_;
};

/// Runs `decode(parts)` and turns Malformed into the result.
template <typename Decode>
DecodeResult run_protobuf_decoder(std::string_view bytes, const DecodeLimits& limits,
                                  Decode decode) {
  DecodeResult result;
  const ScratchLease scratch;
  try {
    ProtobufParts parts(limits, *scratch, bytes.size(), result);
    decode(parts);
  } catch (const Malformed& malformed) {
    result = {};
    result.ok = false;
    result.offset = static_cast<std::size_t>(malformed.position - bytes.data());
    result.too_large = malformed.too_large;
    result.error = malformed.too_large ? malformed.why
                                       : "malformed protobuf at byte " +
                                             std::to_string(result.offset) + ": " + malformed.why;
  }
  return result;
}

}  // namespace signalbox::otlp::internal

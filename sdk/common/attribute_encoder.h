#pragma once

#include <signalbox/common/attribute.h>
#include <signalbox/common/instrumentation_scope.h>

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "otlp/wire.h"
#include "sdk/common/utf8.h"

/// Attributes as OTLP: KeyValue and AnyValue messages. Sizes first, then bytes, without scratch
/// memory.
namespace signalbox::sdk {

inline constexpr std::size_t kUnlimited = static_cast<std::size_t>(-1);

/// An attribute value measured for the wire, as the content of an AnyValue message. Borrows the
/// value.
class WireValue {
 public:
  /// Strings, also those in an array, are cut to `limit` bytes.
  explicit WireValue(const AttributeValue& value, std::size_t limit = kUnlimited) noexcept
      : value_(value), limit_(limit) {
    using Type = AttributeValue::Type;
    switch (value.type()) {
      case Type::kString:
        text_ = WireText(value.as_string(), limit);
        size_ = otlp::wire::bytes_field_size(1, text_.size());
        return;
      case Type::kBool:
        size_ = 2;
        return;
      case Type::kInt:
        size_ = 1 + otlp::wire::varint_size(static_cast<std::uint64_t>(value.as_int()));
        return;
      case Type::kDouble:
        size_ = 9;
        return;
      default:
        array_size_ = measure_array();
        size_ = otlp::wire::bytes_field_size(5, array_size_);
    }
  }

  /// Bytes that `write` writes.
  [[nodiscard]] std::size_t size() const noexcept { return size_; }
  char* write(char* out) const noexcept {
    using Type = AttributeValue::Type;
    switch (value_.type()) {
      case Type::kString:
        return write_text_field(out, 1, text_);
      case Type::kBool:
        return otlp::wire::write_varint_field(out, 2, value_.as_bool() ? 1 : 0);
      case Type::kInt:
        return otlp::wire::write_varint_field(out, 3, static_cast<std::uint64_t>(value_.as_int()));
      case Type::kDouble:
        return otlp::wire::write_double_field(out, 4, value_.as_double());
      default:
        return write_array(out);
    }
  }

 private:
  [[nodiscard]] std::size_t measure_array() const noexcept;
  char* write_array(char* out) const noexcept;

  const AttributeValue& value_;
  std::size_t limit_;
  WireText text_;
  std::size_t array_size_ = 0;
  std::size_t size_ = 0;
};

/// An attribute measured for the wire, as a repeated KeyValue field of some message.
class WireAttribute {
 public:
  WireAttribute(std::uint32_t field, std::string_view key, const AttributeValue& value,
                std::size_t limit = kUnlimited) noexcept
      : field_(field),
        key_(key),
        value_(value, limit),
        content_size_(otlp::wire::bytes_field_size(1, key_.size()) +
                      otlp::wire::bytes_field_size(2, value_.size())) {}

  /// Bytes that `write` writes.
  [[nodiscard]] std::size_t size() const noexcept {
    return otlp::wire::bytes_field_size(field_, content_size_);
  }
  char* write(char* out) const noexcept {
    out = otlp::wire::write_length_prefix(out, field_, content_size_);
    out = write_text_field(out, 1, key_);
    out = otlp::wire::write_length_prefix(out, 2, value_.size());
    return value_.write(out);
  }

 private:
  std::uint32_t field_;
  WireText key_;
  WireValue value_;
  std::size_t content_size_;
};

/// Of a list of attributes, the ones that are exported: none with an empty key, the last of equal
/// keys, at most `max_count` (the first ones).
class AttributeFilter {
 public:
  AttributeFilter(Attributes attributes, std::uint32_t max_count) noexcept
      : attributes_(attributes), max_count_(max_count) {}

  /// Calls `each(attribute)` for those; returns how many were left out for want of room.
  template <typename Each>
  std::uint32_t for_each(Each&& each) const noexcept {
    std::uint32_t kept = 0;
    std::uint32_t dropped = 0;
    for (std::size_t i = 0; i < attributes_.size(); ++i) {
      if (attributes_[i].key.empty() || repeated_later(i)) continue;
      if (kept == max_count_) {
        ++dropped;
        continue;
      }
      ++kept;
      each(attributes_[i]);
    }
    return dropped;
  }

 private:
  [[nodiscard]] bool repeated_later(std::size_t index) const noexcept {
    for (std::size_t i = index + 1; i < attributes_.size(); ++i) {
      if (attributes_[i].key == attributes_[index].key) return true;
    }
    return false;
  }

  Attributes attributes_;
  std::uint32_t max_count_;
};

/// Appends one KeyValue as field `field`; for what is written seldom.
void append_attribute(std::string& out, std::uint32_t field, std::string_view key,
                      const AttributeValue& value);
/// Appends `attributes` as repeated field `field`; of equal keys the last, empty keys left out.
void append_attributes(std::string& out, std::uint32_t field, Attributes attributes);
/// The content of an InstrumentationScope message (without the schema URL, which is not part of
/// it).
[[nodiscard]] std::string encode_scope(const InstrumentationScope& scope);

}  // namespace signalbox::sdk

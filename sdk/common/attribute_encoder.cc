#include "sdk/common/attribute_encoder.h"

namespace signalbox::sdk {

namespace wire = otlp::wire;

namespace {

/// Calls `each` with each element of an array.
template <typename Each>
void for_each_element(const AttributeValue& value, Each&& each) noexcept {
  using Type = AttributeValue::Type;
  switch (value.type()) {
    case Type::kStringArray:
      for (const std::string_view element : value.as_strings()) {
        each(AttributeValue(element));
      }
      return;
    case Type::kBoolArray:
      for (const bool element : value.as_bools()) each(AttributeValue(element));
      return;
    case Type::kIntArray:
      for (const std::int64_t element : value.as_ints()) each(AttributeValue(element));
      return;
    case Type::kDoubleArray:
      for (const double element : value.as_doubles()) each(AttributeValue(element));
      return;
    default:
      return;
  }
}

}  // namespace

std::size_t WireValue::measure_array() const noexcept {
  std::size_t size = 0;
  for_each_element(value_, [&](const AttributeValue& element) {
    size += wire::bytes_field_size(1, WireValue(element, limit_).size());
  });
  return size;
}

char* WireValue::write_array(char* out) const noexcept {
  out = wire::write_length_prefix(out, 5, array_size_);
  for_each_element(value_, [&](const AttributeValue& element) {
    const WireValue measured(element, limit_);
    out = measured.write(wire::write_length_prefix(out, 1, measured.size()));
  });
  return out;
}

void append_attribute(std::string& out, std::uint32_t field, std::string_view key,
                      const AttributeValue& value) {
  const WireAttribute measured(field, key, value);
  const std::size_t before = out.size();
  out.resize(before + measured.size());
  measured.write(out.data() + before);
}

void append_attributes(std::string& out, std::uint32_t field, Attributes attributes) {
  AttributeFilter(attributes, UINT32_MAX).for_each([&](const Attribute& attribute) {
    append_attribute(out, field, attribute.key, attribute.value);
  });
}

std::string encode_scope(const InstrumentationScope& scope) {
  std::string bytes;
  const auto append_text = [&](std::uint32_t field, std::string_view text) {
    if (text.empty()) return;
    const WireText measured(text);
    wire::append_length_prefix(bytes, field, measured.size());
    const std::size_t before = bytes.size();
    bytes.resize(before + measured.size());
    measured.write(bytes.data() + before);
  };
  append_text(1, scope.name);
  append_text(2, scope.version);
  append_attributes(bytes, 3, scope.attributes);
  return bytes;
}

}  // namespace signalbox::sdk

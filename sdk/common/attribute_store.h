#pragma once

#include <signalbox/common/attribute.h>
#include <signalbox/common/instrumentation_scope.h>

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string_view>
#include <vector>

namespace signalbox::sdk {

/// Copies of what instrumentation scopes borrow, for as long as the store lives. Not thread-safe.
class AttributeStore {
 public:
  [[nodiscard]] InstrumentationScope copy(const InstrumentationScope& scope) {
    std::vector<Attribute> attributes;
    attributes.reserve(scope.attributes.size());
    for (const Attribute& attribute : scope.attributes) {
      attributes.push_back({copy(attribute.key), copy(attribute.value)});
    }
    return {.name = copy(scope.name),
            .version = copy(scope.version),
            .schema_url = copy(scope.schema_url),
            .attributes = Attributes(copy(std::span<const Attribute>(attributes)))};
  }

 private:
  struct Block {
    virtual ~Block() = default;
  };
  template <typename T>
  struct BlockOf final : Block {
    explicit BlockOf(std::span<const T> values)
        : items(std::make_unique_for_overwrite<std::byte[]>(values.size_bytes())) {
      std::uninitialized_copy(values.begin(), values.end(), reinterpret_cast<T*>(items.get()));
    }
    std::unique_ptr<std::byte[]> items;
  };

  template <typename T>
  [[nodiscard]] std::span<const T> copy(std::span<const T> values) {
    auto block = std::make_unique<BlockOf<T>>(values);
    const auto* items = reinterpret_cast<const T*>(block->items.get());
    blocks_.push_back(std::move(block));
    return {items, values.size()};
  }
  [[nodiscard]] std::string_view copy(std::string_view text) {
    const auto copied = copy(std::span<const char>(text.data(), text.size()));
    return {copied.data(), copied.size()};
  }
  [[nodiscard]] AttributeValue copy(const AttributeValue& value) {
    using Type = AttributeValue::Type;
    switch (value.type()) {
      case Type::kString:
        return copy(value.as_string());
      case Type::kStringArray: {
        std::vector<std::string_view> strings;
        for (const std::string_view text : value.as_strings()) strings.push_back(copy(text));
        return copy(std::span<const std::string_view>(strings));
      }
      case Type::kBoolArray:
        return copy(value.as_bools());
      case Type::kIntArray:
        return copy(value.as_ints());
      case Type::kDoubleArray:
        return copy(value.as_doubles());
      default:
        return value;
    }
  }

  std::vector<std::unique_ptr<Block>> blocks_;
};

}  // namespace signalbox::sdk

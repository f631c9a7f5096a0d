#pragma once

#include <signalbox/common/attribute.h>

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace signalbox::sdk {

/// An attribute value that owns its memory.
using OwnedAttributeValue =
    std::variant<std::string, bool, std::int64_t, double, std::vector<std::string>,
                 std::vector<bool>, std::vector<std::int64_t>, std::vector<double>>;

struct OwnedAttribute {
  std::string key;
  OwnedAttributeValue value;

  friend bool operator==(const OwnedAttribute& a, const OwnedAttribute& b) = default;
};

/// The entity that produces the telemetry: a service's instance, with its host and process.
///
/// Thread-safety: immutable; copies share one list.
class Resource {
 public:
  /// No attributes.
  Resource();
  /// Exactly `attributes`; of equal keys the last counts, empty keys are ignored.
  explicit Resource(Attributes attributes, std::string_view schema_url = {});
  /// The same, from attributes that own their memory. (A template only so that a braced list is
  /// taken for the one above.)
  template <std::same_as<std::vector<OwnedAttribute>> T>
  explicit Resource(T attributes, std::string schema_url = {})
      : data_(make(std::move(attributes), std::move(schema_url))) {}

  /// What the SDK knows by itself: telemetry.sdk.{name,language,version}, service.name
  /// ("unknown_service:" and the executable's name), service.instance.id (random),
  /// process.{pid,executable.name,executable.path,runtime…}, host.{name,arch}, os.type.
  static Resource detect();

  /// A resource with the attributes of both; where both have a key, `updating` decides. The schema
  /// URL is the one that is not empty; none if they differ.
  [[nodiscard]] Resource merge(const Resource& updating) const;

  /// Sorted by key.
  [[nodiscard]] std::span<const OwnedAttribute> attributes() const noexcept;
  [[nodiscard]] const OwnedAttributeValue* get(std::string_view key) const noexcept;
  /// The attribute if it is a string; else empty.
  [[nodiscard]] std::string_view get_string(std::string_view key) const noexcept;
  [[nodiscard]] std::string_view schema_url() const noexcept;

 private:
  struct Data;
  static std::shared_ptr<const Data> make(std::vector<OwnedAttribute> attributes,
                                          std::string schema_url);

  std::shared_ptr<const Data> data_;
};

}  // namespace signalbox::sdk

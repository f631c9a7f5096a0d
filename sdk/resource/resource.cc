#include <signalbox/resource/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <map>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "sdk/common/attribute_encoder.h"
#include "sdk/common/random.h"
#include "sdk/resource/encode.h"

namespace signalbox::sdk {

struct Resource::Data {
  std::vector<OwnedAttribute> attributes;
  std::string schema_url;
};

namespace {

template <typename T>
std::vector<T> to_vector(std::span<const T> values) {
  return {values.begin(), values.end()};
}

OwnedAttributeValue own(const AttributeValue& value) {
  using Type = AttributeValue::Type;
  switch (value.type()) {
    case Type::kString:
      return std::string(value.as_string());
    case Type::kBool:
      return value.as_bool();
    case Type::kInt:
      return value.as_int();
    case Type::kDouble:
      return value.as_double();
    case Type::kStringArray: {
      const auto strings = value.as_strings();
      return std::vector<std::string>(strings.begin(), strings.end());
    }
    case Type::kBoolArray:
      return to_vector(value.as_bools());
    case Type::kIntArray:
      return to_vector(value.as_ints());
    case Type::kDoubleArray:
      return to_vector(value.as_doubles());
  }
  return std::string();
}

/// Sorted by key, each key once (its last value), none empty.
std::vector<OwnedAttribute> normalized(std::vector<OwnedAttribute> attributes) {
  std::map<std::string, OwnedAttributeValue> by_key;
  for (OwnedAttribute& attribute : attributes) {
    if (attribute.key.empty()) continue;
    by_key.insert_or_assign(std::move(attribute.key), std::move(attribute.value));
  }
  std::vector<OwnedAttribute> unique;
  unique.reserve(by_key.size());
  for (auto& [key, value] : by_key) unique.push_back({key, std::move(value)});
  return unique;
}

std::string executable_path() {
  std::array<char, 4096> path{};
  const ssize_t size = readlink("/proc/self/exe", path.data(), path.size());
  return size > 0 ? std::string(path.data(), static_cast<std::size_t>(size)) : std::string();
}

std::string random_uuid() {
  const std::uint64_t high = (random_uint64() & ~std::uint64_t{0xF000}) | 0x4000;
  const std::uint64_t low =
      (random_uint64() & ~(std::uint64_t{3} << 62)) | (std::uint64_t{2} << 62);
  std::array<char, 37> text{};
  std::snprintf(text.data(), text.size(), "%08llx-%04llx-%04llx-%04llx-%012llx",
                static_cast<unsigned long long>(high >> 32),
                static_cast<unsigned long long>((high >> 16) & 0xFFFF),
                static_cast<unsigned long long>(high & 0xFFFF),
                static_cast<unsigned long long>(low >> 48),
                static_cast<unsigned long long>(low & 0xFFFFFFFFFFFF));
  return text.data();
}

/// The machine's architecture by the name the semantic conventions give it.
std::string architecture(std::string_view machine) {
  if (machine == "x86_64") return "amd64";
  if (machine == "aarch64") return "arm64";
  if (machine == "i686" || machine == "i386") return "x86";
  return std::string(machine);
}

}  // namespace

Resource::Resource() : Resource(std::vector<OwnedAttribute>()) {}

Resource::Resource(Attributes attributes, std::string_view schema_url)
    : Resource(
          [&] {
            std::vector<OwnedAttribute> owned;
            owned.reserve(attributes.size());
            for (const Attribute& attribute : attributes) {
              owned.push_back({std::string(attribute.key), own(attribute.value)});
            }
            return owned;
          }(),
          std::string(schema_url)) {}

std::shared_ptr<const Resource::Data> Resource::make(std::vector<OwnedAttribute> attributes,
                                                     std::string schema_url) {
  return std::make_shared<const Data>(
      Data{normalized(std::move(attributes)), std::move(schema_url)});
}

Resource Resource::detect() {
  std::vector<OwnedAttribute> found;
  const auto add = [&](std::string_view key, std::string value) {
    if (!value.empty()) found.push_back({std::string(key), std::move(value)});
  };
  add("telemetry.sdk.name", "signalbox");
  add("telemetry.sdk.language", "cpp");
  add("telemetry.sdk.version", SIGNALBOX_VERSION);

  const std::string path = executable_path();
  const std::string name = path.substr(path.rfind('/') + 1);
  add("service.name", name.empty() ? "unknown_service" : "unknown_service:" + name);
  add("service.instance.id", random_uuid());
  found.push_back({"process.pid", std::int64_t{getpid()}});
  add("process.executable.name", name);
  add("process.executable.path", path);
#if defined(__clang__)
  add("process.runtime.name", "clang");
#else
  add("process.runtime.name", "gcc");
#endif
  add("process.runtime.version", __VERSION__);

  utsname system{};
  if (uname(&system) == 0) {
    add("host.name", system.nodename);
    add("host.arch", architecture(system.machine));
  }
  add("os.type", "linux");
  return Resource(std::move(found));
}

Resource Resource::merge(const Resource& updating) const {
  std::vector<OwnedAttribute> all = data_->attributes;
  all.insert(all.end(), updating.data_->attributes.begin(), updating.data_->attributes.end());
  std::string url = data_->schema_url;
  if (url.empty()) {
    url = updating.data_->schema_url;
  } else if (!updating.data_->schema_url.empty() && updating.data_->schema_url != url) {
    url.clear();
  }
  return Resource(std::move(all), std::move(url));
}

std::span<const OwnedAttribute> Resource::attributes() const noexcept {
  return data_->attributes;
}

const OwnedAttributeValue* Resource::get(std::string_view key) const noexcept {
  const auto found = std::ranges::lower_bound(
      data_->attributes, key, {},
      [](const OwnedAttribute& attribute) { return std::string_view(attribute.key); });
  if (found == data_->attributes.end() || found->key != key) return nullptr;
  return &found->value;
}

std::string_view Resource::get_string(std::string_view key) const noexcept {
  const OwnedAttributeValue* value = get(key);
  if (value == nullptr) return {};
  const auto* text = std::get_if<std::string>(value);
  return text == nullptr ? std::string_view() : std::string_view(*text);
}

std::string_view Resource::schema_url() const noexcept {
  return data_->schema_url;
}

std::string encode_resource(const Resource& resource) {
  std::string bytes;
  for (const OwnedAttribute& attribute : resource.attributes()) {
    const auto append = [&](const AttributeValue& value) {
      append_attribute(bytes, 1, attribute.key, value);
    };
    std::visit(
        [&]<typename T>(const T& value) {
          if constexpr (std::is_same_v<T, std::vector<std::string>>) {
            const std::vector<std::string_view> views(value.begin(), value.end());
            append(std::span<const std::string_view>(views));
          } else if constexpr (std::is_same_v<T, std::vector<bool>>) {
            const auto bools = std::make_unique<bool[]>(value.size());
            std::ranges::copy(value, bools.get());
            append(std::span<const bool>(bools.get(), value.size()));
          } else if constexpr (std::is_same_v<T, std::vector<std::int64_t>>) {
            append(std::span<const std::int64_t>(value));
          } else if constexpr (std::is_same_v<T, std::vector<double>>) {
            append(std::span<const double>(value));
          } else {
            append(value);
          }
        },
        attribute.value);
  }
  return bytes;
}

}  // namespace signalbox::sdk

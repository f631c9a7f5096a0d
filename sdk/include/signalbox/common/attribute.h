#pragma once

#include <concepts>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <string>
#include <string_view>

namespace signalbox {

/// A value of an attribute: string, boolean, 64-bit integer, double, or a homogeneous array of one
/// of them. Owns nothing: it refers to the caller's memory and is read before the call that takes
/// it returns. Trivially copyable.
class AttributeValue {
 public:
  enum class Type : std::uint8_t {
    kString,
    kBool,
    kInt,
    kDouble,
    kStringArray,
    kBoolArray,
    kIntArray,
    kDoubleArray,
  };

  constexpr AttributeValue(std::string_view value) noexcept
      : data_(value.data()), size_(value.size()), type_(Type::kString) {}
  constexpr AttributeValue(const char* value) noexcept : AttributeValue(std::string_view(value)) {}
  AttributeValue(const std::string& value) noexcept : AttributeValue(std::string_view(value)) {}
  constexpr AttributeValue(bool value) noexcept : int_(value ? 1 : 0), type_(Type::kBool) {}
  template <std::integral T>
    requires(!std::same_as<T, bool>)
  constexpr AttributeValue(T value) noexcept
      : int_(static_cast<std::int64_t>(value)), type_(Type::kInt) {}
  template <std::floating_point T>
  constexpr AttributeValue(T value) noexcept
      : double_(static_cast<double>(value)), type_(Type::kDouble) {}
  constexpr AttributeValue(std::span<const std::string_view> values) noexcept
      : strings_(values.data()), size_(values.size()), type_(Type::kStringArray) {}
  constexpr AttributeValue(std::span<const bool> values) noexcept
      : bools_(values.data()), size_(values.size()), type_(Type::kBoolArray) {}
  constexpr AttributeValue(std::span<const std::int64_t> values) noexcept
      : ints_(values.data()), size_(values.size()), type_(Type::kIntArray) {}
  constexpr AttributeValue(std::span<const double> values) noexcept
      : doubles_(values.data()), size_(values.size()), type_(Type::kDoubleArray) {}

  [[nodiscard]] constexpr Type type() const noexcept { return type_; }

  // Each is defined only for the type it names.
  [[nodiscard]] constexpr std::string_view as_string() const noexcept { return {data_, size_}; }
  [[nodiscard]] constexpr bool as_bool() const noexcept { return int_ != 0; }
  [[nodiscard]] constexpr std::int64_t as_int() const noexcept { return int_; }
  [[nodiscard]] constexpr double as_double() const noexcept { return double_; }
  [[nodiscard]] constexpr std::span<const std::string_view> as_strings() const noexcept {
    return {strings_, size_};
  }
  [[nodiscard]] constexpr std::span<const bool> as_bools() const noexcept {
    return {bools_, size_};
  }
  [[nodiscard]] constexpr std::span<const std::int64_t> as_ints() const noexcept {
    return {ints_, size_};
  }
  [[nodiscard]] constexpr std::span<const double> as_doubles() const noexcept {
    return {doubles_, size_};
  }

 private:
  union {
    const char* data_;
    std::int64_t int_;
    double double_;
    const std::string_view* strings_;
    const bool* bools_;
    const std::int64_t* ints_;
    const double* doubles_;
  };
  std::size_t size_ = 0;
  Type type_;
};

/// A key and its value, both borrowed. Keys are non-empty UTF-8; OpenTelemetry's semantic
/// conventions name the usual ones.
struct Attribute {
  std::string_view key;
  AttributeValue value;
};

/// What functions that take several attributes accept: a braced list, an array or a vector of them.
/// Owns nothing: a braced list lives until the end of the statement that it is written in.
class Attributes : public std::span<const Attribute> {
 public:
  constexpr Attributes() noexcept = default;
  constexpr Attributes(std::initializer_list<Attribute> list) noexcept
      : std::span<const Attribute>(list.begin(), list.size()) {}
  constexpr Attributes(std::span<const Attribute> attributes) noexcept
      : std::span<const Attribute>(attributes) {}
};

}  // namespace signalbox

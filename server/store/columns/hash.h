#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

/// A fast 64-bit hash of bytes. Identifiers of resources, scopes and series on disk are made of it:
/// it must not change.
namespace signalbox::server::store {

namespace hash_detail {

constexpr std::uint64_t kFirst = 0x9E3779B97F4A7C15;
constexpr std::uint64_t kSecond = 0xD1B54A32D192ED03;
constexpr std::uint64_t kThird = 0x8CB92BA72F3D8DD7;

inline std::uint64_t mix(std::uint64_t a, std::uint64_t b) noexcept {
  const auto product = static_cast<unsigned __int128>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

template <typename T>
std::uint64_t load(const char* from) noexcept {
  T value;
  std::memcpy(&value, from, sizeof value);
  return value;
}

}  // namespace hash_detail

/// As `a == b`, without a call: for the short texts that are keys and values.
inline bool equal_bytes(std::string_view a, std::string_view b) noexcept {
  using hash_detail::load;
  if (a.size() != b.size()) return false;
  const char* x = a.data();
  const char* y = b.data();
  std::size_t left = a.size();
  if (left < 8) {
    if (left >= 4) {
      return load<std::uint32_t>(x) == load<std::uint32_t>(y) &&
             load<std::uint32_t>(x + left - 4) == load<std::uint32_t>(y + left - 4);
    }
    for (std::size_t i = 0; i < left; ++i) {
      if (x[i] != y[i]) return false;
    }
    return true;
  }
  for (; left > 8; x += 8, y += 8, left -= 8) {
    if (load<std::uint64_t>(x) != load<std::uint64_t>(y)) return false;
  }
  // The last eight, some of them once more.
  return load<std::uint64_t>(x + left - 8) == load<std::uint64_t>(y + left - 8);
}

/// Of a little-endian machine; equal on all of them.
inline std::uint64_t hash_bytes(std::string_view bytes, std::uint64_t seed = 0) noexcept {
  using namespace hash_detail;  // NOLINT(google-build-using-namespace): its own details.
  std::uint64_t hash = seed ^ kFirst;
  const char* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left > 16; at += 16, left -= 16) {
    hash = mix(load<std::uint64_t>(at) ^ kSecond, load<std::uint64_t>(at + 8) ^ hash);
  }
  std::uint64_t a = 0;
  std::uint64_t b = 0;
  if (left >= 8) {
    a = load<std::uint64_t>(at);
    b = load<std::uint64_t>(at + left - 8);
  } else if (left >= 4) {
    a = load<std::uint32_t>(at);
    b = load<std::uint32_t>(at + left - 4);
  } else if (left > 0) {
    a = load<std::uint8_t>(at);
    b = load<std::uint8_t>(at + left / 2) << 8 | load<std::uint8_t>(at + left - 1);
  }
  return mix(kThird ^ bytes.size(), mix(a ^ kSecond, b ^ hash));
}

/// The hash of a sequence of fields: ("ab", "c") and ("a", "bc") differ.
class Hasher {
 public:
  Hasher& add(std::string_view field) noexcept {
    state_ = hash_bytes(field, state_);
    return *this;
  }
  Hasher& add(std::uint64_t field) noexcept {
    state_ = hash_detail::mix(state_ ^ hash_detail::kFirst, field ^ hash_detail::kThird) + field;
    return *this;
  }
  [[nodiscard]] std::uint64_t value() const noexcept { return state_; }

 private:
  std::uint64_t state_ = hash_detail::kFirst;
};

}  // namespace signalbox::server::store

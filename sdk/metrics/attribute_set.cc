#include "sdk/metrics/attribute_set.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <vector>

#include "sdk/common/attribute_encoder.h"

namespace signalbox::metrics::detail {
namespace {

using Type = AttributeValue::Type;

std::uint64_t load64(const char* data) noexcept {
  std::uint64_t word = 0;
  std::memcpy(&word, data, sizeof(word));
  return word;
}

std::uint32_t load32(const char* data) noexcept {
  std::uint32_t word = 0;
  std::memcpy(&word, data, sizeof(word));
  return word;
}

// Up to 8 bytes as one word.
std::uint64_t load_short(const char* data, std::size_t size) noexcept {
  if (size >= 4) {
    return load32(data) | std::uint64_t{load32(data + size - 4)} << 32;
  }
  if (size == 0) {
    return 0;
  }
  const auto byte = [&](std::size_t i) {
    return std::uint64_t{static_cast<unsigned char>(data[i])};
  };
  return byte(0) | byte(size / 2) << 8 | byte(size - 1) << 16;
}

__extension__ using Wide = unsigned __int128;

std::uint64_t mix(std::uint64_t a, std::uint64_t b) noexcept {
  const Wide product = static_cast<Wide>(a) * b;
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

constexpr std::uint64_t kOdd1 = 0x9e3779b97f4a7c15;
constexpr std::uint64_t kOdd2 = 0xd6e8feb86659fd93;

std::uint64_t hash_text(std::uint64_t hash, std::string_view text) noexcept {
  const char* const data = text.data();
  const std::size_t size = text.size();
  if (size <= 8) {
    return mix(hash ^ load_short(data, size), kOdd1 + size);
  }
  const char* const end = data + size;
  for (const char* at = data; end - at > 16; at += 16) {
    hash = mix(hash ^ load64(at), load64(at + 8) ^ kOdd2);
  }
  // The last 16 bytes, or two words that overlap.
  const char* const last = size > 16 ? end - 16 : data;
  return mix(hash ^ load64(end - 8), load64(last) ^ (kOdd1 + size));
}

// Of a key, its ends do: keys differ little within one instrument, and whoever finds an entry
// compares it whole.
std::uint64_t key_word(std::string_view key) noexcept {
  const char* const data = key.data();
  const std::size_t size = key.size();
  return size <= 8 ? load_short(data, size) : load64(data) + std::rotl(load64(data + size - 8), 23);
}

bool is_equal(const char* a, const char* b, std::size_t size) noexcept {
  if (size > 16) {
    return std::memcmp(a, b, size) == 0;
  }
  if (size >= 8) {
    return ((load64(a) ^ load64(b)) | (load64(a + size - 8) ^ load64(b + size - 8))) == 0;
  }
  return load_short(a, size) == load_short(b, size);
}

// The fixed part of an attribute's spelling.
struct Spelled {
  std::uint64_t type_and_key_size;
  std::uint64_t value;  // The number itself, or the length of the text.
};

Spelled fixed_part(const Attribute& attribute) noexcept {
  Spelled part{.type_and_key_size = std::uint64_t{attribute.key.size()} << 8 |
                                    static_cast<std::uint64_t>(attribute.value.type()),
               .value = 0};
  switch (attribute.value.type()) {
    case Type::kString:
      part.value = attribute.value.as_string().size();
      break;
    case Type::kDouble:
      part.value = std::bit_cast<std::uint64_t>(attribute.value.as_double());
      break;
    default:
      part.value = static_cast<std::uint64_t>(attribute.value.as_int());
      break;
  }
  return part;
}

}  // namespace

std::string canonical_attributes(std::uint32_t field, Attributes attributes) {
  std::vector<const Attribute*> sorted;
  sorted.reserve(attributes.size());
  for (const Attribute& attribute : attributes) {
    if (!attribute.key.empty()) {
      sorted.push_back(&attribute);
    }
  }
  std::sort(sorted.begin(), sorted.end(), [](const Attribute* a, const Attribute* b) {
    return a->key != b->key ? a->key < b->key : a < b;  // Equal keys in the order given.
  });
  std::string canonical;
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    if (i + 1 < sorted.size() && sorted[i + 1]->key == sorted[i]->key) {
      continue;  // A later one replaces it.
    }
    sdk::append_attribute(canonical, field, sorted[i]->key, sorted[i]->value);
  }
  return canonical;
}

std::uint64_t hash_spelling(std::uint64_t seed, Attributes attributes, bool& ok) noexcept {
  std::uint64_t hash = seed;
  for (const Attribute& attribute : attributes) {
    const Type type = attribute.value.type();
    const std::uint64_t key =
        key_word(attribute.key) + attribute.key.size() + (static_cast<std::uint64_t>(type) << 56);
    hash = mix(hash ^ key, kOdd2);
    if (type == Type::kString) {
      hash = hash_text(hash, attribute.value.as_string());
    } else if (type <= Type::kDouble) {
      hash = mix(hash ^ fixed_part(attribute).value, kOdd1);
    } else {
      ok = false;
      return 0;
    }
  }
  return hash;
}

std::string make_spelling(Attributes attributes) {
  std::string spelling;
  for (const Attribute& attribute : attributes) {
    const Spelled part = fixed_part(attribute);
    spelling.append(reinterpret_cast<const char*>(&part), sizeof(part));
    spelling.append(attribute.key);
    if (attribute.value.type() == Type::kString) {
      spelling.append(attribute.value.as_string());
    }
  }
  return spelling;
}

bool is_spelled(std::string_view spelling, Attributes attributes) noexcept {
  const char* at = spelling.data();
  const char* const end = at + spelling.size();
  for (const Attribute& attribute : attributes) {
    const Spelled part = fixed_part(attribute);
    // The spelling has been written whole: if the fixed parts are equal, the texts are there.
    if (end - at < static_cast<std::ptrdiff_t>(sizeof(Spelled)) ||
        load64(at) != part.type_and_key_size || load64(at + 8) != part.value) {
      return false;
    }
    at += sizeof(Spelled);
    if (!is_equal(at, attribute.key.data(), attribute.key.size())) {
      return false;
    }
    at += attribute.key.size();
    if (attribute.value.type() == Type::kString) {
      const char* const text = attribute.value.as_string().data();
      if (!is_equal(at, text, part.value)) {
        return false;
      }
      at += part.value;
    }
  }
  return at == end;
}

}  // namespace signalbox::metrics::detail

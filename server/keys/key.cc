#include "server/keys/key.h"

#include <openssl/crypto.h>
#include <openssl/rand.h>
#include <openssl/sha.h>

#include <stdexcept>

namespace signalbox::server::keys {
namespace {

constexpr std::string_view kPrefix = "sbk_";
constexpr std::size_t kRandomBytes = 32;
constexpr std::size_t kVisibleDigits = 8;

}  // namespace

std::string to_hex(const std::uint8_t* bytes, std::size_t count) {
  constexpr std::string_view kDigits = "0123456789abcdef";
  std::string text;
  text.reserve(count * 2);
  for (std::size_t i = 0; i < count; ++i) {
    text += kDigits[bytes[i] >> 4U];
    text += kDigits[bytes[i] & 15U];
  }
  return text;
}

std::string generate_key() {
  std::array<std::uint8_t, kRandomBytes> bytes{};
  if (RAND_bytes(bytes.data(), static_cast<int>(bytes.size())) != 1) {
    throw std::runtime_error("the system gives no random bytes for a key");
  }
  return std::string(kPrefix) + to_hex(bytes.data(), bytes.size());
}

KeyHash hash_key(std::string_view key) {
  KeyHash hash{};
  SHA256(reinterpret_cast<const unsigned char*>(key.data()), key.size(), hash.data());
  return hash;
}

bool same_hash(const KeyHash& a, const KeyHash& b) noexcept {
  return CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

std::string visible_part(std::string_view key) {
  return std::string(key.substr(0, kPrefix.size() + kVisibleDigits)) + "…";
}

}  // namespace signalbox::server::keys

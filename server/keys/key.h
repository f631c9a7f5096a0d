#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

namespace signalbox::server::keys {

/// SHA-256 of a key's text.
using KeyHash = std::array<std::uint8_t, 32>;

/// A new ingestion key, "sbk_" and 64 hexadecimal digits of 32 random bytes. Throws
/// std::runtime_error if the system has no randomness to give.
std::string generate_key();

KeyHash hash_key(std::string_view key);

/// As long for keys that differ early as for keys that differ late.
bool same_hash(const KeyHash& a, const KeyHash& b) noexcept;

std::string to_hex(const std::uint8_t* bytes, std::size_t count);

/// What may be shown of a key: enough to tell it from others.
std::string visible_part(std::string_view key);

}  // namespace signalbox::server::keys

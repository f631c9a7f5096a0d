#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

/// Values as people write them. What cannot be read throws std::invalid_argument, whose message
/// says what is allowed.
namespace signalbox::server::config {

/// "100GiB", "512 MiB", "1000000" (bytes). Units: B, KiB, MiB, GiB, TiB.
std::uint64_t parse_size(std::string_view text);
/// What `parse_size` reads, in the largest unit that is exact.
std::string size_text(std::uint64_t bytes);

/// "15d", "36h", "90m", "30s", "2w", or "0". At most 100 years.
std::chrono::seconds parse_age(std::string_view text);
/// What `parse_age` reads, in the largest unit that is exact.
std::string age_text(std::chrono::seconds age);

/// A whole number from `least` to `greatest`.
std::uint64_t parse_integer(std::string_view text, std::uint64_t least, std::uint64_t greatest);

/// "true" or "false".
bool parse_boolean(std::string_view text);

}  // namespace signalbox::server::config

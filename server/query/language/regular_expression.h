#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace signalbox::server::query {

/// Longer patterns are refused.
inline constexpr std::size_t kMaxPatternBytes = 512;

/// Why the engine would not match by `pattern` (syntax: RE2's), in a few words; "" if it would.
std::string pattern_fault(std::string_view pattern);

}  // namespace signalbox::server::query

#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

namespace re2 {
class RE2;
}

namespace signalbox::server::query {

/// Longer patterns are refused.
inline constexpr std::size_t kMaxPatternBytes = 512;

/// Why the engine would not match by `pattern` (syntax: RE2's), in a few words; "" if it would.
std::string pattern_fault(std::string_view pattern);

/// `pattern` as the engine matches by it; pattern_fault has found nothing wrong with it.
std::unique_ptr<const re2::RE2> compile_pattern(std::string_view pattern);

}  // namespace signalbox::server::query

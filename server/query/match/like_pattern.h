#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace signalbox::server::query {

/// A pattern of LIKE, or of ILIKE if it ignores case, as ClickHouse reads it: `%` stands for any
/// characters, `_` for one, a backslash keeps one of these, or itself, as it is.
///
/// Thread-safety: any thread.
class LikePattern {
 public:
  enum class Case : std::uint8_t { kExact, kIgnored };

  LikePattern(std::string_view pattern, Case letters);

  /// Whether all of `text` (UTF-8) is as the pattern says.
  [[nodiscard]] bool matches(std::string_view text) const;

 private:
  static constexpr char32_t kAnyText = 0x11'0000;  // Beyond all characters.
  static constexpr char32_t kAnyOne = kAnyText + 1;

  [[nodiscard]] char32_t take(std::string_view text, std::size_t& at) const;

  Case letters_;
  std::vector<char32_t> parts_;
};

/// Whether `part` is in `text`; letters of ASCII in any case, as `positionCaseInsensitive` has it.
[[nodiscard]] bool contains_in_any_case(std::string_view text, std::string_view part);

}  // namespace signalbox::server::query

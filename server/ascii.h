#pragma once

#include <string>
#include <string_view>

/// Letters of either case in names that are ASCII: of headers, media types, hosts and keywords.
namespace signalbox::server {

constexpr char to_lower(char c) noexcept {
  return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

inline std::string to_lower(std::string_view text) {
  std::string lower(text);
  for (char& c : lower) c = to_lower(c);
  return lower;
}

}  // namespace signalbox::server

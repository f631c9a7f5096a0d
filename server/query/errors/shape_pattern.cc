#include "server/query/errors/shape_pattern.h"

namespace signalbox::server::query {
namespace {

/// A shape this long may be only how a message begins.
constexpr std::size_t kMayBeCutBytes = 190;
constexpr std::string_view kEllipsis = "…";

}  // namespace

std::string pattern_of_shape(std::string_view shape, bool is_cut) {
  std::string pattern;
  for (std::size_t at = 0; at < shape.size(); ++at) {
    const char c = shape[at];
    if (shape.substr(at).starts_with(kEllipsis)) {
      pattern += '%';
      at += kEllipsis.size() - 1;
    } else if (c == '#') {
      pattern += '%';
    } else {
      pattern += c == '%' || c == '\\' ? '_' : c;
    }
  }
  if (is_cut || shape.size() >= kMayBeCutBytes) pattern += '%';
  return pattern;
}

}  // namespace signalbox::server::query

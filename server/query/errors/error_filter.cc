#include "server/query/errors/error_filter.h"

#include <string_view>

#include "server/query/language/filter.h"

namespace signalbox::server::query {
namespace {

/// A shape this long may be only how a message begins.
constexpr std::size_t kMayBeCutBytes = 190;
constexpr std::string_view kEllipsis = "…";

/// For LIKE: what the shape leaves out is any text. What LIKE would read otherwise is any
/// character.
std::string pattern_of(std::string_view shape) {
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
  if (shape.size() >= kMayBeCutBytes) pattern += '%';
  return pattern;
}

std::string either(const std::string& a, const std::string& b) {
  return " AND (" + a + " OR " + b + ")";
}

}  // namespace

std::string error_filter(const ErrorKey& key) {
  const bool of_spans = key.signal == Signal::kTraces;
  std::string filter = "service.name = " + quote_filter_text(key.service);
  if (!key.type.empty()) {
    const std::string type = " = " + quote_filter_text(key.type);
    filter += of_spans ? either("exception.type" + type, "error.type" + type)
                       : " AND exception.type" + type;
  } else {
    filter += " AND NOT exception.type EXISTS";
    filter +=
        of_spans ? " AND NOT error.type EXISTS" + either("status = error", "event.name = exception")
                 : either("severity >= error", "exception.message EXISTS");
  }
  if (!key.shape.empty()) {
    const std::string message = " LIKE " + quote_filter_text(pattern_of(key.shape));
    filter +=
        either("exception.message" + message, (of_spans ? "status.message" : "body") + message);
  }
  return filter;
}

}  // namespace signalbox::server::query

#include "server/query/errors/error_filter.h"

#include "server/query/errors/shape_pattern.h"
#include "server/query/language/filter.h"

namespace signalbox::server::query {
namespace {

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
    const std::string message = " LIKE " + quote_filter_text(pattern_of_shape(key.shape));
    filter +=
        either("exception.message" + message, (of_spans ? "status.message" : "body") + message);
  }
  return filter;
}

}  // namespace signalbox::server::query

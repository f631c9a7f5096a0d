#include "demo/common/http.h"

#include <utility>

namespace signalbox::demo {
namespace {

Response response(http::status status, std::string_view content_type, std::string body) {
  Response result{status, 11};
  result.set(http::field::content_type, content_type);
  result.body() = std::move(body);
  return result;
}

}  // namespace

Response text_response(http::status status, std::string body) {
  return response(status, "text/plain; charset=utf-8", std::move(body));
}

Response json_response(http::status status, std::string body) {
  return response(status, "application/json", std::move(body));
}

std::string_view target_path(std::string_view target) {
  if (!target.starts_with('/')) {
    if (const auto scheme = target.find("://"); scheme != std::string_view::npos) {
      const auto path = target.find_first_of("/?", scheme + 3);
      target = path == std::string_view::npos ? "/" : target.substr(path);
      if (target.starts_with('?')) return "/";
    }
  }
  return target.substr(0, target.find('?'));
}

std::string_view target_query(std::string_view target) {
  const auto mark = target.find('?');
  return mark == std::string_view::npos ? std::string_view{} : target.substr(mark + 1);
}

}  // namespace signalbox::demo

#include "server/api/answers.h"

#include <array>
#include <string_view>
#include <utility>

#include "server/query/json/json.h"

namespace signalbox::server::api {
namespace {

/// What an error is called in JSON, and its HTTP status.
struct ErrorNames {
  std::string_view name;
  unsigned status;
};
constexpr std::array<ErrorNames, 8> kErrors = {{{"invalid_argument", 400},
                                                {"permission_denied", 403},
                                                {"not_found", 404},
                                                {"method_not_allowed", 405},
                                                {"unavailable", 503},
                                                {"resource_exhausted", 422},
                                                {"deadline_exceeded", 504},
                                                {"internal", 500}}};

/// The UI's own scripts only; styles may be inline because charts place their parts by them.
constexpr const char* kContentSecurityPolicy =
    "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: "
    "blob:; font-src 'self'; connect-src 'self'; worker-src 'self' blob:; manifest-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

}  // namespace

void add_security_headers(net::Headers& headers) {
  headers.set("content-security-policy", kContentSecurityPolicy);
  headers.set("x-content-type-options", "nosniff");
  headers.set("referrer-policy", "no-referrer");
  headers.set("cross-origin-opener-policy", "same-origin");
  headers.set("cross-origin-resource-policy", "same-origin");
}

net::Response error_response(const query::QueryError& error) {
  const ErrorNames& names = kErrors.at(static_cast<std::size_t>(error.code()));
  query::JsonWriter json;
  json.begin_object();
  json.key("code").string(names.name);
  json.key("message").string(error.what());
  if (!error.parameter.empty()) json.key("parameter").string(error.parameter);
  if (error.position) json.key("position").number(*error.position);
  if (!error.hint.empty()) json.key("hint").string(error.hint);
  json.end_object();
  net::Response response;
  response.status = names.status;
  response.headers.add("content-type", "application/json");
  response.headers.add("cache-control", "no-store");
  response.body = json.take();
  if (error.code() == query::ErrorCode::kUnavailable) response.headers.add("retry-after", "1");
  if (error.code() == query::ErrorCode::kMethodNotAllowed)
    response.headers.add("allow", error.allowed);
  return response;
}

}  // namespace signalbox::server::api

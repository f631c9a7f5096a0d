#include "demo/echo/echo.h"

#include <algorithm>
#include <boost/beast/core/detail/base64.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>
#include <boost/json/serialize.hpp>
#include <boost/json/value.hpp>
#include <map>
#include <memory>
#include <utility>

#include "demo/common/logging.h"
#include "signalbox/bridges/spdlog.h"

namespace signalbox::demo {
namespace {

namespace asio = boost::asio;
namespace json = boost::json;

constexpr std::string_view kScope = "signalbox.demo.echo";

std::string_view view(boost::beast::string_view text) {
  return {text.data(), text.size()};
}

json::string_view json_view(std::string_view text) {
  return {text.data(), text.size()};
}

std::string lower_case(std::string_view text) {
  std::string out(text);
  for (char& c : out) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return out;
}

int hex_digit(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}

// Undoes form encoding; a stray `%` stays.
std::string decode_component(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '+') {
      out += ' ';
    } else if (text[i] == '%' && i + 2 < text.size() && hex_digit(text[i + 1]) >= 0 &&
               hex_digit(text[i + 2]) >= 0) {
      out += static_cast<char>(hex_digit(text[i + 1]) * 16 + hex_digit(text[i + 2]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

// A key that occurs several times has an array of its values.
void add(json::object& object, const std::string& key, const std::string& value) {
  json::value* present = object.if_contains(key);
  if (present == nullptr) {
    object[key] = value;
  } else if (present->is_array()) {
    present->as_array().emplace_back(value);
  } else {
    *present = json::array{std::move(*present), json::value(value)};
  }
}

json::object parse_form(std::string_view text) {
  json::object object;
  while (!text.empty()) {
    const std::string_view pair = text.substr(0, text.find('&'));
    text.remove_prefix(std::min(text.size(), pair.size() + 1));
    if (pair.empty()) continue;
    const std::size_t equals = pair.find('=');
    const std::string_view value =
        equals == std::string_view::npos ? std::string_view{} : pair.substr(equals + 1);
    add(object, decode_component(pair.substr(0, equals)), decode_component(value));
  }
  return object;
}

// `traceparent` becomes `Traceparent`, `user-agent` `User-Agent`.
std::string title_case(std::string_view name) {
  std::string out = lower_case(name);
  bool start = true;
  for (char& c : out) {
    if (start && c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
    start = c == '-';
  }
  return out;
}

json::object headers_of(const Request& request) {
  std::map<std::string, std::string> headers;
  for (const auto& field : request) {
    std::string& value = headers[title_case(view(field.name_string()))];
    if (!value.empty()) value += ",";
    value += view(field.value());
  }
  json::object object;
  for (const auto& [name, value] : headers) object[name] = value;
  return object;
}

json::value parse_json(std::string_view body) {
  boost::system::error_code error;
  json::value value = json::parse(json_view(body), error);
  return error ? json::value(nullptr) : value;
}

// A body that is not text is shown as httpbin shows it.
std::string data_of(const std::string& body) {
  boost::system::error_code error;
  json::parse(json::serialize(json::string_view(body)), error);
  if (!error) return body;
  std::string encoded(boost::beast::detail::base64::encoded_size(body.size()), '\0');
  encoded.resize(boost::beast::detail::base64::encode(encoded.data(), body.data(), body.size()));
  return "data:application/octet-stream;base64," + encoded;
}

asio::awaitable<Answer> not_found() {
  co_return Answer(text_response(http::status::not_found, "Resource not found"),
                   Failure{"404", "Resource not found"});
}

asio::awaitable<Answer> anything(std::shared_ptr<spdlog::logger> logger, const Request& request,
                                 const Connection& connection) {
  bridges::log(*logger, spdlog::level::info, "echoing",
               {{"http.request.method", view(request.method_string())},
                {"http.request.body.size", request.body().size()}});
  co_return json_response(http::status::ok, describe_request(request, connection));
}

}  // namespace

std::string describe_request(const Request& request, const Connection& connection) {
  const std::string_view target = view(request.target());
  const std::string content_type = lower_case(view(request[http::field::content_type]));
  const bool is_form = content_type.starts_with("application/x-www-form-urlencoded");
  std::string_view host = view(request[http::field::host]);
  json::object object;
  object["args"] = parse_form(target_query(target));
  object["data"] = is_form ? std::string() : data_of(request.body());
  object["files"] = json::object();
  object["form"] = is_form ? parse_form(request.body()) : json::object();
  object["headers"] = headers_of(request);
  object["json"] = is_form ? json::value(nullptr) : parse_json(request.body());
  object["method"] = json_view(view(request.method_string()));
  object["origin"] = connection.peer_address;
  object["url"] = target.starts_with('/') ? "http://" + std::string(host) + std::string(target)
                                          : std::string(target);
  return json::serialize(object);
}

Echo::Echo() : router_(kScope, [](const Request&, const Connection&) { return not_found(); }) {
  router_.add(Router::kAnyMethod, "/anything",
              [logger = get_logger("echo")](const Request& request, const Connection& connection) {
                return anything(logger, request, connection);
              });
}

asio::awaitable<Response> Echo::handle(const Request& request, const Connection& connection) {
  return router_.handle(request, connection);
}

}  // namespace signalbox::demo

#include "signalbox/integrations/beast.h"

#include <array>
#include <boost/beast/http/field.hpp>
#include <boost/beast/http/verb.hpp>
#include <charconv>
#include <vector>

namespace signalbox::integrations {
namespace {

namespace http = boost::beast::http;

template <typename View>
std::string_view view(const View& text) {
  return {text.data(), text.size()};
}

std::string_view protocol_version(unsigned version) {
  return version == 10 ? "1.0" : "1.1";
}

std::string span_name(const HttpRequestHeader& request, std::string_view path) {
  std::string_view method = http_method_attribute(request);
  if (method == "_OTHER") method = "HTTP";
  std::string name(method);
  name += ' ';
  name += path;
  return name;
}

// The text of a Host header, taken apart.
struct Host {
  std::string_view name;
  std::optional<std::uint16_t> port;
};

Host parse_host(std::string_view text) {
  const std::size_t colon = text.rfind(':');
  // A colon inside brackets belongs to an IPv6 address.
  if (colon == std::string_view::npos || text.find(']', colon) != std::string_view::npos) {
    return {text, std::nullopt};
  }
  const std::string_view digits = text.substr(colon + 1);
  std::uint16_t port = 0;
  const auto parsed = std::from_chars(digits.data(), digits.data() + digits.size(), port);
  if (parsed.ec != std::errc{} || parsed.ptr != digits.data() + digits.size()) {
    return {text.substr(0, colon), std::nullopt};
  }
  return {text.substr(0, colon), port};
}

// `url` with its user information, if any, replaced.
std::string without_credentials(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return std::string(url);
  const std::size_t authority = scheme + 3;
  const std::size_t end = url.find_first_of("/?#", authority);
  const std::size_t at = url.substr(0, end).rfind('@');
  if (at == std::string_view::npos || at < authority) return std::string(url);
  return std::string(url.substr(0, authority)) + "REDACTED:REDACTED" + std::string(url.substr(at));
}

}  // namespace

std::optional<std::string_view> HttpFieldsGetter::get(std::string_view key) const {
  const auto found = fields_.find(key);
  if (found == fields_.end()) return std::nullopt;
  return view(found->value());
}

void HttpFieldsGetter::get_all(std::string_view key,
                               const std::function<void(std::string_view)>& each) const {
  const auto [begin, end] = fields_.equal_range(key);
  for (auto field = begin; field != end; ++field) each(view(field->value()));
}

void HttpFieldsSetter::set(std::string_view key, std::string_view value) {
  constexpr std::string_view kBreaks("\r\n\0", 3);
  if (key.empty() || key.find_first_of(kBreaks) != std::string_view::npos ||
      value.find_first_of(kBreaks) != std::string_view::npos) {
    return;
  }
  fields_.set(key, value);
}

std::string_view http_method_attribute(const HttpRequestHeader& request) noexcept {
  switch (request.method()) {
    case http::verb::get:
      return "GET";
    case http::verb::head:
      return "HEAD";
    case http::verb::post:
      return "POST";
    case http::verb::put:
      return "PUT";
    case http::verb::delete_:
      return "DELETE";
    case http::verb::connect:
      return "CONNECT";
    case http::verb::options:
      return "OPTIONS";
    case http::verb::trace:
      return "TRACE";
    case http::verb::patch:
      return "PATCH";
    default:
      return "_OTHER";
  }
}

trace::Span start_http_server_span(const trace::Tracer& tracer, const HttpRequestHeader& request,
                                   const context::Context& parent,
                                   const HttpServerSpanOptions& options) {
  const std::string_view method = http_method_attribute(request);
  const Host host = parse_host(view(request[http::field::host]));
  const std::string_view user_agent = view(request[http::field::user_agent]);
  std::vector<Attribute> attributes;
  attributes.reserve(14);
  attributes.push_back({"http.request.method", method});
  if (method == "_OTHER") {
    attributes.push_back({"http.request.method_original", view(request.method_string())});
  }
  attributes.push_back({"url.path", options.path});
  if (!options.query.empty()) attributes.push_back({"url.query", options.query});
  attributes.push_back({"url.scheme", options.scheme});
  if (!options.route.empty()) attributes.push_back({"http.route", options.route});
  if (!host.name.empty()) attributes.push_back({"server.address", host.name});
  attributes.push_back({"server.port", host.port.value_or(options.local_port)});
  attributes.push_back({"client.address", options.peer_address});
  attributes.push_back({"network.peer.address", options.peer_address});
  attributes.push_back({"network.peer.port", options.peer_port});
  attributes.push_back({"network.protocol.version", protocol_version(request.version())});
  if (!user_agent.empty()) attributes.push_back({"user_agent.original", user_agent});
  trace::StartSpanOptions start;
  start.kind = trace::SpanKind::kServer;
  start.parent = &parent;
  start.attributes = std::span<const Attribute>(attributes);
  return tracer.start_span(span_name(request, options.path), start);
}

void set_http_server_response(trace::SpanRef& span, unsigned status) {
  span.set_attribute("http.response.status_code", status);
  if (status < 500) return;
  span.set_attribute("error.type", std::to_string(status));
  span.set_status(trace::StatusCode::kError);
}

trace::Span start_http_client_span(const trace::Tracer& tracer, const HttpRequestHeader& request,
                                   const HttpClientSpanOptions& options) {
  const std::string_view method = http_method_attribute(request);
  const std::string url = without_credentials(options.url);
  std::vector<Attribute> attributes;
  attributes.reserve(6);
  attributes.push_back({"http.request.method", method});
  if (method == "_OTHER") {
    attributes.push_back({"http.request.method_original", view(request.method_string())});
  }
  attributes.push_back({"url.full", url});
  attributes.push_back({"server.address", options.host});
  attributes.push_back({"server.port", options.port});
  attributes.push_back({"network.protocol.version", protocol_version(request.version())});
  trace::StartSpanOptions start;
  start.kind = trace::SpanKind::kClient;
  start.attributes = std::span<const Attribute>(attributes);
  return tracer.start_span(span_name(request, options.path), start);
}

void set_http_client_response(trace::SpanRef& span, unsigned status) {
  span.set_attribute("http.response.status_code", status);
  if (status < 400) return;
  span.set_attribute("error.type", std::to_string(status));
  span.set_status(trace::StatusCode::kError);
}

void set_http_client_failure(trace::SpanRef& span, std::string_view type,
                             std::string_view message) {
  span.set_attribute("error.type", type);
  span.set_status(trace::StatusCode::kError, message);
}

}  // namespace signalbox::integrations

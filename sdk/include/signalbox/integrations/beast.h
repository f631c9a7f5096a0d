#pragma once

#include <signalbox/context/context.h>
#include <signalbox/propagation/propagator.h>
#include <signalbox/trace/tracer.h>

#include <boost/beast/http/fields.hpp>
#include <boost/beast/http/message.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

/// What a Beast client or server needs to take part in a trace: carriers of the context in the
/// headers, and spans as the HTTP semantic conventions describe them.
namespace signalbox::integrations {

using HttpRequestHeader = boost::beast::http::request_header<boost::beast::http::fields>;

/// Reads the headers of a message that was received.
class HttpFieldsGetter final : public propagation::TextMapGetter {
 public:
  /// Borrows `fields`.
  explicit HttpFieldsGetter(const boost::beast::http::fields& fields) noexcept : fields_(fields) {}

  [[nodiscard]] std::optional<std::string_view> get(std::string_view key) const override;
  void get_all(std::string_view key,
               const std::function<void(std::string_view)>& each) const override;

 private:
  const boost::beast::http::fields& fields_;
};

/// Writes the headers of a message to be sent.
class HttpFieldsSetter final : public propagation::TextMapSetter {
 public:
  /// Borrows `fields`.
  explicit HttpFieldsSetter(boost::beast::http::fields& fields) noexcept : fields_(fields) {}

  /// What no header may hold (line breaks, an empty name) is not set.
  void set(std::string_view key, std::string_view value) override;

 private:
  boost::beast::http::fields& fields_;
};

/// The method for `http.request.method`: one that the conventions know, else `_OTHER`.
[[nodiscard]] std::string_view http_method_attribute(const HttpRequestHeader& request) noexcept;

/// What a server knows about a request besides its header.
struct HttpServerSpanOptions {
  std::string_view scheme = "http";    ///< Or "https".
  std::string_view path = {};          ///< Of the target, as received.
  std::string_view query = {};         ///< Of the target; empty: none.
  std::string_view route = {};         ///< The matched route's pattern; empty: none matched.
  std::string_view peer_address = {};  ///< Of the connection's other end.
  std::uint16_t peer_port = 0;
  std::uint16_t local_port = 0;  ///< `server.port`, if the Host header names none.
};

/// Starts the span of a request that was received, named `METHOD path`, as the child of the span
/// that its headers name, in `parent`: what `propagation::extract` made of them.
[[nodiscard]] trace::Span start_http_server_span(const trace::Tracer& tracer,
                                                 const HttpRequestHeader& request,
                                                 const context::Context& parent,
                                                 const HttpServerSpanOptions& options);

/// Sets the attributes of the answer; a 5xx status makes the span an error unless it already is
/// one.
void set_http_server_response(trace::SpanRef& span, unsigned status);

/// Where a client's request goes.
struct HttpClientSpanOptions {
  std::string_view url = {};   ///< Absolute; a password in it is not recorded.
  std::string_view path = {};  ///< Of the URL.
  std::string_view host = {};
  std::uint16_t port = 0;
};

/// Starts the span of a request about to be sent, named `METHOD path`, in the current context.
/// Inject while it is the active one.
[[nodiscard]] trace::Span start_http_client_span(const trace::Tracer& tracer,
                                                 const HttpRequestHeader& request,
                                                 const HttpClientSpanOptions& options);

/// Sets the attributes of the answer; a 4xx or 5xx status makes the span an error.
void set_http_client_response(trace::SpanRef& span, unsigned status);

/// Makes the span of a request that got no answer an error of `type`, e.g. `timeout`.
void set_http_client_failure(trace::SpanRef& span, std::string_view type, std::string_view message);

}  // namespace signalbox::integrations

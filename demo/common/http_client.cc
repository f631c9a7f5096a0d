#include "demo/common/http_client.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/ssl/host_name_verification.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http/parser.hpp>
#include <boost/beast/http/read.hpp>
#include <boost/beast/http/write.hpp>
#include <boost/beast/ssl/ssl_stream.hpp>
#include <boost/url/parse.hpp>
#include <charconv>
#include <utility>

namespace signalbox::demo {
namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
using asio::ip::tcp;
using boost::system::error_code;

constexpr auto kNoThrow = asio::as_tuple(asio::use_awaitable);

FetchError failure(std::string_view step, const Url& url, const error_code& error) {
  const bool late = error == beast::error::timeout;
  return {late ? "timeout" : std::string(step),
          "cannot reach " + host_header(url) + ": " + error.message()};
}

template <typename Stream>
asio::awaitable<std::variant<Response, FetchError>> exchange(Stream& stream, const Url& url,
                                                             const Request& request,
                                                             std::uint64_t max_body_bytes) {
  if (auto [error, bytes] = co_await http::async_write(stream, request, kNoThrow); error) {
    co_return failure("http", url, error);
  }
  beast::flat_buffer buffer;
  http::response_parser<http::string_body> parser;
  parser.body_limit(max_body_bytes);
  if (auto [error, bytes] = co_await http::async_read(stream, buffer, parser, kNoThrow); error) {
    co_return failure("http", url, error);
  }
  co_return parser.release();
}

}  // namespace

Result<Url> parse_url(std::string_view text) {
  const auto parsed = boost::urls::parse_uri(boost::core::string_view(text.data(), text.size()));
  const auto wrong = [&](std::string_view what) {
    return Error{"'" + std::string(text) + "' is not an http or https URL: " + std::string(what)};
  };
  if (!parsed) return wrong(parsed.error().message());
  Url url;
  url.text = text;
  url.scheme = parsed->scheme();
  if (url.scheme != "http" && url.scheme != "https") return wrong("unknown scheme");
  url.host = parsed->host_address();
  if (url.host.empty()) return wrong("it names no host");
  url.port = url.scheme == "https" ? 443 : 80;
  if (const std::string port(parsed->port()); !port.empty()) {
    const auto result = std::from_chars(port.data(), port.data() + port.size(), url.port);
    if (result.ec != std::errc{}) return wrong("its port is out of range");
  }
  const auto target = parsed->encoded_target();
  url.target = target.starts_with('/') ? std::string(target) : "/" + std::string(target);
  return url;
}

std::string host_header(const Url& url) {
  const bool is_ipv6 = url.host.find(':') != std::string::npos;
  std::string header = is_ipv6 ? "[" + url.host + "]" : url.host;
  if (url.port != (url.scheme == "https" ? 443 : 80)) header += ":" + std::to_string(url.port);
  return header;
}

HttpClient::HttpClient(Options options) : options_(options), tls_(asio::ssl::context::tls_client) {
  error_code ignored;  // Without the system's authorities each https request fails, saying why.
  tls_.set_default_verify_paths(ignored);
  tls_.set_verify_mode(asio::ssl::verify_peer);
}

asio::awaitable<std::variant<Response, FetchError>> HttpClient::fetch(const Url& url,
                                                                      Request request) {
  request.set(http::field::host, host_header(url));
  request.keep_alive(false);
  request.prepare_payload();
  const auto executor = co_await asio::this_coro::executor;
  tcp::resolver resolver(executor);
  auto [resolve_error, addresses] =
      co_await resolver.async_resolve(url.host, std::to_string(url.port), kNoThrow);
  if (resolve_error) co_return failure("resolve", url, resolve_error);

  beast::ssl_stream<beast::tcp_stream> stream(executor, tls_);
  beast::tcp_stream& plain = stream.next_layer();
  plain.expires_after(options_.timeout);
  if (auto [error, endpoint] = co_await plain.async_connect(addresses, kNoThrow); error) {
    co_return failure("connect", url, error);
  }
  if (url.scheme == "http") {
    plain.expires_after(options_.timeout);
    co_return co_await exchange(plain, url, request, options_.max_body_bytes);
  }
  SSL_set_tlsext_host_name(stream.native_handle(), url.host.c_str());
  stream.set_verify_callback(asio::ssl::host_name_verification(url.host));
  if (auto [error] = co_await stream.async_handshake(asio::ssl::stream_base::client, kNoThrow);
      error) {
    co_return failure("tls", url, error);
  }
  plain.expires_after(options_.timeout);
  co_return co_await exchange(stream, url, request, options_.max_body_bytes);
}

}  // namespace signalbox::demo

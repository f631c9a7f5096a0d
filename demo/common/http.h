#pragma once

#include <boost/asio/awaitable.hpp>
#include <boost/beast/http/message.hpp>
#include <boost/beast/http/string_body.hpp>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace signalbox::demo {

namespace http = boost::beast::http;

using Request = http::request<http::string_body>;
using Response = http::response<http::string_body>;

/// The two ends of a connection.
struct Connection {
  std::string peer_address;  ///< Without the port, e.g. `127.0.0.1`.
  std::uint16_t peer_port = 0;
  std::uint16_t local_port = 0;
};

/// Answers one request. Runs on any of the server's threads, for many requests at a time; `request`
/// and `connection` live until it has answered. What it throws becomes a 500.
using Handler = std::function<boost::asio::awaitable<Response>(const Request& request,
                                                               const Connection& connection)>;

/// A response of `body`, its Content-Type set.
[[nodiscard]] Response text_response(http::status status, std::string body);
[[nodiscard]] Response json_response(http::status status, std::string body);

/// The path of a request target, undecoded: `/a` of `/a?b=c`, `//` of `//`; of an absolute target
/// (`http://host/a`) the path alone; `*` as it is.
[[nodiscard]] std::string_view target_path(std::string_view target);

/// What follows the first `?` of a request target; empty if there is none.
[[nodiscard]] std::string_view target_query(std::string_view target);

}  // namespace signalbox::demo

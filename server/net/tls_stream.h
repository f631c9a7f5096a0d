#pragma once

#include <array>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/buffer.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/ssl/stream.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <chrono>
#include <memory>
#include <string_view>

namespace signalbox::server::net {

/// The first byte of a TLS connection: a handshake record.
inline constexpr char kTlsHandshakeByte = 0x16;

inline constexpr std::string_view kPlainTextOnTls =
    "HTTP/1.1 400 Bad Request\r\ncontent-type: text/plain; charset=utf-8\r\n"
    "content-length: 57\r\nconnection: close\r\n\r\n"
    "This port speaks TLS only; send to its https:// address.\n";

/// Reads and drops what the client still sends, until it closes: to close with bytes unread would
/// reset the connection, and the client might never see the answer.
inline boost::asio::awaitable<void> drop_rest(boost::asio::ip::tcp::socket& socket) {
  boost::system::error_code error;
  auto token = boost::asio::redirect_error(boost::asio::use_awaitable, error);
  socket.shutdown(boost::asio::ip::tcp::socket::shutdown_send, error);
  std::array<char, 4096> dropped{};
  while (!error) co_await socket.async_read_some(boost::asio::buffer(dropped), token);
}

/// Does the server's part of the TLS handshake on `stream` over `socket`; answers readably whoever
/// does not speak TLS. Whatever it is busy with, it ends after `timeout`, by closing the socket.
/// False if there is no TLS connection. `owner` keeps both alive.
template <typename TlsStream>
boost::asio::awaitable<bool> shake_hands(TlsStream& stream, boost::asio::ip::tcp::socket& socket,
                                         std::chrono::milliseconds timeout,
                                         std::shared_ptr<void> owner) {
  namespace asio = boost::asio;
  boost::system::error_code error;
  auto token = asio::redirect_error(asio::use_awaitable, error);
  asio::steady_timer timer(stream.get_executor(), timeout);
  timer.async_wait([&socket, owner](const boost::system::error_code& cancelled) {
    boost::system::error_code ignored;
    if (!cancelled) socket.close(ignored);
  });
  co_await socket.async_wait(asio::ip::tcp::socket::wait_read, token);
  if (error) co_return false;
  std::array<char, 1> first{};
  socket.non_blocking(true, error);
  socket.receive(asio::buffer(first), asio::socket_base::message_peek, error);
  if (error) co_return false;
  if (first[0] != kTlsHandshakeByte) {
    co_await asio::async_write(socket, asio::buffer(kPlainTextOnTls), token);
    if (!error) co_await drop_rest(socket);
    co_return false;
  }
  co_await stream.async_handshake(asio::ssl::stream_base::server, token);
  co_return !error;
}

}  // namespace signalbox::server::net

#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <chrono>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace signalbox::server::net::testing {

/// Whether `condition()` becomes true within ten seconds.
template <typename Condition>
bool becomes_true(Condition condition) {
  const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  while (std::chrono::steady_clock::now() < give_up) {
    if (condition()) return true;
    std::this_thread::yield();
  }
  return false;
}

struct TestClientOptions {
  const char* source = "127.0.0.1";  ///< Any address of 127.0.0.0/8.
  int receive_buffer_bytes = 0;      ///< Small, for one that reads slowly; 0: the system's.
};

/// A blocking TCP connection to 127.0.0.1, for tests that send what no client library would.
class TestClient {
 public:
  explicit TestClient(std::uint16_t port, TestClientOptions options = {})
      : socket_(::socket(AF_INET, SOCK_STREAM, 0)) {
    if (options.receive_buffer_bytes > 0) {
      ::setsockopt(socket_, SOL_SOCKET, SO_RCVBUF, &options.receive_buffer_bytes,
                   sizeof(options.receive_buffer_bytes));
    }
    sockaddr_in source{};
    source.sin_family = AF_INET;
    ::inet_pton(AF_INET, options.source, &source.sin_addr);
    if (::bind(socket_, reinterpret_cast<const sockaddr*>(&source), sizeof(source)) != 0) {
      throw std::runtime_error("cannot bind");
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    if (::connect(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
      throw std::runtime_error("cannot connect");
    }
    const int yes = 1;
    ::setsockopt(socket_, IPPROTO_TCP, TCP_NODELAY, &yes, sizeof(yes));
  }
  ~TestClient() { close(); }
  TestClient(const TestClient&) = delete;
  TestClient& operator=(const TestClient&) = delete;

  void close() {
    if (socket_ >= 0) ::close(std::exchange(socket_, -1));
  }
  [[nodiscard]] int native_handle() const noexcept { return socket_; }
  /// False if the server has closed.
  bool send(std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (sent <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(sent));
    }
    return true;
  }
  /// Sends `bytes` again and again, with `pause` in between, until the server has closed.
  void send_until_closed(std::string_view bytes, std::chrono::milliseconds pause) {
    const auto give_up = std::chrono::steady_clock::now() + std::chrono::seconds(10);
    while (is_silent_for(pause) && send(bytes)) {
      if (std::chrono::steady_clock::now() > give_up) {
        throw std::runtime_error("the server does not close");
      }
    }
  }
  /// Some bytes; empty only when the server has closed. Throws if nothing comes for `timeout`: a
  /// test that waits for the end must not take silence for it.
  std::string read_some(std::chrono::milliseconds timeout = std::chrono::seconds(10),
                        std::size_t most_bytes = 64 * 1024) {
    pollfd poll_one{socket_, POLLIN, 0};
    if (::poll(&poll_one, 1, static_cast<int>(timeout.count())) <= 0) {
      throw std::runtime_error("the server neither says anything nor closes");
    }
    std::string bytes(most_bytes, '\0');
    const ssize_t size = ::recv(socket_, bytes.data(), bytes.size(), 0);
    bytes.resize(size > 0 ? static_cast<std::size_t>(size) : 0);
    return bytes;
  }
  /// Whether the server neither says anything nor closes for `time`.
  bool is_silent_for(std::chrono::milliseconds time) {
    pollfd poll_one{socket_, POLLIN, 0};
    return ::poll(&poll_one, 1, static_cast<int>(time.count())) == 0;
  }
  /// All bytes until the server closes. Throws as `read_some`.
  std::string read_to_end() {
    std::string all;
    for (std::string some = read_some(); !some.empty(); some = read_some()) all += some;
    return all;
  }
  /// Reads until what has come contains `text`, or the server closes. Throws as `read_some`.
  std::string read_until(std::string_view text) {
    std::string all;
    while (all.find(text) == std::string::npos) {
      const std::string some = read_some();
      if (some.empty()) break;
      all += some;
    }
    return all;
  }
  /// One HTTP/1.1 response with a content-length.
  std::string read_response() {
    std::string all = std::exchange(rest_, {});
    while (all.find("\r\n\r\n") == std::string::npos) {
      const std::string some = read_some();
      if (some.empty()) return all;
      all += some;
    }
    const std::size_t head = all.find("\r\n\r\n") + 4;
    const std::size_t field = all.find("content-length: ");
    const std::size_t length = field < head ? std::stoul(all.substr(field + 16)) : 0;
    while (all.size() < head + length) {
      const std::string some = read_some();
      if (some.empty()) return all;
      all += some;
    }
    rest_ = all.substr(head + length);
    all.resize(head + length);
    return all;
  }

 private:
  int socket_;
  std::string rest_;
};

}  // namespace signalbox::server::net::testing

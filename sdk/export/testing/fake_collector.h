#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace signalbox::sdk::testing {

/// A request as a collector sees it.
struct Received {
  std::string path;
  std::map<std::string, std::string> headers;  ///< Names in lower case.
  std::string body = {};
  bool is_http2 = false;
  int connection = 0;  ///< Counts connections from 1.
};

/// What the collector does with it.
struct Reply {
  int status = 200;
  std::vector<std::pair<std::string, std::string>> headers = {};
  std::string body = {};
  std::vector<std::pair<std::string, std::string>> trailers = {};  ///< HTTP/2 only.
  bool hang = false;                                               ///< Never answers.
  bool close = false;  ///< Closes the connection instead.
};

/// Certificate and key files that a test made; empty: no TLS.
struct ServerTls {
  std::string certificate_file = {};
  std::string key_file = {};
  std::string client_ca_file = {};  ///< If set, clients must show a certificate of it.
};

/// A server on a port of its own on 127.0.0.1 that answers whatever `handler` says, over HTTP/2
/// (with prior knowledge or by ALPN) or HTTP/1.1. For tests. The handler is called from the
/// connections' threads.
class FakeCollector {
 public:
  using Handler = std::function<Reply(const Received&)>;
  enum class Protocol : std::uint8_t { kHttp1, kHttp2 };

  FakeCollector(Protocol protocol, Handler handler, ServerTls tls = {}, std::uint16_t port = 0);
  FakeCollector(const FakeCollector&) = delete;
  FakeCollector& operator=(const FakeCollector&) = delete;
  ~FakeCollector();

  [[nodiscard]] std::uint16_t port() const noexcept { return port_; }
  /// E.g. "http://127.0.0.1:12345".
  [[nodiscard]] std::string url() const;
  /// All requests so far.
  [[nodiscard]] std::vector<Received> received() const;

 private:
  class Connection;
  void accept_loop();
  Reply handle(const Received& request);

  const Protocol protocol_;
  const Handler handler_;
  const ServerTls tls_;
  std::shared_ptr<void> tls_context_;
  int listener_ = -1;
  std::uint16_t port_ = 0;
  std::atomic<bool> stopping_{false};
  mutable std::mutex mutex_;
  std::vector<Received> received_;
  std::list<std::pair<std::unique_ptr<Connection>, std::thread>> connections_;
  std::thread acceptor_;
};

}  // namespace signalbox::sdk::testing

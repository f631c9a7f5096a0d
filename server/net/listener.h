#pragma once

#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/steady_timer.hpp>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_map>

#include "server/net/connection_cap.h"
#include "server/net/http.h"
#include "server/net/server_counters.h"

namespace signalbox::server::net {

/// One client's connection as the listener sees it. It keeps itself alive while it works.
class Connection {
 public:
  virtual ~Connection() = default;
  /// Begins to serve. Called once.
  virtual void start() = 0;
  /// Ends after the requests under way. From any thread.
  virtual void drain() = 0;
  /// Ends now. From any thread.
  virtual void close() = 0;
};

/// Accepts connections at one endpoint and knows which of them live.
///
/// Thread-safety: `open` and `stop` from one thread that does not run the io_context.
class Listener : public std::enable_shared_from_this<Listener> {
 public:
  using Socket = boost::asio::ip::tcp::socket;
  /// Makes the connection of an accepted socket; it must hold `alive` as long as it lives.
  using MakeConnection =
      std::function<std::shared_ptr<Connection>(Socket socket, std::shared_ptr<void> alive)>;

  /// Accepts what both `max_connections` and `cap`, unless it is null, allow. Throws
  /// std::runtime_error, naming endpoint and `option_name`, if it cannot listen there.
  static std::shared_ptr<Listener> open(boost::asio::io_context& io, const Endpoint& endpoint,
                                        const std::string& option_name, std::size_t max_connections,
                                        std::shared_ptr<ConnectionCap> cap,
                                        std::shared_ptr<ServerCounters> counters,
                                        MakeConnection make);

  [[nodiscard]] Endpoint local_endpoint() const { return local_; }
  /// Accepts no more, drains, and closes after `drain_timeout` what is still there. Blocks.
  void stop(std::chrono::milliseconds drain_timeout);

 private:
  using Acceptor = boost::asio::ip::tcp::acceptor;

  Listener(boost::asio::io_context& io, std::size_t max_connections,
           std::shared_ptr<ConnectionCap> cap, std::shared_ptr<ServerCounters> counters,
           MakeConnection make);
  void accept();
  void accept_later();
  void take(Socket socket);
  void forget(std::uint64_t id);
  void for_each(const std::function<void(Connection&)>& call);

  boost::asio::io_context& io_;
  const std::size_t max_connections_;
  const std::shared_ptr<ConnectionCap> cap_;
  const std::shared_ptr<ServerCounters> counters_;
  const MakeConnection make_;
  Acceptor acceptor_;
  boost::asio::steady_timer retry_timer_;
  Endpoint local_;

  std::mutex mutex_;
  std::condition_variable changed_;
  bool stopping_ = false;
  std::uint64_t next_id_ = 0;
  std::unordered_map<std::uint64_t, std::weak_ptr<Connection>> connections_;
};

}  // namespace signalbox::server::net

#include "server/net/listener.h"

#include <boost/asio/ip/address.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/strand.hpp>
#include <boost/system/system_error.hpp>
#include <stdexcept>
#include <utility>
#include <vector>

namespace signalbox::server::net {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;

[[noreturn]] void fail(const Endpoint& endpoint, const std::string& option_name,
                       const error_code& error) {
  std::string message = "cannot listen on " + to_string(endpoint) + ": " + error.message();
  if (!option_name.empty()) {
    message += error == asio::error::address_in_use
                   ? "; stop the program that uses it, or choose another with " + option_name
                   : "; choose another with " + option_name;
  }
  throw std::runtime_error(message);
}

}  // namespace

Listener::Listener(asio::io_context& io, std::size_t max_connections,
                   std::shared_ptr<ConnectionCap> cap, std::shared_ptr<ServerCounters> counters,
                   MakeConnection make)
    : io_(io),
      max_connections_(max_connections),
      cap_(std::move(cap)),
      counters_(std::move(counters)),
      make_(std::move(make)),
      acceptor_(asio::make_strand(io)),
      retry_timer_(acceptor_.get_executor()) {}

std::shared_ptr<Listener> Listener::open(asio::io_context& io, const Endpoint& endpoint,
                                         const std::string& option_name,
                                         std::size_t max_connections,
                                         std::shared_ptr<ConnectionCap> cap,
                                         std::shared_ptr<ServerCounters> counters,
                                         MakeConnection make) {
  error_code error;
  const auto check = [&] {
    if (error) fail(endpoint, option_name, error);
  };
  const auto address = asio::ip::make_address(endpoint.address, error);
  check();
  const asio::ip::tcp::endpoint where(address, endpoint.port);

  std::shared_ptr<Listener> listener(
      new Listener(io, max_connections, std::move(cap), std::move(counters), std::move(make)));
  Acceptor& acceptor = listener->acceptor_;
  acceptor.open(where.protocol(), error);
  check();
  acceptor.set_option(asio::socket_base::reuse_address(true), error);
  check();
  acceptor.bind(where, error);
  check();
  acceptor.listen(asio::socket_base::max_listen_connections, error);
  check();
  const auto local = acceptor.local_endpoint(error);
  check();
  listener->local_ = {local.address().to_string(), local.port()};
  asio::post(acceptor.get_executor(), [listener] { listener->accept(); });
  return listener;
}

void Listener::accept() {
  acceptor_.async_accept(asio::make_strand(io_),
                         [self = shared_from_this()](const error_code& error, Socket socket) {
                           if (!self->acceptor_.is_open()) return;
                           if (error) {
                             self->accept_later();
                             return;
                           }
                           try {
                             self->take(std::move(socket));
                           } catch (const std::exception&) {
                             // Out of memory: this connection is lost, the next ones need not be.
                             self->accept_later();
                             return;
                           }
                           self->accept();
                         });
}

void Listener::accept_later() {
  // Out of file descriptors or memory, most likely: wait until some are given back. To accept again
  // at once would fail at once, for as long as a client waits.
  retry_timer_.expires_after(std::chrono::milliseconds(100));
  retry_timer_.async_wait([self = shared_from_this()](const error_code& /*error*/) {
    if (self->acceptor_.is_open()) self->accept();
  });
}

void Listener::take(Socket socket) {
  error_code ignored;
  socket.set_option(asio::ip::tcp::no_delay(true), ignored);
  std::uint64_t id = 0;
  {
    std::scoped_lock lock(mutex_);
    if (stopping_) return;
    if (connections_.size() >= max_connections_) {
      ++counters_->closed_at_limit;
      return;
    }
    id = next_id_++;
    connections_.emplace(id, std::weak_ptr<Connection>());
    if (cap_ != nullptr && !cap_->take()) {
      connections_.erase(id);
      ++counters_->closed_at_limit;
      return;
    }
    ++counters_->open_connections;
  }
  std::shared_ptr<void> alive(nullptr,
                              [self = shared_from_this(), id](void*) { self->forget(id); });
  const auto connection = make_(std::move(socket), std::move(alive));
  bool stopped_meanwhile = false;
  {
    std::scoped_lock lock(mutex_);
    connections_[id] = connection;
    stopped_meanwhile = stopping_;
  }
  connection->start();
  if (stopped_meanwhile) connection->drain();
}

void Listener::forget(std::uint64_t id) {
  std::scoped_lock lock(mutex_);
  connections_.erase(id);
  --counters_->open_connections;
  if (cap_ != nullptr) cap_->give_back();
  changed_.notify_all();
}

void Listener::for_each(const std::function<void(Connection&)>& call) {
  std::vector<std::shared_ptr<Connection>> alive;
  {
    std::scoped_lock lock(mutex_);
    for (const auto& [id, connection] : connections_) {
      if (auto held = connection.lock()) alive.push_back(std::move(held));
    }
  }
  for (const auto& connection : alive) call(*connection);
}

void Listener::stop(std::chrono::milliseconds drain_timeout) {
  {
    std::scoped_lock lock(mutex_);
    if (std::exchange(stopping_, true)) return;
  }
  asio::post(acceptor_.get_executor(), [self = shared_from_this()] {
    error_code ignored;
    self->acceptor_.close(ignored);
    self->retry_timer_.cancel();
  });
  const auto wait_until_none = [this](std::chrono::milliseconds timeout) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, timeout, [this] { return connections_.empty(); });
  };
  for_each([](Connection& connection) { connection.drain(); });
  if (wait_until_none(drain_timeout)) return;
  for_each([](Connection& connection) { connection.close(); });
  wait_until_none(std::chrono::seconds(1));
}

}  // namespace signalbox::server::net

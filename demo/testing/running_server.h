#pragma once

#include <gtest/gtest.h>

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <cstdint>
#include <thread>
#include <utility>
#include <vector>

#include "demo/common/http_server.h"

namespace signalbox::demo {

/// A server on a free loopback port with threads of its own, for tests; stopped at its end.
class RunningServer {
 public:
  explicit RunningServer(Handler handler, HttpServer::Options options = {}, int threads = 4)
      : work_(io_.get_executor()), server_(io_, localhost(std::move(options)), std::move(handler)) {
    const Result<std::uint16_t> port = server_.start();
    EXPECT_TRUE(port.ok());
    port_ = port.ok() ? port.value() : 0;
    threads_.reserve(threads);
    for (int i = 0; i < threads; ++i) {
      threads_.emplace_back([this] { io_.run(); });
    }
  }
  RunningServer(const RunningServer&) = delete;
  RunningServer& operator=(const RunningServer&) = delete;
  ~RunningServer() {
    EXPECT_TRUE(server_.stop(std::chrono::seconds(10)));
    work_.reset();
    io_.stop();
    threads_.clear();
  }

  [[nodiscard]] std::uint16_t port() const { return port_; }
  HttpServer& server() { return server_; }

 private:
  static HttpServer::Options localhost(HttpServer::Options options) {
    options.host = "127.0.0.1";
    options.port = 0;
    return options;
  }

  boost::asio::io_context io_;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work_;
  HttpServer server_;
  std::uint16_t port_ = 0;
  std::vector<std::jthread> threads_;
};

}  // namespace signalbox::demo

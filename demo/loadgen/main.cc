// Sends the demo service a realistic mix of requests, good and bad, and prints what became of them.

#include <CLI/CLI.hpp>
#include <array>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/connect.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/core/tcp_stream.hpp>
#include <boost/beast/http.hpp>
#include <boost/url/parse.hpp>
#include <boost/url/url.hpp>
#include <chrono>
#include <iostream>
#include <memory>
#include <random>
#include <string>

#include "demo/loadgen/statistics.h"

namespace {

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using asio::use_awaitable;
using asio::ip::tcp;
using Clock = std::chrono::steady_clock;
using signalbox::demo::Statistics;

struct Options {
  std::string url = "http://localhost:8085";
  double rate = 20;
  double duration_s = 60;
  std::size_t concurrency = 256;
};

struct Call {
  const char* label;
  http::verb method;
  const char* target;
  std::string body;
};

constexpr std::array<const char*, 7> kBadBodies = {
    R"({"number": 20111111})",
    R"({"number": -1})",
    R"({"number": 1.5})",
    R"({"number": "ten"})",
    R"({"numbr": 10})",
    R"({"number": 10)",
    "",
};

/// Mostly the index, often the slow endpoint, sometimes what goes wrong.
Call draw(std::mt19937& random) {
  const auto dice = std::uniform_int_distribution<int>(0, 99)(random);
  if (dice < 40) return {"GET /", http::verb::get, "/", {}};
  if (dice < 65) {
    const int number = std::uniform_int_distribution<int>(0, 255)(random);
    return {"POST /fibonacci", http::verb::post, "/fibonacci",
            "{\"number\": " + std::to_string(number) + "}"};
  }
  if (dice < 85) return {"GET /external", http::verb::get, "/external", {}};
  if (dice < 91) {
    const auto which = std::uniform_int_distribution<std::size_t>(0, kBadBodies.size() - 1)(random);
    return {"POST /fibonacci (bad body)", http::verb::post, "/fibonacci", kBadBodies.at(which)};
  }
  if (dice < 97) return {"GET //", http::verb::get, "//", {}};
  return {"GET /missing", http::verb::get, "/missing", {}};
}

class LoadGenerator {
 public:
  LoadGenerator(asio::io_context& io, const Options& options, std::string host, std::string port)
      : io_(io), options_(options), host_(std::move(host)), port_(std::move(port)), timer_(io) {}

  /// Starts `rate` requests a second until `duration` is over or `stop` is called.
  asio::awaitable<void> run() {
    const auto start = Clock::now();
    const std::chrono::duration<double> interval(1 / options_.rate);
    for (std::uint64_t i = 0; !stopped_; ++i) {
      const auto due =
          start + std::chrono::duration_cast<Clock::duration>(interval * static_cast<double>(i));
      if (options_.duration_s > 0 &&
          due - start >= std::chrono::duration<double>(options_.duration_s)) {
        break;
      }
      timer_.expires_at(due);
      boost::system::error_code ignored;
      co_await timer_.async_wait(asio::redirect_error(use_awaitable, ignored));
      if (stopped_) break;
      if (under_way_ >= options_.concurrency) {
        ++skipped_;
        continue;
      }
      ++under_way_;
      asio::co_spawn(io_, send(draw(random_)), asio::detached);
    }
    finished_ = true;
  }

  void stop() {
    stopped_ = true;
    timer_.cancel();
  }
  [[nodiscard]] const Statistics& statistics() const { return statistics_; }
  [[nodiscard]] std::uint64_t skipped() const { return skipped_; }
  [[nodiscard]] bool done() const { return finished_ && under_way_ == 0; }

 private:
  asio::awaitable<void> send(Call call) {
    const auto start = Clock::now();
    try {
      tcp::resolver resolver(io_);
      const auto endpoints = co_await resolver.async_resolve(host_, port_, use_awaitable);
      beast::tcp_stream stream(io_);
      stream.expires_after(std::chrono::seconds(30));
      co_await stream.async_connect(endpoints, use_awaitable);
      http::request<http::string_body> request{call.method, call.target, 11};
      request.set(http::field::host, host_ + ":" + port_);
      request.set(http::field::user_agent, "demo-loadgen/0.1.0");
      request.set(http::field::connection, "close");
      if (call.method == http::verb::post) {
        request.set(http::field::content_type, "application/json");
        request.body() = call.body;
        request.prepare_payload();
      }
      co_await http::async_write(stream, request, use_awaitable);
      beast::flat_buffer buffer;
      http::response<http::string_body> response;
      co_await http::async_read(stream, buffer, response, use_awaitable);
      statistics_.answered(call.label, response.result_int(), Clock::now() - start);
    } catch (const boost::system::system_error&) {
      statistics_.failed(call.label);  // Refused, reset or too slow: the table shows how many.
    }
    --under_way_;
  }

  asio::io_context& io_;
  const Options& options_;
  std::string host_;
  std::string port_;
  asio::steady_timer timer_;
  std::mt19937 random_{std::random_device{}()};
  Statistics statistics_;
  std::size_t under_way_ = 0;
  std::uint64_t skipped_ = 0;
  bool stopped_ = false;
  bool finished_ = false;
};

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Sends the demo service a realistic mix of requests.", "demo-loadgen");
  app.add_option("--url", options.url, "Where the demo service listens (http)")
      ->capture_default_str();
  app.add_option("--rate", options.rate, "Requests a second")
      ->check(CLI::Range(0.01, 100'000.0))
      ->capture_default_str();
  app.add_option("--duration", options.duration_s, "Seconds; 0: until Ctrl-C")
      ->check(CLI::NonNegativeNumber)
      ->capture_default_str();
  app.add_option("--concurrency", options.concurrency,
                 "Requests under way at most; further ones are left out and counted")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  CLI11_PARSE(app, argc, argv);

  const auto url = boost::urls::parse_uri(options.url);
  if (url.has_error() || url->scheme() != "http" || url->host().empty()) {
    std::cerr << "demo-loadgen: --url " << options.url
              << " is not an http URL: give one like http://localhost:8085\n";
    return 2;
  }
  asio::io_context io;
  LoadGenerator generator(io, options, std::string(url->host()),
                          url->has_port() ? std::string(url->port()) : "80");
  asio::signal_set signals(io, SIGINT, SIGTERM);
  signals.async_wait([&](const boost::system::error_code& error, int) {
    if (!error) generator.stop();
  });
  const auto start = Clock::now();
  asio::co_spawn(io, generator.run(), asio::detached);
  while (!generator.done()) {
    io.run_one();
  }
  const std::chrono::duration<double> elapsed = Clock::now() - start;
  const auto& statistics = generator.statistics();
  std::cout << statistics.requests() << " requests in " << elapsed.count() << " s, "
            << statistics.failures() << " not answered, " << generator.skipped()
            << " left out because " << options.concurrency << " were under way\n"
            << statistics.table();
  return statistics.requests() > 0 && statistics.failures() == statistics.requests() ? 1 : 0;
}

#include "server/net/io_threads.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <exception>
#include <thread>
#include <utility>
#include <vector>

namespace signalbox::server::net {

struct IoThreads::Impl {
  Impl(std::size_t thread_count, Report to)
      : report(std::move(to)),
        io(static_cast<int>(thread_count)),
        work(boost::asio::make_work_guard(io)) {}

  void run() noexcept {
    for (;;) {
      try {
        io.run();
        return;
      } catch (const std::exception& error) {
        say(error.what());
      } catch (...) {
        say("an exception of an unknown type");
      }
    }
  }
  void say(const char* what) const noexcept {
    if (!report) return;
    try {
      report(std::string("An I/O handler failed: ") + what);
    } catch (...) {  // NOLINT(bugprone-empty-catch): out of memory; serving matters more.
    }
  }

  const Report report;
  boost::asio::io_context io;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work;
  std::vector<std::jthread> threads;
};

IoThreads::IoThreads(std::size_t thread_count, Report report)
    : impl_(std::make_unique<Impl>(thread_count, std::move(report))) {
  try {
    for (std::size_t i = 0; i < thread_count; ++i) {
      impl_->threads.emplace_back([this] { impl_->run(); });
    }
  } catch (...) {
    impl_->io.stop();
    throw;
  }
}

IoThreads::~IoThreads() {
  stop();
}

boost::asio::io_context& IoThreads::context() noexcept {
  return impl_->io;
}

void IoThreads::stop() {
  impl_->work.reset();
  impl_->io.stop();
  impl_->threads.clear();
}

}  // namespace signalbox::server::net

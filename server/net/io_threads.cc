#include "server/net/io_threads.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <thread>
#include <vector>

namespace signalbox::server::net {

struct IoThreads::Impl {
  explicit Impl(std::size_t thread_count)
      : io(static_cast<int>(thread_count)), work(boost::asio::make_work_guard(io)) {}

  boost::asio::io_context io;
  boost::asio::executor_work_guard<boost::asio::io_context::executor_type> work;
  std::vector<std::jthread> threads;
};

IoThreads::IoThreads(std::size_t thread_count) : impl_(std::make_unique<Impl>(thread_count)) {
  try {
    for (std::size_t i = 0; i < thread_count; ++i) {
      impl_->threads.emplace_back([this] { impl_->io.run(); });
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

#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>

namespace boost::asio {
class io_context;  // NOLINT(readability-identifier-naming): Boost's name.
}  // namespace boost::asio

namespace signalbox::server::net {

/// The process's io_context and the threads that run it.
///
/// Thread-safety: `context` from any thread, the rest from one. The destructor stops and joins.
/// Errors: an exception that leaves a handler ends that handler, is reported, and harms no other.
class IoThreads {
 public:
  /// Takes a sentence about an exception that a handler let out; called on an I/O thread. Must not
  /// throw.
  using Report = std::function<void(const std::string& message)>;

  /// Starts `thread_count` threads (1 to 64). Throws std::system_error if that fails.
  explicit IoThreads(std::size_t thread_count, Report report = {});
  ~IoThreads();
  IoThreads(const IoThreads&) = delete;
  IoThreads& operator=(const IoThreads&) = delete;

  [[nodiscard]] boost::asio::io_context& context() noexcept;
  /// Stops the io_context and joins the threads; what has not run yet is dropped. Idempotent.
  void stop();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace signalbox::server::net

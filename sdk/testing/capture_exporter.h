#pragma once

#include <signalbox/export/exporter.h>

#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace signalbox::sdk::testing {

/// For tests: keeps the requests, and does with them what the test says.
class CaptureExporter final : public Exporter {
 public:
  ExportResult export_request(Signal signal, std::string_view request, std::uint64_t items,
                              std::chrono::steady_clock::time_point deadline) noexcept override {
    std::unique_lock lock(mutex_);
    ++started_;
    changed_.notify_all();
    if (ignore_everything_) {
      changed_.wait(lock, [&] { return !blocked_; });
    } else {
      changed_.wait_until(lock, deadline, [&] { return !blocked_ || cancelled_; });
    }
    signals_.push_back(signal);
    items_.push_back(items);
    requests_.emplace_back(request);
    if (blocked_) return {ExportResult::Status::kUnreachable, 0, "blocked by the test"};
    return result_;
  }
  void cancel() noexcept override {
    const std::scoped_lock lock(mutex_);
    cancelled_ = true;
    changed_.notify_all();
  }
  void after_fork_in_child() noexcept override { forked_ = true; }

  void set_result(ExportResult result) {
    const std::scoped_lock lock(mutex_);
    result_ = std::move(result);
  }
  /// Exports wait from now on, until their deadline, `cancel` or `unblock`.
  void block() {
    const std::scoped_lock lock(mutex_);
    blocked_ = true;
  }
  /// As `block`, but only `unblock` ends the wait.
  void hang() {
    const std::scoped_lock lock(mutex_);
    blocked_ = true;
    ignore_everything_ = true;
  }
  void unblock() {
    const std::scoped_lock lock(mutex_);
    blocked_ = false;
    changed_.notify_all();
  }
  /// Waits until `count` exports have begun.
  void wait_for_exports(int count) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return started_ >= count; });
  }

  [[nodiscard]] std::vector<std::string> requests() {
    const std::scoped_lock lock(mutex_);
    return requests_;
  }
  [[nodiscard]] std::vector<std::uint64_t> items() {
    const std::scoped_lock lock(mutex_);
    return items_;
  }
  [[nodiscard]] std::vector<Signal> signals() {
    const std::scoped_lock lock(mutex_);
    return signals_;
  }
  [[nodiscard]] bool forked() const noexcept { return forked_; }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  ExportResult result_;
  bool blocked_ = false;
  bool ignore_everything_ = false;
  bool cancelled_ = false;
  bool forked_ = false;
  int started_ = 0;
  std::vector<std::string> requests_;
  std::vector<std::uint64_t> items_;
  std::vector<Signal> signals_;
};

}  // namespace signalbox::sdk::testing

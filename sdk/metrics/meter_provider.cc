#include <signalbox/common/diagnostics.h>
#include <signalbox/metrics/sdk_meter_provider.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <new>
#include <system_error>
#include <thread>
#include <utility>

#include "sdk/metrics/registry.h"
#include "sdk/resource/encode.h"

namespace signalbox::sdk {

using metrics::detail::PointWriter;
using metrics::detail::Registry;
using metrics::detail::Settings;
using SteadyClock = std::chrono::steady_clock;
using std::chrono::milliseconds;

/// Collects and exports, at an interval and when asked.
class MeterProvider::Reader : public std::enable_shared_from_this<Reader> {
 public:
  explicit Reader(MeterProviderOptions options)
      : options_(std::move(options)),
        resource_(encode_resource(options_.resource)),
        registry_(std::make_shared<Registry>(std::make_shared<Settings>(
            Settings{.cardinality_limit = options_.cardinality_limit, .clock = options_.clock}))) {}

  void start() {
    if (options_.exporter) {
      thread_ = std::thread([self = shared_from_this()] { self->run(); });
    }
  }

  [[nodiscard]] const std::shared_ptr<Registry>& registry() const noexcept { return registry_; }

  [[nodiscard]] std::vector<PointWriter::Request> collect() {
    const std::scoped_lock lock(collect_mutex_);
    PointWriter writer(resource_, options_.resource.schema_url(), options_.max_request_bytes);
    registry_->collect(options_.temporality, options_.clock(), writer);
    return writer.finish();
  }

  bool force_flush(milliseconds timeout) noexcept {
    const auto deadline = SteadyClock::now() + timeout;
    if (is_forked()) {
      return !stopped_.load() && export_now(deadline);
    }
    std::unique_lock lock(mutex_);
    if (stopping_) {
      return false;
    }
    if (!options_.exporter) {
      return true;
    }
    const std::uint64_t ticket = ++requested_;
    wake_.notify_one();
    return finished_.wait_until(lock, deadline, [&] { return done_ >= ticket; }) && delivered_;
  }

  bool shutdown(milliseconds timeout) noexcept {
    const auto begin = SteadyClock::now();
    if (stopped_.exchange(true)) {
      return false;
    }
    if (is_forked()) {
      const bool delivered = export_now(begin + timeout);
      registry_->close();
      // There is no such thread in this process.
      new (std::nothrow) std::thread(std::move(thread_));
      return delivered;
    }
    const bool delivered = stop_thread(begin, timeout);
    registry_->close();
    return delivered;
  }

  [[nodiscard]] MetricStatistics statistics() const noexcept {
    return {.exported_points = exported_.load(), .failed_points = failed_.load()};
  }

 private:
  [[nodiscard]] bool is_forked() const noexcept { return getpid() != process_; }

  void run() {
    std::unique_lock lock(mutex_);
    auto next = SteadyClock::now() + options_.export_interval;
    bool is_last = false;
    while (!is_last) {
      wake_.wait_until(lock, next, [&] { return stopping_ || requested_ != done_; });
      is_last = stopping_;
      const std::uint64_t ticket = requested_;
      const auto limit = SteadyClock::now() + options_.export_timeout;
      const auto deadline = is_last ? std::min(limit, stop_deadline_) : limit;
      lock.unlock();
      const bool delivered = export_now(deadline);
      lock.lock();
      delivered_ = delivered;
      done_ = ticket;
      finished_all_ = is_last;
      finished_.notify_all();
      while (next <= SteadyClock::now()) {
        next += options_.export_interval;  // A flush does not move the regular exports.
      }
    }
  }

  bool stop_thread(SteadyClock::time_point begin, milliseconds timeout) noexcept {
    if (!thread_.joinable()) {
      const std::scoped_lock lock(mutex_);
      stopping_ = true;
      return true;
    }
    std::unique_lock lock(mutex_);
    stopping_ = true;
    stop_deadline_ = begin + timeout;
    wake_.notify_one();
    const auto is_finished = [&] { return finished_all_; };
    // An export under way may have a long deadline of its own. It gets half of the time, so that
    // the last one has a chance.
    if (!finished_.wait_until(lock, begin + timeout / 2, is_finished)) {
      lock.unlock();
      options_.exporter->cancel();
      lock.lock();
      finished_.wait_until(lock, begin + timeout, is_finished);
    }
    const bool delivered = finished_all_ && delivered_;
    const bool is_joinable = finished_all_;
    lock.unlock();
    if (is_joinable && thread_.get_id() != std::this_thread::get_id()) {
      thread_.join();
    } else {
      thread_.detach();  // It owns all that it uses.
    }
    return delivered;
  }

  bool export_now(SteadyClock::time_point deadline) noexcept {
    if (!options_.exporter) {
      return true;
    }
    try {
      bool delivered = true;
      for (const PointWriter::Request& request : collect()) {
        delivered = export_request(request, deadline) && delivered;
      }
      return delivered;
    } catch (const std::exception& failure) {
      report_diagnostic(DiagnosticLevel::kError, "metrics.collect_failed", failure.what());
      return false;
    }
  }

  bool export_request(const PointWriter::Request& request, SteadyClock::time_point deadline) {
    const ExportResult result = options_.exporter->export_request(Signal::kMetrics, request.bytes,
                                                                  request.points, deadline);
    std::uint64_t failed = 0;
    if (result.status == ExportResult::Status::kPartialSuccess) {
      failed = std::min(result.rejected_items, request.points);
    } else if (result.status != ExportResult::Status::kSuccess) {
      failed = request.points;
    }
    exported_ += request.points - failed;
    failed_ += failed;
    if (result.status != ExportResult::Status::kSuccess) {
      report_diagnostic(DiagnosticLevel::kWarning, "metrics.export_failed",
                        std::to_string(failed) + " of " + std::to_string(request.points) +
                            " metric data points were not accepted: " + result.message);
    }
    return failed == 0;
  }

  const MeterProviderOptions options_;
  const std::string resource_;
  const std::shared_ptr<Registry> registry_;
  const pid_t process_ = getpid();
  std::atomic<std::uint64_t> exported_{0};
  std::atomic<std::uint64_t> failed_{0};
  std::atomic<bool> stopped_{false};
  std::mutex collect_mutex_;

  std::mutex mutex_;
  std::condition_variable wake_;
  std::condition_variable finished_;
  std::uint64_t requested_ = 0;  // Flushes asked for, and how many of them are done.
  std::uint64_t done_ = 0;
  bool delivered_ = true;  // The last export.
  bool stopping_ = false;
  bool finished_all_ = false;
  SteadyClock::time_point stop_deadline_;
  std::thread thread_;
};

Result<std::shared_ptr<MeterProvider>> MeterProvider::create(MeterProviderOptions options) {
  constexpr std::size_t kMinRequestBytes = 64 * 1024;
  if (options.export_interval <= milliseconds(0) || options.export_timeout <= milliseconds(0)) {
    return Error{"the interval and the timeout of metric exports must be positive"};
  }
  if (options.cardinality_limit < 2) {
    return Error{"cardinality_limit must be at least 2: one series, and one for the rest"};
  }
  if (options.max_request_bytes < kMinRequestBytes) {
    return Error{"max_request_bytes must be at least 65536"};
  }
  if (!options.clock) {
    options.clock = [] {
      return std::chrono::time_point_cast<std::chrono::nanoseconds>(
          std::chrono::system_clock::now());
    };
  }
  try {
    auto reader = std::make_shared<Reader>(std::move(options));
    reader->start();
    return std::shared_ptr<MeterProvider>(new MeterProvider(std::move(reader)));
  } catch (const std::exception& failure) {
    return Error{std::string("cannot start exporting metrics: ") + failure.what()};
  }
}

MeterProvider::MeterProvider(std::shared_ptr<Reader> reader) noexcept
    : reader_(std::move(reader)) {}

MeterProvider::~MeterProvider() {
  shutdown();
}

metrics::MeterProvider MeterProvider::handle() const noexcept {
  return metrics::MeterProvider(reader_->registry());
}

metrics::Meter MeterProvider::get_meter(const InstrumentationScope& scope) noexcept {
  return handle().get_meter(scope);
}

std::vector<std::string> MeterProvider::collect() {
  std::vector<std::string> requests;
  for (PointWriter::Request& request : reader_->collect()) {
    requests.push_back(std::move(request.bytes));
  }
  return requests;
}

bool MeterProvider::force_flush(milliseconds timeout) noexcept {
  return reader_->force_flush(timeout);
}

bool MeterProvider::shutdown(milliseconds timeout) noexcept {
  return reader_->shutdown(timeout);
}

MetricStatistics MeterProvider::statistics() const noexcept {
  return reader_->statistics();
}

}  // namespace signalbox::sdk

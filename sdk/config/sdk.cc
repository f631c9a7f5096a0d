#include <signalbox/common/diagnostics.h>
#include <signalbox/config/sdk.h>

#include <array>
#include <functional>
#include <mutex>
#include <new>
#include <string>
#include <system_error>
#include <thread>
#include <utility>

#include "sdk/config/environment.h"
#include "sdk/config/settings.h"

namespace signalbox::sdk {

using std::chrono::milliseconds;

namespace {

// All at once, so that a backend that one signal waits for does not take the others' time.
bool do_all(const std::array<std::function<bool()>, 3>& tasks) noexcept {
  std::array<bool, 3> results{};
  std::array<std::thread, 2> threads;
  for (std::size_t i = 0; i < tasks.size(); ++i) {
    const auto run = [&results, &tasks, i] { results[i] = tasks[i](); };
    if (i == threads.size()) {
      run();
      continue;
    }
    try {
      threads[i] = std::thread(run);
    } catch (const std::system_error&) {
      run();  // No thread to be had: one after the other, then.
    }
  }
  for (std::thread& thread : threads) {
    if (thread.joinable()) {
      thread.join();
    }
  }
  return results[0] && results[1] && results[2];
}

}  // namespace

struct Sdk::Parts {
  std::shared_ptr<TracerProvider> tracers;
  std::shared_ptr<MeterProvider> meters;
  std::shared_ptr<LoggerProvider> loggers;
  bool is_shut_down = false;
  std::mutex mutex;  // Of shutting down.

  void install() const {
    if (tracers) {
      trace::set_global_tracer_provider(tracers);
    }
    if (meters) {
      metrics::set_global_meter_provider(meters->handle());
    }
    if (loggers) {
      logs::set_global_logger_provider(loggers);
    }
  }

  // The reports of single losses are rate-limited; this sum is complete.
  void report_losses() const {
    const auto lost = [](const auto& provider, const char* items) -> std::string {
      const BatchStatistics statistics = provider ? provider->statistics() : BatchStatistics();
      if (statistics.dropped() == 0) {
        return {};
      }
      return " Lost: " + std::to_string(statistics.dropped()) + " of " +
             std::to_string(statistics.dropped() + statistics.exported) + ' ' + items + '.';
    };
    const std::string losses = lost(tracers, "spans") + lost(loggers, "log records");
    if (!losses.empty()) {
      report_diagnostic(DiagnosticLevel::kWarning, "sdk.losses",
                        "Not everything reached its destination." + losses);
    }
  }

  // What another SDK has installed since is left alone.
  void uninstall() const noexcept {
    if (tracers && trace::global_tracer_provider() == tracers) {
      trace::set_global_tracer_provider(nullptr);
    }
    if (meters && metrics::global_meter_provider() == meters->handle()) {
      metrics::set_global_meter_provider({});
    }
    if (loggers && logs::global_logger_provider() == loggers) {
      logs::set_global_logger_provider(nullptr);
    }
  }
};

Result<Sdk> Sdk::from_environment(const SdkOptions& options) {
  const Environment environment(options.environment);
  auto propagator = read_propagator(environment);
  auto parts = std::make_unique<Parts>();
  if (!environment.flag("OTEL_SDK_DISABLED")) {
    const Resource resource = read_resource(environment, options);

    auto exporter = read_exporter(environment, Signal::kTraces, options);
    if (!exporter) {
      return exporter.error();
    }
    if (*exporter) {
      auto created = TracerProvider::create({.resource = resource,
                                             .sampler = read_sampler(environment),
                                             .exporter = std::move(*exporter),
                                             .batch = read_batch_options(environment, "OTEL_BSP"),
                                             .limits = read_span_limits(environment)});
      if (!created) {
        return created.error();
      }
      parts->tracers = std::move(created).value();
    }

    exporter = read_exporter(environment, Signal::kMetrics, options);
    if (!exporter) {
      return exporter.error();
    }
    if (*exporter) {
      MeterProviderOptions metric_options;
      metric_options.resource = resource;
      metric_options.exporter = std::move(*exporter);
      read_metric_options(environment, metric_options);
      auto created = MeterProvider::create(std::move(metric_options));
      if (!created) {
        return created.error();
      }
      parts->meters = std::move(created).value();
    }

    exporter = read_exporter(environment, Signal::kLogs, options);
    if (!exporter) {
      return exporter.error();
    }
    if (*exporter) {
      LoggerProviderOptions log_options;
      log_options.resource = resource;
      log_options.exporter = std::move(*exporter);
      log_options.batch = read_batch_options(environment, "OTEL_BLRP");
      log_options.limits = read_log_record_limits(environment);
      auto created = LoggerProvider::create(std::move(log_options));
      if (!created) {
        return created.error();
      }
      parts->loggers = std::move(created).value();
    }
  }
  propagation::set_global_propagator(std::move(propagator));
  parts->install();
  return Sdk(std::move(parts));
}

Sdk::Sdk(std::unique_ptr<Parts> parts) noexcept : parts_(std::move(parts)) {}

Sdk::Sdk(Sdk&& other) noexcept = default;

Sdk& Sdk::operator=(Sdk&& other) noexcept {
  if (this != &other) {
    shutdown();
    parts_ = std::move(other.parts_);
  }
  return *this;
}

Sdk::~Sdk() {
  shutdown();
}

bool Sdk::force_flush(milliseconds timeout) noexcept {
  if (!parts_) {
    return true;
  }
  Parts& parts = *parts_;
  return do_all({[&] { return !parts.tracers || parts.tracers->force_flush(timeout); },
                 [&] { return !parts.meters || parts.meters->force_flush(timeout); },
                 [&] { return !parts.loggers || parts.loggers->force_flush(timeout); }});
}

bool Sdk::shutdown(milliseconds timeout) noexcept {
  if (!parts_) {
    return true;
  }
  Parts& parts = *parts_;
  const std::scoped_lock lock(parts.mutex);
  if (std::exchange(parts.is_shut_down, true)) {
    return true;
  }
  const bool delivered =
      do_all({[&] { return !parts.tracers || parts.tracers->shutdown(timeout); },
              [&] { return !parts.meters || parts.meters->shutdown(timeout); },
              [&] { return !parts.loggers || parts.loggers->shutdown(timeout); }});
  parts.uninstall();
  try {
    parts.report_losses();
  } catch (const std::bad_alloc&) {
    // Then it stays unsaid; the return value tells that something was lost.
  }
  return delivered;
}

std::shared_ptr<TracerProvider> Sdk::tracer_provider() const noexcept {
  return parts_ ? parts_->tracers : nullptr;
}

std::shared_ptr<MeterProvider> Sdk::meter_provider() const noexcept {
  return parts_ ? parts_->meters : nullptr;
}

std::shared_ptr<LoggerProvider> Sdk::logger_provider() const noexcept {
  return parts_ ? parts_->loggers : nullptr;
}

}  // namespace signalbox::sdk

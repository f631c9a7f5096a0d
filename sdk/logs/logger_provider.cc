#include <signalbox/logs/sdk_logger_provider.h>

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "sdk/logs/logger_core.h"

namespace signalbox::sdk {
namespace {

ForkSafeMutex loggers_mutex;

/// Keeps `core` for the life of the process, where leak detectors find it.
LoggerProviderCore& keep(std::unique_ptr<LoggerProviderCore> core) {
  static auto& cores = *new std::vector<std::unique_ptr<LoggerProviderCore>>;
  const std::scoped_lock lock(loggers_mutex);
  return *cores.emplace_back(std::move(core));
}

}  // namespace

Result<std::shared_ptr<LoggerProvider>> LoggerProvider::create(LoggerProviderOptions options) {
  Result<BatchPipeline*> pipeline = BatchPipeline::create(
      Signal::kLogs, options.resource, options.batch, std::move(options.exporter));
  if (!pipeline.ok()) return pipeline.error();
  auto core = std::make_unique<LoggerProviderCore>();
  core->limits = options.limits;
  core->min_severity = options.min_severity;
  core->pipeline = pipeline.value();
  return std::shared_ptr<LoggerProvider>(new LoggerProvider(keep(std::move(core))));
}

LoggerProvider::~LoggerProvider() {
  shutdown();
}

logs::Logger LoggerProvider::get_logger(const InstrumentationScope& scope) noexcept try {
  return logs::Logger(
      core_.loggers.get(scope, loggers_mutex, [this](const InstrumentationScope& made) {
        return logs::detail::LoggerCore{&core_, core_.pipeline, core_.pipeline->add_scope(made)};
      }));
} catch (...) {
  return {};  // No memory: nothing is emitted.
}

bool LoggerProvider::force_flush(std::chrono::milliseconds timeout) noexcept {
  return core_.pipeline->force_flush(timeout);
}

bool LoggerProvider::shutdown(std::chrono::milliseconds timeout) noexcept {
  return core_.pipeline->shutdown(timeout);
}

BatchStatistics LoggerProvider::statistics() const noexcept {
  return core_.pipeline->statistics();
}

}  // namespace signalbox::sdk

#include <signalbox/logs/sdk_logger_provider.h>

#include <memory>
#include <utility>

#include "sdk/logs/logger_core.h"

namespace signalbox::sdk {
namespace {

ForkSafeMutex loggers_mutex;

}  // namespace

Result<std::shared_ptr<LoggerProvider>> LoggerProvider::create(LoggerProviderOptions options) {
  Result<BatchPipeline*> pipeline = BatchPipeline::create(
      Signal::kLogs, options.resource, options.batch, std::move(options.exporter));
  if (!pipeline.ok()) return pipeline.error();
  auto core = std::make_unique<LoggerProviderCore>();
  core->limits = options.limits;
  core->min_severity = options.min_severity;
  core->pipeline = pipeline.value();
  // Never freed: loggers point to it.
  return std::shared_ptr<LoggerProvider>(new LoggerProvider(*core.release()));
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

#pragma once

#include <signalbox/logs/logger.h>
#include <signalbox/logs/sdk_logger_provider.h>

#include "sdk/batch/batch_pipeline.h"
#include "sdk/common/scope_registry.h"

namespace signalbox::logs::detail {

/// What a Logger of an SDK's provider refers to; lives as long as the process.
struct LoggerCore {
  const sdk::LoggerProviderCore* provider = nullptr;
  sdk::BatchPipeline* pipeline = nullptr;
  std::uint32_t scope = 0;
};

}  // namespace signalbox::logs::detail

namespace signalbox::sdk {

/// What outlives a LoggerProvider, for the sake of its loggers.
struct LoggerProviderCore {
  LogRecordLimits limits;
  logs::Severity min_severity = logs::Severity::kUnspecified;
  BatchPipeline* pipeline = nullptr;
  ScopeRegistry<logs::detail::LoggerSlot, logs::detail::LoggerCore> loggers;
};

}  // namespace signalbox::sdk

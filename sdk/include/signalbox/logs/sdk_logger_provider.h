#pragma once

#include <signalbox/common/batch_options.h>
#include <signalbox/common/result.h>
#include <signalbox/export/exporter.h>
#include <signalbox/logs/logger.h>
#include <signalbox/resource/resource.h>

#include <chrono>
#include <cstdint>
#include <memory>

namespace signalbox::sdk {

struct LoggerProviderCore;

/// What one log record may hold. What exceeds a limit is left out and counted in the record.
struct LogRecordLimits {
  std::uint32_t attribute_count = 128;
  /// Longest string in an attribute value, in bytes, cut at a character; default: unlimited.
  std::size_t attribute_value_length = static_cast<std::size_t>(-1);
};

struct LoggerProviderOptions {
  Resource resource = Resource::detect();
  std::shared_ptr<Exporter> exporter{};  ///< Required.
  BatchOptions batch{};
  LogRecordLimits limits{};
  /// Records below are discarded; ones without a severity never are.
  logs::Severity min_severity = logs::Severity::kUnspecified;
};

/// The LoggerProvider that exports. Threads, fork and lifetime: as of sdk::TracerProvider.
class LoggerProvider final : public logs::LoggerProvider {
 public:
  /// Fails if an option is out of its range, the exporter is missing or no thread can be started.
  static Result<std::shared_ptr<LoggerProvider>> create(LoggerProviderOptions options);
  /// As `shutdown` with 5 seconds.
  ~LoggerProvider() override;

  [[nodiscard]] logs::Logger get_logger(const InstrumentationScope& scope) noexcept override;

  /// Exports all records emitted before the call. False if it took longer than `timeout` or some of
  /// them were not delivered.
  [[nodiscard]] bool force_flush(
      std::chrono::milliseconds timeout = std::chrono::milliseconds(10000)) noexcept;
  /// Stops recording, exports what is left, and stops. Returns within `timeout`, even if the
  /// exporter hangs: then what was left is counted as dropped. False as for `force_flush`, or if
  /// already shut down.
  bool shutdown(std::chrono::milliseconds timeout = std::chrono::milliseconds(5000)) noexcept;

  [[nodiscard]] BatchStatistics statistics() const noexcept;

 private:
  explicit LoggerProvider(LoggerProviderCore& core) noexcept : core_(core) {}
  LoggerProviderCore& core_;  // Lives as long as the process: loggers may outlive the provider.
};

}  // namespace signalbox::sdk

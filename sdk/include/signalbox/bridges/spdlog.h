#pragma once

#include <signalbox/common/attribute.h>
#include <signalbox/logs/logger.h>
#include <spdlog/common.h>
#include <spdlog/formatter.h>
#include <spdlog/logger.h>
#include <spdlog/sinks/sink.h>

#include <cstdint>
#include <map>
#include <memory>
#include <shared_mutex>
#include <source_location>
#include <string>
#include <string_view>

/// From spdlog to OpenTelemetry: what a program logs is exported too, belonging to the span that
/// was active.
namespace signalbox::bridges {

/// A sink that emits each message as a log record: its level as the severity, its logger's name as
/// the instrumentation scope, its thread and source location as attributes, the calling thread's
/// current context as the span it belongs to, and the attributes given to `log` below.
///
/// Add it to a logger beside the console's sink. It exports through the global LoggerProvider, also
/// one that is installed later. Use it in synchronous loggers: an asynchronous one calls its sinks
/// in a thread of its own, where neither the context nor the attributes are known.
///
/// Thread-safety: all members, from any thread. Errors: as of logs::Logger::emit, none.
class SpdlogSink final : public spdlog::sinks::sink {
 public:
  void log(const spdlog::details::log_msg& message) override;
  void flush() override {}  ///< Exporting is the SDK's matter: sdk::LoggerProvider::force_flush.
  void set_pattern(const std::string& /*pattern*/) override {}  ///< Records are not formatted.
  void set_formatter(std::unique_ptr<spdlog::formatter> /*formatter*/) override {}

 private:
  logs::Logger logger_named(std::string_view name);

  std::shared_mutex mutex_;
  std::map<std::string, logs::Logger, std::less<>> loggers_;
};

/// OpenTelemetry's severity for a level of spdlog.
[[nodiscard]] logs::Severity severity_of(spdlog::level::level_enum level) noexcept;

/// The format of `make_spdlog_formatter`: time, level, logger, message, attributes.
inline constexpr std::string_view kSpdlogPattern = "%Y-%m-%d %H:%M:%S.%e %^%-8l%$ %n: %v%*";

/// A formatter for text sinks that knows one flag more than spdlog's own: `%*` is replaced by the
/// attributes given to `log` below, each as ` key=value`.
[[nodiscard]] std::unique_ptr<spdlog::formatter> make_spdlog_formatter(
    std::string_view pattern = kSpdlogPattern);

/// Logs `message` with attributes: SpdlogSink exports them as what they are, and formatters made by
/// `make_spdlog_formatter` show them. `message` is logged as it is, not as a format string.
///
///     bridges::log(*logger, spdlog::level::err, "cannot parse", {{"error.type", "Invalid
///     Input"}});
void log(spdlog::logger& logger, spdlog::level::level_enum level, std::string_view message,
         Attributes attributes = {},
         const std::source_location& location = std::source_location::current());

}  // namespace signalbox::bridges

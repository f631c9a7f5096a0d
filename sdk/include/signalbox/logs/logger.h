#pragma once

#include <signalbox/common/attribute.h>
#include <signalbox/common/instrumentation_scope.h>
#include <signalbox/common/timestamp.h>
#include <signalbox/context/context.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

namespace signalbox::logs {

/// OpenTelemetry's severity numbers; the ones between are allowed too (kInfo2 is `Severity(10)`).
enum class Severity : std::uint8_t {
  kUnspecified = 0,
  kTrace = 1,
  kDebug = 5,
  kInfo = 9,
  kWarn = 13,
  kError = 17,
  kFatal = 21,
};

/// One log record. Everything is borrowed until `emit` returns.
struct LogRecord {
  Severity severity = Severity::kUnspecified;
  std::string_view severity_text{};  ///< The source's own name of it, e.g. "warning"; may be empty.
  AttributeValue body = "";          ///< The message, or any other value; an empty string: no body.
  Attributes body_map{};             ///< If not empty, the body: a map of these keys and values.
  Attributes attributes{};
  std::string_view event_name{};                  ///< Makes the record an event of that name.
  std::optional<Timestamp> timestamp{};           ///< When it happened; default: now.
  std::optional<Timestamp> observed_timestamp{};  ///< When it was seen; default: now.
  /// Whose span it belongs to; null: the calling thread's current context.
  const context::Context* context = nullptr;
};

namespace detail {
struct LoggerCore;
struct LoggerSlot {
  std::atomic<LoggerCore*> core{nullptr};
};
extern constinit LoggerSlot no_op_logger;

void emit(LoggerCore& core, const LogRecord& record) noexcept;
bool is_enabled(const LoggerCore& core, Severity severity) noexcept;
}  // namespace detail

/// Emits log records in the name of one instrumentation scope: the target of bridges from logging
/// libraries.
///
/// A pointer to process-wide state, like trace::Tracer: copy it, use it from any thread. No member
/// throws, allocates in the steady state, or waits on I/O.
class Logger {
 public:
  /// Never emits.
  Logger() noexcept = default;
  /// For providers.
  explicit Logger(const detail::LoggerSlot& slot) noexcept : slot_(&slot) {}

  /// Whether a record of `severity` would go anywhere. Ask before formatting a message.
  [[nodiscard]] bool enabled(Severity severity = Severity::kUnspecified) const noexcept {
    const detail::LoggerCore* core = slot_->core.load(std::memory_order_acquire);
    return core != nullptr && detail::is_enabled(*core, severity);
  }

  /// Emits `record` unless it is below the provider's minimum severity.
  void emit(const LogRecord& record) const noexcept {
    if (detail::LoggerCore* core = slot_->core.load(std::memory_order_acquire)) {
      detail::emit(*core, record);
    }
  }

  /// For providers.
  [[nodiscard]] const detail::LoggerSlot& slot() const noexcept { return *slot_; }

 private:
  const detail::LoggerSlot* slot_ = &detail::no_op_logger;
};

/// Makes Loggers. `sdk::LoggerProvider` is the one that exports.
///
/// Thread-safety: all members, from any thread.
class LoggerProvider {
 public:
  LoggerProvider() = default;
  LoggerProvider(const LoggerProvider&) = delete;
  LoggerProvider& operator=(const LoggerProvider&) = delete;
  virtual ~LoggerProvider() = default;

  /// The logger of `scope`; the same for equal scopes.
  [[nodiscard]] virtual Logger get_logger(const InstrumentationScope& scope) noexcept = 0;
};

/// The logger of `scope` from the global provider, also of one that is set later.
[[nodiscard]] Logger get_logger(const InstrumentationScope& scope) noexcept;
[[nodiscard]] inline Logger get_logger(std::string_view name,
                                       std::string_view version = {}) noexcept {
  return get_logger(
      InstrumentationScope{.name = name, .version = version, .schema_url = {}, .attributes = {}});
}

/// Installs `provider` for the whole process; null: none, nothing is emitted any more.
void set_global_logger_provider(const std::shared_ptr<LoggerProvider>& provider) noexcept;
/// The installed provider; null if there is none.
[[nodiscard]] std::shared_ptr<LoggerProvider> global_logger_provider() noexcept;

}  // namespace signalbox::logs

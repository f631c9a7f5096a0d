#include <signalbox/logs/logger.h>

#include <memory>
#include <utility>

#include "sdk/common/clock.h"
#include "sdk/common/scope_registry.h"
#include "sdk/logs/log_encoder.h"
#include "sdk/logs/logger_core.h"

namespace signalbox::logs {

constinit detail::LoggerSlot detail::no_op_logger;

namespace detail {
namespace {

bool is_below(Severity severity, Severity minimum) noexcept {
  return severity != Severity::kUnspecified && severity < minimum;
}

}  // namespace

bool is_enabled(const LoggerCore& core, Severity severity) noexcept {
  return core.pipeline->accepting() && !is_below(severity, core.provider->min_severity);
}

void emit(LoggerCore& core, const LogRecord& record) noexcept {
  if (is_below(record.severity, core.provider->min_severity)) return;
  const context::detail::ContextFields& context =
      record.context != nullptr ? record.context->fields() : context::detail::current_fields;
  const LogEncoder encoder(record, context, core.provider->limits, sdk::read_clock().unix_ns);
  const std::size_t size = encoder.size();
  if (char* out = core.pipeline->reserve(size)) {
    encoder.write(out);
    core.pipeline->commit(core.scope, size);
  }
}

}  // namespace detail

namespace {

sdk::ForkSafeMutex global_mutex;

auto& global() {
  static auto& provider = *new sdk::GlobalProvider<detail::LoggerSlot, LoggerProvider>(
      global_mutex,
      [](LoggerProvider& of, const InstrumentationScope& scope) -> const detail::LoggerSlot& {
        return of.get_logger(scope).slot();
      });
  return provider;
}

}  // namespace

Logger get_logger(const InstrumentationScope& scope) noexcept try {
  if (const detail::LoggerSlot* slot = global().get(scope)) return Logger(*slot);
  const std::shared_ptr<LoggerProvider> provider = global().provider();
  return provider != nullptr ? provider->get_logger(scope) : Logger();
} catch (...) {
  return {};  // No memory: nothing is emitted.
}

void set_global_logger_provider(const std::shared_ptr<LoggerProvider>& provider) noexcept {
  global().set(provider);
}

std::shared_ptr<LoggerProvider> global_logger_provider() noexcept {
  return global().provider();
}

}  // namespace signalbox::logs

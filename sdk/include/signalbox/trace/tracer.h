#pragma once

#include <signalbox/common/instrumentation_scope.h>
#include <signalbox/trace/span.h>

#include <atomic>
#include <memory>
#include <optional>
#include <span>
#include <string_view>

namespace signalbox::trace {

/// How a span starts. Everything is borrowed until `start_span` returns: write the options in its
/// call, or keep what they refer to in variables.
struct StartSpanOptions {
  SpanKind kind = SpanKind::kInternal;
  /// Whose span is the parent; null: the calling thread's current context. For a root span, the
  /// address of an empty Context.
  const context::Context* parent = nullptr;
  Attributes attributes{};                ///< Known to the sampler too.
  std::span<const Link> links{};          ///< Best given here rather than added later.
  std::optional<Timestamp> start_time{};  ///< Default: now.
};

namespace detail {
struct TracerCore;

/// What a Tracer refers to; lives as long as the process. Null: no SDK is installed.
struct TracerSlot {
  std::atomic<TracerCore*> core{nullptr};
};
extern constinit TracerSlot no_op_tracer;

Span start_span(TracerCore& core, std::string_view name, const StartSpanOptions& options) noexcept;
/// The API's answer without an SDK: the parent's identity, not recorded.
Span non_recording_child(const context::Context* parent) noexcept;
bool is_enabled(const TracerCore& core) noexcept;
}  // namespace detail

/// Starts spans in the name of one instrumentation scope.
///
/// A pointer to process-wide state: copy it, keep it in a static, use it from any thread. One
/// obtained before the SDK is installed starts to record as soon as it is. After the provider's
/// shutdown, and while no SDK is installed, spans are not recorded and carry the parent's identity
/// on.
class Tracer {
 public:
  /// Never records.
  Tracer() noexcept = default;
  /// For providers.
  explicit Tracer(const detail::TracerSlot& slot) noexcept : slot_(&slot) {}

  /// Starts a span, which is not made current: see context::Scope. Never fails: past a limit, the
  /// span is not recorded and counted as dropped.
  Span start_span(std::string_view name, const StartSpanOptions& options = {}) const noexcept {
    if (detail::TracerCore* core = slot_->core.load(std::memory_order_acquire)) {
      return detail::start_span(*core, name, options);
    }
    if (options.parent == nullptr && !context::detail::current_fields.span_id.is_valid()) return {};
    return detail::non_recording_child(options.parent);
  }

  /// Whether `start_span` may record.
  [[nodiscard]] bool enabled() const noexcept {
    const detail::TracerCore* core = slot_->core.load(std::memory_order_acquire);
    return core != nullptr && detail::is_enabled(*core);
  }

  /// For providers.
  [[nodiscard]] const detail::TracerSlot& slot() const noexcept { return *slot_; }

 private:
  const detail::TracerSlot* slot_ = &detail::no_op_tracer;
};

/// Makes Tracers. `sdk::TracerProvider` is the one that records.
///
/// Thread-safety: all members, from any thread.
class TracerProvider {
 public:
  TracerProvider() = default;
  TracerProvider(const TracerProvider&) = delete;
  TracerProvider& operator=(const TracerProvider&) = delete;
  virtual ~TracerProvider() = default;

  /// The tracer of `scope`; the same for equal scopes.
  [[nodiscard]] virtual Tracer get_tracer(const InstrumentationScope& scope) noexcept = 0;
};

/// The tracer of `scope` from the global provider, also of one that is set later.
[[nodiscard]] Tracer get_tracer(const InstrumentationScope& scope) noexcept;
[[nodiscard]] inline Tracer get_tracer(std::string_view name,
                                       std::string_view version = {}) noexcept {
  return get_tracer(
      InstrumentationScope{.name = name, .version = version, .schema_url = {}, .attributes = {}});
}

/// Installs `provider` for the whole process; null: none, nothing is recorded any more.
void set_global_tracer_provider(const std::shared_ptr<TracerProvider>& provider) noexcept;
/// The installed provider; null if there is none.
[[nodiscard]] std::shared_ptr<TracerProvider> global_tracer_provider() noexcept;

}  // namespace signalbox::trace

#pragma once

#include <signalbox/context/baggage.h>
#include <signalbox/trace/span_context.h>

#include <atomic>
#include <cstdint>
#include <type_traits>
#include <utility>

namespace signalbox::trace {
class SpanRef;
namespace detail {
/// What a recorded span and the contexts that carry it agree on. Never freed, but used again for
/// other spans: whoever comes with an old generation finds that the span has ended.
struct RecordingState {
  /// The generation, in steps of two; plus one while locked.
  std::atomic<std::uint32_t> generation{0};
  /// Whether a context with it was copied: from then on several threads may come, and must lock.
  std::atomic<bool> shared{false};

  void mark_shared() noexcept { shared.store(true, std::memory_order_relaxed); }
};
}  // namespace detail
}  // namespace signalbox::trace

namespace signalbox::context {

class Context;

namespace detail {
/// A Context without ownership: what the thread-local current context is made of, so that reading
/// it needs no initialisation guard. All zero is the empty context.
struct ContextFields {
  trace::TraceId trace_id;
  trace::SpanId span_id;
  std::uint8_t flags = 0;
  bool is_remote = false;
  std::uint32_t generation = 0;  // That of `recording` while the span is the one meant.
  const trace::detail::TraceStateData* trace_state = nullptr;
  trace::detail::RecordingState* recording = nullptr;
  const BaggageData* baggage = nullptr;
  const void* scope = nullptr;  // The Scope that made it current.

  void ref() const noexcept {
    if (trace_state != nullptr) trace_state->ref();
    if (baggage != nullptr) baggage->ref();
  }
  void unref() const noexcept {
    if (trace_state != nullptr) trace_state->unref();
    if (baggage != nullptr) baggage->unref();
  }
};
static_assert(std::is_trivially_destructible_v<ContextFields>);

extern constinit thread_local ContextFields current_fields;
/// Releases what the current context still refers to when this thread ends.
void release_at_thread_exit() noexcept;
}  // namespace detail

/// What a request carries from call to call: the active span and the baggage.
///
/// Thread-safety: immutable; a copy may go to any thread. Copying takes no lock and allocates
/// nothing. Lifetime: a Context outlives its span safely: it keeps the SpanContext by value, and
/// reaches the span itself (`trace::get_active_span`) only while that has not ended.
class Context {
 public:
  /// The empty context: a span started in it is a root.
  Context() noexcept = default;
  Context(const Context& other) noexcept : fields_(other.fields_) {
    fields_.ref();
    fields_.scope = nullptr;
    if (fields_.recording != nullptr) fields_.recording->mark_shared();
  }
  Context(Context&& other) noexcept : fields_(std::exchange(other.fields_, {})) {}
  Context& operator=(const Context& other) noexcept {
    if (this != &other) *this = Context(other);
    return *this;
  }
  Context& operator=(Context&& other) noexcept {
    std::swap(fields_, other.fields_);
    return *this;
  }
  ~Context() { fields_.unref(); }

  /// The active span's identity; invalid if there is none.
  [[nodiscard]] trace::SpanContext span_context() const noexcept {
    return {fields_.trace_id, fields_.span_id, fields_.flags, fields_.is_remote,
            trace::TraceState(
                signalbox::detail::Ref<trace::detail::TraceStateData>::share(fields_.trace_state))};
  }
  [[nodiscard]] Baggage baggage() const noexcept {
    return Baggage(signalbox::detail::Ref<detail::BaggageData>::share(fields_.baggage));
  }

  /// A copy whose active span is `span`, which may be on its way in another thread.
  [[nodiscard]] Context with_span(const trace::SpanRef& span) const noexcept;
  /// A copy whose active span is a remote or finished one, known only by its identity.
  [[nodiscard]] Context with_span_context(const trace::SpanContext& span_context) const noexcept;
  [[nodiscard]] Context with_baggage(const Baggage& baggage) const noexcept;

  /// For the SDK.
  [[nodiscard]] const detail::ContextFields& fields() const noexcept { return fields_; }

 private:
  friend class Scope;
  friend Context current() noexcept;
  friend void exchange_current(Context& context) noexcept;

  detail::ContextFields fields_;
};

/// A copy of the calling thread's current context.
[[nodiscard]] Context current() noexcept;

/// Swaps `context` with the calling thread's current context, as it is.
///
/// For executors of coroutines and tasks: keep one Context a task, exchange before running a step
/// of it and again after; whatever Scopes the step left open then come and go with the task, on any
/// thread.
inline void exchange_current(Context& context) noexcept {
  std::swap(detail::current_fields, context.fields_);
  const detail::ContextFields& now = detail::current_fields;
  if (now.trace_state != nullptr || now.baggage != nullptr) detail::release_at_thread_exit();
}

/// Makes a context or a span current in the calling thread, or task, until the end of its block.
///
/// Scopes nest. One that is not the innermost when destroyed, or destroyed in another thread,
/// leaves the current context alone. It does not end the span. A span whose Scope is open may be
/// used, and ended, only where the Scope is; what other threads may use is a copy of the Context.
class [[nodiscard]] Scope {
 public:
  explicit Scope(const Context& context) noexcept;
  /// Makes `span` the active one and keeps the baggage. A span without identity changes nothing.
  explicit Scope(const trace::SpanRef& span) noexcept;
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;
  ~Scope() {
    if (attached_) detach();
  }

 private:
  void attach(const detail::ContextFields& fields) noexcept;
  void detach() noexcept;

  detail::ContextFields previous_;
  bool attached_ = false;
};

}  // namespace signalbox::context

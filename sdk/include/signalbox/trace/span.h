#pragma once

#include <signalbox/common/attribute.h>
#include <signalbox/common/timestamp.h>
#include <signalbox/context/context.h>
#include <signalbox/trace/span_context.h>

#include <cstdint>
#include <exception>
#include <optional>
#include <span>
#include <string_view>
#include <utility>

namespace signalbox::trace {

enum class SpanKind : std::uint8_t {
  kInternal = 1,
  kServer = 2,
  kClient = 3,
  kProducer = 4,
  kConsumer = 5,
};

enum class StatusCode : std::uint8_t { kUnset = 0, kOk = 1, kError = 2 };

/// A reference from a span to another span, of any trace. Borrows the attributes: in an array of
/// links, keep those in variables too.
struct Link {
  SpanContext context;
  Attributes attributes{};
};

namespace detail {
void set_attributes(RecordingState& recording, std::uint32_t generation,
                    Attributes attributes) noexcept;
void set_attribute(RecordingState& recording, std::uint32_t generation, std::string_view key,
                   const AttributeValue& value) noexcept;
void add_event(RecordingState& recording, std::uint32_t generation, std::string_view name,
               Attributes attributes, std::optional<Timestamp> time) noexcept;
void add_link(RecordingState& recording, std::uint32_t generation, const Link& link) noexcept;
void set_status(RecordingState& recording, std::uint32_t generation, StatusCode code,
                std::string_view description) noexcept;
void update_name(RecordingState& recording, std::uint32_t generation,
                 std::string_view name) noexcept;
void record_exception(RecordingState& recording, std::uint32_t generation,
                      const std::exception& exception, Attributes attributes) noexcept;
inline bool is_recording(const RecordingState& recording, std::uint32_t generation) noexcept {
  return (recording.generation.load(std::memory_order_relaxed) & ~1U) == generation;
}
void end(RecordingState& recording, std::uint32_t generation,
         std::optional<Timestamp> time) noexcept;
}  // namespace detail

/// A span that somebody else ends: what `get_active_span` returns.
///
/// All strings and attributes are read before a call returns. After the span ended, and for a span
/// that is not recorded, every setter does nothing. No member throws, allocates in the steady
/// state, or waits on I/O. Text that is not UTF-8 is stored with U+FFFD in place of the bad bytes.
///
/// Thread-safety: a SpanRef of a copied Context may be used at the same time as the Span itself and
/// other such copies; see Context.
class SpanRef {
 public:
  /// A span with an identity only; not recorded.
  explicit SpanRef(SpanContext context) noexcept : context_(std::move(context)) {}
  /// The span that `context` carries.
  static SpanRef of(const context::Context& context) noexcept { return SpanRef(context.fields()); }

  SpanRef(const SpanRef&) = delete;
  SpanRef& operator=(const SpanRef&) = delete;
  ~SpanRef() = default;

  /// Its identity, which stays valid after the end.
  [[nodiscard]] const SpanContext& context() const noexcept { return context_; }

  /// Whether setters still have an effect. Ask before computing a costly attribute.
  [[nodiscard]] bool is_recording() const noexcept {
    return recording_ != nullptr && detail::is_recording(*recording_, generation_);
  }

  /// Sets one attribute; the last value set for a key is the one exported. Empty keys are ignored.
  void set_attribute(std::string_view key, const AttributeValue& value) noexcept {
    if (recording_ != nullptr) detail::set_attribute(*recording_, generation_, key, value);
  }
  void set_attributes(Attributes attributes) noexcept {
    if (recording_ != nullptr) detail::set_attributes(*recording_, generation_, attributes);
  }

  /// Adds something that happened at `time`, by default now.
  void add_event(std::string_view name, Attributes attributes = {},
                 std::optional<Timestamp> time = std::nullopt) noexcept {
    if (recording_ != nullptr) detail::add_event(*recording_, generation_, name, attributes, time);
  }

  void add_link(const Link& link) noexcept {
    if (recording_ != nullptr) detail::add_link(*recording_, generation_, link);
  }

  /// Sets the outcome: kOk is final, kError overrides kUnset, kUnset never overrides. The
  /// description is kept only with kError.
  void set_status(StatusCode code, std::string_view description = {}) noexcept {
    if (recording_ != nullptr) detail::set_status(*recording_, generation_, code, description);
  }

  void update_name(std::string_view name) noexcept {
    if (recording_ != nullptr) detail::update_name(*recording_, generation_, name);
  }

  /// Adds the event "exception" with `exception.type` and `exception.message`, then `attributes`,
  /// which take precedence. Does not set the status.
  void record_exception(const std::exception& exception, Attributes attributes = {}) noexcept {
    if (recording_ != nullptr) {
      detail::record_exception(*recording_, generation_, exception, attributes);
    }
  }

 protected:
  SpanRef() noexcept = default;
  SpanRef(const TraceId& trace_id, const SpanId& span_id, std::uint8_t flags, bool is_remote,
          TraceState trace_state, detail::RecordingState* recording,
          std::uint32_t generation) noexcept
      : context_(trace_id, span_id, flags, is_remote, std::move(trace_state)),
        recording_(recording),
        generation_(generation) {}
  explicit SpanRef(const context::detail::ContextFields& fields) noexcept
      : SpanRef(
            fields.trace_id, fields.span_id, fields.flags, fields.is_remote,
            TraceState(signalbox::detail::Ref<detail::TraceStateData>::share(fields.trace_state)),
            fields.recording, fields.generation) {}
  SpanRef(SpanRef&& other) noexcept
      : context_(std::move(other.context_)),
        recording_(std::exchange(other.recording_, nullptr)),
        generation_(other.generation_) {}

 private:
  friend class Span;
  friend class context::Context;
  friend class context::Scope;
  friend SpanRef get_active_span() noexcept;

  SpanContext context_;
  detail::RecordingState* recording_ = nullptr;
  std::uint32_t generation_ = 0;
};

/// An operation from its start to its end. Obtained from `Tracer::start_span`; ended by `end`, or
/// else by its destructor.
///
/// Thread-safety: as of any movable object: one thread at a time, which need not be the one that
/// started it. See SpanRef for what other threads may do meanwhile.
class [[nodiscard]] Span final : public SpanRef {
 public:
  /// A span that records nothing and has no identity.
  Span() noexcept = default;
  /// For Tracer.
  Span(const TraceId& trace_id, const SpanId& span_id, std::uint8_t flags, bool is_remote,
       TraceState trace_state, detail::RecordingState* recording = nullptr,
       std::uint32_t generation = 0) noexcept
      : SpanRef(trace_id, span_id, flags, is_remote, std::move(trace_state), recording,
                generation) {}
  Span(Span&& other) noexcept = default;
  Span& operator=(Span&& other) noexcept {
    if (this != &other) {
      end();
      context_ = std::move(other.context_);
      recording_ = std::exchange(other.recording_, nullptr);
      generation_ = other.generation_;
    }
    return *this;
  }
  ~Span() {
    if (recording_ != nullptr) detail::end(*recording_, generation_, std::nullopt);
  }

  /// Ends the span, at `time` or now, never before its start; only the first call counts.
  void end(std::optional<Timestamp> time = std::nullopt) noexcept {
    if (recording_ != nullptr) {
      detail::end(*std::exchange(recording_, nullptr), generation_, time);
    }
  }
};

/// The active span of the calling thread's current context: possibly one without identity.
[[nodiscard]] inline SpanRef get_active_span() noexcept {
  return SpanRef(context::detail::current_fields);
}

}  // namespace signalbox::trace

namespace signalbox::context {

inline Scope::Scope(const trace::SpanRef& span) noexcept {
  if (!span.context_.is_valid()) return;
  detail::ContextFields fields;
  fields.trace_id = span.context_.trace_id();
  fields.span_id = span.context_.span_id();
  fields.flags = span.context_.flags();
  fields.is_remote = span.context_.is_remote();
  fields.generation = span.generation_;
  fields.trace_state = span.context_.trace_state().data().get();
  fields.recording = span.recording_;
  fields.baggage = detail::current_fields.baggage;
  attach(fields);
}

}  // namespace signalbox::context

#include <signalbox/context/context.h>
#include <signalbox/trace/span.h>

#include <utility>

namespace signalbox::context {

namespace detail {

constinit thread_local ContextFields current_fields;

void release_at_thread_exit() noexcept {
  struct Release {
    ~Release() { std::exchange(current_fields, {}).unref(); }
  };
  static thread_local const Release release;
  (void)release;
}

}  // namespace detail

Context Context::with_span(const trace::SpanRef& span) const noexcept {
  Context copy = with_span_context(span.context_);
  if (span.recording_ != nullptr) {
    span.recording_->mark_shared();
    copy.fields_.recording = span.recording_;
    copy.fields_.generation = span.generation_;
  }
  return copy;
}

Context Context::with_span_context(const trace::SpanContext& span_context) const noexcept {
  Context copy;
  copy.fields_.baggage = fields_.baggage;
  if (span_context.is_valid()) {
    copy.fields_.trace_id = span_context.trace_id();
    copy.fields_.span_id = span_context.span_id();
    copy.fields_.flags = span_context.flags();
    copy.fields_.is_remote = span_context.is_remote();
    copy.fields_.trace_state = span_context.trace_state().data().get();
  }
  copy.fields_.ref();
  return copy;
}

Context Context::with_baggage(const Baggage& baggage) const noexcept {
  Context copy(*this);
  const detail::BaggageData* replaced = std::exchange(
      copy.fields_.baggage, signalbox::detail::Ref<detail::BaggageData>(baggage.data()).release());
  if (replaced != nullptr) replaced->unref();
  return copy;
}

Context current() noexcept {
  Context copy;
  copy.fields_ = detail::current_fields;
  copy.fields_.scope = nullptr;
  copy.fields_.ref();
  if (copy.fields_.recording != nullptr) copy.fields_.recording->mark_shared();
  return copy;
}

Scope::Scope(const Context& context) noexcept {
  // The recording of a Context was marked as shared when that was made: nothing to do here.
  attach(context.fields_);
}

void Scope::attach(const detail::ContextFields& fields) noexcept {
  detail::ContextFields& current = detail::current_fields;
  previous_ = current;
  current = fields;
  current.scope = this;
  attached_ = true;
  if (fields.trace_state != nullptr || fields.baggage != nullptr) {
    fields.ref();
    detail::release_at_thread_exit();
  }
}

void Scope::detach() noexcept {
  detail::ContextFields& current = detail::current_fields;
  if (current.scope != this) {
    previous_.unref();
    return;
  }
  const detail::ContextFields mine = std::exchange(current, previous_);
  mine.unref();
}

}  // namespace signalbox::context

#include <cxxabi.h>
#include <signalbox/trace/sdk_tracer_provider.h>
#include <signalbox/trace/tracer.h>

#include <array>
#include <bit>
#include <cstdlib>
#include <memory>
#include <string_view>
#include <thread>
#include <typeinfo>
#include <utility>
#include <vector>

#include "sdk/common/random.h"
#include "sdk/common/scope_registry.h"
#include "sdk/trace/sampler_plan.h"
#include "sdk/trace/span_recording.h"
#include "sdk/trace/tracer_provider_core.h"

namespace signalbox::trace {

constinit detail::TracerSlot detail::no_op_tracer;

namespace detail {
namespace {

using context::detail::ContextFields;

/// A recording that the caller may touch, if it is still of the span that is meant: locked if
/// several threads may come, as it is otherwise the caller's alone.
class Access {
 public:
  Access(RecordingState& state, std::uint32_t generation) noexcept
      : recording_(static_cast<SpanRecording&>(state)), generation_(generation) {
    if (!state.shared.load(std::memory_order_relaxed)) [[likely]] {
      granted_ = state.generation.load(std::memory_order_relaxed) == generation;
    } else {
      granted_ = locked_ = lock();
    }
  }
  Access(const Access&) = delete;
  Access& operator=(const Access&) = delete;
  ~Access() {
    if (locked_) recording_.generation.store(generation_, std::memory_order_release);
  }

  explicit operator bool() const noexcept { return granted_; }
  SpanRecording* operator->() const noexcept { return &recording_; }

  /// Ends the generation, and with it the access, instead of unlocking.
  SpanRecording* retire() noexcept {
    locked_ = false;
    recording_.generation.store(generation_ + 2, std::memory_order_release);
    return &recording_;
  }

 private:
  bool lock() noexcept {
    for (int attempt = 0;; ++attempt) {
      std::uint32_t expected = generation_;
      if (recording_.generation.compare_exchange_weak(
              expected, generation_ | 1, std::memory_order_acquire, std::memory_order_relaxed)) {
        return true;
      }
      if ((expected & ~1U) != generation_) return false;
      if (attempt > 64) std::this_thread::yield();
    }
  }

  SpanRecording& recording_;
  std::uint32_t generation_;
  bool granted_ = false;
  bool locked_ = false;
};

TraceState share_trace_state(const ContextFields& fields) noexcept {
  return TraceState(signalbox::detail::Ref<TraceStateData>::share(fields.trace_state));
}

SpanContext span_context(const ContextFields& fields) noexcept {
  return {fields.trace_id, fields.span_id, fields.flags, fields.is_remote,
          share_trace_state(fields)};
}

const ContextFields& parent_fields(const context::Context* parent) noexcept {
  return parent != nullptr ? parent->fields() : context::detail::current_fields;
}

SpanId random_span_id() noexcept {
  std::uint64_t bits = 0;
  do {
    bits = sdk::random_uint64();
  } while (bits == 0);
  return SpanId(std::bit_cast<std::array<std::uint8_t, 8>>(bits));
}

TraceId random_trace_id() noexcept {
  std::array<std::uint64_t, 2> bits{sdk::random_uint64(), sdk::random_uint64()};
  if ((bits[0] | bits[1]) == 0) [[unlikely]] {
    bits[1] = 1;
  }
  return TraceId(std::bit_cast<std::array<std::uint8_t, 16>>(bits));
}

/// A span that is not recorded and has the parent's identity.
Span carry_on(const ContextFields& parent) noexcept {
  return {parent.trace_id, parent.span_id, parent.flags, parent.is_remote,
          share_trace_state(parent)};
}

sdk::SamplingResult ask(const sdk::Sampler& sampler, const ContextFields& parent,
                        const TraceId& trace_id, std::string_view name,
                        const StartSpanOptions& options) noexcept {
  const SpanContext parent_context = span_context(parent);
  return sampler.should_sample({.parent = parent_context,
                                .trace_id = trace_id,
                                .name = name,
                                .kind = options.kind,
                                .attributes = options.attributes,
                                .links = options.links});
}

/// The rest of `start_span` for a span that is sampled.
Span start_recording(const TracerCore& core, const sdk::TracerProviderCore& provider,
                     const ContextFields& parent, const TraceId& trace_id, TraceState trace_state,
                     std::string_view name, const StartSpanOptions& options,
                     Attributes sampler_attributes) noexcept {
  const SpanId span_id = random_span_id();
  SpanRecording* recording = RecordingPool::take();
  if (recording == nullptr) [[unlikely]] {
    core.pipeline->count_refused();
    return {trace_id, span_id, kTraceFlagsNone, false, std::move(trace_state)};
  }
  recording->begin(core, provider.limits,
                   {.trace_id = trace_id,
                    .span_id = span_id,
                    .parent_span_id = parent.span_id,
                    .flags = kTraceFlagsSampled,
                    .parent_is_remote = parent.is_remote,
                    .kind = options.kind,
                    .trace_state = trace_state.to_header()},
                   name, options.start_time);
  for (const Attribute& attribute : options.attributes) {
    recording->set_attribute(attribute.key, attribute.value);
  }
  for (const Attribute& attribute : sampler_attributes) {
    recording->set_attribute(attribute.key, attribute.value);
  }
  for (const Link& link : options.links) recording->add_link(link);
  return {trace_id,
          span_id,
          kTraceFlagsSampled,
          false,
          std::move(trace_state),
          recording,
          recording->generation.load(std::memory_order_relaxed)};
}

/// The name of a type as a programmer writes it.
class TypeName {
 public:
  explicit TypeName(const std::type_info& type) noexcept
      : demangled_(abi::__cxa_demangle(type.name(), nullptr, nullptr, nullptr)),
        name_(demangled_ != nullptr ? demangled_ : type.name()) {}
  TypeName(const TypeName&) = delete;
  TypeName& operator=(const TypeName&) = delete;
  ~TypeName() { std::free(demangled_); }
  [[nodiscard]] std::string_view get() const noexcept { return name_; }

 private:
  char* demangled_;
  std::string_view name_;
};

}  // namespace

Span start_span(TracerCore& core, std::string_view name, const StartSpanOptions& options) noexcept {
  const auto& provider = *static_cast<const sdk::TracerProviderCore*>(core.provider);
  const ContextFields& parent = parent_fields(options.parent);
  if (!core.pipeline->accepting()) [[unlikely]] {
    return carry_on(parent);
  }
  const bool has_parent = parent.span_id.is_valid();
  const TraceId trace_id = has_parent ? parent.trace_id : random_trace_id();
  const bool parent_sampled = (parent.flags & kTraceFlagsSampled) != 0;
  const sdk::SamplerRule& rule =
      provider.plan.rules[sdk::SamplerPlan::case_of(has_parent, parent.is_remote, parent_sampled)];
  bool sampled = false;
  switch (rule.kind) {
    case sdk::SamplerRule::Kind::kAlwaysOff:
      break;
    case sdk::SamplerRule::Kind::kAlwaysOn:
      sampled = true;
      break;
    case sdk::SamplerRule::Kind::kRatio:
      sampled = sdk::sampling_bits(trace_id) < rule.threshold;
      break;
    case sdk::SamplerRule::Kind::kCustom: {
      sdk::SamplingResult result = ask(*rule.sampler, parent, trace_id, name, options);
      if (result.decision != sdk::SamplingResult::Decision::kRecordAndSample) {
        return {trace_id, random_span_id(), kTraceFlagsNone, false, std::move(result.trace_state)};
      }
      return start_recording(core, provider, parent, trace_id, std::move(result.trace_state), name,
                             options, result.attributes);
    }
  }
  if (!sampled) {
    return {trace_id, random_span_id(), kTraceFlagsNone, false, share_trace_state(parent)};
  }
  return start_recording(core, provider, parent, trace_id, share_trace_state(parent), name, options,
                         {});
}

Span non_recording_child(const context::Context* parent) noexcept {
  return carry_on(parent_fields(parent));
}

bool is_enabled(const TracerCore& core) noexcept {
  return core.pipeline->accepting();
}

void set_attribute(RecordingState& recording, std::uint32_t generation, std::string_view key,
                   const AttributeValue& value) noexcept {
  if (!recording.shared.load(std::memory_order_relaxed)) [[likely]] {
    // As with Access, but nothing is left to do afterwards.
    if (recording.generation.load(std::memory_order_relaxed) != generation) return;
    return static_cast<SpanRecording&>(recording).set_attribute(key, value);
  }
  if (const Access access(recording, generation); access) access->set_attribute(key, value);
}

void set_attributes(RecordingState& recording, std::uint32_t generation,
                    Attributes attributes) noexcept {
  if (const Access access(recording, generation); access) {
    for (const Attribute& attribute : attributes) {
      access->set_attribute(attribute.key, attribute.value);
    }
  }
}

void add_event(RecordingState& recording, std::uint32_t generation, std::string_view name,
               Attributes attributes, std::optional<Timestamp> time) noexcept {
  if (const Access access(recording, generation); access) {
    access->add_event(name, attributes, time);
  }
}

void add_link(RecordingState& recording, std::uint32_t generation, const Link& link) noexcept {
  if (const Access access(recording, generation); access) access->add_link(link);
}

void set_status(RecordingState& recording, std::uint32_t generation, StatusCode code,
                std::string_view description) noexcept {
  if (const Access access(recording, generation); access) access->set_status(code, description);
}

void update_name(RecordingState& recording, std::uint32_t generation,
                 std::string_view name) noexcept {
  if (const Access access(recording, generation); access) access->update_name(name);
}

void record_exception(RecordingState& recording, std::uint32_t generation,
                      const std::exception& exception, Attributes attributes) noexcept {
  const Access access(recording, generation);
  if (!access) return;
  try {
    const TypeName type(typeid(exception));
    std::vector<Attribute> all{{"exception.type", type.get()},
                               {"exception.message", exception.what()}};
    all.insert(all.end(), attributes.begin(), attributes.end());
    access->add_event("exception", std::span<const Attribute>(all), std::nullopt);
  } catch (...) {
    // No memory: the exception goes unrecorded rather than become another one.
  }
}

void end(RecordingState& recording, std::uint32_t generation,
         std::optional<Timestamp> time) noexcept {
  SpanRecording* retired = nullptr;
  {
    Access access(recording, generation);
    if (!access) return;
    access->finish(time);
    retired = access.retire();
  }
  RecordingPool::give_back(retired);
}

}  // namespace detail

namespace {

sdk::ForkSafeMutex global_mutex;

auto& global() {
  static auto& provider = *new sdk::GlobalProvider<detail::TracerSlot, TracerProvider>(
      global_mutex,
      [](TracerProvider& of, const InstrumentationScope& scope) -> const detail::TracerSlot& {
        return of.get_tracer(scope).slot();
      });
  return provider;
}

}  // namespace

Tracer get_tracer(const InstrumentationScope& scope) noexcept try {
  if (const detail::TracerSlot* slot = global().get(scope)) return Tracer(*slot);
  const std::shared_ptr<TracerProvider> provider = global().provider();
  return provider != nullptr ? provider->get_tracer(scope) : Tracer();
} catch (...) {
  return {};  // No memory: nothing is recorded.
}

void set_global_tracer_provider(const std::shared_ptr<TracerProvider>& provider) noexcept {
  global().set(provider);
}

std::shared_ptr<TracerProvider> global_tracer_provider() noexcept {
  return global().provider();
}

}  // namespace signalbox::trace

#pragma once

#include <signalbox/trace/span.h>

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>

namespace signalbox::sdk {

/// What is known of a span about to start.
struct SamplingParameters {
  const trace::SpanContext& parent;  ///< Invalid for a root.
  trace::TraceId trace_id;
  std::string_view name;
  trace::SpanKind kind;
  Attributes attributes{};
  std::span<const trace::Link> links;
};

struct SamplingResult {
  enum class Decision : std::uint8_t {
    kDrop,             ///< Not recorded; its identity is propagated as not sampled.
    kRecordAndSample,  ///< Recorded and exported.
  };
  Decision decision = Decision::kDrop;
  /// Added to the span; they must stay valid until the span has started (static, or of the
  /// sampler).
  Attributes attributes{};
  trace::TraceState trace_state{};  ///< Of the new span; usually the parent's.
};

/// Decides which spans are recorded.
///
/// Thread-safety: `should_sample` is called from any thread. Ownership: shared by those who use it.
class Sampler {
 public:
  Sampler() = default;
  Sampler(const Sampler&) = delete;
  Sampler& operator=(const Sampler&) = delete;
  virtual ~Sampler() = default;

  [[nodiscard]] virtual SamplingResult should_sample(
      const SamplingParameters& parameters) const noexcept = 0;
  /// E.g. "TraceIdRatioBased{0.000100}".
  [[nodiscard]] virtual std::string description() const = 0;
};

using SamplerPtr = std::shared_ptr<const Sampler>;

[[nodiscard]] SamplerPtr always_on_sampler();
[[nodiscard]] SamplerPtr always_off_sampler();
/// Samples the share `ratio` of all traces, by their id, so that all services with the same or a
/// higher ratio agree. Clamped to [0, 1]; not-a-number counts as 1.
[[nodiscard]] SamplerPtr trace_id_ratio_sampler(double ratio);

/// The deciders of `parent_based_sampler`; a null one is always_on for a sampled parent, always_off
/// for one that is not.
struct ParentBasedOptions {
  SamplerPtr remote_parent_sampled{};
  SamplerPtr remote_parent_not_sampled{};
  SamplerPtr local_parent_sampled{};
  SamplerPtr local_parent_not_sampled{};
};
/// Does as the parent did; asks `root` (null: always_on) where there is none.
[[nodiscard]] SamplerPtr parent_based_sampler(SamplerPtr root, ParentBasedOptions options = {});

}  // namespace signalbox::sdk

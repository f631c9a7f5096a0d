#include <signalbox/trace/sampler.h>

#include <cmath>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>

#include "sdk/trace/sampler_plan.h"

namespace signalbox::sdk {
namespace {

using Decision = SamplingResult::Decision;

SamplingResult result(bool sampled, const SamplingParameters& parameters) {
  return {.decision = sampled ? Decision::kRecordAndSample : Decision::kDrop,
          .attributes = {},
          .trace_state = parameters.parent.trace_state()};
}

class AlwaysOn final : public Sampler {
 public:
  [[nodiscard]] SamplingResult should_sample(
      const SamplingParameters& parameters) const noexcept override {
    return result(true, parameters);
  }
  [[nodiscard]] std::string description() const override { return "AlwaysOnSampler"; }
};

class AlwaysOff final : public Sampler {
 public:
  [[nodiscard]] SamplingResult should_sample(
      const SamplingParameters& parameters) const noexcept override {
    return result(false, parameters);
  }
  [[nodiscard]] std::string description() const override { return "AlwaysOffSampler"; }
};

class TraceIdRatio final : public Sampler {
 public:
  explicit TraceIdRatio(double ratio)
      : ratio_(std::isnan(ratio) ? 1.0 : std::fmin(std::fmax(ratio, 0.0), 1.0)),
        threshold_(ratio_ >= 1.0 ? std::uint64_t{1} << 63
                                 : static_cast<std::uint64_t>(std::ldexp(ratio_, 63))) {}

  [[nodiscard]] std::uint64_t threshold() const noexcept { return threshold_; }

  [[nodiscard]] SamplingResult should_sample(
      const SamplingParameters& parameters) const noexcept override {
    return result(sampling_bits(parameters.trace_id) < threshold_, parameters);
  }
  [[nodiscard]] std::string description() const override {
    char text[64];
    std::snprintf(text, sizeof(text), "TraceIdRatioBased{%.6f}", ratio_);
    return text;
  }

 private:
  double ratio_;
  std::uint64_t threshold_;
};

class ParentBased final : public Sampler {
 public:
  explicit ParentBased(std::array<SamplerPtr, 5> samplers) : samplers_(std::move(samplers)) {}

  [[nodiscard]] const std::array<SamplerPtr, 5>& samplers() const noexcept { return samplers_; }

  [[nodiscard]] SamplingResult should_sample(
      const SamplingParameters& parameters) const noexcept override {
    const trace::SpanContext& parent = parameters.parent;
    const auto which =
        SamplerPlan::case_of(parent.is_valid(), parent.is_remote(), parent.is_sampled());
    return samplers_[which]->should_sample(parameters);
  }
  [[nodiscard]] std::string description() const override {
    return "ParentBased{root:" + samplers_[SamplerPlan::kRoot]->description() +
           ",remoteParentSampled:" + samplers_[SamplerPlan::kRemoteSampled]->description() +
           ",remoteParentNotSampled:" + samplers_[SamplerPlan::kRemoteNotSampled]->description() +
           ",localParentSampled:" + samplers_[SamplerPlan::kLocalSampled]->description() +
           ",localParentNotSampled:" + samplers_[SamplerPlan::kLocalNotSampled]->description() +
           "}";
  }

 private:
  std::array<SamplerPtr, 5> samplers_;  // By SamplerPlan::Case.
};

SamplerRule rule_of(const SamplerPtr& sampler) {
  using Kind = SamplerRule::Kind;
  if (dynamic_cast<const AlwaysOn*>(sampler.get()) != nullptr) return {Kind::kAlwaysOn, 0, {}};
  if (dynamic_cast<const AlwaysOff*>(sampler.get()) != nullptr) return {Kind::kAlwaysOff, 0, {}};
  if (const auto* ratio = dynamic_cast<const TraceIdRatio*>(sampler.get())) {
    return {Kind::kRatio, ratio->threshold(), {}};
  }
  return {Kind::kCustom, 0, sampler};
}

}  // namespace

SamplerPtr always_on_sampler() {
  return std::make_shared<AlwaysOn>();
}
SamplerPtr always_off_sampler() {
  return std::make_shared<AlwaysOff>();
}
SamplerPtr trace_id_ratio_sampler(double ratio) {
  return std::make_shared<TraceIdRatio>(ratio);
}

SamplerPtr parent_based_sampler(SamplerPtr root, ParentBasedOptions options) {
  const auto either = [](SamplerPtr given, SamplerPtr (*otherwise)()) {
    return given != nullptr ? std::move(given) : otherwise();
  };
  return std::make_shared<ParentBased>(std::array<SamplerPtr, 5>{
      either(std::move(root), always_on_sampler),
      either(std::move(options.remote_parent_sampled), always_on_sampler),
      either(std::move(options.remote_parent_not_sampled), always_off_sampler),
      either(std::move(options.local_parent_sampled), always_on_sampler),
      either(std::move(options.local_parent_not_sampled), always_off_sampler)});
}

SamplerPlan SamplerPlan::of(const SamplerPtr& sampler) {
  const SamplerPtr asked = sampler != nullptr ? sampler : parent_based_sampler(always_on_sampler());
  SamplerPlan plan;
  const auto* parent_based = dynamic_cast<const ParentBased*>(asked.get());
  for (std::size_t i = 0; i < plan.rules.size(); ++i) {
    plan.rules[i] = rule_of(parent_based != nullptr ? parent_based->samplers()[i] : asked);
  }
  return plan;
}

}  // namespace signalbox::sdk

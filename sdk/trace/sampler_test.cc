#include <gtest/gtest.h>
#include <signalbox/context/context.h>
#include <signalbox/trace/sampler.h>
#include <signalbox/trace/sdk_tracer_provider.h>

#include <cmath>
#include <memory>
#include <string>

#include "sdk/testing/capture_exporter.h"
#include "sdk/testing/otlp_reader.h"

namespace signalbox::sdk {
namespace {

using Decision = SamplingResult::Decision;

bool samples(const SamplerPtr& sampler, const trace::TraceId& id,
             const trace::SpanContext& parent = {}) {
  return sampler
             ->should_sample({.parent = parent,
                              .trace_id = id,
                              .name = "x",
                              .kind = trace::SpanKind::kInternal,
                              .attributes = {},
                              .links = {}})
             .decision == Decision::kRecordAndSample;
}

trace::TraceId id_with_tail(const std::string& tail) {
  return trace::TraceId::from_hex("0000000000000001" + tail);
}

TEST(TraceIdRatioSampler, DecidesByTheLastBitsOfTheIdAlone) {
  const SamplerPtr half = trace_id_ratio_sampler(0.5);
  EXPECT_TRUE(samples(half, id_with_tail("0000000000000000")));
  EXPECT_TRUE(samples(half, id_with_tail("7fffffffffffffff")));
  EXPECT_FALSE(samples(half, id_with_tail("8000000000000000")));
  EXPECT_FALSE(samples(half, id_with_tail("ffffffffffffffff")));
}

TEST(TraceIdRatioSampler, ClampsTheRatio) {
  const trace::TraceId highest = id_with_tail("ffffffffffffffff");
  const trace::TraceId lowest = id_with_tail("0000000000000000");
  EXPECT_TRUE(samples(trace_id_ratio_sampler(1), highest));
  EXPECT_TRUE(samples(trace_id_ratio_sampler(7), highest));
  EXPECT_FALSE(samples(trace_id_ratio_sampler(0), lowest));
  EXPECT_FALSE(samples(trace_id_ratio_sampler(-1), lowest));
  EXPECT_TRUE(samples(trace_id_ratio_sampler(std::nan("")), highest));
}

TEST(ParentBasedSampler, FollowsTheParentAndAsksItsRootSamplerWithoutOne) {
  const trace::TraceId id = id_with_tail("0000000000000001");
  const trace::SpanId span = trace::SpanId::from_hex("b7ad6b7169203331");
  const SamplerPtr sampler = parent_based_sampler(
      always_off_sampler(), {.remote_parent_not_sampled = always_on_sampler()});
  EXPECT_FALSE(samples(sampler, id));
  EXPECT_TRUE(samples(sampler, id, {id, span, 1, true}));
  EXPECT_TRUE(samples(sampler, id, {id, span, 0, true}));
  EXPECT_TRUE(samples(sampler, id, {id, span, 1, false}));
  EXPECT_FALSE(samples(sampler, id, {id, span, 0, false}));
  EXPECT_EQ(sampler->description(),
            "ParentBased{root:AlwaysOffSampler,remoteParentSampled:AlwaysOnSampler,"
            "remoteParentNotSampled:AlwaysOnSampler,localParentSampled:AlwaysOnSampler,"
            "localParentNotSampled:AlwaysOffSampler}");
  EXPECT_EQ(trace_id_ratio_sampler(0.0001)->description(), "TraceIdRatioBased{0.000100}");
}

class OddNames final : public Sampler {
 public:
  [[nodiscard]] SamplingResult should_sample(
      const SamplingParameters& parameters) const noexcept override {
    static constexpr Attribute kAdded[] = {{"sampler.says", "odd"}};
    if (parameters.name.size() % 2 == 0) return {};
    return {.decision = Decision::kRecordAndSample,
            .attributes = std::span<const Attribute>(kAdded),
            .trace_state = parameters.parent.trace_state().set("odd", "1")};
  }
  [[nodiscard]] std::string description() const override { return "OddNames"; }
};

class SamplingTest : public ::testing::Test {
 protected:
  trace::Tracer tracer(SamplerPtr sampler) {
    provider_ =
        TracerProvider::create({.sampler = std::move(sampler), .exporter = exporter_}).value();
    return provider_->get_tracer({.name = "t"});
  }
  std::shared_ptr<testing::CaptureExporter> exporter_ =
      std::make_shared<testing::CaptureExporter>();
  std::shared_ptr<TracerProvider> provider_;
};

TEST_F(SamplingTest, AnUnsampledSpanHasAnIdentityAndItsChildrenFollowIt) {
  const trace::Tracer tracer = this->tracer(parent_based_sampler(always_off_sampler()));
  trace::Span root = tracer.start_span("root");
  EXPECT_TRUE(root.context().is_valid());
  EXPECT_FALSE(root.context().is_sampled());
  EXPECT_FALSE(root.is_recording());
  const context::Scope scope(root);
  trace::Span child = tracer.start_span("child");
  EXPECT_EQ(child.context().trace_id(), root.context().trace_id());
  EXPECT_NE(child.context().span_id(), root.context().span_id());
  EXPECT_FALSE(child.context().is_sampled());
  child.end();
  root.end();
  EXPECT_TRUE(provider_->force_flush());
  EXPECT_TRUE(exporter_->requests().empty());
}

TEST_F(SamplingTest, TheRatioHoldsForRandomIds) {
  const trace::Tracer tracer = this->tracer(trace_id_ratio_sampler(0.25));
  constexpr int kSpans = 20'000;
  int sampled = 0;
  for (int i = 0; i < kSpans; ++i) {
    trace::Span span = tracer.start_span("x");
    EXPECT_EQ(span.context().is_sampled(), span.is_recording());
    sampled += span.is_recording() ? 1 : 0;
  }
  // Six standard deviations of a binomial distribution: 61 each.
  EXPECT_NEAR(sampled, 0.25 * kSpans, 370);
}

TEST_F(SamplingTest, ACustomSamplerIsAskedAndMayAddAttributesAndTraceState) {
  const trace::Tracer tracer = this->tracer(std::make_shared<OddNames>());
  EXPECT_FALSE(tracer.start_span("even").is_recording());
  trace::Span span = tracer.start_span("odd");
  EXPECT_EQ(span.context().trace_state().to_header(), "odd=1");
  span.end();
  EXPECT_TRUE(provider_->force_flush());
  const auto spans = testing::read_all_spans(exporter_->requests());
  ASSERT_EQ(spans.size(), 1U);
  EXPECT_EQ(spans[0].trace_state, "odd=1");
  EXPECT_EQ(testing::value_of(spans[0].attributes, "sampler.says"), "s:odd");
}

}  // namespace
}  // namespace signalbox::sdk

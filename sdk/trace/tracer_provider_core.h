#pragma once

#include <signalbox/trace/sdk_tracer_provider.h>
#include <signalbox/trace/tracer.h>

#include "sdk/batch/batch_pipeline.h"
#include "sdk/common/scope_registry.h"
#include "sdk/trace/sampler_plan.h"
#include "sdk/trace/span_recording.h"

namespace signalbox::sdk {

/// What outlives a TracerProvider, for the sake of its tracers and spans.
struct TracerProviderCore {
  SpanLimits limits;
  SamplerPlan plan;
  BatchPipeline* pipeline = nullptr;
  ScopeRegistry<trace::detail::TracerSlot, trace::detail::TracerCore> tracers;
};

}  // namespace signalbox::sdk

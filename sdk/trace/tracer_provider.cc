#include <signalbox/trace/sdk_tracer_provider.h>

#include <memory>
#include <mutex>
#include <utility>
#include <vector>

#include "sdk/trace/tracer_provider_core.h"

namespace signalbox::sdk {
namespace {

ForkSafeMutex tracers_mutex;

/// Keeps `core` for the life of the process, where leak detectors find it.
TracerProviderCore& keep(std::unique_ptr<TracerProviderCore> core) {
  static auto& cores = *new std::vector<std::unique_ptr<TracerProviderCore>>;
  const std::scoped_lock lock(tracers_mutex);
  return *cores.emplace_back(std::move(core));
}

}  // namespace

Result<std::shared_ptr<TracerProvider>> TracerProvider::create(TracerProviderOptions options) {
  Result<BatchPipeline*> pipeline = BatchPipeline::create(
      Signal::kTraces, options.resource, options.batch, std::move(options.exporter));
  if (!pipeline.ok()) return pipeline.error();
  auto core = std::make_unique<TracerProviderCore>();
  core->limits = options.limits;
  core->plan = SamplerPlan::of(options.sampler);
  core->pipeline = pipeline.value();
  return std::shared_ptr<TracerProvider>(new TracerProvider(keep(std::move(core))));
}

TracerProvider::~TracerProvider() {
  shutdown();
}

trace::Tracer TracerProvider::get_tracer(const InstrumentationScope& scope) noexcept try {
  return trace::Tracer(
      core_.tracers.get(scope, tracers_mutex, [this](const InstrumentationScope& made) {
        return trace::detail::TracerCore{&core_, core_.pipeline, core_.pipeline->add_scope(made)};
      }));
} catch (...) {
  return {};  // No memory: nothing is recorded.
}

bool TracerProvider::force_flush(std::chrono::milliseconds timeout) noexcept {
  return core_.pipeline->force_flush(timeout);
}

bool TracerProvider::shutdown(std::chrono::milliseconds timeout) noexcept {
  return core_.pipeline->shutdown(timeout);
}

BatchStatistics TracerProvider::statistics() const noexcept {
  return core_.pipeline->statistics();
}

}  // namespace signalbox::sdk

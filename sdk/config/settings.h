#pragma once

#include <signalbox/common/batch_options.h>
#include <signalbox/common/result.h>
#include <signalbox/config/sdk.h>
#include <signalbox/export/otlp_exporter.h>
#include <signalbox/logs/sdk_logger_provider.h>
#include <signalbox/metrics/sdk_meter_provider.h>
#include <signalbox/propagation/propagator.h>
#include <signalbox/resource/resource.h>
#include <signalbox/trace/sampler.h>
#include <signalbox/trace/sdk_tracer_provider.h>

#include <memory>

#include "sdk/config/environment.h"

/// What the OTEL_* variables say, piece by piece. Nothing here starts or installs anything.
namespace signalbox::sdk {

[[nodiscard]] Resource read_resource(const Environment& environment, const SdkOptions& options);
/// Null: none.
[[nodiscard]] propagation::PropagatorPtr read_propagator(const Environment& environment);
[[nodiscard]] SamplerPtr read_sampler(const Environment& environment);
[[nodiscard]] SpanLimits read_span_limits(const Environment& environment);
[[nodiscard]] LogRecordLimits read_log_record_limits(const Environment& environment);
/// `prefix`: "OTEL_BSP" or "OTEL_BLRP".
[[nodiscard]] BatchOptions read_batch_options(const Environment& environment,
                                              const std::string& prefix);
/// Interval, timeout and temporality; the rest is left at its default.
void read_metric_options(const Environment& environment, MeterProviderOptions& options);
[[nodiscard]] OtlpExporterOptions read_otlp_options(const Environment& environment, Signal signal,
                                                    const SdkOptions& options);
/// The exporter of that signal: otlp, console, both, or null for none.
[[nodiscard]] Result<std::shared_ptr<Exporter>> read_exporter(const Environment& environment,
                                                              Signal signal,
                                                              const SdkOptions& options);

}  // namespace signalbox::sdk

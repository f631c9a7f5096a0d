#pragma once

#include <signalbox/common/batch_options.h>
#include <signalbox/common/result.h>
#include <signalbox/export/exporter.h>
#include <signalbox/resource/resource.h>
#include <signalbox/trace/sampler.h>
#include <signalbox/trace/tracer.h>

#include <chrono>
#include <cstdint>
#include <memory>

namespace signalbox::sdk {

struct TracerProviderCore;

/// What one span may hold. What exceeds a limit is left out and counted in the span's dropped
/// counts.
struct SpanLimits {
  std::uint32_t attribute_count = 128;
  /// Longest string in an attribute value, in bytes, cut at a character; default: unlimited.
  std::size_t attribute_value_length = static_cast<std::size_t>(-1);
  std::uint32_t event_count = 128;
  std::uint32_t link_count = 128;
  std::uint32_t attribute_count_per_event = 128;
  std::uint32_t attribute_count_per_link = 128;
};

struct TracerProviderOptions {
  Resource resource = Resource::detect();
  SamplerPtr sampler{};                  ///< Null: parent_based_sampler(always_on_sampler()).
  std::shared_ptr<Exporter> exporter{};  ///< Required.
  BatchOptions batch{};
  SpanLimits limits{};
};

/// The TracerProvider that records: ended spans go in batches, by a thread of its own, to one
/// exporter.
///
/// Thread-safety: all members, from any thread. Fork: the child starts with an empty queue and gets
/// its own exporting thread; spans queued before the fork are the parent's to send. Lifetime:
/// Tracers and Spans may outlive it; what ends after the shutdown is counted as dropped.
class TracerProvider final : public trace::TracerProvider {
 public:
  /// Fails if an option is out of its range, the exporter is missing or no thread can be started.
  static Result<std::shared_ptr<TracerProvider>> create(TracerProviderOptions options);
  /// As `shutdown` with 5 seconds.
  ~TracerProvider() override;

  [[nodiscard]] trace::Tracer get_tracer(const InstrumentationScope& scope) noexcept override;

  /// Exports all spans that ended before the call. False if it took longer than `timeout` or some
  /// of them were not delivered.
  [[nodiscard]] bool force_flush(
      std::chrono::milliseconds timeout = std::chrono::milliseconds(10000)) noexcept;
  /// Stops recording, exports what is left, and stops. Returns within `timeout`, even if the
  /// exporter hangs: then what was left is counted as dropped. False as for `force_flush`, or if
  /// already shut down.
  bool shutdown(std::chrono::milliseconds timeout = std::chrono::milliseconds(5000)) noexcept;

  [[nodiscard]] BatchStatistics statistics() const noexcept;

 private:
  explicit TracerProvider(TracerProviderCore& core) noexcept : core_(core) {}
  TracerProviderCore& core_;  // Lives as long as the process: spans may outlive the provider.
};

}  // namespace signalbox::sdk

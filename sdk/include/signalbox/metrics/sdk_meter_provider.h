#pragma once

#include <signalbox/common/result.h>
#include <signalbox/common/timestamp.h>
#include <signalbox/export/exporter.h>
#include <signalbox/metrics/meter.h>
#include <signalbox/resource/resource.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace signalbox::sdk {

/// Whether points count from the start or from the last collection. Up-down counters and gauges are
/// never delta.
enum class TemporalityPreference : std::uint8_t {
  kCumulative,  ///< All from the start: a lost export loses nothing.
  kDelta,       ///< Counters and histograms since the last collection.
  kLowMemory,   ///< As kDelta, but observable counters from the start.
};

struct MeterProviderOptions {
  Resource resource = Resource::detect();
  /// Null: nothing is exported by itself; `collect` is the only way out.
  std::shared_ptr<Exporter> exporter = nullptr;
  TemporalityPreference temporality = TemporalityPreference::kCumulative;
  /// Time between two exports; > 0.
  std::chrono::milliseconds export_interval{60'000};
  /// Deadline of one export, retries included; > 0.
  std::chrono::milliseconds export_timeout{30'000};
  /// Most series of one instrument, the one with `otel.metric.overflow` among them; ≥ 2.
  std::size_t cardinality_limit = 2000;
  /// Most bytes in one request; what does not fit goes into another. ≥ 64 KiB. Default 3 MiB:
  /// receivers commonly refuse gRPC messages above 4 MiB.
  std::size_t max_request_bytes = std::size_t{3} << 20;
  /// The time of points; null: the system's.
  std::function<Timestamp()> clock = nullptr;
};

/// What has become of the data points of a provider since its start.
struct MetricStatistics {
  std::uint64_t exported_points = 0;  ///< Accepted by the exporter.
  std::uint64_t failed_points = 0;    ///< Rejected or not delivered; cumulative ones come again.
};

/// The MeterProvider that collects: a thread of its own exports all instruments at an interval.
///
/// Thread-safety: all members, from any thread. Fork: the child has no thread and exports only when
/// it flushes or shuts down; its counts start with the parent's. Lifetime: meters and instruments
/// may outlive it; what they record then goes nowhere.
class MeterProvider final {
 public:
  /// Fails if an option is out of its range or no thread can be started.
  static Result<std::shared_ptr<MeterProvider>> create(MeterProviderOptions options);
  MeterProvider(const MeterProvider&) = delete;
  MeterProvider& operator=(const MeterProvider&) = delete;
  /// As `shutdown` with 5 seconds.
  ~MeterProvider();

  /// What instrumented code uses and `metrics::set_global_meter_provider` takes.
  [[nodiscard]] metrics::MeterProvider handle() const noexcept;
  [[nodiscard]] metrics::Meter get_meter(const InstrumentationScope& scope) noexcept;

  /// Collects now: runs the callbacks and returns ExportMetricsServiceRequests, as protobuf bytes,
  /// of all points; none if there are none. Counts as a collection for delta temporality.
  [[nodiscard]] std::vector<std::string> collect();

  /// Collects and exports now. False if that took longer than `timeout`, some points were not
  /// delivered, or the provider is shut down.
  [[nodiscard]] bool force_flush(
      std::chrono::milliseconds timeout = std::chrono::milliseconds(10'000)) noexcept;
  /// Collects and exports a last time, then stops: instruments do nothing any more. Returns within
  /// `timeout`, even if the exporter hangs. False as for `force_flush`.
  bool shutdown(std::chrono::milliseconds timeout = std::chrono::milliseconds(5'000)) noexcept;

  [[nodiscard]] MetricStatistics statistics() const noexcept;

 private:
  class Reader;
  explicit MeterProvider(std::shared_ptr<Reader> reader) noexcept;
  std::shared_ptr<Reader> reader_;  // Shared with its thread, which a hanging exporter may keep.
};

}  // namespace signalbox::sdk

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>

namespace signalbox::sdk {

/// How ended spans, or log records, wait for the exporter and go to it.
struct BatchOptions {
  /// Most memory that waiting items may take, in bytes, in steps of 32 KiB; each thread that
  /// records takes part with at least one step. Default 64 MiB, at least 64 KiB. Past it, the
  /// newest items are dropped and counted.
  std::size_t max_queue_bytes = std::size_t{64} << 20;
  /// Most items that may wait; default 2^20, at least 1. Up to 64 of them may be reserved for a
  /// thread that does not use them.
  std::size_t max_queue_items = std::size_t{1} << 20;
  /// Longest time between two exports while items wait; > 0.
  std::chrono::milliseconds schedule_delay{1000};
  /// Most items in one request; an export starts early when as many wait. ≥ 1.
  std::size_t max_export_batch_size = 8192;
  /// Most bytes in one request, except one with a single larger item. Default 3 MiB: receivers
  /// commonly refuse gRPC messages above 4 MiB. At least 64 KiB.
  std::size_t max_export_batch_bytes = std::size_t{3} << 20;
  /// Deadline of one request, retries included; > 0.
  std::chrono::milliseconds export_timeout{30000};
};

/// What has become of the items of a provider since its start. Each item is counted once, in
/// `exported` or in one of the `dropped_…`, when its fate is known.
struct BatchStatistics {
  std::uint64_t exported = 0;                ///< Accepted by the exporter.
  std::uint64_t dropped_queue_full = 0;      ///< max_queue_bytes or max_queue_items was reached.
  std::uint64_t dropped_too_large = 0;       ///< A single item larger than max_export_batch_bytes.
  std::uint64_t dropped_export_failed = 0;   ///< Rejected, or not delivered before export_timeout.
  std::uint64_t dropped_after_shutdown = 0;  ///< Ended after the provider was shut down.

  [[nodiscard]] std::uint64_t dropped() const noexcept {
    return dropped_queue_full + dropped_too_large + dropped_export_failed + dropped_after_shutdown;
  }
};

}  // namespace signalbox::sdk

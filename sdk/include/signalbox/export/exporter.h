#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace signalbox::sdk {

enum class Signal : std::uint8_t { kTraces, kMetrics, kLogs };

/// What became of one export.
struct ExportResult {
  enum class Status : std::uint8_t {
    kSuccess,
    kPartialSuccess,  ///< Accepted but for `rejected_items`.
    kRejected,        ///< Refused for good: sending it again would not help.
    kUnreachable,     ///< Not delivered within the deadline, retries included.
  };
  Status status = Status::kSuccess;
  std::uint64_t rejected_items = 0;  ///< Of a partial success.
  std::string message;               ///< Empty on success; else what failed, for a human.
};

/// Sends OTLP requests of one or more signals to where they belong.
///
/// Thread-safety: `export_request` is called from one thread at a time per signal; `cancel` from
/// any thread. Ownership: processors and readers share it (`std::shared_ptr`).
class Exporter {
 public:
  virtual ~Exporter() = default;

  /// Sends `request`, the protobuf bytes of one whole Export{Trace,Metrics,Logs}ServiceRequest with
  /// `items` spans, data points or log records in it. Blocks until answered, refused or `deadline`;
  /// retryable failures are retried with backoff until then. Never throws.
  [[nodiscard]] virtual ExportResult export_request(
      Signal signal, std::string_view request, std::uint64_t items,
      std::chrono::steady_clock::time_point deadline) noexcept = 0;

  /// Makes a running and each later `export_request` give up waiting and retrying at once (the
  /// first attempt of a later one is still made, bounded by its deadline). Called at shutdown.
  virtual void cancel() noexcept = 0;

  /// Called in a forked child before any other member, while it has one thread. Connections and
  /// locks that it inherited are the parent's: leave them behind, neither used nor closed cleanly,
  /// and make new ones.
  virtual void after_fork_in_child() noexcept {}
};

}  // namespace signalbox::sdk

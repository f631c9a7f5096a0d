#pragma once

#include <signalbox/export/exporter.h>

#include <atomic>
#include <cstdint>
#include <string_view>

#include "server/net/http.h"

namespace signalbox::server::observe {

/// Hands OTLP requests to a handler of this very process: no socket, no key, no counter of what
/// came from outside.
///
/// Thread-safety: as Exporter says. Lifetime: what the handler refers to outlives it.
class InProcessExporter final : public sdk::Exporter {
 public:
  /// `otlp_http` takes POST /v1/traces and so on, as protobuf.
  explicit InProcessExporter(net::Handler otlp_http);

  [[nodiscard]] sdk::ExportResult export_request(
      sdk::Signal signal, std::string_view request, std::uint64_t items,
      std::chrono::steady_clock::time_point deadline) noexcept override;
  void cancel() noexcept override;

  /// Accepted so far.
  [[nodiscard]] std::uint64_t requests() const noexcept { return requests_.load(); }
  [[nodiscard]] std::uint64_t items() const noexcept { return items_.load(); }

 private:
  const net::Handler handler_;
  std::atomic<bool> cancelled_{false};
  std::atomic<std::uint64_t> requests_{0};
  std::atomic<std::uint64_t> items_{0};
};

}  // namespace signalbox::server::observe

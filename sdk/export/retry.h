#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <random>

#include "signalbox/export/otlp_exporter.h"

namespace signalbox::sdk {

/// The waits between the attempts of one export. Not thread-safe.
class Backoff {
 public:
  Backoff(const RetryOptions& options, std::uint64_t seed) noexcept
      : options_(options), next_(options.initial_backoff), random_(seed) {}

  /// How long to wait before the next attempt; at least `asked_for`, if the server said so.
  [[nodiscard]] std::chrono::milliseconds next(
      std::optional<std::chrono::milliseconds> asked_for = std::nullopt);

 private:
  RetryOptions options_;
  std::chrono::milliseconds next_;
  std::minstd_rand random_;
};

}  // namespace signalbox::sdk

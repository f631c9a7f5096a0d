#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace signalbox::demo {

/// What became of the requests, by endpoint.
///
/// Thread-safety: none; one thread only.
class Statistics {
 public:
  /// Counts one answered request.
  void answered(std::string_view endpoint, unsigned status, std::chrono::nanoseconds duration);
  /// Counts one that was not answered.
  void failed(std::string_view endpoint);

  [[nodiscard]] std::uint64_t requests() const;
  [[nodiscard]] std::uint64_t failures() const;

  /// A table with a line for each endpoint: requests, statuses, failures, p50 and p99 in
  /// milliseconds.
  [[nodiscard]] std::string table() const;

 private:
  struct Endpoint {
    std::map<unsigned, std::uint64_t> statuses;
    std::uint64_t failures = 0;
    // Answered requests by duration, in buckets of a tenth of a millisecond, up to 60 s: exact
    // enough for a quantile, bounded however long the load runs.
    std::map<std::uint32_t, std::uint64_t> durations;
  };
  static double quantile_ms(const Endpoint& endpoint, double quantile);

  std::map<std::string, Endpoint, std::less<>> endpoints_;
};

}  // namespace signalbox::demo

#include "server/observe/slow_calls.h"

#include <array>
#include <chrono>
#include <cstdio>
#include <string>

namespace signalbox::server::observe {

void report_slow(const api::ApiCall& call, Reporter& reporter) {
  constexpr std::chrono::seconds kSlow{1};
  if (call.duration < kSlow) return;
  const std::chrono::duration<double> took = call.duration;
  std::array<char, 32> seconds{};
  std::snprintf(seconds.data(), seconds.size(), "%.1f", took.count());
  constexpr std::size_t kLongestTarget = 500;
  reporter.report(Reporter::Level::kWarning, "slow " + std::string(call.route),
                  "Slow query, " + std::string(seconds.data()) +
                      " s: " + call.target.substr(0, kLongestTarget) + " read " +
                      std::to_string(call.rows_read) + " rows, answered " +
                      std::to_string(call.status));
}

}  // namespace signalbox::server::observe

#include "demo/loadgen/statistics.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace signalbox::demo {
namespace {

constexpr std::uint32_t kLongestTenthsOfMs = 600'000;

}  // namespace

void Statistics::answered(std::string_view endpoint, unsigned status,
                          std::chrono::nanoseconds duration) {
  Endpoint& entry = endpoints_.try_emplace(std::string(endpoint)).first->second;
  ++entry.statuses[status];
  const auto tenths = std::clamp<std::int64_t>(duration.count() / 100'000, 0, kLongestTenthsOfMs);
  ++entry.durations[static_cast<std::uint32_t>(tenths)];
}

void Statistics::failed(std::string_view endpoint) {
  ++endpoints_.try_emplace(std::string(endpoint)).first->second.failures;
}

std::uint64_t Statistics::requests() const {
  std::uint64_t total = failures();
  for (const auto& [name, endpoint] : endpoints_) {
    for (const auto& [status, count] : endpoint.statuses) total += count;
  }
  return total;
}

std::uint64_t Statistics::failures() const {
  std::uint64_t total = 0;
  for (const auto& [name, endpoint] : endpoints_) total += endpoint.failures;
  return total;
}

double Statistics::quantile_ms(const Endpoint& endpoint, double quantile) {
  std::uint64_t total = 0;
  for (const auto& [tenths, count] : endpoint.durations) total += count;
  const auto rank = static_cast<std::uint64_t>(std::ceil(quantile * static_cast<double>(total)));
  std::uint64_t seen = 0;
  for (const auto& [tenths, count] : endpoint.durations) {
    seen += count;
    if (seen >= rank) return static_cast<double>(tenths) / 10;
  }
  return 0;
}

std::string Statistics::table() const {
  std::string text = fmt::format("{:<28} {:>8} {:>8} {:>9} {:>9}  {}\n", "endpoint", "requests",
                                 "failed", "p50 ms", "p99 ms", "statuses");
  for (const auto& [name, endpoint] : endpoints_) {
    std::uint64_t requests = endpoint.failures;
    std::string statuses;
    for (const auto& [status, count] : endpoint.statuses) {
      requests += count;
      statuses += fmt::format("{}{}: {}", statuses.empty() ? "" : ", ", status, count);
    }
    text +=
        fmt::format("{:<28} {:>8} {:>8} {:>9.1f} {:>9.1f}  {}\n", name, requests, endpoint.failures,
                    quantile_ms(endpoint, 0.5), quantile_ms(endpoint, 0.99), statuses);
  }
  return text;
}

}  // namespace signalbox::demo

#include "server/keys/rate.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "server/config/quantity.h"

namespace signalbox::server::keys {
namespace {

constexpr std::string_view kPerSecond = "/s";
constexpr std::string_view kRequests = "requests";
constexpr std::uint64_t kMostRequests = 1'000'000;

}  // namespace

Rate parse_rate(std::string_view text) {
  std::string_view amount = text;
  if (!amount.ends_with(kPerSecond)) {
    throw std::invalid_argument('"' + std::string(text) +
                                "\" is not a rate: allowed are bytes, such as 5MiB/s, or requests, "
                                "such as \"200 requests/s\"");
  }
  amount.remove_suffix(kPerSecond.size());
  if (!amount.ends_with(kRequests)) {
    const std::uint64_t bytes = config::parse_size(amount);
    if (bytes == 0) throw std::invalid_argument("a rate must be above 0");
    return {.of = Rate::Of::kBytes, .per_second = bytes};
  }
  amount.remove_suffix(kRequests.size());
  while (amount.ends_with(' ')) amount.remove_suffix(1);
  return {.of = Rate::Of::kRequests, .per_second = config::parse_integer(amount, 1, kMostRequests)};
}

std::string rate_text(const Rate& rate) {
  if (rate.of == Rate::Of::kBytes) return config::size_text(rate.per_second) + "/s";
  return std::to_string(rate.per_second) + " requests/s";
}

TokenBucket::TokenBucket(Rate rate, Clock::time_point now)
    : rate_(rate), tokens_(static_cast<double>(rate.per_second)), filled_(now) {}

std::optional<std::chrono::milliseconds> TokenBucket::take(std::size_t bytes,
                                                           Clock::time_point now) {
  const auto per_second = static_cast<double>(rate_.per_second);
  const std::chrono::duration<double> passed = now - filled_;
  tokens_ = std::min(per_second, tokens_ + passed.count() * per_second);
  filled_ = now;
  const bool is_bytes = rate_.of == Rate::Of::kBytes;
  const double least = is_bytes ? std::min(static_cast<double>(bytes), per_second) : 1.0;
  if (tokens_ >= least) {
    tokens_ -= is_bytes ? static_cast<double>(bytes) : 1.0;
    return std::nullopt;
  }
  constexpr double kMillisecondsPerSecond = 1000;
  const double wait_ms = std::ceil((least - tokens_) / per_second * kMillisecondsPerSecond);
  return std::chrono::milliseconds(static_cast<std::int64_t>(wait_ms));
}

}  // namespace signalbox::server::keys

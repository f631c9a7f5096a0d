#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace signalbox::server::keys {

/// How much a key may send: bytes or requests a second.
struct Rate {
  enum class Of : std::uint8_t { kBytes, kRequests };
  Of of = Of::kBytes;
  std::uint64_t per_second = 0;  ///< > 0.

  friend bool operator==(const Rate&, const Rate&) = default;
};

/// "5MiB/s" (bytes) or "200 requests/s". Throws std::invalid_argument saying what is allowed.
Rate parse_rate(std::string_view text);
/// What `parse_rate` reads.
std::string rate_text(const Rate& rate);

/// A token bucket: a second's worth may be used at once. What is larger than that goes through too,
/// and its cost is waited for afterwards, so that no size of request is refused for ever.
///
/// Not thread-safe.
class TokenBucket {
 public:
  using Clock = std::chrono::steady_clock;

  TokenBucket(Rate rate, Clock::time_point now);

  /// Nothing if a request of `bytes` may pass, which it then has; else how long until one may.
  std::optional<std::chrono::milliseconds> take(std::size_t bytes, Clock::time_point now);

  [[nodiscard]] const Rate& rate() const noexcept { return rate_; }

 private:
  Rate rate_;
  double tokens_;
  Clock::time_point filled_;
};

}  // namespace signalbox::server::keys

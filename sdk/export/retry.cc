#include "sdk/export/retry.h"

#include <algorithm>

namespace signalbox::sdk {

std::chrono::milliseconds Backoff::next(std::optional<std::chrono::milliseconds> asked_for) {
  using std::chrono::milliseconds;
  const double base = static_cast<double>(next_.count());
  next_ = std::min(options_.max_backoff,
                   milliseconds(static_cast<std::int64_t>(base * options_.multiplier)));
  // Clients that lost the same server must not come back all at once.
  std::uniform_real_distribution<double> jitter(0.8, 1.2);
  const milliseconds wait(static_cast<std::int64_t>(base * jitter(random_)));
  return std::max({wait, asked_for.value_or(milliseconds(0)), milliseconds(1)});
}

}  // namespace signalbox::sdk

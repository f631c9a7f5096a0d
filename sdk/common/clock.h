#pragma once

#include <atomic>
#include <cstdint>
#if defined(__x86_64__)
#include <x86intrin.h>
#endif

/// The wall clock of the hot paths: the processor's time-stamp counter, tied to the system's clock
/// once a second, where that counter is invariant; the system's clock elsewhere.
namespace signalbox::sdk {

/// One reading: the time, and the counter that tells later readings of the same span apart.
struct ClockReading {
  std::uint64_t unix_ns = 0;
  std::uint64_t ticks = 0;  // 0: read from the system's clock.
};

namespace detail {

/// Where counter and clock were tied together last. Written by one thread at a time, as a seqlock.
struct alignas(64) ClockAnchor {
  std::atomic<std::uint32_t> sequence{0};  // Odd while being written.
  std::atomic<std::uint64_t> ticks{0};
  std::atomic<std::uint64_t> unix_ns{0};
  std::atomic<std::uint64_t> ns_per_tick{
      0};                                   // Fixed point, 32 bits after the point. 0: do not use.
  std::atomic<std::uint64_t> max_ticks{0};  // Farther than this from `ticks` the anchor is stale.
};
extern constinit ClockAnchor clock_anchor;

std::uint64_t system_clock_ns() noexcept;

inline std::int64_t ticks_to_ns(std::int64_t ticks, std::uint64_t ns_per_tick) noexcept {
  __extension__ using Wide = __int128;
  return static_cast<std::int64_t>((Wide{ticks} * static_cast<std::int64_t>(ns_per_tick)) >> 32);
}

}  // namespace detail

inline ClockReading read_clock() noexcept {
#if defined(__x86_64__)
  const detail::ClockAnchor& anchor = detail::clock_anchor;
  const std::uint32_t before = anchor.sequence.load(std::memory_order_acquire);
  const std::uint64_t anchor_ticks = anchor.ticks.load(std::memory_order_acquire);
  const std::uint64_t anchor_ns = anchor.unix_ns.load(std::memory_order_acquire);
  const std::uint64_t ns_per_tick = anchor.ns_per_tick.load(std::memory_order_acquire);
  const std::uint64_t max_ticks = anchor.max_ticks.load(std::memory_order_acquire);
  const std::uint32_t after = anchor.sequence.load(std::memory_order_relaxed);
  const std::uint64_t now = __rdtsc();
  const std::uint64_t distance = now - anchor_ticks;
  if (before == after && (before & 1) == 0 && distance < max_ticks) [[likely]] {
    return {anchor_ns + static_cast<std::uint64_t>(
                            detail::ticks_to_ns(static_cast<std::int64_t>(distance), ns_per_tick)),
            now};
  }
#endif
  return {detail::system_clock_ns(), 0};
}

/// The time now, for a span whose start was `start`: never before it, and as far from it as the
/// counter says, whatever was done to the system's clock meanwhile.
inline std::uint64_t read_clock_since(const ClockReading& start) noexcept {
#if defined(__x86_64__)
  if (start.ticks != 0) [[likely]] {
    const auto elapsed = static_cast<std::int64_t>(__rdtsc() - start.ticks);
    if (elapsed <= 0) return start.unix_ns;
    // A torn or newer rate does not matter: successive rates differ by less than a millionth.
    const std::uint64_t rate = detail::clock_anchor.ns_per_tick.load(std::memory_order_relaxed);
    return start.unix_ns + static_cast<std::uint64_t>(detail::ticks_to_ns(elapsed, rate));
  }
#endif
  const std::uint64_t now = detail::system_clock_ns();
  return now < start.unix_ns ? start.unix_ns : now;
}

/// Ties counter and clock together anew if the last time is long enough ago. Called about once a
/// second by the exporting threads, from any of them; the counter is in use from the second call
/// on. Without further calls `read_clock` falls back to the system's clock.
void tie_clock() noexcept;

}  // namespace signalbox::sdk

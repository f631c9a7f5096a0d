#include "sdk/common/clock.h"

#include <ctime>

#include "sdk/common/fork.h"

#if defined(__x86_64__)
#include <cpuid.h>
#include <fcntl.h>
#include <unistd.h>

#include <mutex>
#include <string_view>
#endif

namespace signalbox::sdk {
namespace detail {

constinit ClockAnchor clock_anchor;

std::uint64_t system_clock_ns() noexcept {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000U +
         static_cast<std::uint64_t>(now.tv_nsec);
}

}  // namespace detail

#if defined(__x86_64__)
namespace {

constexpr std::uint64_t kMinBaselineNs = 20'000'000;
// An anchor is refreshed every second; one this old has lost its thread, or the machine slept.
constexpr std::uint64_t kMaxAnchorAgeNs = 5'000'000'000;

/// Whether the counter runs at one rate in all power states, and the kernel keeps its own time by
/// it or by a hypervisor's clock that is derived from it.
bool counter_is_invariant() noexcept {
  unsigned a = 0;
  unsigned b = 0;
  unsigned c = 0;
  unsigned d = 0;
  if (__get_cpuid(0x80000007, &a, &b, &c, &d) == 0 || (d & (1U << 8)) == 0) return false;
  const int file = open("/sys/devices/system/clocksource/clocksource0/current_clocksource",
                        O_RDONLY | O_CLOEXEC);
  if (file < 0) return false;
  char buffer[64];
  const ssize_t size = read(file, buffer, sizeof(buffer));
  close(file);
  if (size <= 0) return false;
  std::string_view source(buffer, static_cast<std::size_t>(size));
  if (source.ends_with('\n')) source.remove_suffix(1);
  return source == "tsc" || source == "kvm-clock" || source == "hyperv_clocksource_tsc_page";
}

struct Tie {
  std::uint64_t ticks = 0;
  std::uint64_t unix_ns = 0;
  std::uint64_t monotonic_ns = 0;
};

/// Counter and clocks at the same moment: of a few tries the one least disturbed.
Tie take_tie() noexcept {
  Tie best;
  std::uint64_t best_width = UINT64_MAX;
  for (int attempt = 0; attempt < 5; ++attempt) {
    timespec monotonic{};
    const std::uint64_t before = __rdtsc();
    const std::uint64_t unix_ns = detail::system_clock_ns();
    const std::uint64_t after = __rdtsc();
    clock_gettime(CLOCK_MONOTONIC, &monotonic);
    const std::uint64_t end = __rdtsc();
    if (end - before >= best_width) continue;
    best_width = end - before;
    best.ticks = before + (after - before) / 2;
    best.unix_ns = unix_ns;
    best.monotonic_ns = static_cast<std::uint64_t>(monotonic.tv_sec) * 1'000'000'000U +
                        static_cast<std::uint64_t>(monotonic.tv_nsec);
  }
  return best;
}

ForkSafeMutex tie_mutex;
Tie last_tie;

}  // namespace

void tie_clock() noexcept {
  static const bool invariant = counter_is_invariant();
  if (!invariant) return;
  const std::scoped_lock lock(tie_mutex);
  const Tie tie = take_tie();
  if (last_tie.ticks == 0 || tie.ticks <= last_tie.ticks ||
      tie.monotonic_ns <= last_tie.monotonic_ns) {
    last_tie = tie;
    return;
  }
  // The rate is taken from the monotonic clock: it follows the wall clock's rate, but not its
  // jumps.
  const std::uint64_t elapsed_ns = tie.monotonic_ns - last_tie.monotonic_ns;
  if (elapsed_ns < kMinBaselineNs) return;
  const std::uint64_t elapsed_ticks = tie.ticks - last_tie.ticks;
  const double rate = static_cast<double>(elapsed_ns) / static_cast<double>(elapsed_ticks);
  last_tie = tie;

  detail::ClockAnchor& anchor = detail::clock_anchor;
  const std::uint32_t sequence = anchor.sequence.load(std::memory_order_relaxed);
  anchor.sequence.store(sequence + 1, std::memory_order_relaxed);
  // Each of these stores comes after the one above for whoever reads it.
  anchor.ticks.store(tie.ticks, std::memory_order_release);
  anchor.unix_ns.store(tie.unix_ns, std::memory_order_release);
  anchor.ns_per_tick.store(static_cast<std::uint64_t>(rate * 4294967296.0),
                           std::memory_order_release);
  anchor.max_ticks.store(static_cast<std::uint64_t>(static_cast<double>(kMaxAnchorAgeNs) / rate),
                         std::memory_order_release);
  anchor.sequence.store(sequence + 2, std::memory_order_release);
}

#else

void tie_clock() noexcept {}

#endif

}  // namespace signalbox::sdk

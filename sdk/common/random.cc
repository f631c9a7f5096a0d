#include "sdk/common/random.h"

#include <sys/random.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>

#include "sdk/common/fork.h"

namespace signalbox::sdk::detail {
namespace {

// In the child, the forking thread's generator would repeat the parent's ids.
void forget_seed() noexcept {
  random_state = {};
}

}  // namespace

constinit thread_local RandomState random_state;

void seed_random(RandomState& state) noexcept {
  static const bool registered = (at_fork_in_child(forget_seed), true);
  (void)registered;
  std::size_t filled = 0;
  while (filled < sizeof(state)) {
    const ssize_t got =
        getrandom(reinterpret_cast<char*>(&state) + filled, sizeof(state) - filled, GRND_NONBLOCK);
    if (got <= 0) break;
    filled += static_cast<std::size_t>(got);
  }
  if (filled < sizeof(state) || (state.s0 | state.s1) == 0) {
    // Early boot without entropy, or a forbidden system call: time, process and address still
    // differ between any two generators.
    const auto now =
        static_cast<std::uint64_t>(std::chrono::system_clock::now().time_since_epoch().count());
    state.s0 = now * 0x9e3779b97f4a7c15ULL ^ static_cast<std::uint64_t>(getpid());
    state.s1 = (reinterpret_cast<std::uintptr_t>(&state) * 0xbf58476d1ce4e5b9ULL) | 1;
  }
}

}  // namespace signalbox::sdk::detail

#pragma once

#include <bit>
#include <cstdint>

/// Random numbers for trace and span ids: fast, unpredictable enough not to collide, not secret.
namespace signalbox::sdk {

namespace detail {
struct RandomState {
  std::uint64_t s0 = 0;  // Both zero: not seeded yet.
  std::uint64_t s1 = 0;
};
extern constinit thread_local RandomState random_state;
/// Seeds the calling thread's generator from the operating system.
void seed_random(RandomState& state) noexcept;
}  // namespace detail

/// 64 random bits of the calling thread's own generator (xoroshiro128++, seeded with 128 bits from
/// the operating system; anew in a forked child).
inline std::uint64_t random_uint64() noexcept {
  detail::RandomState& state = detail::random_state;
  if ((state.s0 | state.s1) == 0) [[unlikely]] {
    detail::seed_random(state);
  }
  const std::uint64_t s0 = state.s0;
  std::uint64_t s1 = state.s1;
  const std::uint64_t result = std::rotl(s0 + s1, 17) + s0;
  s1 ^= s0;
  state.s0 = std::rotl(s0, 49) ^ s1 ^ (s1 << 21);
  state.s1 = std::rotl(s1, 28);
  return result;
}

}  // namespace signalbox::sdk

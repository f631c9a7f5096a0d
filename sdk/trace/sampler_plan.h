#pragma once

#include <signalbox/trace/sampler.h>

#include <array>
#include <bit>
#include <cstdint>
#include <cstring>

namespace signalbox::sdk {

/// One decision: the built-in samplers as plain numbers, so that asking them costs no call.
struct SamplerRule {
  enum class Kind : std::uint8_t { kAlwaysOff, kAlwaysOn, kRatio, kCustom };
  Kind kind = Kind::kAlwaysOn;
  std::uint64_t threshold = 0;  // kRatio: of the trace id's last 63 bits; sampled below.
  SamplerPtr sampler;           // kCustom; also keeps it alive.
};

/// Which rule decides, by what the parent is.
struct SamplerPlan {
  enum Case : std::uint8_t {
    kRoot,
    kRemoteSampled,
    kRemoteNotSampled,
    kLocalSampled,
    kLocalNotSampled,
  };
  std::array<SamplerRule, 5> rules;

  /// Of any sampler; null: parent-based, always_on for roots.
  static SamplerPlan of(const SamplerPtr& sampler);

  [[nodiscard]] static Case case_of(bool has_parent, bool remote, bool sampled) noexcept {
    if (!has_parent) return kRoot;
    return static_cast<Case>(1 + (remote ? 0 : 2) + (sampled ? 0 : 1));
  }
};

/// The last 63 bits of a trace id, which are random.
inline std::uint64_t sampling_bits(const trace::TraceId& trace_id) noexcept {
  std::uint64_t low = 0;
  std::memcpy(&low, trace_id.bytes().data() + 8, 8);
  return __builtin_bswap64(low) >> 1;
}

}  // namespace signalbox::sdk

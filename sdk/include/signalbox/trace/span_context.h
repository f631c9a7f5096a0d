#pragma once

#include <signalbox/detail/ref.h>
#include <signalbox/trace/trace_state.h>

#include <array>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>

namespace signalbox::trace {

namespace detail {
/// An identifier of `N` bytes; all zero means "none".
template <std::size_t N>
class Id {
 public:
  static constexpr std::size_t kSize = N;

  constexpr Id() noexcept = default;
  explicit constexpr Id(const std::array<std::uint8_t, N>& bytes) noexcept : bytes_(bytes) {}

  /// From exactly 2·N lower- or upper-case hexadecimal digits; else the invalid id.
  static Id from_hex(std::string_view hex) noexcept;

  /// Whether any byte is not zero.
  [[nodiscard]] bool is_valid() const noexcept {
    std::uint64_t any = 0;
    for (std::size_t i = 0; i < N; i += 8) {
      std::uint64_t word = 0;
      std::memcpy(&word, bytes_.data() + i, 8);
      any |= word;
    }
    return any != 0;
  }
  [[nodiscard]] const std::array<std::uint8_t, N>& bytes() const noexcept { return bytes_; }
  /// Lower-case hexadecimal digits, 2·N of them, without a terminating zero.
  void to_hex(std::span<char, 2 * N> out) const noexcept;
  [[nodiscard]] std::string to_hex() const {
    std::string hex(2 * N, '\0');
    to_hex(std::span<char, 2 * N>(hex.data(), 2 * N));
    return hex;
  }

  friend bool operator==(const Id& a, const Id& b) noexcept = default;
  friend auto operator<=>(const Id& a, const Id& b) noexcept = default;

 private:
  std::array<std::uint8_t, N> bytes_{};
};

extern template class Id<16>;
extern template class Id<8>;
}  // namespace detail

using TraceId = detail::Id<16>;
using SpanId = detail::Id<8>;

/// The 8 bits of a W3C `traceparent`.
enum TraceFlags : std::uint8_t {
  kTraceFlagsNone = 0x00,
  kTraceFlagsSampled = 0x01,
};

/// What identifies a span to others: it crosses process borders, and never changes.
///
/// Thread-safety: immutable; copy freely. It owns what it refers to.
class SpanContext {
 public:
  SpanContext() noexcept = default;
  SpanContext(const TraceId& trace_id, const SpanId& span_id, std::uint8_t flags,
              bool is_remote = false, TraceState trace_state = {}) noexcept
      : trace_id_(trace_id),
        span_id_(span_id),
        flags_(flags),
        is_remote_(is_remote),
        trace_state_(std::move(trace_state)) {}

  /// Whether both ids are.
  [[nodiscard]] bool is_valid() const noexcept {
    return trace_id_.is_valid() && span_id_.is_valid();
  }
  [[nodiscard]] bool is_sampled() const noexcept { return (flags_ & kTraceFlagsSampled) != 0; }
  /// Whether it came from another process.
  [[nodiscard]] bool is_remote() const noexcept { return is_remote_; }
  [[nodiscard]] const TraceId& trace_id() const noexcept { return trace_id_; }
  [[nodiscard]] const SpanId& span_id() const noexcept { return span_id_; }
  [[nodiscard]] std::uint8_t flags() const noexcept { return flags_; }
  [[nodiscard]] const TraceState& trace_state() const noexcept { return trace_state_; }

  friend bool operator==(const SpanContext& a, const SpanContext& b) noexcept = default;

 private:
  TraceId trace_id_;
  SpanId span_id_;
  std::uint8_t flags_ = 0;
  bool is_remote_ = false;
  TraceState trace_state_;
};

}  // namespace signalbox::trace

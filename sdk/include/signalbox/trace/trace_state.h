#pragma once

#include <signalbox/detail/ref.h>

#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace signalbox::trace {

namespace detail {
struct TraceStateData;
}

/// The vendors' part of a trace's context: at most 32 `key=value` members, newest first, as in a
/// W3C `tracestate` header.
///
/// Thread-safety: immutable; copies share one reference-counted text. The empty one costs nothing.
class TraceState {
 public:
  TraceState() noexcept = default;

  /// From the value of a `tracestate` header (several headers: joined by commas). Returns the empty
  /// state if any member is malformed, a key repeats or there are more than 32.
  static TraceState from_header(std::string_view header) noexcept;

  [[nodiscard]] bool empty() const noexcept { return !data_; }
  /// The header's value; empty if the state is. Valid as long as any copy of this state.
  [[nodiscard]] std::string_view to_header() const noexcept;
  /// The value of `key`.
  [[nodiscard]] std::optional<std::string_view> get(std::string_view key) const noexcept;
  /// A copy with `key` first and set to `value`; the last member falls out beyond 32. An unchanged
  /// copy if key or value is not what W3C allows.
  [[nodiscard]] TraceState set(std::string_view key, std::string_view value) const noexcept;
  /// A copy without `key`.
  [[nodiscard]] TraceState erase(std::string_view key) const noexcept;

  friend bool operator==(const TraceState& a, const TraceState& b) noexcept {
    return a.to_header() == b.to_header();
  }

  /// For the SDK: the shared text, or null.
  [[nodiscard]] const signalbox::detail::Ref<detail::TraceStateData>& data() const noexcept {
    return data_;
  }
  /// For the SDK.
  explicit TraceState(signalbox::detail::Ref<detail::TraceStateData> data) noexcept
      : data_(std::move(data)) {}

 private:
  signalbox::detail::Ref<detail::TraceStateData> data_;
};

namespace detail {
struct TraceStateData final : signalbox::detail::RefCounted {
  explicit TraceStateData(std::string text) : header(std::move(text)) {}
  const std::string header;
};
}  // namespace detail

}  // namespace signalbox::trace

#pragma once

#include <signalbox/detail/ref.h>

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace signalbox::context {

/// One name and value that travel with a request through all services.
struct BaggageEntry {
  std::string key;       ///< A W3C token: non-empty, no spaces or separators.
  std::string value;     ///< Any UTF-8; percent-encoded on the wire.
  std::string metadata;  ///< The properties after the first `;`, verbatim; usually empty.

  friend bool operator==(const BaggageEntry& a, const BaggageEntry& b) = default;
};

namespace detail {
struct BaggageData final : signalbox::detail::RefCounted {
  explicit BaggageData(std::vector<BaggageEntry> list) : entries(std::move(list)) {}
  const std::vector<BaggageEntry> entries;
};
}  // namespace detail

/// The baggage of a context: at most 64 entries with distinct keys, 8192 bytes in all, as W3C
/// allows.
///
/// Thread-safety: immutable; copies share one reference-counted list. The empty one costs nothing.
class Baggage {
 public:
  static constexpr std::size_t kMaxEntries = 64;
  static constexpr std::size_t kMaxBytes = 8192;

  Baggage() noexcept = default;

  [[nodiscard]] bool empty() const noexcept { return !data_; }
  /// Valid as long as any copy of this baggage.
  [[nodiscard]] std::span<const BaggageEntry> entries() const noexcept {
    if (!data_) return {};
    return data_->entries;
  }
  [[nodiscard]] std::optional<std::string_view> get(std::string_view key) const noexcept;
  /// A copy in which `key` has `value`. An unchanged copy if the key is no token, the
  /// metadata is not printable ASCII or has a comma, or a limit is met.
  [[nodiscard]] Baggage set(std::string_view key, std::string_view value,
                            std::string_view metadata = {}) const noexcept;
  /// A copy without `key`.
  [[nodiscard]] Baggage erase(std::string_view key) const noexcept;

  /// For the SDK.
  [[nodiscard]] const signalbox::detail::Ref<detail::BaggageData>& data() const noexcept {
    return data_;
  }
  /// For the SDK.
  explicit Baggage(signalbox::detail::Ref<detail::BaggageData> data) noexcept
      : data_(std::move(data)) {}

 private:
  signalbox::detail::Ref<detail::BaggageData> data_;
};

}  // namespace signalbox::context

#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string_view>

namespace signalbox::server::retention {

enum class Signal : std::uint8_t { kTraces, kLogs, kMetrics };
inline constexpr std::array<Signal, 3> kSignals = {Signal::kTraces, Signal::kLogs,
                                                   Signal::kMetrics};

/// "traces", "logs", "metrics".
std::string_view name_of(Signal signal);

/// How long data is kept.
struct Policy {
  /// By Signal, from the receipt; 0: for ever. What is older goes by whole days.
  std::array<std::chrono::seconds, 3> keep{std::chrono::hours(15 * 24), std::chrono::hours(15 * 24),
                                           std::chrono::hours(15 * 24)};
  /// Of all data; the oldest days beyond it go. 0: no limit.
  std::uint64_t max_disk_bytes = 0;

  [[nodiscard]] std::chrono::seconds of(Signal signal) const {
    return keep.at(static_cast<std::size_t>(signal));
  }
  [[nodiscard]] std::chrono::seconds& of(Signal signal) {
    return keep.at(static_cast<std::size_t>(signal));
  }
  friend bool operator==(const Policy&, const Policy&) = default;
};

/// Which signal's data a table of the store holds; nothing if it describes others' rows, which are
/// few and needed as long as any of these is there.
std::optional<Signal> signal_of_table(std::string_view table);

}  // namespace signalbox::server::retention

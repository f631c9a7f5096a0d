#pragma once

#include <algorithm>
#include <chrono>
#include <cstddef>

namespace signalbox::server::net {

/// How slowly one side may send or take a body before it is given up: a longest silence, a least
/// number of bytes in each stretch of time, and a time for the whole.
///
/// Without the least rate, a byte now and then would hold the memory of a large body for ever.
/// Not thread-safe; the clock is the caller's.
class Pace {
 public:
  using TimePoint = std::chrono::steady_clock::time_point;

  struct Limits {
    std::chrono::milliseconds silence{};
    std::chrono::milliseconds stretch{};
    std::size_t bytes_in_stretch = 0;
    std::chrono::milliseconds whole{};
  };

  Pace(const Limits& limits, TimePoint now)
      : limits_(limits), began_(now), last_(now), stretch_began_(now) {}

  /// `bytes` have come, or have been taken.
  void progress(std::size_t bytes, TimePoint now) noexcept {
    last_ = now;
    if (now - stretch_began_ >= limits_.stretch) {
      stretch_began_ = now;
      stretch_bytes_ = 0;
    }
    stretch_bytes_ += bytes;
  }

  /// When it is too slow if nothing more comes.
  [[nodiscard]] TimePoint deadline() const noexcept {
    const bool enough = stretch_bytes_ >= limits_.bytes_in_stretch;
    return std::min({last_ + limits_.silence, began_ + limits_.whole,
                     stretch_began_ + limits_.stretch * (enough ? 2 : 1)});
  }

 private:
  Limits limits_;
  TimePoint began_;
  TimePoint last_;
  TimePoint stretch_began_;
  std::size_t stretch_bytes_ = 0;
};

}  // namespace signalbox::server::net

#pragma once

#include <chrono>

namespace signalbox {

/// Wall-clock time in nanoseconds since the Unix epoch, whatever the standard library's clock
/// ticks.
using Timestamp = std::chrono::time_point<std::chrono::system_clock, std::chrono::nanoseconds>;

}  // namespace signalbox

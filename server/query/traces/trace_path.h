#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace signalbox::server::query {

struct TimedSpan {
  std::int64_t start_ns = 0;
  std::int64_t end_ns = 0;   ///< Before the start is taken as the start.
  std::int32_t parent = -1;  ///< Index, or kNoParent; see parent_indexes.
};

/// Of one span, nanoseconds.
struct SpanTimes {
  std::int64_t self_ns = 0;      ///< When no child ran.
  std::int64_t critical_ns = 0;  ///< When the end of its root waited for this very span.
};

/// Self time and critical path of each span, in their order. O(n log n).
///
/// The path is the walk back from the end of each root that CRISP does (Zhang et al., "CRISP:
/// Critical Path Analysis of Large-Scale Microservice Architectures", USENIX ATC 2022): at the end
/// the span waited for the child that ended last; before that one began, for the child that ended
/// last of the others, and so on, and within each child likewise. Two things are different: a child
/// that still runs when a later one begins counts until then, and what a child does before its
/// parent begins or after it has ended (clocks that differ, asynchronous work) is cut off.
///
/// So the critical times of the spans below a root add up to its duration.
std::vector<SpanTimes> times_of_spans(std::span<const TimedSpan> spans);

}  // namespace signalbox::server::query

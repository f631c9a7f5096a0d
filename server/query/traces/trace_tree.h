#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace signalbox::server::query {

/// A span's place in its trace. Ids are their eight bytes in any fixed order.
struct SpanLink {
  std::uint64_t span_id = 0;
  std::uint64_t parent_span_id = 0;  ///< 0: it has none.
};

/// In place of an index: the span is a root.
inline constexpr std::int32_t kNoParent = -1;

/// The index of each span's parent, such that following them always ends at a root; fewer than
/// 2^31 spans. Of spans with one id the first is the parent. Spans whose parent is not among them
/// become roots, and so does, of each loop of parents, the one that the walk from the first span
/// comes to last.
std::vector<std::int32_t> parent_indexes(std::span<const SpanLink> spans);

/// All spans such that each stands behind its parent.
std::vector<std::int32_t> parents_first(std::span<const std::int32_t> parents);

}  // namespace signalbox::server::query

#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/query/plan/session.h"
#include "server/query/traces/skeleton_spans.h"

namespace signalbox::server::query {

/// Below this depth, spans are counted where their ancestor is.
inline constexpr std::size_t kMaxPathDepth = 64;

/// Of the spans of one trace that have the same path. Sums that exceed a number end at its limit.
struct PathTotals {
  std::uint64_t spans = 0;
  std::uint64_t errors = 0;
  std::int64_t duration_ns = 0;
  std::int64_t self_ns = 0;
};

/// Service and name of a span, behind those of its ancestors from the root on.
using SpanPath = std::vector<std::pair<std::string_view, std::string_view>>;

struct ComparedPath {
  SpanPath path;  ///< The texts lie where those of the spans do.
  std::array<PathTotals, 2> traces;

  /// Of the self times; negative if the second trace took less.
  [[nodiscard]] std::int64_t difference_ns() const { return traces[1].self_ns - traces[0].self_ns; }
};

/// The paths of two traces: those whose self times differ most first, among equals by path.
std::vector<ComparedPath> compare_paths(const std::vector<SkeletonSpan>& first,
                                        const std::vector<SkeletonSpan>& second);

/// The answer to GET /api/v1/traces/compare, as JSON: the first `limit` paths of the traces (32
/// hexadecimal digits each). Errors: QueryError, kNotFound if there is no such trace.
std::string compare_traces(Session& session, std::string_view first, std::string_view second,
                           std::uint32_t limit);

}  // namespace signalbox::server::query

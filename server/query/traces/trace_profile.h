#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "server/query/plan/selection.h"
#include "server/query/plan/session.h"
#include "server/query/traces/skeleton_spans.h"

namespace signalbox::server::query {

/// As many spans are looked at for one profile.
inline constexpr std::uint32_t kMaxProfileSpans = 200'000;
/// As many operations are listed.
inline constexpr std::size_t kMaxProfileOperations = 200;

/// Of the spans of some traces that belong together. Sums that exceed a number end at its limit.
struct ProfileTotals {
  std::uint64_t traces = 0;  ///< That have any of the spans.
  std::uint64_t spans = 0;
  std::uint64_t errors = 0;
  std::int64_t duration_ns = 0;
  std::int64_t self_ns = 0;      ///< See SpanTimes.
  std::int64_t critical_ns = 0;  ///< See SpanTimes.
};

struct OperationProfile {
  std::string_view service_name;
  std::string_view name;
  std::int32_t kind = 0;
  ProfileTotals totals;
  std::vector<std::int64_t> durations_ns;  ///< Of each span, ascending.

  /// The least duration that at least the share `q` (0 to 1) of the spans do not exceed.
  [[nodiscard]] std::int64_t quantile_ns(double q) const;
};

struct ServiceProfile {
  std::string_view name;
  ProfileTotals totals;
};

/// Where traces spent their time: those that made them last longest first.
struct TraceProfile {
  ProfileTotals totals;
  std::vector<ServiceProfile> services;
  std::vector<OperationProfile> operations;
};

/// Of traces, each with its spans by start. The texts lie where those of the spans do.
TraceProfile profile_of(const std::vector<std::vector<SkeletonSpan>>& traces);

/// The answer to GET /api/v1/traces/profile, as JSON: of `limit` (1 to 1,000) of the traces that
/// have a span of `selection`, chosen by a hash of their ids, and so the same ones for the same
/// data. Errors: QueryError.
std::string get_trace_profile(Session& session, const Selection& selection, std::uint32_t limit);

}  // namespace signalbox::server::query

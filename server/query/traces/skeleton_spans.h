#pragma once

#include <algorithm>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "server/query/plan/rows.h"
#include "server/query/plan/session.h"
#include "server/query/traces/trace_path.h"
#include "server/query/traces/trace_tree.h"

namespace signalbox::server::query {

/// As openapi.yaml describes the column `flags`.
enum SkeletonFlag : std::uint8_t {
  kHasEvents = 1,
  kHasLinks = 2,
  kSharesId = 4,
  kParentMissing = 8,
};

/// What is small of a span. Its texts lie in the reader that read it.
struct SkeletonSpan {
  SpanLink link;
  std::int64_t start_ns = 0;
  std::int64_t duration_ns = 0;
  std::string_view service_name;
  std::string_view name;
  std::int32_t kind = 0;
  std::int32_t status_code = 0;
  std::uint8_t flags = 0;

  /// Not before the start.
  [[nodiscard]] std::int64_t end_ns() const {
    const std::int64_t left = std::numeric_limits<std::int64_t>::max() - start_ns;
    return start_ns + std::clamp(duration_ns, std::int64_t{0}, left);
  }
  [[nodiscard]] bool is_error() const { return status_code == 2; }
  /// The bytes of ids compare as in the engine.
  [[nodiscard]] auto order() const {
    return std::tuple(start_ns, __builtin_bswap64(link.span_id), duration_ns, name);
  }
};

/// Reads one from a row of: span_id, parent_span_id, start in ns, duration_ns, service_name, name,
/// kind, status_code, and whether it has events and links.
SkeletonSpan read_skeleton_span(RowReader& row);

/// Reads the spans of one trace by start time: only what is small of them. A span that was sent
/// twice is one.
///
/// Thread-safety: one thread. Lifetime: `session` outlives it, and it the spans' texts.
class SkeletonReader {
 public:
  /// `trace_id` is 32 hexadecimal digits. Throws QueryError.
  SkeletonReader(Session& session, std::string_view trace_id);

  /// kMaxTraceSpans at most. Throws QueryError, kNotFound if there is no such trace.
  std::vector<SkeletonSpan> run();
  /// Whether the trace has more spans.
  [[nodiscard]] bool is_truncated() const noexcept { return is_truncated_; }

 private:
  bool read_first();
  void read_repeated();

  Session& session_;
  const std::string trace_id_;
  const std::string of_trace_;
  std::vector<SkeletonSpan> spans_;
  bool is_truncated_ = false;
  std::string first_data_;
  std::string repeated_data_;
};

/// The tree of a trace, and the times of its spans, in the order of the spans.
struct SkeletonTree {
  std::vector<std::int32_t> parents;  ///< See parent_indexes.
  std::vector<SpanTimes> times;
};

/// Adds to a sum that ends at the greatest number.
void add_up(std::int64_t& sum, std::int64_t value);

/// From the first start to the last end; `spans` as they were read.
std::int64_t duration_ns_of(const std::vector<SkeletonSpan>& spans);

SkeletonTree arrange(const std::vector<SkeletonSpan>& spans);

}  // namespace signalbox::server::query

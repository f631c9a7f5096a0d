#pragma once

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

#include "server/query/json/json.h"
#include "server/query/plan/rows.h"
#include "server/query/plan/sql.h"
#include "server/query/plan/time_range.h"

/// Rate, errors and duration of the spans that count as a service's requests, and its Apdex.
namespace signalbox::server::query {

/// About so many buckets have the charts of a service, so that they can be laid over one another.
inline constexpr std::int64_t kChartBuckets = 90;

/// Which spans of a service count as its requests: it has the highest class that occurs; the field
/// is_entry_point says it of a span.
enum SpanClass : std::uint8_t { kInner = 0, kRoot = 1, kEntry = 2 };

/// SQL (UInt8) for the class of a row that has `kind`; `is_root_sql` holds if it has no parent.
[[nodiscard]] std::string class_sql(std::string_view is_root_sql);

/// By the Apdex Technical Specification 1.1: of all requests the share of those that took
/// `threshold_ns` at most, and half of those that took up to four times as long; a request that
/// failed satisfies nobody, however fast.
struct Apdex {
  static constexpr std::int64_t kDefaultNs = 500'000'000;
  /// So that four times of it is still a duration.
  static constexpr std::int64_t kMostNs = 1'000'000'000'000'000'000;

  std::int64_t threshold_ns = kDefaultNs;  ///< > 0.

  [[nodiscard]] std::int64_t tolerated_ns() const noexcept { return 4 * threshold_ns; }
};

/// 500 ms of "500ms", as filters have durations; a number without a unit is nanoseconds. Throws
/// QueryError about "apdex".
[[nodiscard]] Apdex parse_apdex(std::string_view text);

struct Red {
  std::uint64_t count = 0;
  std::uint64_t errors = 0;
  double p50 = std::numeric_limits<double>::quiet_NaN();
  double p90 = p50;
  double p99 = p50;
  double apdex = p50;      ///< NaN if there are none.
  double apdex_error = 0;  ///< How far it is off at most; 0 where spans were counted.
};

/// Columns of spans, for `read_red_of_spans`; it is given those of the quantiles in the middle.
[[nodiscard]] std::string satisfied_spans_sql(const Apdex& apdex, Parameters& parameters);
[[nodiscard]] std::string tolerated_spans_sql(const Apdex& apdex, Parameters& parameters);
/// Reads: spans; errors; quantiles 0.5, 0.9 and 0.99 (Array(Float64), or empty); spans satisfied
/// and spans at least tolerated (UInt64).
[[nodiscard]] Red read_red_of_spans(RowReader& row);

/// Columns of `operation_minutes` (with status_code among its keys), for `read_red_of_minutes`.
inline constexpr std::string_view kRedOfMinutesSql =
    "sum(spans), sum(errors), CAST(sumMap(durations), 'Array(Tuple(UInt16, UInt64))'), "
    "CAST(sumMapIf(durations, status_code != 2), 'Array(Tuple(UInt16, UInt64))'), "
    "min(min_ns), max(max_ns)";
[[nodiscard]] Red read_red_of_minutes(RowReader& row, const Apdex& apdex);

/// `part` / `whole`; 0 of nothing.
[[nodiscard]] double ratio(std::uint64_t part, std::uint64_t whole) noexcept;
/// Of `count` things in the range.
[[nodiscard]] double per_second(std::uint64_t count, const TimeRange& range) noexcept;

/// Writes members into an open object.
void write_red(const Red& red, const TimeRange& range, JsonWriter& json);

}  // namespace signalbox::server::query

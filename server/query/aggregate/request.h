#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/query/aggregate/formula.h"
#include "server/query/language/filter.h"
#include "server/query/metrics/metrics.h"
#include "server/query/plan/fields.h"
#include "server/query/plan/time_range.h"

namespace signalbox::server::query {

/// What is computed of the records of a group.
struct Measure {
  enum class Kind : std::uint8_t {
    kCount,          ///< Of the records, or of those that have `field`.
    kRate,           ///< The same per second.
    kCountDistinct,  ///< Values of `field`.
    kSum,
    kAvg,
    kMin,
    kMax,
    kFirst,  ///< The value of the earliest record …
    kLast,   ///< … and of the latest.
    kQuantile,
    kHistogram,  ///< How many records have which value.
  };
  Kind kind = Kind::kCount;
  double quantile = 0;    ///< Of kQuantile; between 0 and 1.
  std::string field;      ///< Empty: none.
  FilterNode filter;      ///< Of those of the query's records that count.
  std::string name;       ///< In the answer: "p99(duration)".
  Aggregation of_metric;  ///< Instead of all these, for a query of a metric.
};

/// Groups stay of which it holds.
struct Having {
  std::size_t measure = 0;
  FilterOperator comparison = FilterOperator::kGreater;  ///< kEqual, or one of order.
  double value = 0;                                      ///< Finite.
};

/// One aggregate query about spans, log records or the series of a metric.
struct AggregateQuery {
  std::string name;
  Signal signal = Signal::kTraces;
  std::string metric;       ///< Of kMetrics.
  std::string metric_type;  ///< As MetricQuery::type.
  TimeRange range;          ///< Shifted.
  FilterNode filter;
  std::vector<Measure> measures;      ///< 1 to 10; a histogram is alone.
  std::vector<std::string> group_by;  ///< Fields; at most 8.
  std::optional<Buckets> buckets;     ///< Over time, of `range`; nothing: one value a group.
  std::size_t order_by = 0;           ///< Index of a measure.
  bool is_ascending = false;
  std::uint32_t limit = 100;  ///< Groups; 1 to 1000.
  bool with_rest = false;     ///< All further groups as one.
  std::vector<Having> having;
  std::int64_t shift_ns = 0;  ///< How much earlier `range` is than the request's; ≥ 0.
};

struct NamedFormula {
  std::string name;
  std::string text;
  Formula formula;
};

/// The body of POST /api/v1/query.
struct AggregateRequest {
  std::vector<AggregateQuery> queries;  ///< 1 to 10.
  std::vector<NamedFormula> formulas;   ///< At most 10; they name queries that there are.
};

/// Reads it. Without `start` and `end`, the 15 minutes before `now_ns`. Throws QueryError whose
/// parameter is the path of what is wrong: "queries.a.aggregations[0].op".
AggregateRequest parse_aggregate_request(std::string_view json, std::int64_t now_ns);

/// More points of a series are refused, …
inline constexpr std::int64_t kMaxSeriesPoints = 2'000;
/// … and so are more of all groups and aggregations of a query.
inline constexpr std::int64_t kMaxQueryPoints = 1'000'000;

}  // namespace signalbox::server::query

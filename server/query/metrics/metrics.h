#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/query/language/filter.h"
#include "server/query/plan/session.h"
#include "server/query/plan/time_range.h"

namespace signalbox::server::query {

/// What is drawn of a metric.
struct Aggregation {
  enum class Kind : std::uint8_t {
    kPercentile,
    kAvg,
    kRate,
    kIncrease,
    kSum,
    kLast,
    kMin,
    kMax,
    kCount,
  };
  Kind kind = Kind::kAvg;
  double percentile = 0;  ///< Of kPercentile; from 0 to 100.

  friend bool operator==(const Aggregation&, const Aggregation&) = default;
};

/// Those that have a name of their own here.
namespace aggregations {
using Kind = Aggregation::Kind;
inline constexpr Aggregation kP50{Kind::kPercentile, 50};
inline constexpr Aggregation kP90{Kind::kPercentile, 90};
inline constexpr Aggregation kP99{Kind::kPercentile, 99};
inline constexpr Aggregation kAvg{Kind::kAvg};
inline constexpr Aggregation kRate{Kind::kRate};
inline constexpr Aggregation kIncrease{Kind::kIncrease};
inline constexpr Aggregation kSum{Kind::kSum};
inline constexpr Aggregation kLast{Kind::kLast};
inline constexpr Aggregation kMin{Kind::kMin};
inline constexpr Aggregation kMax{Kind::kMax};
inline constexpr Aggregation kCount{Kind::kCount};
}  // namespace aggregations

/// "rate", "p99.9" and so on; nothing if there is no such aggregation.
std::optional<Aggregation> parse_aggregation(std::string_view name);
std::string aggregation_name(Aggregation aggregation);

struct MetricQuery {
  std::string name;
  std::string type;  ///< As in metric_series_rows, or "" for the type that was sent last.
  TimeRange range;
  std::int64_t step_ns = 0;  ///< 0: chosen.
  std::vector<std::string> group_by;
  std::vector<Aggregation> aggregations;  ///< Empty: the one that fits the type.
  FilterNode filter;
  bool exemplars = false;
};

/// The answer to GET /api/v1/metrics, as JSON. `service` "" for all. Errors: QueryError.
std::string list_metrics(Session& session, const TimeRange& range,
                         std::optional<std::string_view> service);

/// The answer to GET /api/v1/metrics/query, as JSON. Errors: QueryError.
std::string query_metric(Session& session, const MetricQuery& query);

/// One group of a metric's series.
struct MetricGroup {
  std::vector<std::string> labels;  ///< One for each of `group_by`; "" where there is none.
  std::vector<double> values;       ///< By bucket; NaN: none.
};

struct MetricGroups {
  std::string unit;
  std::vector<MetricGroup> groups;  ///< Those of the largest latest values first.
  std::uint64_t count = 0;          ///< With those left out.
};

/// The same of its one aggregation, in `buckets` instead of those that would be chosen; of
/// `max_groups` at most.
MetricGroups read_metric(Session& session, const MetricQuery& query, const Buckets& buckets,
                         int max_groups);

}  // namespace signalbox::server::query

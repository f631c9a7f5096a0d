#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/query/filter.h"
#include "server/query/session.h"
#include "server/query/time_range.h"

namespace signalbox::server::query {

enum class Aggregation : std::uint8_t {
  kP50,
  kP90,
  kP99,
  kAvg,
  kRate,
  kIncrease,
  kSum,
  kLast,
  kMin,
  kMax,
  kCount,
};

/// "p50" and so on; nothing if there is no such aggregation.
std::optional<Aggregation> parse_aggregation(std::string_view name);
std::string_view aggregation_name(Aggregation aggregation);

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

}  // namespace signalbox::server::query

#include "server/query/services/edges.h"

#include "server/query/plan/durations.h"
#include "server/query/plan/fields.h"
#include "server/query/plan/settled_minutes.h"

namespace signalbox::server::query {
namespace {

/// Between the starts of the two spans of a call; also what clocks may differ by.
constexpr std::int64_t kMostApartNs = 5 * kMinuteNs;

/// The calls whose called spans start in `range`; of both their spans `condition` holds, which has
/// " AND " at its end.
std::string calls_of_spans(const TimeRange& range, const std::string& condition,
                           Parameters& parameters) {
  const std::string clients = "SELECT trace_id, span_id, service_name AS client, " +
                              duration_bucket_sql("duration_ns") +
                              " AS client_bucket, status_code = 2 AS client_failed, "
                              "true AS is_found\n      FROM span_rows WHERE kind IN (3, 4) AND " +
                              condition + in_range("start_time", around(range), parameters);
  const std::string servers =
      "SELECT trace_id, parent_span_id AS span_id, service_name AS server, kind, " +
      duration_bucket_sql("duration_ns") +
      " AS server_bucket, status_code = 2 AS server_failed\n      FROM span_rows WHERE " +
      std::string(kTakesRequestsSql) + " AND NOT " + std::string(kIsRootSql) + " AND " + condition +
      in_range("start_time", range, parameters);
  // Each called span counts once, however often its caller's span was sent. The few called ones are
  // held in memory, the many that may have called them pass by.
  return "SELECT client, server, kind, sum(n) AS calls, sum(failed) AS errors, "
         "sumMap(map(client_bucket, n)) AS client_durations, "
         "sumMap(map(server_bucket, n)) AS server_durations\n"
         "  FROM (SELECT client, server, kind, client_bucket, server_bucket, count() AS n, "
         "countIf(client_failed OR server_failed) AS failed\n    FROM (" +
         clients + ") AS clients\n    ANY RIGHT JOIN (" + servers +
         ") AS servers USING (trace_id, span_id)\n"
         "    WHERE is_found AND client != server GROUP BY ALL)\n  GROUP BY client, server, kind";
}

std::string calls_of_minutes(const TimeRange& whole, Parameters& parameters) {
  return "SELECT client, server, kind, calls, errors, client_durations, server_durations\n"
         "  FROM span_edge_rows WHERE " +
         in_range("minute", whole, parameters);
}

}  // namespace

std::string of_resources(const ResourceFilter& filter, Parameters& parameters) {
  if (filter.is_empty()) return {};
  std::string condition = "true";
  if (!filter.environment.empty()) {
    const std::string value = parameters.bind(filter.environment);
    condition += " AND (attributes['deployment.environment.name'] = " + value +
                 " OR attributes['deployment.environment'] = " + value + ")";
  }
  if (!filter.service_namespace.empty()) {
    condition += " AND service_namespace = " + parameters.bind(filter.service_namespace);
  }
  return with_resource(condition) + " AND ";
}

TimeRange around(const TimeRange& range) noexcept {
  return {range.start_ns - kMostApartNs, range.end_ns + kMostApartNs};
}

std::string service_edges(const TimeRange& range, const ResourceFilter& filter,
                          Parameters& parameters) {
  const auto whole = settled_minutes(range, 1);
  if (!filter.is_empty() || !whole) {
    return "(" + calls_of_spans(range, of_resources(filter, parameters), parameters) + ")";
  }
  std::string sql = "(" + calls_of_minutes(*whole, parameters);
  const auto add = [&](const TimeRange& part, const std::string& condition) {
    sql += "\n  UNION ALL " + calls_of_spans(part, condition, parameters);
  };
  if (range.start_ns < whole->start_ns) add({range.start_ns, whole->start_ns}, "");
  if (whole->end_ns < range.end_ns) add({whole->end_ns, range.end_ns}, "");
  add(*whole, std::string(kBeforeSideTablesSql) + " AND ");
  return sql + ")";
}

}  // namespace signalbox::server::query

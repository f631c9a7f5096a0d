#include "server/query/plan/active_series.h"

#include "server/query/plan/settled_minutes.h"

namespace signalbox::server::query {
namespace {

constexpr std::int64_t kHourNs = 3'600'000'000'000;
/// Of whole hours; with fewer there is little to gain.
constexpr std::int64_t kFewHours = 2;

std::string with_points(const std::string& where) {
  std::string sql;
  for (const std::string table : {"metric_number_rows", "metric_histogram_rows",
                                  "metric_exponential_histogram_rows", "metric_summary_rows"}) {
    if (!sql.empty()) sql += "\n  UNION ALL ";
    sql += "SELECT series_id, max(time) AS last FROM ";
    sql += table;
    sql += " WHERE " + where + " GROUP BY series_id";
  }
  return sql;
}

}  // namespace

std::string active_series(const TimeRange& range, Parameters& parameters) {
  const TimeRange whole = {(range.start_ns + kHourNs - 1) / kHourNs * kHourNs,
                           range.end_ns / kHourNs * kHourNs};
  if (whole.length_ns() < kFewHours * kHourNs) {
    return with_points(in_range("time", range, parameters));
  }
  std::string sql =
      "SELECT series_id, max(toDateTime64(hour, 9, 'UTC')) AS last FROM metric_series_hour_rows "
      "WHERE " +
      in_range("hour", whole, parameters) + " GROUP BY series_id";
  const auto add = [&](const std::string& where) { sql += "\n  UNION ALL " + with_points(where); };
  if (range.start_ns < whole.start_ns) {
    add(in_range("time", {range.start_ns, whole.start_ns}, parameters));
  }
  if (whole.end_ns < range.end_ns) {
    add(in_range("time", {whole.end_ns, range.end_ns}, parameters));
  }
  // What was stored before there was the side table.
  add(std::string(kBeforeSideTablesSql) + " AND " + in_range("time", whole, parameters));
  return sql;
}

}  // namespace signalbox::server::query

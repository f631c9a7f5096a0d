#include "server/query/plan/operation_minutes.h"

#include "server/query/plan/durations.h"
#include "server/query/plan/fields.h"
#include "server/query/plan/settled_minutes.h"

namespace signalbox::server::query {
namespace {

/// Of whole minutes; with fewer there is little to gain.
constexpr std::int64_t kFewMinutes = 10;

/// The identity of the latest block that the side table has: blocks come in order, so it has all
/// that came before.
constexpr std::string_view kLatestBlockSql = "(SELECT max(received) FROM span_minute_rows)";

/// The spans that `where` selects, counted as the side table does. Duration by duration first: a
/// map is made of a group, not of a span.
std::string counted_spans(const std::string& keys, const std::string& where) {
  return "SELECT " + keys +
         ", minute_ns, sum(n) AS spans, sum(failed) AS errors, min(least) AS min_ns, "
         "max(most) AS max_ns, sum(total) AS sum_ns, max(last) AS last_ns, "
         "CAST((groupArray(bucket), groupArray(n)), 'Map(UInt16, UInt64)') AS durations\n"
         "  FROM (SELECT " +
         keys +
         ", intDiv(toUnixTimestamp64Nano(start_time), 60000000000) * 60000000000 AS minute_ns, " +
         duration_bucket_sql("duration_ns") +
         " AS bucket, "
         "count() AS n, countIf(status_code = 2) AS failed, min(duration_ns) AS least, "
         "max(duration_ns) AS most, sum(toFloat64(duration_ns)) AS total, "
         "toUnixTimestamp64Nano(max(start_time)) AS last\n"
         "    FROM (SELECT *, " +
         std::string(kIsRootSql) + " AS is_root FROM span_rows WHERE " + where +
         ")\n    GROUP BY ALL)\n  GROUP BY ALL";
}

}  // namespace

bool has_operation_minutes(const TimeRange& range, std::int64_t step_ns) {
  return step_ns % kMinuteNs == 0 && whole_minutes(range, kFewMinutes).has_value();
}

std::string operation_minutes(const std::string& keys, const std::string& condition,
                              const TimeRange& range, Parameters& parameters) {
  const TimeRange whole =
      whole_minutes(range, kFewMinutes).value_or(TimeRange{range.end_ns, range.end_ns});
  const std::string latest(kLatestBlockSql);
  const std::string before_side_tables(kBeforeSideTablesSql);
  const std::string minutes = in_range("minute", whole, parameters);
  std::string sql = "(SELECT " + keys +
                    ", toInt64(toUnixTimestamp(minute)) * 1000000000 AS minute_ns, spans, "
                    "if(status_code = 2, spans, 0) AS errors, min_ns, max_ns, sum_ns, "
                    "toUnixTimestamp64Nano(last_start) "
                    "AS last_ns, durations\n  FROM span_minute_rows WHERE " +
                    condition + minutes +
                    // Rows that came since `latest` was read are of spans counted below: again.
                    " AND throwIf(received > " + latest + ") = 0";
  const auto add = [&](const std::string& where) {
    sql += "\n  UNION ALL " + counted_spans(keys, condition + where);
  };
  if (range.start_ns < whole.start_ns) {
    add(in_range("start_time", {range.start_ns, whole.start_ns}, parameters));
  }
  if (whole.end_ns < range.end_ns) {
    add(in_range("start_time", {whole.end_ns, range.end_ns}, parameters));
  }
  const std::string of_minutes = " AND " + in_range("start_time", whole, parameters);
  add(before_side_tables + of_minutes);
  add("received > " + latest + " AND NOT (" + before_side_tables + ")" + of_minutes);
  return sql + ")";
}

}  // namespace signalbox::server::query

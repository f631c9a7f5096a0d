#include "server/query/metrics/metric_sql.h"

#include <algorithm>
#include <string_view>

namespace signalbox::server::query {
namespace {

constexpr std::int64_t kHourNs = 3'600'000'000'000;
constexpr std::int64_t kDayNs = 24 * kHourNs;
constexpr std::int64_t kMinLookbackNs = 300'000'000'000;
/// Points of one export lie no further apart.
constexpr std::int64_t kExportNs = 1'000'000'000;

std::string num(std::int64_t value) {
  return "toInt64(" + std::to_string(value) + ")";
}

/// How far before the range the point before is looked for.
std::int64_t lookback_ns(const MetricSource& source) {
  return std::max(kMinLookbackNs, 4 * source.interval_ns);
}

std::string times(std::int64_t from_ns, std::int64_t until_ns) {
  return "time >= fromUnixTimestamp64Nano(" + num(from_ns) +
         ") AND time < fromUnixTimestamp64Nano(" + num(until_ns) + ")";
}

/// WHERE of the points of the series whose temporality fulfils `temporality`.
std::string points(const MetricSource& source, const std::string& temporality, std::int64_t from_ns,
                   std::int64_t until_ns) {
  return "metric_name = " + source.name + " AND series_id IN (SELECT series_id FROM (" +
         source.series + ") WHERE " + temporality + ") AND " + times(from_ns, until_ns);
}

/// The points after the range that tell what happened in its last bucket.
std::int64_t until_ns(const MetricSource& source) {
  return source.buckets.end_ns() + 2 * source.interval_ns;
}

/// Where the point before the range is looked for first.
std::int64_t from_ns(const MetricSource& source) {
  return source.buckets.first_ns - lookback_ns(source);
}

/// Series that had points in the hours of the day before the one of `from_ns`.
std::string known_series(const MetricSource& source) {
  const std::int64_t hour = from_ns(source) / kHourNs * kHourNs;
  return "SELECT series_id FROM metric_series_hour_rows WHERE metric_name = " + source.name +
         " AND hour >= fromUnixTimestamp64Nano(" + num(hour - kDayNs) +
         ") AND hour < fromUnixTimestamp64Nano(" + num(hour) + ")";
}

/// Streams (series_id, resource_id, st) and the time `since` of their first point from the hour of
/// `from_ns` on: of all series of the metric whose resource has one that is not known from before.
/// Usually there are none, and no points are read.
std::string recent_streams(const MetricSource& source) {
  const std::string beside =
      "SELECT series_id, resource_id FROM metric_series_rows WHERE metric_name = " + source.name +
      " AND resource_id IN (SELECT resource_id FROM (" + source.series +
      ") WHERE temporality != 1 AND series_id NOT IN (" + known_series(source) +
      ")) LIMIT 1 BY series_id";
  return "SELECT series_id, resource_id, st, since FROM (SELECT series_id, "
         "toUnixTimestamp64Nano(start_time) AS st, toUnixTimestamp64Nano(min(time)) AS since "
         "FROM " +
         source.table + " WHERE metric_name = " + source.name +
         " AND series_id IN (SELECT series_id FROM (" + beside + ")) AND " +
         times(from_ns(source) / kHourNs * kHourNs, until_ns(source)) +
         " GROUP BY series_id, start_time) AS streams INNER JOIN (" + beside +
         ") AS beside USING (series_id)";
}

/// Streams (series_id, st) whose first point tells what happened since the export before it, though
/// they began long ago: another series of the same resource and start time had points earlier, so
/// that the process was heard of and this series was not. Else it may be the first contact with a
/// process that has run for days, whose total is not what happened just now.
std::string appeared_streams(const MetricSource& source) {
  return "SELECT series_id, st FROM (SELECT series_id, st, since, min(since) OVER (PARTITION BY "
         "series_id) AS series_since, min(since) OVER (PARTITION BY resource_id, st) AS "
         "resource_since FROM (" +
         recent_streams(source) + ")) WHERE series_since >= " + num(from_ns(source)) +
         " AND since > resource_since + " + num(std::min(kExportNs, source.interval_ns / 2)) +
         " AND series_id NOT IN (" + known_series(source) + ")";
}

struct Column {
  std::string name;
  std::string sql;
};

/// In how many pieces a step is read where the range has few of them: behind a gap, what happened
/// in the first piece is lost.
std::int64_t pieces_of_step(const MetricSource& source) {
  constexpr std::int64_t kPieces = 60;
  const std::int64_t most = source.buckets.step_ns / (2 * source.interval_ns);
  return std::clamp<std::int64_t>(kPieces / source.buckets.count, 1,
                                  std::max<std::int64_t>(most, 1));
}

/// The points of cumulative streams, (series_id, st, t) and `columns`. Where a piece of a step
/// holds several points of a stream, its first and its last one tell what happened as well as all
/// of them: far fewer rows go on. But nothing is known of what was before the first point of a
/// stream, so its first step is kept whole, and so are streams that do not say when they began, for
/// only their points show a restart.
std::string cumulative_points(const MetricSource& source, const std::vector<Column>& columns) {
  const std::string from = " FROM " + source.table + " WHERE " +
                           points(source, "temporality != 1", from_ns(source), until_ns(source)) +
                           " AND bitAnd(flags, 1) = 0";
  std::string select =
      "SELECT series_id, toUnixTimestamp64Nano(start_time) AS st, toUnixTimestamp64Nano(time) AS t";
  for (const Column& column : columns) select += ", " + column.sql + " AS " + column.name;
  if (source.buckets.step_ns < 2 * source.interval_ns) return select + from;

  const std::int64_t width = source.buckets.step_ns / pieces_of_step(source);
  // A point tells of the time before it: on the edge of two pieces it is the end of the first.
  const auto piece = [&](const std::string& ns) {
    return "intDiv(" + ns + " - " + num(source.buckets.first_ns % width + 1) + ", " + num(width) +
           ")";
  };
  const std::string of_time = piece("toUnixTimestamp64Nano(time)");
  const std::string slot =
      "if(start_time > fromUnixTimestamp64Nano(toInt64(0)) AND (series_id, "
      "toUnixTimestamp64Nano(start_time), " +
      of_time + ") NOT IN (SELECT series_id, st, " + piece("since") + " FROM (" +
      recent_streams(source) + ")), " + of_time + ", toUnixTimestamp64Nano(time))";
  // Which points these are is found by their times alone: histograms are large.
  return select + from +
         " AND (series_id, start_time, time) IN (SELECT series_id, start_time, "
         "arrayJoin([min(time), max(time)])" +
         from + " GROUP BY series_id, start_time, " + slot + ")";
}

/// Intervals (series_id, t0, t1) of cumulative streams: each of `columns` as it is, and as
/// `previous_…` what it was at the point before, `is_first` where there is none. The first point of
/// a stream that began before the look-back is left out unless the stream appeared meanwhile.
std::string cumulative_intervals(const MetricSource& source, const std::vector<Column>& columns) {
  const std::int64_t first = source.buckets.first_ns;
  const std::int64_t from = from_ns(source);
  std::string names;
  std::string previous;
  for (const Column& column : columns) {
    names += ", " + column.name;
    previous += ", lagInFrame(" + column.name + ") OVER stream AS previous_" + column.name;
  }
  return "SELECT *, t AS t1, previous_t < 0 AS is_first,\n"
         "    multiIf(not is_first, previous_t, st >= " +
         num(from) + ", least(st, t), greatest(least(st, t), t - " + num(source.interval_ns) +
         ")) AS t0\n"
         "  FROM (\n"
         "    SELECT series_id, t, st" +
         names + ", lagInFrame(t, 1, toInt64(-1)) OVER stream AS previous_t" + previous +
         "\n    FROM (" + cumulative_points(source, columns) +
         ")\n"
         "    WINDOW stream AS (PARTITION BY series_id, st ORDER BY t "
         "ROWS BETWEEN 1 PRECEDING AND CURRENT ROW)\n"
         "  )\n  WHERE t > " +
         num(first) + " AND (not is_first OR (st > 0 AND (st >= " + num(from) +
         " OR (series_id, st) IN (" + appeared_streams(source) + "))))";
}

/// Intervals of delta points: the points themselves, each once however often it was sent.
std::string delta_intervals(const MetricSource& source, const std::vector<Column>& columns) {
  std::string list;
  for (const Column& column : columns) list += ", " + column.sql + " AS " + column.name;
  return "SELECT series_id, toUnixTimestamp64Nano(time) AS t1, toUnixTimestamp64Nano(start_time) "
         "AS "
         "st,\n    if(st > 0 AND st <= t1, st, t1 - " +
         num(source.interval_ns) + ") AS t0" + list + "\n  FROM " + source.table + " WHERE " +
         points(source, "temporality = 1", source.buckets.first_ns, until_ns(source)) +
         " AND bitAnd(flags, 1) = 0 LIMIT 1 BY series_id, start_time, time";
}

/// Index of the bucket that `t`, not before the first bucket, falls into.
std::string bucket_of(const MetricSource& source, const std::string& t) {
  return "intDiv(greatest(" + t + ", " + num(source.buckets.first_ns) + ") - " +
         num(source.buckets.first_ns) + ", " + num(source.buckets.step_ns) + ")";
}

/// `intervals`, each repeated for every `bucket` that it overlaps, with `covered_ns` and the
/// `weight` of that part.
std::string spread(const MetricSource& source, const std::string& intervals) {
  const std::string first = num(source.buckets.first_ns);
  const std::string step = num(source.buckets.step_ns);
  return "SELECT *, bucket,\n  greatest(least(t1, " + first + " + (bucket + 1) * " + step +
         ") - greatest(t0, " + first + " + bucket * " + step +
         "), toInt64(0)) AS covered_ns,\n"
         "  if(t1 > t0, covered_ns / (t1 - t0), 1.) AS weight\n"
         "FROM (" +
         intervals + ")\nARRAY JOIN range(" + bucket_of(source, "t0") + ", least(" +
         bucket_of(source, "t1 - 1") + ", " + num(source.buckets.count - 1) + ") + 1) AS bucket";
}

/// One row a group, of `buckets` with (labels, bucket, value), where `order` is SQL over a value.
std::string as_groups(const MetricSource& source, const std::string& buckets,
                      const std::string& order) {
  return "SELECT labels, arrayMap(x -> toInt64(x.1), cells), arrayMap(x -> x.2, cells), "
         "count() OVER () AS groups\n"
         "FROM (SELECT labels, arraySort(groupArray((bucket, value))) AS cells, "
         "argMax(" +
         order + ", bucket) AS latest FROM (\n" + buckets +
         "\n) GROUP BY labels)\n"
         "ORDER BY ifNotFinite(latest, -1.) DESC, labels LIMIT " +
         std::to_string(source.max_groups);
}

std::string with_labels(const MetricSource& source, const std::string& per_series) {
  return "(" + per_series + ") AS per_series\nINNER JOIN (SELECT series_id, labels FROM (" +
         source.series + ")) AS described USING (series_id)";
}

std::string across_sql(Across across, const std::string& value, const std::string& time) {
  switch (across) {
    case Across::kSum:
      return "sum(" + value + ")";
    case Across::kAvg:
      return "avg(" + value + ")";
    case Across::kMin:
      return "min(" + value + ")";
    case Across::kMax:
      return "max(" + value + ")";
    case Across::kLast:
      return "argMax(" + value + ", " + time + ")";
    case Across::kCount:
      break;
  }
  return "toFloat64(count())";
}

std::string quantile_list(const std::vector<double>& quantiles) {
  std::string list = "[";
  for (const double quantile : quantiles) {
    if (list.size() > 1) list += ", ";
    list += std::to_string(quantile);
  }
  return list + "]";
}

/// Least and greatest value measured; infinite where not known, so that neither cuts anything off.
const std::vector<Column>& extremes() {
  static const std::vector<Column> columns = {{"least_value", "toFloat64(ifNull(min, -inf))"},
                                              {"greatest_value", "toFloat64(ifNull(max, inf))"}};
  return columns;
}

/// `value` brought between the extremes.
std::string clamp(const std::string& value) {
  return "greatest(least(" + value + ", greatest_value), least_value)";
}

}  // namespace

std::string increase_sql(const MetricSource& source, const std::string& first,
                         const std::string& second, OfIncrease what, Across across) {
  const std::vector<Column> columns = {{"a", first}, {"b", second}};
  const std::string intervals =
      "SELECT series_id, t0, t1, if(is_first OR a < previous_a, a, a - previous_a) AS da, "
      "if(is_first OR a < previous_a, b, b - previous_b) AS db FROM (\n  " +
      cumulative_intervals(source, columns) +
      ")\n  UNION ALL SELECT series_id, t0, t1, a AS da, b AS db FROM (\n  " +
      delta_intervals(source, columns) + ")";
  const std::string per_series =
      "SELECT series_id, bucket, max(t1) AS t, sum(da * weight) AS a, sum(db * weight) AS b, "
      "sum(covered_ns) / 1e9 AS covered_s\nFROM (" +
      spread(source, intervals) + ")\nGROUP BY series_id, bucket";
  const std::string step_s = std::to_string(static_cast<double>(source.buckets.step_ns) / 1e9);
  std::string value;
  switch (what) {
    case OfIncrease::kRate:
      value = across_sql(across, "a / if(covered_s > 0, covered_s, " + step_s + ")", "t");
      break;
    case OfIncrease::kIncrease:
      value = across_sql(across, "a", "t");
      break;
    case OfIncrease::kSum:
      value = across_sql(across, "b", "t");
      break;
    case OfIncrease::kMean:
      value = "sum(b) / sum(a)";
      break;
  }
  return as_groups(source,
                   "SELECT labels, bucket, toFloat64(" + value + ") AS value FROM " +
                       with_labels(source, per_series) + "\nGROUP BY labels, bucket",
                   "value");
}

std::string value_sql(const MetricSource& source, const std::string& value,
                      const std::string& is_recorded, Across across) {
  const std::int64_t hold = source.interval_ns + source.interval_ns / 2;
  // Buckets are counted from before the range, where the first point may lie.
  const std::int64_t before = hold / source.buckets.step_ns + 1;
  const std::int64_t base = source.buckets.first_ns - before * source.buckets.step_ns;
  const auto index = [&](const std::string& t) {
    return "(intDiv(" + t + " - " + num(base) + ", " + num(source.buckets.step_ns) + ") - " +
           num(before) + ")";
  };
  const std::string held =
      "SELECT series_id, t, v, bucket FROM (\n"
      "    SELECT series_id, t, v, recorded, leadInFrame(t, 1, toInt64(" +
      std::to_string(source.buckets.end_ns() + hold) +
      ")) OVER (PARTITION BY series_id ORDER BY t ROWS BETWEEN CURRENT ROW AND 1 FOLLOWING) AS "
      "next_t\n"
      "    FROM (SELECT series_id, toUnixTimestamp64Nano(time) AS t, toFloat64(" +
      value + ") AS v, " + is_recorded + " AS recorded FROM " + source.table + " WHERE " +
      points(source, "true", base, source.buckets.end_ns()) +
      " LIMIT 1 BY series_id, start_time, time)\n  )\n"
      "  ARRAY JOIN range(greatest(" +
      index("t") + ", toInt64(0)), least(" + num(source.buckets.count - 1) + ", greatest(" +
      index("t") + ", least(" + index("next_t") + " - 1, " + index("t + " + num(hold)) +
      "))) + 1) AS bucket\n  WHERE recorded";
  const std::string per_series =
      "SELECT series_id, bucket, max(t) AS last_t, argMax(v, t) AS last, avg(v) AS mean, min(v) AS "
      "least, max(v) AS greatest\nFROM (" +
      held + ")\nGROUP BY series_id, bucket";
  std::string of_series = "last";
  if (across == Across::kAvg) of_series = "mean";
  if (across == Across::kMin) of_series = "least";
  if (across == Across::kMax) of_series = "greatest";
  return as_groups(source,
                   "SELECT labels, bucket, toFloat64(" + across_sql(across, of_series, "last_t") +
                       ") AS value FROM " + with_labels(source, per_series) +
                       "\nGROUP BY labels, bucket",
                   "value");
}

std::string histogram_quantiles_sql(const MetricSource& source,
                                    const std::vector<double>& quantiles) {
  std::vector<Column> columns = {{"n", "toFloat64(count)"},
                                 {"upper_bounds", "bounds"},
                                 {"in_bucket", "arrayMap(x -> toFloat64(x), counts)"}};
  columns.insert(columns.end(), extremes().begin(), extremes().end());
  const std::string intervals =
      "SELECT series_id, t0, t1, upper_bounds, least_value, greatest_value,\n"
      // Those of a cumulative point are of the process's life; of this interval only if they moved.
      "    if(is_first OR least_value < previous_least_value, least_value, inf) AS bottom,\n"
      "    if(is_first OR greatest_value > previous_greatest_value, greatest_value, -inf) AS top,\n"
      // Whoever changes the bounds has begun to count anew. A bucket that falls though the count
      // does not is not a restart but a racing client: nothing happened there.
      "    if(is_first OR n < previous_n OR upper_bounds != previous_upper_bounds OR "
      "length(in_bucket) != length(previous_in_bucket), in_bucket, "
      "arrayMap((x, y) -> greatest(x - y, 0.), in_bucket, arrayResize(previous_in_bucket, "
      "length(in_bucket)))) AS happened FROM (\n  " +
      cumulative_intervals(source, columns) +
      ")\n  UNION ALL SELECT series_id, t0, t1, upper_bounds, least_value, greatest_value, "
      "least_value AS bottom, greatest_value AS top, in_bucket AS happened FROM (\n  " +
      delta_intervals(source, columns) + ")";
  const std::string per_series =
      "SELECT series_id, bucket, upper_bounds, min(least_value) AS least_value, "
      "max(greatest_value) AS greatest_value, min(bottom) AS bottom, max(top) AS top, "
      "sumForEach(arrayMap(x -> x * weight, happened)) AS in_bucket\nFROM (" +
      spread(source, intervals) +
      ")\nWHERE arraySum(happened) > 0\nGROUP BY series_id, bucket, upper_bounds";
  const std::string per_bounds =
      "SELECT labels, bucket, upper_bounds, min(least_value) AS least_value, max(greatest_value) "
      "AS greatest_value, min(if(isFinite(bottom), bottom, -inf)) AS bottom, "
      "max(if(isFinite(top), top, inf)) AS top, arrayCumSum(sumForEach(in_bucket)) AS "
      "up_to\nFROM " +
      with_labels(source, per_series) + "\nGROUP BY labels, bucket, upper_bounds";
  // Histograms with different bounds meet at the bounds of all of them, each taken as evenly spread
  // between its own.
  const std::string merged =
      "SELECT labels, bucket, min(least_value) AS least_value, max(greatest_value) AS "
      "greatest_value, min(bottom) AS bottom, max(top) AS top,\n"
      "  groupArray(upper_bounds) AS all_bounds, groupArray(up_to) AS all_up_to,\n"
      "  arraySort(arrayDistinct(arrayFlatten(all_bounds))) AS bounds,\n"
      "  arraySum(arrayMap(c -> if(empty(c), 0., c[-1]), all_up_to)) AS total,\n"
      "  if(length(all_bounds) = 1, arrayResize(all_up_to[1], length(bounds)), arrayMap(x -> "
      "arraySum(arrayMap((b, c) -> multiIf(\n"
      "    arrayCount(e -> e <= x, b) = 0, if(b[1] > 0 AND x > 0, c[1] * x / b[1], 0.),\n"
      "    arrayCount(e -> e <= x, b) = length(b) OR has(b, x), c[arrayCount(e -> e <= x, b)],\n"
      "    c[arrayCount(e -> e <= x, b)] + (c[arrayCount(e -> e <= x, b) + 1] - c[arrayCount(e -> "
      "e "
      "<= x, b)]) * (x - b[arrayCount(e -> e <= x, b)]) / (b[arrayCount(e -> e <= x, b) + 1] - "
      "b[arrayCount(e -> e <= x, b)])),\n"
      "  all_bounds, all_up_to)), bounds)) AS finite\n"
      "FROM (" +
      per_bounds + ")\nGROUP BY labels, bucket";
  const std::string at = "arrayFirstIndex(c -> c >= q * total, arrayPushBack(finite, total))";
  const std::string below = "if(" + at + " > 1, finite[" + at + " - 1], 0.)";
  // In the first bucket and in the last one the missing bound is 0, or the extreme where known. No
  // value lies beyond an extreme, so each bucket is taken as spread between these.
  const std::string lowest = "if(isFinite(bottom), least(bottom, bounds[1]), least(bounds[1], 0.))";
  const std::string lower =
      "greatest(if(" + at + " > 1, bounds[" + at + " - 1], " + lowest + "), least_value)";
  const std::string upper = "least(bounds[" + at + "], greatest_value)";
  const std::string inside = lower + " + (" + upper + " - " + lower + ") * (q * total - " + below +
                             ") / (finite[" + at + "] - " + below + ")";
  const std::string last = "greatest(bounds[-1], least_value)";
  const std::string beyond = "if(isFinite(top) AND top > " + last + ", " + last + " + (top - " +
                             last + ") * (q * total - " + below + ") / (total - " + below +
                             "), bounds[-1])";
  const std::string without_bounds =
      "if(isFinite(bottom) AND isFinite(top), bottom + (top - bottom) * q, nan)";
  const std::string quantile = "multiIf(total <= 0, nan, empty(bounds), " + without_bounds + ", " +
                               at + " > length(bounds), " + clamp(beyond) + ", " + clamp(inside) +
                               ")";
  return as_groups(source,
                   "SELECT labels, bucket, arrayMap(q -> " + quantile + ", " +
                       quantile_list(quantiles) + ") AS value FROM (" + merged + ")",
                   "value[-1]");
}

std::string smallest_scale_sql(const MetricSource& source) {
  return "SELECT min(scale) FROM " + source.table + " WHERE " +
         points(source, "true", from_ns(source), until_ns(source));
}

std::string exponential_quantiles_sql(const MetricSource& source, std::int32_t scale,
                                      const std::vector<double>& quantiles) {
  // A key orders all buckets: those of negative values, zero, those of positive values.
  constexpr std::string_view kPositive = "4294967296";
  const std::string shrink = "exp2(scale - (" + std::to_string(scale) + "))";
  const auto index = [&](const std::string& offset) {
    return "toInt64(floor((" + offset + " + i - 1) / " + shrink + "))";
  };
  const std::string keys =
      "arrayConcat(arrayMap((c, i) -> -(toInt64(" + std::string(kPositive) + ") + " +
      index("negative_offset") +
      "), negative_counts, arrayEnumerate(negative_counts)), [toInt64(0)], arrayMap((c, i) -> "
      "toInt64(" +
      std::string(kPositive) + ") + " + index("positive_offset") +
      ", positive_counts, arrayEnumerate(positive_counts)))";
  const std::string counts =
      "arrayMap(x -> toFloat64(x), arrayConcat(negative_counts, [zero_count], positive_counts))";
  std::vector<Column> columns = {{"n", "toFloat64(count)"}, {"keys", keys}, {"in_bucket", counts}};
  columns.insert(columns.end(), extremes().begin(), extremes().end());
  const std::string intervals =
      "SELECT series_id, t0, t1, least_value, greatest_value, n - if(is_first OR n < previous_n, "
      "0., "
      "previous_n) AS dn,\n"
      "    if(is_first OR n < previous_n, keys, arrayConcat(keys, previous_keys)) AS all_keys,\n"
      "    if(is_first OR n < previous_n, in_bucket, arrayConcat(in_bucket, arrayMap(x -> -x, "
      "previous_in_bucket))) AS happened FROM (\n  " +
      cumulative_intervals(source, columns) +
      ")\n  UNION ALL SELECT series_id, t0, t1, least_value, greatest_value, n AS dn, keys AS "
      "all_keys, in_bucket AS happened FROM (\n  " +
      delta_intervals(source, columns) + ")";
  const std::string per_series =
      "SELECT series_id, bucket, min(least_value) AS least_value, max(greatest_value) AS "
      "greatest_value, sumMap(all_keys, arrayMap(x -> x * weight, happened)) AS sums\nFROM (" +
      spread(source, intervals) + ")\nWHERE dn > 0\nGROUP BY series_id, bucket";
  const std::string merged =
      "SELECT labels, bucket, min(least_value) AS least_value, max(greatest_value) AS "
      "greatest_value, sumMap(sums.1, arrayMap(x -> greatest(x, 0.), sums.2)) AS all_sums, "
      "all_sums.1 AS keys, arrayCumSum(all_sums.2) AS up_to, if(empty(up_to), 0., up_to[-1]) AS "
      "total\nFROM " +
      with_labels(source, per_series) + "\nGROUP BY labels, bucket";
  const std::string at = "arrayFirstIndex(c -> c >= q * total, up_to)";
  const std::string key = "keys[" + at + "]";
  const std::string below = "if(" + at + " > 1, up_to[" + at + " - 1], 0.)";
  const std::string part = "((q * total - " + below + ") / (up_to[" + at + "] - " + below + "))";
  const std::string width = "exp2(-(" + std::to_string(scale) + "))";
  const std::string positive =
      "exp2((" + key + " - " + std::string(kPositive) + " + " + part + ") * " + width + ")";
  const std::string negative =
      "-exp2((-" + key + " - " + std::string(kPositive) + " + 1 - " + part + ") * " + width + ")";
  const std::string quantile = "multiIf(total <= 0, nan, " + key + " = 0, " + clamp("0.") + ", " +
                               key + " > 0, " + clamp(positive) + ", " + clamp(negative) + ")";
  return as_groups(source,
                   "SELECT labels, bucket, arrayMap(q -> " + quantile + ", " +
                       quantile_list(quantiles) + ") AS value FROM (" + merged + ")",
                   "value[-1]");
}

}  // namespace signalbox::server::query

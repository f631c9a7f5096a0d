#include "server/query/services/services.h"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "server/query/plan/active_series.h"
#include "server/query/plan/error.h"
#include "server/query/plan/fields.h"
#include "server/query/plan/operation_minutes.h"
#include "server/query/plan/rows.h"
#include "server/query/services/red.h"

namespace signalbox::server::query {
namespace {

constexpr std::int64_t kSparklineBuckets = 30;
constexpr int kMaxOperations = 100;

/// Whether a row of `operation_minutes` has no parent; of a span it is kIsRootSql.
constexpr std::string_view kIsRootMinuteSql = "is_root";

struct Service {
  std::map<std::uint8_t, Red> totals;                           ///< By class.
  std::map<std::uint8_t, std::map<std::int64_t, Red>> buckets;  ///< By class and bucket.
  std::uint64_t log_count = 0;
  std::uint64_t metric_count = 0;
  std::int64_t last_seen_ns = 0;

  [[nodiscard]] std::uint8_t span_class() const {
    for (const std::uint8_t candidate : {kEntry, kRoot}) {
      if (totals.contains(candidate)) return candidate;
    }
    return kInner;
  }
  [[nodiscard]] Red total() const {
    const auto at = totals.find(span_class());
    return at == totals.end() || at->first == kInner ? Red{} : at->second;
  }
  [[nodiscard]] Red bucket(std::int64_t index) const {
    const auto of_class = buckets.find(span_class());
    if (of_class == buckets.end() || of_class->first == kInner) return {};
    const auto at = of_class->second.find(index);
    return at == of_class->second.end() ? Red{} : at->second;
  }
};

using Services = std::map<std::string, Service, std::less<>>;

/// What is asked of the spans.
struct Question {
  TimeRange range;
  Buckets buckets;
  Apdex apdex;
};

template <typename Read>
void add_spans(RowReader& row, Read&& read, Services& services) {
  while (!row.at_end()) {
    Service& service = services[std::string(row.string())];
    const std::uint8_t span_class = row.u8();
    const std::int64_t index = row.i64();
    const bool is_total = row.u64() != 0;
    const Red red = read(row);
    service.last_seen_ns = std::max(service.last_seen_ns, row.i64());
    (is_total ? service.totals[span_class] : service.buckets[span_class][index]) = red;
  }
}

/// From the side table, as far as it goes.
void read_span_minutes(Session& session, const std::string& condition, Parameters parameters,
                       const Question& question, Services& services) {
  const auto& [range, buckets, apdex] = question;
  const std::string source =
      operation_minutes("service_name, kind, is_root, status_code", condition, range, parameters);
  const std::string bucket = "intDiv(minute_ns - " + parameters.bind_int(buckets.first_ns) + ", " +
                             parameters.bind_int(buckets.step_ns) + ")";
  const std::string data =
      session.rows("SELECT toString(service_name) AS service, " + class_sql(kIsRootMinuteSql) +
                       " AS class, " + bucket + " AS bucket, grouping(bucket) AS is_total, " +
                       std::string(kRedOfMinutesSql) + ", max(last_ns)\nFROM " + source +
                       "\nGROUP BY GROUPING SETS ((service, class), (service, class, bucket))",
                   parameters);
  RowReader row(data);
  add_spans(
      row, [&](RowReader& columns) { return read_red_of_minutes(columns, question.apdex); },
      services);
}

/// Spans once per service, class and bucket; then, from those few rows, per service and class too.
void read_spans(Session& session, const std::string& condition, Parameters parameters,
                const Question& question, Services& services) {
  const auto& [range, buckets, apdex] = question;
  const std::string bucket = bucket_index("start_time", buckets, parameters);
  const std::string sql =
      "SELECT service_name, class, bucket, grouping(bucket) AS is_total, sum(spans), sum(errors),\n"
      "  arrayMap(x -> toFloat64(x), quantilesTDigestMerge(0.5, 0.9, 0.99)(durations)),\n"
      "  sum(satisfied), sum(tolerated), max(last_ns)\n"
      "FROM (\n"
      "  SELECT toString(service_name) AS service_name, " +
      class_sql(kIsRootSql) + " AS class, " + bucket +
      " AS bucket,\n"
      "    count() AS spans, countIf(status_code = 2) AS errors,\n"
      "    quantilesTDigestStateIf(0.5, 0.9, 0.99)(duration_ns, class > 0) AS durations,\n    " +
      satisfied_spans_sql(apdex, parameters) + " AS satisfied, " +
      tolerated_spans_sql(apdex, parameters) +
      " AS tolerated,\n"
      "    toUnixTimestamp64Nano(max(start_time)) AS last_ns\n"
      "  FROM span_rows WHERE " +
      condition + in_range("start_time", range, parameters) +
      "\n"
      "  GROUP BY service_name, class, bucket\n"
      ")\n"
      "GROUP BY GROUPING SETS ((service_name, class), (service_name, class, bucket))";
  const std::string data = session.rows(sql, parameters);
  RowReader row(data);
  add_spans(row, read_red_of_spans, services);
}

void read_logs(Session& session, const std::string& condition, Parameters parameters,
               const TimeRange& range, Services& services) {
  const std::string data = session.rows(
      "SELECT toString(service_name) AS service_name, count(), "
      "toUnixTimestamp64Nano(max(time))\nFROM log_rows WHERE " +
          condition + in_range("time", range, parameters) + "\nGROUP BY service_name",
      parameters);
  for (RowReader row(data); !row.at_end();) {
    Service& service = services[std::string(row.string())];
    service.log_count = row.u64();
    service.last_seen_ns = std::max(service.last_seen_ns, row.i64());
  }
}

void read_metrics(Session& session, const std::string& condition, Parameters parameters,
                  const TimeRange& range, Services& services) {
  const std::string data = session.rows(
      "SELECT toString(service_name) AS service_name, uniqExact(metric_name), "
      "toUnixTimestamp64Nano(max(last))\nFROM (" +
          active_series(range, parameters) +
          ") AS points\nINNER JOIN (SELECT DISTINCT series_id, metric_name, service_name FROM "
          "metric_series_rows WHERE " +
          condition + "true) AS series USING (series_id)\nGROUP BY service_name",
      parameters);
  for (RowReader row(data); !row.at_end();) {
    Service& service = services[std::string(row.string())];
    service.metric_count = row.u64();
    service.last_seen_ns = std::max(service.last_seen_ns, row.i64());
  }
}

/// All services that sent anything, or the one called `name`.
Services read_services(Session& session, std::optional<std::string_view> name,
                       const Question& question) {
  const auto& [range, buckets, apdex] = question;
  Parameters parameters;
  const std::string condition =
      name ? "service_name = " + parameters.bind(*name) + " AND " : std::string();
  Services services;
  const auto read = has_operation_minutes(range, buckets.step_ns) ? read_span_minutes : read_spans;
  read(session, condition, parameters, question, services);
  read_logs(session, condition, parameters, range, services);
  read_metrics(session, condition, parameters, range, services);
  return services;
}

template <typename Member>
void write_series(std::string_view name, const Service& service, const Buckets& buckets,
                  Member member, JsonWriter& json) {
  json.key(name).begin_array();
  for (std::int64_t i = 0; i < buckets.count; ++i) json.number(service.bucket(i).*member);
  json.end_array();
}

void write_summary(std::string_view name, const Service& service, const TimeRange& range,
                   const Buckets& buckets, JsonWriter& json) {
  json.begin_object();
  json.key("name").string(name);
  write_red(service.total(), range, json);
  json.key("log_count").number(service.log_count);
  json.key("metric_count").number(service.metric_count);
  json.key("last_seen").digits(service.last_seen_ns);
  json.key("sparklines").begin_object();
  write_series("requests", service, buckets, &Red::count, json);
  write_series("errors", service, buckets, &Red::errors, json);
  write_series("p99_ns", service, buckets, &Red::p99, json);
  json.end_object().end_object();
}

void write_operations(Session& session, std::string_view name, std::uint8_t span_class,
                      const Question& question, JsonWriter& json) {
  const auto& [range, buckets, apdex] = question;
  Parameters parameters;
  const std::string of_service = "service_name = " + parameters.bind(name) + " AND ";
  const bool has_minutes = has_operation_minutes(range, 0);
  std::string sql = "SELECT toString(name) AS operation, ";
  if (has_minutes) {
    sql += std::string(kRedOfMinutesSql) + "\nFROM " +
           operation_minutes("name, kind, is_root, status_code", of_service, range, parameters) +
           "\nWHERE " + class_sql(kIsRootMinuteSql) + " = " + std::to_string(span_class);
  } else {
    sql +=
        "count(), countIf(status_code = 2),\n"
        "  arrayMap(x -> toFloat64(x), quantilesTDigest(0.5, 0.9, 0.99)(duration_ns)),\n  " +
        satisfied_spans_sql(apdex, parameters) + ", " + tolerated_spans_sql(apdex, parameters) +
        "\n"
        "FROM span_rows WHERE " +
        of_service + in_range("start_time", range, parameters) + " AND " + class_sql(kIsRootSql) +
        " = " + std::to_string(span_class);
  }
  sql += std::string("\nGROUP BY operation ORDER BY sum(") +
         (has_minutes ? "sum_ns" : "duration_ns") + ") DESC, operation LIMIT " +
         std::to_string(kMaxOperations);
  const std::string data = session.rows(sql, parameters);
  json.key("operations").begin_array();
  for (RowReader row(data); !row.at_end();) {
    json.begin_object();
    json.key("name").string(row.string());
    write_red(has_minutes ? read_red_of_minutes(row, apdex) : read_red_of_spans(row), range, json);
    json.end_object();
  }
  json.end_array();
}

}  // namespace

std::string list_services(Session& session, const TimeRange& range, const Apdex& apdex) {
  const Buckets buckets = round_buckets(range, kSparklineBuckets);
  const Services services = read_services(session, std::nullopt, {range, buckets, apdex});

  std::vector<const Services::value_type*> worst_first;
  for (const auto& service : services) worst_first.push_back(&service);
  std::sort(worst_first.begin(), worst_first.end(), [](const auto* a, const auto* b) {
    const Red left = a->second.total();
    const Red right = b->second.total();
    const double left_rate = ratio(left.errors, left.count);
    const double right_rate = ratio(right.errors, right.count);
    if (left_rate != right_rate) return left_rate > right_rate;
    const double left_p99 = std::isnan(left.p99) ? -1 : left.p99;
    const double right_p99 = std::isnan(right.p99) ? -1 : right.p99;
    return left_p99 != right_p99 ? left_p99 > right_p99 : a->first < b->first;
  });

  JsonWriter json;
  json.begin_object().key("services").begin_array();
  for (const auto* const service : worst_first) {
    write_summary(service->first, service->second, range, buckets, json);
  }
  json.end_array();
  json.key("step_ns").digits(buckets.step_ns);
  json.key("apdex_threshold_ns").digits(apdex.threshold_ns);
  session.write_stats(json);
  json.end_object();
  return json.take();
}

std::string get_service(Session& session, std::string_view name, const TimeRange& range,
                        const Apdex& apdex) {
  const Question question{
      .range = range, .buckets = round_buckets(range, kChartBuckets), .apdex = apdex};
  const Buckets& buckets = question.buckets;
  const Services services = read_services(session, name, question);
  const auto found = services.find(name);
  if (found == services.end()) {
    throw QueryError(ErrorCode::kNotFound, "The service '" + std::string(name) +
                                               "' sent nothing in this time range. Widen it.");
  }
  const Service& service = found->second;

  JsonWriter json;
  json.begin_object().key("service");
  write_summary(name, service, range, buckets, json);
  json.key("step_ns").digits(buckets.step_ns);
  json.key("apdex_threshold_ns").digits(apdex.threshold_ns);
  write_times(buckets, json);
  write_series("requests", service, buckets, &Red::count, json);
  write_series("errors", service, buckets, &Red::errors, json);
  write_series("p50_ns", service, buckets, &Red::p50, json);
  write_series("p90_ns", service, buckets, &Red::p90, json);
  write_series("p99_ns", service, buckets, &Red::p99, json);
  write_series("apdex", service, buckets, &Red::apdex, json);
  write_operations(session, name, std::max<std::uint8_t>(service.span_class(), kRoot), question,
                   json);
  session.write_stats(json);
  json.end_object();
  return json.take();
}

}  // namespace signalbox::server::query

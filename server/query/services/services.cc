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
#include "server/query/services/requests.h"

namespace signalbox::server::query {
namespace {

constexpr std::int64_t kSparklineBuckets = 30;
constexpr int kMaxOperations = 100;

struct Service {
  Requests requests;
  std::uint64_t log_count = 0;
  std::uint64_t metric_count = 0;
  std::int64_t last_seen_ns = 0;
};

using Services = std::map<std::string, Service, std::less<>>;

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
                       const RequestsQuestion& question) {
  const auto& [range, buckets, apdex, of_spans_alone] = question;
  Parameters parameters;
  const std::string condition =
      name ? "service_name = " + parameters.bind(*name) + " AND " : std::string();
  Services services;
  for (auto& [service, requests] : read_requests(session, condition, parameters, question)) {
    services[service] = {.requests = requests, .last_seen_ns = requests.last_seen_ns};
  }
  read_logs(session, condition, parameters, range, services);
  read_metrics(session, condition, parameters, range, services);
  return services;
}

template <typename Member>
void write_series(std::string_view name, const Service& service, const Buckets& buckets,
                  Member member, JsonWriter& json) {
  json.key(name).begin_array();
  for (std::int64_t i = 0; i < buckets.count; ++i) json.number(service.requests.bucket(i).*member);
  json.end_array();
}

void write_summary(std::string_view name, const Service& service, const TimeRange& range,
                   const Buckets& buckets, JsonWriter& json) {
  json.begin_object();
  json.key("name").string(name);
  write_red(service.requests.total(), range, json);
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
                      const RequestsQuestion& question, JsonWriter& json) {
  const auto& [range, buckets, apdex, of_spans_alone] = question;
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
    const Red left = a->second.requests.total();
    const Red right = b->second.requests.total();
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
  const RequestsQuestion question{
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
  write_operations(session, name, std::max<std::uint8_t>(service.requests.span_class(), kRoot),
                   question, json);
  session.write_stats(json);
  json.end_object();
  return json.take();
}

}  // namespace signalbox::server::query

#include "server/query/services/requests.h"

#include <algorithm>
#include <string_view>

#include "server/query/plan/fields.h"
#include "server/query/plan/operation_minutes.h"
#include "server/query/plan/rows.h"

namespace signalbox::server::query {
namespace {

template <typename Read>
void add_spans(RowReader& row, Read&& read, AllRequests& services) {
  while (!row.at_end()) {
    Requests& requests = services[std::string(row.string())];
    const std::uint8_t span_class = row.u8();
    const std::int64_t index = row.i64();
    const bool is_total = row.u64() != 0;
    const Red red = read(row);
    requests.last_seen_ns = std::max(requests.last_seen_ns, row.i64());
    (is_total ? requests.totals[span_class] : requests.buckets[span_class][index]) = red;
  }
}

/// From the side table, as far as it goes.
void read_span_minutes(Session& session, const std::string& condition, Parameters parameters,
                       const RequestsQuestion& question, AllRequests& services) {
  const auto& [range, buckets, apdex, of_spans_alone] = question;
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
                const RequestsQuestion& question, AllRequests& services) {
  const auto& [range, buckets, apdex, of_spans_alone] = question;
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

}  // namespace

std::uint8_t Requests::span_class() const {
  for (const std::uint8_t candidate : {kEntry, kRoot}) {
    if (totals.contains(candidate)) return candidate;
  }
  return kInner;
}

Red Requests::total() const {
  const auto at = totals.find(span_class());
  return at == totals.end() || at->first == kInner ? Red{} : at->second;
}

Red Requests::bucket(std::int64_t index) const {
  const auto of_class = buckets.find(span_class());
  if (of_class == buckets.end() || of_class->first == kInner) return {};
  const auto at = of_class->second.find(index);
  return at == of_class->second.end() ? Red{} : at->second;
}

AllRequests read_requests(Session& session, const std::string& condition,
                          const Parameters& parameters, const RequestsQuestion& question) {
  AllRequests services;
  const bool has_minutes =
      !question.of_spans_alone && has_operation_minutes(question.range, question.buckets.step_ns);
  const auto read = has_minutes ? read_span_minutes : read_spans;
  read(session, condition, parameters, question, services);
  return services;
}

}  // namespace signalbox::server::query

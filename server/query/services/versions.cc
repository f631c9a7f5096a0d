#include "server/query/services/versions.h"

#include <algorithm>
#include <cstdint>
#include <map>
#include <tuple>
#include <vector>

#include "server/query/plan/fields.h"
#include "server/query/plan/rows.h"

namespace signalbox::server::query {
namespace {

constexpr std::size_t kMaxVersions = 100;

struct Counts {
  std::uint64_t requests = 0;
  std::uint64_t errors = 0;
};

struct Version {
  std::int64_t first_ns = 0;
  std::int64_t last_ns = 0;
  std::uint64_t instances = 0;
  std::map<std::uint8_t, Red> red;                                 ///< By class.
  std::map<std::uint8_t, std::map<std::int64_t, Counts>> buckets;  ///< By class and bucket.
};

using Versions = std::map<std::string, Version, std::less<>>;

/// What is asked, and of which spans: those of one service in the range.
struct Question {
  std::string_view service;
  TimeRange range;
  Buckets buckets;
  Apdex apdex;

  [[nodiscard]] std::string spans(Parameters& parameters) const {
    return "span_rows WHERE service_name = " + parameters.bind(service) + " AND " +
           in_range("start_time", range, parameters);
  }
  /// Rows that have `resource_id`, with the version and the instance of their resource.
  [[nodiscard]] std::string with_versions(const std::string& rows, Parameters& parameters) const {
    return "(" + rows +
           ") AS used\nINNER JOIN (SELECT resource_id, toString(any(service_version)) AS version, "
           "toString(any(service_instance_id)) AS instance FROM resource_rows WHERE service_name "
           "= " +
           parameters.bind(service) + " GROUP BY resource_id) AS known USING (resource_id)";
  }
};

/// Of each version and class, and of each version the times and instances of all its spans.
void read_totals(Session& session, const Question& question, Versions& versions) {
  Parameters parameters;
  const std::string by_resource =
      "SELECT resource_id, " + class_sql(kIsRootSql) +
      " AS class, min(start_time) AS first, max(start_time) AS last, count() AS spans, "
      "countIf(status_code = 2) AS errors,\n"
      "  quantilesTDigestState(0.5, 0.9, 0.99)(duration_ns) AS durations, " +
      satisfied_spans_sql(question.apdex, parameters) + " AS satisfied, " +
      tolerated_spans_sql(question.apdex, parameters) + " AS tolerated\nFROM " +
      question.spans(parameters) + " GROUP BY resource_id, class";
  const std::string data = session.rows(
      "SELECT version, class, grouping(class) AS is_total, toUnixTimestamp64Nano(min(first)), "
      "toUnixTimestamp64Nano(max(last)), uniqExactIf(instance, instance != ''), sum(spans), "
      "sum(errors),\n"
      "  arrayMap(x -> toFloat64(x), quantilesTDigestMerge(0.5, 0.9, 0.99)(durations)), "
      "sum(satisfied), sum(tolerated)\nFROM " +
          question.with_versions(by_resource, parameters) +
          "\nGROUP BY GROUPING SETS ((version), (version, class))",
      parameters);
  for (RowReader row(data); !row.at_end();) {
    Version& version = versions[std::string(row.string())];
    const std::uint8_t span_class = row.u8();
    const bool is_total = row.u64() != 0;
    const std::int64_t first_ns = row.i64();
    const std::int64_t last_ns = row.i64();
    const std::uint64_t instances = row.u64();
    const Red red = read_red_of_spans(row);
    if (is_total) {
      version.first_ns = first_ns;
      version.last_ns = last_ns;
      version.instances = instances;
    } else {
      version.red[span_class] = red;
    }
  }
}

void read_buckets(Session& session, const Question& question, Versions& versions) {
  Parameters parameters;
  const std::string by_resource =
      "SELECT resource_id, " + class_sql(kIsRootSql) + " AS class, " +
      bucket_index("start_time", question.buckets, parameters) +
      " AS bucket, count() AS spans, countIf(status_code = 2) AS errors\nFROM " +
      question.spans(parameters) + " GROUP BY resource_id, class, bucket";
  const std::string data = session.rows(
      "SELECT version, class, bucket, sum(spans), sum(errors)\nFROM " +
          question.with_versions(by_resource, parameters) + "\nGROUP BY version, class, bucket",
      parameters);
  for (RowReader row(data); !row.at_end();) {
    Version& version = versions[std::string(row.string())];
    const std::uint8_t span_class = row.u8();
    Counts& counts = version.buckets[span_class][row.i64()];
    counts.requests = row.u64();
    counts.errors = row.u64();
  }
}

/// That of the requests of the service, whichever of its versions has them.
std::uint8_t class_of_requests(const Versions& versions) {
  std::uint8_t span_class = kRoot;
  for (const auto& [name, version] : versions) {
    if (version.red.contains(kEntry)) span_class = kEntry;
  }
  return span_class;
}

/// The latest ones, the first of them first.
std::vector<const Versions::value_type*> in_order(const Versions& versions) {
  std::vector<const Versions::value_type*> order;
  for (const auto& version : versions) order.push_back(&version);
  std::sort(order.begin(), order.end(), [](const auto* a, const auto* b) {
    return std::tie(a->second.first_ns, a->first) < std::tie(b->second.first_ns, b->first);
  });
  if (order.size() > kMaxVersions) {
    order.erase(order.begin(), order.end() - static_cast<std::ptrdiff_t>(kMaxVersions));
  }
  return order;
}

void write_buckets(std::string_view name, const std::map<std::int64_t, Counts>& counts,
                   std::uint64_t Counts::* member, const Buckets& buckets, JsonWriter& json) {
  json.key(name).begin_array();
  for (std::int64_t i = 0; i < buckets.count; ++i) {
    const auto at = counts.find(i);
    json.number(at == counts.end() ? 0 : at->second.*member);
  }
  json.end_array();
}

void write_version(std::string_view name, const Version& version, std::uint8_t span_class,
                   const Question& question, JsonWriter& json) {
  const auto red = version.red.find(span_class);
  const auto found = version.buckets.find(span_class);
  const auto counts =
      found == version.buckets.end() ? std::map<std::int64_t, Counts>() : found->second;
  json.begin_object();
  json.key("version").string(name);
  json.key("first_seen").digits(version.first_ns);
  json.key("last_seen").digits(version.last_ns);
  json.key("instance_count").number(version.instances);
  write_red(red == version.red.end() ? Red{} : red->second, question.range, json);
  write_buckets("requests", counts, &Counts::requests, question.buckets, json);
  write_buckets("errors", counts, &Counts::errors, question.buckets, json);
  json.end_object();
}

}  // namespace

std::string list_versions(Session& session, std::string_view service, const TimeRange& range,
                          const Apdex& apdex) {
  const Question question{.service = service,
                          .range = range,
                          .buckets = round_buckets(range, kChartBuckets),
                          .apdex = apdex};
  Versions versions;
  read_totals(session, question, versions);
  read_buckets(session, question, versions);
  const std::uint8_t span_class = class_of_requests(versions);

  JsonWriter json;
  json.begin_object().key("versions").begin_array();
  for (const auto* const version : in_order(versions)) {
    write_version(version->first, version->second, span_class, question, json);
  }
  json.end_array();
  json.key("step_ns").digits(question.buckets.step_ns);
  write_times(question.buckets, json);
  json.key("apdex_threshold_ns").digits(apdex.threshold_ns);
  session.write_stats(json);
  json.end_object();
  return json.take();
}

}  // namespace signalbox::server::query

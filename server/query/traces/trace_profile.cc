#include "server/query/traces/trace_profile.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <map>
#include <set>
#include <utility>

#include "server/query/json/json.h"
#include "server/query/plan/fields.h"
#include "server/query/plan/ids.h"
#include "server/query/plan/rows.h"
#include "server/query/plan/unknown_fields.h"

namespace signalbox::server::query {
namespace {

/// What is counted of one key, and the trace that was counted last.
struct Counted {
  ProfileTotals totals;
  std::size_t last_trace = std::numeric_limits<std::size_t>::max();

  void count(const SkeletonSpan& span, const SpanTimes& times, std::size_t trace) {
    if (last_trace != trace) ++totals.traces;
    last_trace = trace;
    ++totals.spans;
    if (span.is_error()) ++totals.errors;
    add_up(totals.duration_ns, span.end_ns() - span.start_ns);
    add_up(totals.self_ns, times.self_ns);
    add_up(totals.critical_ns, times.critical_ns);
  }
};

struct CountedOperation : Counted {
  std::vector<std::int64_t> durations_ns;
};

/// The traces that are looked at, and of how many.
struct Sample {
  std::set<std::string> ids;
  TimeRange around;
  std::uint64_t trace_count = 0;
};

constexpr std::int64_t kAroundNs = 3'600'000'000'000;

Sample choose_traces(Session& session, const Selection& selection, std::uint32_t limit) {
  Parameters parameters;
  const std::string data = session.rows(
      "SELECT trace_id, first_ns, last_ns, count() OVER ()\n"
      "FROM (SELECT trace_id, min(toUnixTimestamp64Nano(start_time)) AS first_ns, "
      "max(toUnixTimestamp64Nano(start_time)) AS last_ns\n  FROM span_rows WHERE " +
          selection.condition(session.slots(), parameters) +
          "\n  GROUP BY trace_id)\nORDER BY cityHash64(trace_id) LIMIT " + std::to_string(limit),
      parameters);
  Sample sample;
  std::int64_t first_ns = std::numeric_limits<std::int64_t>::max();
  std::int64_t last_ns = 0;
  for (RowReader row(data); !row.at_end();) {
    sample.ids.emplace(row.bytes(16));
    first_ns = std::min(first_ns, row.i64());
    last_ns = std::max(last_ns, row.i64());
    sample.trace_count = row.u64();
  }
  sample.around = widened({first_ns, last_ns}, kAroundNs);
  return sample;
}

/// One row a span; a span that was sent twice is one. One more than are taken tells that there are
/// more.
std::string read_spans(Session& session, const Sample& sample) {
  Parameters parameters;
  return session.rows(
      "SELECT trace_id, span_id, parent_span_id, toUnixTimestamp64Nano(start_time) AS start_ns, "
      "duration_ns, service_name, name, kind, status_code, false AS has_events, false AS "
      "has_links\n"
      "FROM span_rows WHERE trace_id IN " +
          id_list(sample.ids) + " AND " + in_range("start_time", sample.around, parameters) +
          "\nGROUP BY ALL\nORDER BY trace_id, start_ns, span_id, duration_ns, name LIMIT " +
          std::to_string(kMaxProfileSpans + 1),
      parameters);
}

struct Traces {
  std::vector<std::vector<SkeletonSpan>> spans;
  bool is_truncated = false;
};

/// Whole traces only, unless the first is too large for that.
Traces traces_of(std::string_view data) {
  Traces traces;
  std::string_view trace_id;
  std::size_t rows = 0;
  for (RowReader row(data); !row.at_end(); ++rows) {
    const std::string_view id = row.bytes(16);
    if (traces.spans.empty() || id != trace_id) traces.spans.emplace_back();
    trace_id = id;
    traces.spans.back().push_back(read_skeleton_span(row));
  }
  traces.is_truncated = rows > kMaxProfileSpans;
  if (traces.is_truncated && traces.spans.size() > 1) traces.spans.pop_back();
  return traces;
}

void write_totals(const ProfileTotals& totals, JsonWriter& json) {
  json.key("totals").begin_object();
  json.key("trace_count").number(totals.traces);
  json.key("span_count").number(totals.spans);
  json.key("error_count").number(totals.errors);
  json.key("duration_ns").digits(totals.duration_ns);
  json.key("self_ns").digits(totals.self_ns);
  json.key("critical_ns").digits(totals.critical_ns);
  json.end_object();
}

void write_operation(const OperationProfile& operation, JsonWriter& json) {
  json.begin_object();
  json.key("service_name").string(operation.service_name);
  json.key("name").string(operation.name);
  json.key("kind").string(enum_name(span_kinds(), operation.kind, "unknown"));
  write_totals(operation.totals, json);
  json.key("p50_ns").digits(operation.quantile_ns(0.5));
  json.key("p99_ns").digits(operation.quantile_ns(0.99));
  json.end_object();
}

void write_profile(const TraceProfile& profile, JsonWriter& json) {
  write_totals(profile.totals, json);
  json.key("services").begin_array();
  for (const ServiceProfile& service : profile.services) {
    json.begin_object();
    json.key("name").string(service.name);
    write_totals(service.totals, json);
    json.end_object();
  }
  json.end_array();
  json.key("operation_count").number(profile.operations.size());
  json.key("operations").begin_array();
  const std::size_t shown = std::min(profile.operations.size(), kMaxProfileOperations);
  for (std::size_t i = 0; i < shown; ++i) write_operation(profile.operations[i], json);
  json.end_array();
}

}  // namespace

std::int64_t OperationProfile::quantile_ns(double q) const {
  if (durations_ns.empty()) return 0;
  const double rank = std::ceil(q * static_cast<double>(durations_ns.size()));
  const auto index = static_cast<std::size_t>(std::max(rank, 1.0)) - 1;
  return durations_ns[std::min(index, durations_ns.size() - 1)];
}

TraceProfile profile_of(const std::vector<std::vector<SkeletonSpan>>& traces) {
  Counted all;
  std::map<std::string_view, Counted> by_service;
  std::map<std::tuple<std::string_view, std::string_view, std::int32_t>, CountedOperation> by_name;
  for (std::size_t trace = 0; trace < traces.size(); ++trace) {
    const std::vector<SkeletonSpan>& spans = traces[trace];
    const SkeletonTree tree = arrange(spans);
    for (std::size_t i = 0; i < spans.size(); ++i) {
      const SkeletonSpan& span = spans[i];
      all.count(span, tree.times[i], trace);
      by_service[span.service_name].count(span, tree.times[i], trace);
      CountedOperation& operation = by_name[{span.service_name, span.name, span.kind}];
      operation.count(span, tree.times[i], trace);
      operation.durations_ns.push_back(span.end_ns() - span.start_ns);
    }
  }
  TraceProfile profile;
  profile.totals = all.totals;
  for (const auto& [name, service] : by_service) profile.services.push_back({name, service.totals});
  for (auto& [key, operation] : by_name) {
    const auto& [service_name, name, kind] = key;
    std::ranges::sort(operation.durations_ns);
    profile.operations.push_back(
        {service_name, name, kind, operation.totals, std::move(operation.durations_ns)});
  }
  std::ranges::sort(profile.services, {}, [](const ServiceProfile& service) {
    return std::tuple(-service.totals.critical_ns, service.name);
  });
  std::ranges::sort(profile.operations, {}, [](const OperationProfile& operation) {
    return std::tuple(-operation.totals.critical_ns, operation.service_name, operation.name,
                      operation.kind);
  });
  return profile;
}

std::string get_trace_profile(Session& session, const Selection& selection, std::uint32_t limit) {
  const Sample sample = choose_traces(session, selection, limit);
  const std::string data = sample.ids.empty() ? "" : read_spans(session, sample);
  const Traces traces = traces_of(data);
  JsonWriter json;
  json.begin_object();
  json.key("matched_trace_count").number(sample.trace_count);
  json.key("truncated").boolean(traces.is_truncated);
  write_profile(profile_of(traces.spans), json);
  write_warnings(
      KnownFields(session, selection.signal, selection.range).unknown_in(selection.filter), json);
  session.write_stats(json);
  json.end_object();
  return json.take();
}

}  // namespace signalbox::server::query

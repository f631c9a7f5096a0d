#include "server/query/traces/span_distribution.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "server/query/json/json.h"
#include "server/query/plan/error.h"
#include "server/query/plan/fields.h"
#include "server/query/plan/ids.h"
#include "server/query/plan/rows.h"

namespace signalbox::server::query {
namespace {

constexpr std::int64_t kAroundNs = 1'800'000'000'000;
constexpr std::array<std::string_view, 3> kPercentiles = {"p50_ns", "p90_ns", "p99_ns"};

struct Operation {
  std::string service_name;
  std::string name;
  std::int32_t kind = 0;
};

struct KnownSpan {
  Operation operation;
  std::int64_t start_ns = 0;
  std::int64_t duration_ns = 0;
};

KnownSpan find_span(Session& session, std::string_view trace_id, std::string_view span_id) {
  const std::string data = session.rows(
      "SELECT service_name, name, kind, toUnixTimestamp64Nano(start_time), duration_ns\n"
      "FROM span_rows WHERE trace_id = " +
      trace_id_literal(trace_id, "trace_id") +
      " AND span_id = " + span_id_literal(span_id, "span_id") + "\nORDER BY start_time LIMIT 1");
  if (data.empty()) {
    throw QueryError(ErrorCode::kNotFound, "There is no span " + std::string(span_id) +
                                               " in a trace " + std::string(trace_id) + ".");
  }
  RowReader row(data);
  KnownSpan span;
  span.operation.service_name = row.string();
  span.operation.name = row.string();
  span.operation.kind = row.i32();
  span.start_ns = row.i64();
  span.duration_ns = row.i64();
  return span;
}

/// Where buckets of durations begin: four to each power of two; the first one is for 0 and less.
std::vector<std::int64_t> bucket_starts_ns() {
  std::vector<std::int64_t> starts = {0, 1, 2, 3};
  for (int power = 2; power < 63; ++power) {
    const std::int64_t quarter = std::int64_t{1} << (power - 2);
    for (const std::int64_t i : {4, 5, 6, 7}) starts.push_back(quarter * i);
  }
  return starts;
}

void write_histogram(RowReader& row, JsonWriter& json) {
  const std::vector<std::int64_t> starts = bucket_starts_ns();
  json.key("histogram").begin_array();
  const std::size_t buckets = row.size();
  for (std::size_t i = 0; i < buckets; ++i) {
    const std::int64_t from = row.i64();
    const auto next = std::ranges::upper_bound(starts, from);
    json.begin_object();
    json.key("from_ns").digits(from);
    json.key("to_ns").digits(next == starts.end() ? std::numeric_limits<std::int64_t>::max()
                                                  : *next);
    json.key("count").number(row.u64());
    json.end_object();
  }
  json.end_array();
}

/// One row: all that the answer says of the operation's spans.
std::string read_distribution(Session& session, const KnownSpan& span, const TimeRange& range) {
  Parameters parameters;
  const std::string duration = parameters.bind_int(span.duration_ns);
  const std::string starts = "array" + number_list(bucket_starts_ns());
  return session.rows(
      "SELECT count(), countIf(status_code = 2), countIf(duration_ns < " + duration +
          "), countIf(duration_ns = " + duration +
          "), min(duration_ns), max(duration_ns),\n"
          "  arrayMap(x -> toFloat64(x), quantilesTDigest(0.5, 0.9, 0.99)(duration_ns)),\n"
          "  CAST(sumMap(map(roundDown(duration_ns, CAST(" +
          starts +
          ", 'Array(Int64)')), toUInt64(1))), 'Array(Tuple(Int64, UInt64))')\n"
          "FROM span_rows WHERE " +
          in_range("start_time", range, parameters) +
          " AND service_name = " + parameters.bind(span.operation.service_name) +
          " AND name = " + parameters.bind(span.operation.name) +
          " AND kind = " + std::to_string(span.operation.kind),
      parameters);
}

void write_distribution(RowReader row, const KnownSpan& span, JsonWriter& json) {
  const std::uint64_t count = row.u64();
  json.key("span_count").number(count);
  json.key("error_count").number(row.u64());
  const std::uint64_t faster = row.u64();
  const std::uint64_t equal = row.u64();
  json.key("faster_count").number(faster);
  json.key("equal_count").number(equal);
  json.key("percentile");
  if (count == 0) {
    json.null();
  } else {
    json.number(100 * (static_cast<double>(faster) + static_cast<double>(equal) / 2) /
                static_cast<double>(count));
  }
  const std::int64_t min = row.i64();
  const std::int64_t max = row.i64();
  json.key("min_ns").digits(min);
  json.key("max_ns").digits(max);
  const std::size_t percentiles = row.size();
  for (std::size_t i = 0; i < percentiles; ++i) {
    const double of_digest = row.f64();
    const double value = count == 0 ? 0 : std::clamp(of_digest, double(min), double(max));
    json.key(kPercentiles.at(i)).digits(std::llround(value));
  }
  json.key("duration_ns").digits(span.duration_ns);
  write_histogram(row, json);
}

}  // namespace

std::string get_span_distribution(Session& session, std::string_view trace_id,
                                  std::string_view span_id, const std::optional<TimeRange>& range) {
  const KnownSpan span = find_span(session, trace_id, span_id);
  const TimeRange within = range.value_or(widened({span.start_ns, span.start_ns}, kAroundNs));
  const std::string data = read_distribution(session, span, within);
  JsonWriter json;
  json.begin_object();
  json.key("service_name").string(span.operation.service_name);
  json.key("name").string(span.operation.name);
  json.key("kind").string(enum_name(span_kinds(), span.operation.kind, "unknown"));
  json.key("start").digits(within.start_ns);
  json.key("end").digits(within.end_ns);
  write_distribution(RowReader(data), span, json);
  session.write_stats(json);
  json.end_object();
  return json.take();
}

}  // namespace signalbox::server::query

#include "server/query/logs/logs.h"

#include <algorithm>
#include <array>
#include <map>
#include <string_view>

#include "server/query/fields/facets.h"
#include "server/query/logs/log_rows.h"
#include "server/query/plan/attributes.h"
#include "server/query/plan/error.h"
#include "server/query/plan/ids.h"
#include "server/query/plan/rows.h"
#include "server/query/plan/selection.h"
#include "server/query/plan/unknown_fields.h"
#include "server/query/traces/trace.h"

namespace signalbox::server::query {
namespace {

constexpr std::int64_t kHistogramBuckets = 60;
constexpr std::int64_t kAroundTraceNs = 300'000'000'000;
constexpr std::array kFacets = {
    FacetField{"service.name", "Service"}, FacetField{"severity", "Severity"},
    FacetField{"scope.name", "Scope"}, FacetField{"event.name", "Event"}};

std::string page_sql(const LogSearch& search, const std::string& condition,
                     const LogPosition* position, Parameters& parameters) {
  const bool ascending = search.order == LogSearch::Order::kOldest;
  std::string sql = "SELECT " + log_columns() + "\nFROM log_rows WHERE " + condition;
  if (position != nullptr) {
    sql += " AND " + (ascending ? behind_position(*position, parameters)
                                : before_position(*position, parameters));
  }
  return sql + "\n" + log_order(ascending) + " LIMIT " + std::to_string(search.limit + 1);
}

void write_page(Session& session, const LogSearch& search, const Selection& selection,
                JsonWriter& json) {
  ReferencedIds ids;
  std::optional<LogPosition> start;
  if (!search.cursor.empty()) start = LogPosition::from_cursor(search.cursor);
  LogPosition position = start.value_or(LogPosition{});
  bool has_more = false;
  json.key("logs").begin_array();
  if (search.parts.rows) {
    Parameters parameters;
    const std::string data =
        session.rows(page_sql(search, selection.condition(session.slots(), parameters),
                              start ? &*start : nullptr, parameters),
                     parameters);
    RowReader row(data);
    for (std::uint32_t count = 0; !row.at_end() && count < search.limit; ++count) {
      position = write_log(row, ids, json);
    }
    has_more = !row.at_end();
  }
  json.end_array();
  write_resources_and_scopes(session, ids, json);
  json.key("next_cursor");
  if (has_more) {
    json.string(position.to_cursor());
  } else {
    json.null();
  }
}

void write_histogram(Session& session, const Selection& selection, bool wanted, JsonWriter& json) {
  const Buckets buckets = round_buckets(selection.range, kHistogramBuckets);
  json.key("histogram").begin_object();
  json.key("step_ns").digits(buckets.step_ns);
  json.key("buckets").begin_array();
  if (wanted) {
    Parameters parameters;
    const std::string data = session.rows(
        "SELECT " + bucket_index("time", buckets, parameters) +
            " AS bucket, severity_number, count()\nFROM log_rows WHERE " +
            selection.condition(session.slots(), parameters) + "\nGROUP BY bucket, severity_number",
        parameters);
    std::map<std::int64_t, std::map<std::string_view, std::uint64_t>> counts;
    for (RowReader row(data); !row.at_end();) {
      const std::int64_t bucket = row.i64();
      const std::string_view severity = severity_name(row.i32());
      counts[bucket][severity] += row.u64();
    }
    for (std::int64_t i = 0; i < buckets.count; ++i) {
      json.begin_object();
      json.key("time").digits(buckets.time_ns(i));
      for (const EnumValue& severity : severities()) {
        json.key(severity.name).number(counts[i][severity.name]);
      }
      json.end_object();
    }
  }
  json.end_array().end_object();
}

}  // namespace

std::string search_logs(Session& session, const LogSearch& search) {
  const Selection selection{Signal::kLogs, search.range, search.filter};
  JsonWriter json;
  json.begin_object();
  write_page(session, search, selection, json);
  write_histogram(session, selection, search.parts.histogram, json);
  if (search.parts.facets) {
    write_facets(session, selection, kFacets, json);
  } else {
    json.key("facets").begin_array().end_array();
  }
  write_warnings(KnownFields(session, Signal::kLogs, search.range).unknown_in(search.filter), json);
  session.write_stats(json);
  json.end_object();
  return json.take();
}

std::optional<TimeRange> range_around_trace(Session& session, std::string_view trace_id) {
  std::optional<TimeRange> range = times_of_trace(session, trace_id);
  if (range) {
    range->start_ns -= kAroundTraceNs;
    range->end_ns += kAroundTraceNs;
  }
  return range;
}

}  // namespace signalbox::server::query

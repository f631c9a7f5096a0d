#include "server/query/logs/logs.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <map>
#include <string_view>

#include "server/query/fields/facets.h"
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

/// The identity of a record: its block, and its row there.
struct RecordId {
  std::int64_t received_us = 0;
  std::uint32_t row = 0;

  [[nodiscard]] std::string to_string() const {
    return std::to_string(received_us) + "-" + std::to_string(row);
  }
};

/// Where a page ends: the time and the identity of its last record.
struct Position {
  std::int64_t time_ns = 0;
  RecordId id;

  [[nodiscard]] std::string to_cursor() const {
    return std::to_string(time_ns) + "-" + id.to_string();
  }

  static Position from_cursor(std::string_view cursor) {
    Position position;
    const char* at = cursor.data();
    const char* const last = at + cursor.size();
    const auto read = [&](auto& number, bool is_last) {
      const auto [end, error] = std::from_chars(at, last, number);
      if (error != std::errc() || (is_last ? end != last : end == last || *end != '-'))
        return false;
      at = end + 1;
      return true;
    };
    if (read(position.time_ns, false) && read(position.id.received_us, false) &&
        read(position.id.row, true)) {
      return position;
    }
    throw QueryError::invalid("cursor", "'cursor' must be the next_cursor of an earlier answer.");
  }
};

std::string page_sql(const LogSearch& search, const std::string& condition,
                     const Position* position, Parameters& parameters) {
  const bool ascending = search.order == LogSearch::Order::kOldest;
  const std::string direction = ascending ? " ASC" : " DESC";
  std::string sql =
      "SELECT toUnixTimestamp64Micro(received), row, toUnixTimestamp64Nano(time), time_unix_nano, "
      "observed_time_unix_nano, service_name, trace_id, span_id, flags,\n"
      "  severity_number, severity_text, body_type, body, event_name, resource_id, scope_id, " +
      attribute_columns() + ", dropped_attributes_count\nFROM log_rows WHERE " + condition;
  if (position != nullptr) {
    // The first condition skips whole parts.
    const std::string time =
        "fromUnixTimestamp64Nano(" + parameters.bind_int(position->time_ns) + ")";
    sql += std::string(" AND time ") + (ascending ? ">= " : "<= ") + time +
           " AND (time, received, row) " + (ascending ? "> (" : "< (") + time +
           ", fromUnixTimestamp64Micro(" + parameters.bind_int(position->id.received_us) +
           ", 'UTC'), " + parameters.bind_int(position->id.row) + ")";
  }
  sql += "\nORDER BY time" + direction + ", received" + direction + ", row" + direction + " LIMIT ";
  return sql + std::to_string(search.limit + 1);
}

void write_id(std::string_view bytes, JsonWriter& json) {
  if (std::all_of(bytes.begin(), bytes.end(), [](char c) { return c == '\0'; })) {
    json.null();
  } else {
    json.hex(bytes);
  }
}

/// `body_type` holds the name of a type, or its letter.
std::string_view body_type_name(std::string_view type) {
  return type.size() == 1 ? attribute_type_name(type[0]) : type;
}

/// Reads one row of `page_sql`; returns its position.
Position write_record(RowReader& row, ReferencedIds& ids, JsonWriter& json) {
  Position position;
  position.id.received_us = row.i64();
  position.id.row = row.u32();
  position.time_ns = row.i64();
  json.begin_object();
  json.key("id").string(position.id.to_string());
  json.key("time").digits(position.time_ns);
  json.key("time_unix_nano").digits(row.u64());
  json.key("observed_time_unix_nano").digits(row.u64());
  json.key("service_name").string(row.string());
  json.key("trace_id");
  write_id(row.bytes(16), json);
  json.key("span_id");
  write_id(row.bytes(8), json);
  json.key("flags").number(row.u32());
  const std::int32_t severity = row.i32();
  json.key("severity").string(severity_name(severity));
  json.key("severity_number").number(severity);
  json.key("severity_text").string(row.string());
  json.key("body").begin_object();
  json.key("type").string(body_type_name(row.string()));
  json.key("value").string(row.string());
  json.end_object();
  json.key("event_name").string(row.string());
  write_origin_and_attributes(row, ids, json);
  json.end_object();
  return position;
}

void write_page(Session& session, const LogSearch& search, const Selection& selection,
                JsonWriter& json) {
  ReferencedIds ids;
  std::optional<Position> start;
  if (!search.cursor.empty()) start = Position::from_cursor(search.cursor);
  Position position = start.value_or(Position{});
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
      position = write_record(row, ids, json);
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

#include "server/query/traces/trace.h"

#include <algorithm>
#include <vector>

#include "server/query/json/json.h"
#include "server/query/plan/attributes.h"
#include "server/query/plan/error.h"
#include "server/query/plan/fields.h"
#include "server/query/plan/ids.h"
#include "server/query/plan/rows.h"

namespace signalbox::server::query {
namespace {

template <typename Read>
auto read_array(RowReader& row, Read read) {
  std::vector<decltype(read())> values(row.size());
  for (auto& value : values) value = read();
  return values;
}

void write_events(RowReader& row, JsonWriter& json) {
  const auto times = read_array(row, [&] { return row.i64(); });
  const auto names = row.strings();
  const auto attributes = read_array(row, [&] { return row.map(); });
  const auto types = row.strings();
  const auto dropped = read_array(row, [&] { return row.u32(); });
  json.key("events").begin_array();
  for (std::size_t i = 0; i < times.size(); ++i) {
    json.begin_object();
    json.key("time").digits(times[i]);
    json.key("name").string(names.at(i));
    json.key("attributes");
    write_attributes(attributes.at(i), types.at(i), json);
    json.key("dropped_attributes_count").number(dropped.at(i));
    json.end_object();
  }
  json.end_array();
}

void write_links(RowReader& row, JsonWriter& json) {
  const auto trace_ids = read_array(row, [&] { return row.bytes(16); });
  const auto span_ids = read_array(row, [&] { return row.bytes(8); });
  const auto states = row.strings();
  const auto flags = read_array(row, [&] { return row.u32(); });
  const auto attributes = read_array(row, [&] { return row.map(); });
  const auto types = row.strings();
  const auto dropped = read_array(row, [&] { return row.u32(); });
  json.key("links").begin_array();
  for (std::size_t i = 0; i < trace_ids.size(); ++i) {
    json.begin_object();
    json.key("trace_id").hex(trace_ids[i]);
    json.key("span_id").hex(span_ids.at(i));
    json.key("trace_state").string(states.at(i));
    json.key("flags").number(flags.at(i));
    json.key("attributes");
    write_attributes(attributes.at(i), types.at(i), json);
    json.key("dropped_attributes_count").number(dropped.at(i));
    json.end_object();
  }
  json.end_array();
}

void write_span(RowReader& row, ReferencedIds& ids, JsonWriter& json) {
  json.begin_object();
  json.key("same_id_count").number(row.u64());
  json.key("span_id").hex(row.bytes(8));
  const std::string_view parent = row.bytes(8);
  json.key("parent_span_id");
  if (parent == std::string_view("\0\0\0\0\0\0\0\0", 8)) {
    json.null();
  } else {
    json.hex(parent);
  }
  json.key("service_name").string(row.string());
  json.key("name").string(row.string());
  const std::int32_t kind = row.i32();
  json.key("kind").string(enum_name(span_kinds(), kind, "unknown"));
  json.key("kind_number").number(kind);
  const std::int64_t start_ns = row.i64();
  const std::int64_t duration_ns = row.i64();
  json.key("start_time").digits(start_ns);
  json.key("end_time").digits(start_ns + duration_ns);
  json.key("duration_ns").digits(duration_ns);
  const std::int32_t status = row.i32();
  json.key("status").begin_object();
  json.key("code").string(enum_name(status_codes(), status, "unknown"));
  json.key("code_number").number(status);
  json.key("message").string(row.string());
  json.end_object();
  json.key("trace_state").string(row.string());
  json.key("flags").number(row.u32());
  write_origin_and_attributes(row, ids, json);
  write_events(row, json);
  json.key("dropped_events_count").number(row.u32());
  write_links(row, json);
  json.key("dropped_links_count").number(row.u32());
  json.end_object();
}

/// A span that was sent twice is read once; what differs in anything is another span.
std::string read_spans(Session& session, const std::string& condition) {
  return session.rows("SELECT count() OVER (PARTITION BY span_id), *\nFROM (SELECT DISTINCT " +
                      span_columns() + "\nFROM span_rows WHERE " + condition +
                      ")\nORDER BY `toUnixTimestamp64Nano(start_time)`, "
                      "span_id, duration_ns, name LIMIT " +
                      std::to_string(kMaxTraceSpans + 1));
}

/// `data` is what `read_spans` read.
std::string write_spans(Session& session, std::string_view trace_id, const std::string& data) {
  JsonWriter json;
  json.begin_object();
  json.key("trace_id").string(trace_id);
  ReferencedIds ids;
  std::uint32_t count = 0;
  json.key("spans").begin_array();
  RowReader row(data);
  for (; !row.at_end() && count < kMaxTraceSpans; ++count) write_span(row, ids, json);
  json.end_array();
  json.key("truncated").boolean(!row.at_end());
  write_resources_and_scopes(session, ids, json);
  session.write_stats(json);
  json.end_object();
  return json.take();
}

}  // namespace

std::optional<TimeRange> times_of_trace(Session& session, std::string_view trace_id) {
  const std::string data = session.rows(
      "SELECT count(), toUnixTimestamp64Nano(min(start_time)), "
      "max(toUnixTimestamp64Nano(start_time) + greatest(duration_ns, 0))\n"
      "FROM span_rows WHERE trace_id = " +
      trace_id_literal(trace_id, "trace_id"));
  RowReader row(data);
  if (row.u64() == 0) return std::nullopt;
  TimeRange range;
  range.start_ns = row.i64();
  range.end_ns = std::max(row.i64(), range.start_ns) + 1;
  return range;
}

// In the order in which `write_span` reads them, after the number of spans with the id.
std::string span_columns() {
  return "span_id, parent_span_id, service_name, name, kind, toUnixTimestamp64Nano(start_time), "
         "duration_ns, status_code, status_message, trace_state, flags, resource_id, scope_id,\n"
         "  " +
         attribute_columns() +
         ", dropped_attributes_count,\n"
         "  arrayMap(t -> toUnixTimestamp64Nano(t), `events.time`), `events.name`, " +
         attribute_columns("events.") +
         ", `events.dropped_attributes_count`, dropped_events_count,\n"
         "  `links.trace_id`, `links.span_id`, `links.trace_state`, `links.flags`, " +
         attribute_columns("links.") + ", `links.dropped_attributes_count`, dropped_links_count";
}

std::string get_trace(Session& session, std::string_view trace_id) {
  const std::string condition = "trace_id = " + trace_id_literal(trace_id, "trace_id");
  const std::string data = read_spans(session, condition);
  if (data.empty()) throw no_such_trace(trace_id);
  return write_spans(session, trace_id, data);
}

std::string get_spans(Session& session, std::string_view trace_id,
                      const std::vector<std::string>& span_ids) {
  std::string condition =
      "trace_id = " + trace_id_literal(trace_id, "trace_id") + " AND span_id IN (";
  for (const std::string& id : span_ids) {
    condition += (&id == span_ids.data() ? "" : ", ") + span_id_literal(id, "span_id");
  }
  return write_spans(session, trace_id, read_spans(session, condition + ")"));
}

QueryError no_such_trace(std::string_view trace_id) {
  return {ErrorCode::kNotFound, "There is no trace " + std::string(trace_id) +
                                    ". It has not arrived (yet), or its data has been removed."};
}

}  // namespace signalbox::server::query

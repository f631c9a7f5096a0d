#include "server/query/logs/log_rows.h"

#include <algorithm>
#include <charconv>

#include "server/query/plan/error.h"
#include "server/query/plan/fields.h"

namespace signalbox::server::query {
namespace {

/// Reads numbers with "-" between them; false unless `text` is just that.
template <typename... Numbers>
bool read_numbers(std::string_view text, Numbers&... numbers) {
  const char* at = text.data();
  const char* const last = at + text.size();
  std::size_t left = sizeof...(numbers);
  const auto read = [&](auto& number) {
    const auto [end, error] = std::from_chars(at, last, number);
    if (error != std::errc()) return false;
    if (--left == 0) return end == last;
    if (end == last || *end != '-') return false;
    at = end + 1;
    return true;
  };
  return (read(numbers) && ...);
}

/// The first condition skips whole parts.
std::string compared(const LogPosition& position, const std::string& sign, Parameters& parameters) {
  const std::string time = "fromUnixTimestamp64Nano(" + parameters.bind_int(position.time_ns) + ")";
  return "time " + sign + "= " + time + " AND (time, received, row) " + sign + " (" + time +
         ", fromUnixTimestamp64Micro(" + parameters.bind_int(position.id.received_us) +
         ", 'UTC'), " + parameters.bind_int(position.id.row) + ")";
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

}  // namespace

LogId LogId::parse(std::string_view text, const std::string& parameter) {
  LogId id;
  if (read_numbers(text, id.received_us, id.row)) return id;
  throw QueryError::invalid(parameter,
                            "'" + parameter + "' must be the id of a log record of an answer.");
}

std::string LogId::to_string() const {
  return std::to_string(received_us) + "-" + std::to_string(row);
}

LogPosition LogPosition::from_cursor(std::string_view cursor) {
  LogPosition position;
  if (read_numbers(cursor, position.time_ns, position.id.received_us, position.id.row)) {
    return position;
  }
  throw QueryError::invalid("cursor", "'cursor' must be the next_cursor of an earlier answer.");
}

std::string LogPosition::to_cursor() const {
  return std::to_string(time_ns) + "-" + id.to_string();
}

std::string log_columns() {
  return "toUnixTimestamp64Micro(received), row, toUnixTimestamp64Nano(time), time_unix_nano, "
         "observed_time_unix_nano, service_name, trace_id, span_id, flags,\n"
         "  severity_number, severity_text, body_type, body, event_name, resource_id, scope_id, " +
         attribute_columns() + ", dropped_attributes_count";
}

std::string log_order(bool is_ascending) {
  return is_ascending ? "ORDER BY time, received, row"
                      : "ORDER BY time DESC, received DESC, row DESC";
}

std::string behind_position(const LogPosition& position, Parameters& parameters) {
  return compared(position, ">", parameters);
}

std::string before_position(const LogPosition& position, Parameters& parameters) {
  return compared(position, "<", parameters);
}

LogPosition write_log(RowReader& row, ReferencedIds& ids, JsonWriter& json) {
  LogPosition position;
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

}  // namespace signalbox::server::query

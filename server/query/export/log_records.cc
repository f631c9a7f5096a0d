#include "server/query/export/log_records.h"

#include <algorithm>
#include <string>
#include <string_view>

#include "server/query/export/stored_values.h"
#include "server/query/plan/attributes.h"

namespace signalbox::server::query {
namespace {

using Type = KeyColumn::Type;

/// As the table is sorted. Of far times it is none: a DateTime ends in 2106.
constexpr std::string_view kMinute = "toStartOfMinute(time)";

/// `text` holds the character of a type or, in rows of the first tables, its name.
char body_type(std::string_view text) {
  if (text.size() == 1) return text[0];
  constexpr std::string_view kTypes = "sidbyake";
  const auto* const at = std::find_if(kTypes.begin(), kTypes.end(),
                                      [&](char type) { return attribute_type_name(type) == text; });
  return at == kTypes.end() ? 's' : *at;
}

}  // namespace

PageTable log_table() {
  return {.name = "log_rows",
          .key = {{"service_name"},
                  {kMinute, Type::kMinute},
                  {"time", Type::kTime},
                  {"received", Type::kReceived},
                  {"row", Type::kNumber}},
          .order_by =
              "service_name, toStartOfMinute(time), time, received, row, "
              "cityHash64(trace_id, span_id, flags, severity_number, severity_text, body, "
              "event_name, resource_id, scope_id, rest, attribute_entries)",
          .columns =
              "time_unix_nano, observed_time_unix_nano, severity_number, severity_text, "
              "body_type, body, flags, trace_id, span_id, event_name, resource_id, "
              "scope_id,\n  " +
              attribute_columns() + ", dropped_attributes_count"};
}

void LogRecord::read(RowReader& row, otlp::internal::Arena& arena) {
  view.time_unix_nano = row.u64();
  view.observed_time_unix_nano = row.u64();
  view.severity_number = row.i32();
  view.severity_text = row.string();
  const char type = body_type(row.string());
  view.body = stored_value(type, row.string(), arena);
  view.flags = row.u32();
  view.trace_id = id_or_none(row.bytes(16));
  view.span_id = id_or_none(row.bytes(8));
  view.event_name = row.string();
  resource_id = row.u32();
  scope_id = row.u32();
  attributes_ = read_attributes(row, arena);
  view.attributes = attributes_;
  view.dropped_attributes_count = row.u32();
}

}  // namespace signalbox::server::query

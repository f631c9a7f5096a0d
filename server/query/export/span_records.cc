#include "server/query/export/span_records.h"

#include <charconv>
#include <string>
#include <string_view>

#include "otlp/parse_text.h"
#include "server/query/export/stored_values.h"
#include "server/query/plan/attributes.h"

namespace signalbox::server::query {
namespace {

using Type = KeyColumn::Type;

/// As the table is sorted. Of far times it is none: a DateTime ends in 2106.
constexpr std::string_view kMinute = "toStartOfMinute(start_time)";

std::string_view from_hex(std::string_view hex, otlp::internal::Arena& arena) {
  std::string_view bytes;
  if (!otlp::internal::decode_hex(hex, arena, bytes)) {
    throw std::runtime_error("The id of a stored link is not hexadecimal.");
  }
  return bytes;
}

/// Attributes of an event or a link: keys, texts and types.
std::vector<otlp::KeyValueView> read_lists(RowReader& row, otlp::internal::Arena& arena) {
  const auto keys = row.strings();
  const auto texts = row.strings();
  return stored_attributes(keys, texts, row.string(), arena);
}

}  // namespace

PageTable span_table() {
  return {.name = "span_rows",
          .key = {{"service_name"},
                  {"name"},
                  {kMinute, Type::kMinute},
                  {"start_time", Type::kTime},
                  {"trace_id", Type::kId, 16},
                  {"span_id", Type::kId, 8},
                  {"received", Type::kReceived}},
          .order_by =
              "service_name, name, toStartOfMinute(start_time), start_time, trace_id, "
              "span_id, received, duration_ns, parent_span_id, cityHash64(flags, kind, "
              "status_code, resource_id, scope_id, rest, attribute_entries)",
          .columns =
              "duration_ns, parent_span_id, flags, kind, status_code, status_message, "
              "trace_state, resource_id, scope_id,\n  " +
              attribute_columns() +
              ", dropped_attributes_count, event_entries, dropped_events_count, "
              "link_entries, dropped_links_count"};
}

void SpanRecord::read(RowReader& row, otlp::internal::Arena& arena) {
  view.name = key[1];
  std::int64_t start = 0;
  std::from_chars(key[3].data(), key[3].data() + key[3].size(), start);
  view.start_time_unix_nano = static_cast<std::uint64_t>(start);
  view.trace_id = key[4];
  view.span_id = key[5];
  view.end_time_unix_nano = static_cast<std::uint64_t>(start + row.i64());
  view.parent_span_id = id_or_none(row.bytes(8));
  view.flags = row.u32();
  view.kind = row.i32();
  view.status_code = row.i32();
  view.status_message = row.string();
  view.trace_state = row.string();
  resource_id = row.u32();
  scope_id = row.u32();
  attributes_ = read_attributes(row, arena);
  view.attributes = attributes_;
  view.dropped_attributes_count = row.u32();
  read_events(row, arena);
  view.dropped_events_count = row.u32();
  read_links(row, arena);
  view.dropped_links_count = row.u32();
}

void SpanRecord::read_events(RowReader& row, otlp::internal::Arena& arena) {
  for (std::size_t left = row.size(); left > 0; --left) {
    otlp::EventView& event = events_.emplace_back();
    event.time_unix_nano = static_cast<std::uint64_t>(row.i64());
    event.name = row.string();
    event.attributes = nested_attributes_.emplace_back(read_lists(row, arena));
    event.dropped_attributes_count = row.u32();
  }
  view.events = events_;
}

void SpanRecord::read_links(RowReader& row, otlp::internal::Arena& arena) {
  for (std::size_t left = row.size(); left > 0; --left) {
    otlp::LinkView& link = links_.emplace_back();
    link.trace_id = from_hex(row.string(), arena);
    link.span_id = from_hex(row.string(), arena);
    link.trace_state = row.string();
    link.flags = row.u32();
    link.attributes = nested_attributes_.emplace_back(read_lists(row, arena));
    link.dropped_attributes_count = row.u32();
  }
  view.links = links_;
}

}  // namespace signalbox::server::query

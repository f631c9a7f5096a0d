#include "server/query/match/live_record.h"

#include <algorithm>
#include <array>
#include <span>

#include "server/store/columns/folded.h"
#include "server/store/columns/metric_sink.h"

namespace signalbox::server::query {
namespace {

using Place = IntrinsicField::Place;

FieldValue count(std::size_t size) {
  return static_cast<std::int64_t>(size);
}

FieldValue service_name(const LiveRecord& record) {
  return record.resource.find("service.name");
}

FieldValue attribute_count(const LiveRecord& record) {
  return count(record.attributes.entries().size());
}

FieldValue duration(const LiveRecord& record) {
  return store::stored_time(record.span().end_time_unix_nano) -
         store::stored_time(record.span().start_time_unix_nano);
}

FieldValue is_root(const LiveRecord& record) {
  return record.span().parent_span_id.find_first_not_of('\0') == std::string_view::npos;
}

using Record = const LiveRecord&;

constexpr std::array kSpanReaders = {
    FieldReader{"service_name", service_name},
    FieldReader{"name", [](Record r) -> FieldValue { return r.span().name; }},
    FieldReader{"duration_ns", duration},
    FieldReader{"status_code",
                [](Record r) -> FieldValue { return std::int64_t{r.span().status_code}; }},
    FieldReader{"status_message", [](Record r) -> FieldValue { return r.span().status_message; }},
    FieldReader{"kind", [](Record r) -> FieldValue { return std::int64_t{r.span().kind}; }},
    FieldReader{kIsRootSql, is_root},
    FieldReader{"trace_id", [](Record r) -> FieldValue { return r.span().trace_id; }},
    FieldReader{"span_id", [](Record r) -> FieldValue { return r.span().span_id; }},
    FieldReader{"parent_span_id", [](Record r) -> FieldValue { return r.span().parent_span_id; }},
    FieldReader{"trace_state", [](Record r) -> FieldValue { return r.span().trace_state; }},
    FieldReader{"JSONLength(rest, 'e')", [](Record r) { return count(r.span().events.size()); }},
    FieldReader{"JSONLength(rest, 'l')", [](Record r) { return count(r.span().links.size()); }},
    FieldReader{kAttributeCountSql, attribute_count},
};

constexpr std::array kLogReaders = {
    FieldReader{"service_name", service_name},
    FieldReader{"body", [](Record r) -> FieldValue { return r.body; }},
    FieldReader{"length(body)", [](Record r) { return count(r.body.size()); }},
    FieldReader{kAttributeCountSql, attribute_count},
    FieldReader{"severity_number",
                [](Record r) -> FieldValue { return std::int64_t{r.log().severity_number}; }},
    FieldReader{"severity_text", [](Record r) -> FieldValue { return r.log().severity_text; }},
    FieldReader{"trace_id", [](Record r) -> FieldValue { return r.log().trace_id; }},
    FieldReader{"span_id", [](Record r) -> FieldValue { return r.log().span_id; }},
    FieldReader{"event_name", [](Record r) -> FieldValue { return r.log().event_name; }},
};

constexpr std::array kMetricReaders = {
    FieldReader{"service_name", service_name},
    FieldReader{"metric_name", [](Record r) -> FieldValue { return r.metric().name; }},
    FieldReader{"metric_type",
                [](Record r) -> FieldValue { return store::metric_type_name(r.metric().type); }},
    FieldReader{"unit", [](Record r) -> FieldValue { return r.metric().unit; }},
};

constexpr std::array kScopeReaders = {
    FieldReader{"name", [](Record r) -> FieldValue { return r.scope_name; }},
    FieldReader{"version", [](Record r) -> FieldValue { return r.scope_version; }},
};

using Span = const otlp::SpanView&;

constexpr std::array kListReaders = {
    ListReader{"events.name", [](Span s) { return s.events.size(); },
               [](Span s, std::size_t i) { return s.events[i].name; }},
    ListReader{"links.trace_id", [](Span s) { return s.links.size(); },
               [](Span s, std::size_t i) { return s.links[i].trace_id; }},
    ListReader{"links.span_id", [](Span s) { return s.links.size(); },
               [](Span s, std::size_t i) { return s.links[i].span_id; }},
};

std::span<const FieldReader> readers_of(Signal signal) {
  switch (signal) {
    case Signal::kTraces:
      return kSpanReaders;
    case Signal::kLogs:
      return kLogReaders;
    case Signal::kMetrics:
      break;
  }
  return kMetricReaders;
}

template <typename Reader>
const Reader* reader_of(std::span<const Reader> readers, std::string_view column) {
  const auto at = std::find_if(readers.begin(), readers.end(),
                               [&](const Reader& reader) { return reader.column == column; });
  return at == readers.end() ? nullptr : &*at;
}

}  // namespace

std::string_view LiveRecord::searched_text() const {
  if (std::holds_alternative<const otlp::SpanView*>(record)) return span().name;
  if (std::holds_alternative<const otlp::LogRecordView*>(record)) return body;
  return metric().name;
}

const FieldReader* field_reader(Signal signal, const IntrinsicField& field) {
  switch (field.place) {
    case Place::kRecord:
      return reader_of<FieldReader>(readers_of(signal), field.column);
    case Place::kScope:
      return reader_of<FieldReader>(kScopeReaders, field.column);
    case Place::kArray:
    case Place::kSpans:
    case Place::kEvents:
      break;
  }
  return nullptr;
}

const ListReader* list_reader(const IntrinsicField& field) {
  return field.place == Place::kArray ? reader_of<ListReader>(kListReaders, field.column) : nullptr;
}

}  // namespace signalbox::server::query

#include "server/query/export/export.h"

#include <array>
#include <cstddef>
#include <deque>
#include <optional>
#include <set>
#include <utility>

#include "server/query/export/cursor.h"
#include "server/query/export/descriptions.h"
#include "server/query/export/log_records.h"
#include "server/query/export/messages.h"
#include "server/query/export/metric_points.h"
#include "server/query/export/metric_series.h"
#include "server/query/export/page.h"
#include "server/query/export/span_records.h"
#include "server/query/plan/error.h"
#include "server/query/plan/filter_sql.h"
#include "server/query/plan/ids.h"
#include "server/query/plan/selection.h"
#include "server/query/traces/trace.h"

namespace signalbox::server::query {
namespace {

/// Before and after a trace: points come at intervals.
constexpr std::int64_t kAroundTraceNs = 60'000'000'000;

otlp::Signal otlp_signal(Signal signal) {
  switch (signal) {
    case Signal::kTraces:
      return otlp::Signal::kTraces;
    case Signal::kLogs:
      return otlp::Signal::kLogs;
    case Signal::kMetrics:
      break;
  }
  return otlp::Signal::kMetrics;
}

Cursor cursor_of(const ExportRequest& request, std::size_t tables) {
  if (request.cursor.empty()) return {};
  Cursor cursor = Cursor::from_text(request.cursor);
  if (cursor.table >= tables) {
    throw QueryError::invalid("cursor", "'cursor' belongs to an export of another signal.");
  }
  return cursor;
}

/// Spans or log records.
template <typename Record, typename Tell>
ExportPage export_records(Session& session, const ExportRequest& request, const PageTable& table,
                          Tell tell) {
  Selection selection{request.signal, request.range, request.filter};
  const auto condition = [&](Parameters& parameters) {
    std::string sql = selection.condition(session.slots(), parameters);
    if (!request.trace_id.empty()) {
      sql += " AND trace_id = " + trace_id_literal(request.trace_id, "trace_id");
    }
    return sql;
  };
  const Page<Record> page =
      read_page<Record>(session, table, condition, cursor_of(request, 1), request.limit);
  ReferencedIds ids;
  for (const Record& record : page.records) {
    ids.resources.insert(record.resource_id);
    ids.scopes.insert(record.scope_id);
  }
  const Descriptions descriptions(session, ids);
  Messages messages(otlp_signal(request.signal), request.encoding);
  write_records(
      page.records, descriptions, messages,
      [](const Record& record) { return Place{record.resource_id, record.scope_id, 0}; },
      [](otlp::Encoder&, const Place&) {}, tell);
  return {.body = messages.take(),
          .records = page.records.size(),
          .next_cursor = page.has_more ? page.next.to_text() : ""};
}

/// What points have to fulfil, whatever their table.
class PointCondition {
 public:
  PointCondition(Session& session, const ExportRequest& request)
      : session_(session), request_(request), range_(request.range) {
    if (!request.around_trace) return;
    const std::optional<TimeRange> times = times_of_trace(session, request.trace_id);
    range_ = times.value_or(TimeRange{});
    range_.start_ns -= kAroundTraceNs;
    range_.end_ns += kAroundTraceNs;
  }

  std::string operator()(Parameters& parameters) const {
    std::string of_series;
    if (request_.filter.kind != FilterNode::Kind::kAll) {
      of_series = filter_sql(request_.filter, Signal::kMetrics, session_.slots(), parameters);
    }
    if (!request_.trace_id.empty()) {
      if (!of_series.empty()) of_series += " AND ";
      of_series += "service_name IN (SELECT service_name FROM span_rows WHERE trace_id = " +
                   trace_id_literal(request_.trace_id, "trace_id") + ")";
    }
    std::string sql = in_range("time", range_, parameters);
    if (!of_series.empty()) {
      sql += " AND series_id IN (SELECT series_id FROM metric_series_rows WHERE " + of_series + ")";
    }
    return sql;
  }

 private:
  Session& session_;
  const ExportRequest& request_;
  TimeRange range_;
};

/// One page of the table of `Record`, without its cursor; `from` becomes where the next one begins.
template <typename Record>
ExportPage export_points(Session& session, const ExportRequest& request,
                         const PointCondition& condition, Cursor& from, bool& has_more) {
  const Cursor begin = from;
  Page<Record> page =
      read_page<Record>(session, point_table(Record::kTable), condition, from, request.limit);
  from = page.next;
  has_more = page.has_more;

  std::set<std::uint64_t> series_ids;
  std::set<Exemplars::Point> points;
  const auto point_of = [](const PointRecord& record) {
    return Exemplars::Point(record.series_id(), record.time_ns(), record.received_us());
  };
  for (const Record& record : page.records) {
    series_ids.insert(record.series_id());
    points.insert(point_of(record));
  }
  const MetricSeries series(session, series_ids);
  const Descriptions descriptions(session, series.ids());
  // A summary has none.
  std::optional<Exemplars> exemplars;
  if constexpr (requires(Record record) { record.view.exemplars; }) {
    exemplars.emplace(session, points);
    // The first point of a key has the exemplars; it may have been on the page before.
    const KeyValues* key_before = &begin.values;
    for (Record& record : page.records) {
      if (record.key != *key_before) record.view.exemplars = exemplars->of(point_of(record));
      key_before = &record.key;
    }
  }
  // Of a series that is not described nothing is known that a point could stand below.
  std::erase_if(page.records,
                [&](const Record& record) { return series.find(record.series_id()) == nullptr; });
  for (Record& record : page.records) {
    record.view.attributes = series.find(record.series_id())->attributes;
  }
  Messages messages(otlp::Signal::kMetrics, request.encoding);
  write_records(
      page.records, descriptions, messages,
      [&](const Record& record) { return series.find(record.series_id())->place; },
      [&](otlp::Encoder& encoder, const Place& place) { encoder.on_metric(series.metric(place)); },
      [](otlp::Encoder& encoder, const Record& record) { encoder.on_point(record.view); });
  return {.body = messages.take(), .records = page.records.size(), .next_cursor = {}};
}

ExportPage export_metrics(Session& session, const ExportRequest& request) {
  using ExportTable =
      ExportPage (*)(Session&, const ExportRequest&, const PointCondition&, Cursor&, bool&);
  static constexpr std::array<ExportTable, kPointTables> kTables{
      export_points<NumberRecord>, export_points<HistogramRecord>,
      export_points<ExponentialHistogramRecord>, export_points<SummaryRecord>};
  Cursor cursor = cursor_of(request, kPointTables);
  const PointCondition condition(session, request);
  while (true) {
    bool has_more = false;
    ExportPage page = kTables.at(cursor.table)(session, request, condition, cursor, has_more);
    if (!has_more) {
      cursor = {.table = static_cast<std::uint8_t>(cursor.table + 1)};
      if (cursor.table == kPointTables) return page;
    }
    if (!page.body.empty()) {
      page.next_cursor = cursor.to_text();
      return page;
    }
  }
}

}  // namespace

ExportPage export_page(Session& session, const ExportRequest& request) {
  switch (request.signal) {
    case Signal::kTraces:
      return export_records<SpanRecord>(
          session, request, span_table(),
          [](otlp::Encoder& encoder, const SpanRecord& span) { encoder.on_span(span.view); });
    case Signal::kLogs:
      return export_records<LogRecord>(session, request, log_table(),
                                       [](otlp::Encoder& encoder, const LogRecord& record) {
                                         encoder.on_log_record(record.view);
                                       });
    case Signal::kMetrics:
      break;
  }
  return export_metrics(session, request);
}

}  // namespace signalbox::server::query

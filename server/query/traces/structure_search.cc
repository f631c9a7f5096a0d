#include "server/query/traces/structure_search.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "server/query/plan/error.h"
#include "server/query/plan/filter_sql.h"
#include "server/query/plan/ids.h"
#include "server/query/plan/rows.h"
#include "server/query/traces/trace.h"
#include "server/query/traces/trace_conditions.h"

namespace signalbox::server::query {
namespace {

/// Spans of one statement's traces: each takes some fifty bytes.
constexpr std::size_t kMaxSpansAtOnce = 500'000;
/// A filter that more spans match is not asked for the traces that it is in: their ids are kept in
/// memory meanwhile.
constexpr std::uint64_t kMaxNarrowingSpans = 1'000'000;

struct TraceSpans {
  struct Span {
    StructureSpan span;
    std::int64_t start_ns = 0;
    std::int64_t duration_ns = 0;

    [[nodiscard]] auto order() const {
      return std::tuple(start_ns, span.link.span_id, duration_ns, span.link.parent_span_id,
                        span.matches);
    }
  };
  std::vector<Span> spans;
};

/// A span that was sent twice is one.
void leave_out_copies(TraceSpans& trace) {
  std::ranges::sort(trace.spans, {}, &TraceSpans::Span::order);
  const auto copies = std::ranges::unique(trace.spans, {}, &TraceSpans::Span::order);
  trace.spans.erase(copies.begin(), copies.end());
}

std::vector<FoundSpan> find_in(const TraceSpans& trace, const Structure& structure) {
  std::vector<StructureSpan> spans;
  spans.reserve(trace.spans.size());
  for (const TraceSpans::Span& span : trace.spans) spans.push_back(span.span);
  const std::vector<bool> is_found = find_structure(structure, spans);
  std::vector<FoundSpan> found;
  for (std::size_t i = 0; i < spans.size(); ++i) {
    const TraceSpans::Span& span = trace.spans[i];
    if (is_found[i]) found.push_back({span.span.link.span_id, span.start_ns, span.duration_ns});
  }
  return found;
}

}  // namespace

std::string FoundSpan::span_id_hex() const {
  return to_hex({reinterpret_cast<const char*>(&span_id), sizeof(span_id)});
}

StructureSearch::StructureSearch(Session& session, const Selection& found,
                                 const Structure& structure)
    : session_(session), found_(found), structure_(structure) {}

bool StructureSearch::prepare(const TimeRange& around) {
  around_ = around;
  std::vector<std::size_t> others;
  for (std::size_t i = 0; i < structure_.filters.size(); ++i) {
    if (i != structure_.found_filter() && structure_.is_required(i)) others.push_back(i);
  }
  if (others.empty()) return true;
  Parameters parameters;
  std::string counts;
  for (const std::size_t filter : others) {
    counts +=
        (counts.empty() ? "countIf(" : ", countIf(") + filter_condition(filter, parameters) + ")";
  }
  const std::string data = session_.rows(
      "SELECT " + counts + "\nFROM span_rows WHERE " + in_range("start_time", around, parameters),
      parameters);
  RowReader row(data);
  bool is_possible = true;
  for (const std::size_t filter : others) {
    const std::uint64_t spans = row.u64();
    if (spans == 0) is_possible = false;
    if (spans <= kMaxNarrowingSpans) narrowing_filters_.push_back(filter);
  }
  return is_possible;
}

std::string StructureSearch::narrowing(Parameters& parameters) const {
  std::string sql;
  for (const std::size_t filter : narrowing_filters_) {
    sql += "\n  AND trace_id IN (SELECT trace_id FROM span_rows WHERE " +
           in_range("start_time", around_, parameters) + " AND " +
           filter_condition(filter, parameters) + ")";
  }
  return sql;
}

std::string StructureSearch::filter_condition(std::size_t filter, Parameters& parameters) const {
  if (filter == structure_.found_filter()) return found_.condition(session_.slots(), parameters);
  return filter_sql(structure_.filters[filter], Signal::kTraces, session_.slots(), parameters,
                    found_.range);
}

/// UInt8: the bits of the filters that a row matches.
std::string StructureSearch::matches_sql(Parameters& parameters) const {
  std::string sql;
  for (std::size_t i = 0; i < structure_.filters.size(); ++i) {
    sql += (i == 0 ? "toUInt8(if(" : " + if(") + filter_condition(i, parameters) + ", " +
           std::to_string(1U << i) + ", 0)";
  }
  return sql + ")";
}

/// The traces of `ids` in which a span matches each required filter, and that meet the conditions.
std::string StructureSearch::candidates_sql(const std::set<std::string>& ids,
                                            const TimeRange& around, Parameters& parameters) const {
  unsigned required = 0;
  for (std::size_t i = 0; i < structure_.filters.size(); ++i) {
    if (structure_.is_required(i)) required |= 1U << i;
  }
  const std::string bits = std::to_string(required);
  return "SELECT trace_id FROM (SELECT trace_id, start_time, duration_ns, status_code, "
         "service_name, name, parent_span_id, " +
         matches_sql(parameters) + " AS matches FROM span_rows WHERE trace_id IN " + id_list(ids) +
         " AND " + in_range("start_time", around, parameters) +
         "\n    LIMIT 1 BY trace_id, span_id, parent_span_id, service_name, name, kind, "
         "start_time, duration_ns, status_code)\n  GROUP BY trace_id HAVING "
         "bitAnd(groupBitOr(matches), " +
         bits + ") = " + bits + " AND " + trace_conditions_sql(structure_.conditions, parameters);
}

std::optional<FoundSpans> StructureSearch::find(const std::set<std::string>& ids,
                                                const TimeRange& around) {
  ++statements_;
  Parameters parameters;
  const std::string data = session_.rows(
      "SELECT trace_id, span_id, parent_span_id, " + matches_sql(parameters) +
          ", toUnixTimestamp64Nano(start_time), duration_ns\nFROM span_rows WHERE trace_id IN (" +
          candidates_sql(ids, around, parameters) + ")\n  AND " +
          in_range("start_time", around, parameters) + "\nLIMIT " +
          std::to_string(kMaxTraceSpans + 1) + " BY trace_id LIMIT " +
          std::to_string(kMaxSpansAtOnce + 1),
      parameters);
  std::map<std::string, TraceSpans> traces;
  std::size_t count = 0;
  for (RowReader row(data); !row.at_end(); ++count) {
    TraceSpans::Span& span = traces[std::string(row.bytes(16))].spans.emplace_back();
    span.span.link.span_id = row.u64();
    span.span.link.parent_span_id = row.u64();
    span.span.matches = row.u8();
    span.start_ns = row.i64();
    span.duration_ns = row.i64();
  }
  if (count > kMaxSpansAtOnce && ids.size() > 1) return std::nullopt;

  looked_at_ += ids.size();
  FoundSpans found;
  for (auto& [id, trace] : traces) {
    if (trace.spans.size() > kMaxTraceSpans) {
      ++too_large_;
      continue;
    }
    leave_out_copies(trace);
    std::vector<FoundSpan> spans = find_in(trace, structure_);
    if (!spans.empty()) found.emplace(id, std::move(spans));
  }
  return found;
}

void StructureSearch::write(bool is_complete, JsonWriter& json) const {
  json.key("structure").begin_object();
  json.key("is_complete").boolean(is_complete);
  json.key("examined_trace_count").number(looked_at_);
  json.key("too_large_trace_count").number(too_large_);
  json.end_object();
}

void check_structure(const Structure& structure) {
  const AttributeSlots no_slots([] { return AttributeSlots::Known{}; });
  Parameters parameters;
  try {
    for (const FilterNode& filter : structure.filters) {
      filter_sql(filter, Signal::kTraces, no_slots, parameters);
    }
  } catch (QueryError& error) {
    error.parameter = "structure";
    throw;
  }
  trace_conditions_sql(structure.conditions, parameters);
}

}  // namespace signalbox::server::query

#include "server/query/traces/traces.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <iterator>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <tuple>
#include <utility>
#include <vector>

#include "server/query/fields/facets.h"
#include "server/query/plan/error.h"
#include "server/query/plan/ids.h"
#include "server/query/plan/rows.h"
#include "server/query/plan/selection.h"
#include "server/query/plan/unknown_fields.h"
#include "server/query/traces/structure_search.h"

namespace signalbox::server::query {
namespace {

constexpr std::int64_t kHistogramBuckets = 60;
constexpr std::size_t kMaxServicesShown = 20;
/// Spans are fetched in growing batches until they belong to enough traces.
constexpr int kMaxBatches = 5;
constexpr std::uint32_t kFirstBatchPerTrace = 4;
/// How far from a trace's matching span its other spans are looked for first.
constexpr std::int64_t kAroundSpansNs = 3'600'000'000'000;
/// Attributes of more spans than this are not counted for facets.
constexpr std::uint64_t kMaxSpansForAttributeFacets = 2'000'000;

constexpr std::array kFacets = {FacetField{"service.name", "Service"},
                                FacetField{"name", "Operation"}, FacetField{"status", "Status"},
                                FacetField{"kind", "Kind"}};
constexpr std::array kFacetsWithAttributes = {
    FacetField{"service.name", "Service"},
    FacetField{"name", "Operation"},
    FacetField{"status", "Status"},
    FacetField{"kind", "Kind"},
    FacetField{"attribute.http.request.method", "HTTP method"},
    FacetField{"attribute.http.response.status_code", "HTTP status"},
    FacetField{"attribute.http.route", "HTTP route"},
    FacetField{"attribute.error.type", "Error type"}};

/// A place in the order of a search: the sort key and, among equals, the span.
struct Position {
  std::int64_t key = 0;
  std::string span_id_hex;

  [[nodiscard]] std::string to_cursor() const { return std::to_string(key) + "-" + span_id_hex; }

  static Position from_cursor(std::string_view cursor) {
    Position position;
    const char* const first = cursor.data();
    const char* const last = first + cursor.size();
    const auto [after, error] = std::from_chars(first, last, position.key);
    if (error == std::errc() && last - after == 17 && *after == '-') {
      position.span_id_hex = cursor.substr(static_cast<std::size_t>(after - first) + 1);
      if (position.span_id_hex.find_first_not_of("0123456789abcdef") == std::string::npos) {
        return position;
      }
    }
    throw QueryError::invalid("cursor", "'cursor' must be the next_cursor of an earlier answer.");
  }
};

struct MatchedSpan {
  std::string trace_id;
  std::string span_id;
  std::string service_name;
  std::string name;
  std::int32_t kind = 0;
  std::int32_t status_code = 0;
  std::int64_t start_ns = 0;
  std::int64_t duration_ns = 0;
};

struct Page {
  std::vector<MatchedSpan> spans;  ///< One a trace, in order.
  std::optional<Position> next;
};

class PageQuery {
 public:
  /// `structure` decides which spans are found, if it is not null.
  PageQuery(Session& session, const TraceSearch& search, const Selection& selection,
            StructureSearch* structure)
      : session_(session), search_(search), selection_(selection), structure_(structure) {}

  Page run() {
    const TimeRange& range = search_.range;
    if (structure_ != nullptr && !structure_->prepare(widened(range, kAroundSpansNs))) {
      return {};
    }
    if (!search_.cursor.empty()) start_ = Position::from_cursor(search_.cursor);
    page_.next = start_;
    std::uint32_t batch_limit = search_.limit * kFirstBatchPerTrace;
    const int batches = structure_ == nullptr ? kMaxBatches : StructureSearch::kMaxBatches;
    for (int batch = 0; batch < batches; ++batch) {
      const std::vector<MatchedSpan> spans = fetch(page_.next, batch_limit);
      if (structure_ == nullptr && start_) shown_before_ = of_earlier_pages(spans, *start_);
      if (!(structure_ == nullptr ? take(spans) : take_found(spans))) break;
      if (spans.size() < batch_limit) {
        page_.next.reset();
        break;
      }
      if (is_full()) break;
      batch_limit *= 4;
      if (structure_ != nullptr) {
        batch_limit = std::min<std::uint32_t>(batch_limit, StructureSearch::kMaxTraces);
      }
    }
    return std::move(page_);
  }

  /// How many spans the structure found in a trace; of those on the page.
  [[nodiscard]] std::uint64_t found_count(const std::string& trace_id) const {
    return found_.at(trace_id).size();
  }

 private:
  [[nodiscard]] bool is_full() const { return page_.spans.size() == search_.limit; }

  /// False if the page is full, and further spans are there.
  bool take(std::span<const MatchedSpan> spans) {
    for (const MatchedSpan& span : spans) {
      if (is_full()) return false;
      page_.next = position_of(span);
      if (structure_ != nullptr && !is_found(span)) continue;
      if (shown_before_.contains(span.trace_id)) continue;
      if (seen_.insert(span.trace_id).second) page_.spans.push_back(span);
    }
    return true;
  }

  /// The same of those spans that the structure finds; false also if it is to look no further.
  bool take_found(std::span<const MatchedSpan> spans) {
    while (!spans.empty()) {
      if (is_full() || structure_->is_exhausted()) return false;
      const auto part = spans.first(std::min(spans_at_once_, spans.size()));
      if (!decide(part)) {
        spans_at_once_ = std::max<std::size_t>(part.size() / 4, 1);
        continue;
      }
      if (!take(part)) return false;
      spans = spans.subspan(part.size());
    }
    return true;
  }

  /// Has the traces of `spans` looked at; false if they are too many at once.
  bool decide(std::span<const MatchedSpan> spans) {
    std::set<std::string> ids;
    std::int64_t first = std::numeric_limits<std::int64_t>::max();
    std::int64_t last = 0;
    for (const MatchedSpan& span : spans) {
      if (found_.contains(span.trace_id)) continue;
      ids.insert(span.trace_id);
      first = std::min(first, span.start_ns);
      last = std::max(last, span.start_ns);
    }
    if (ids.empty()) return true;
    std::optional<FoundSpans> found = structure_->find(ids, widened({first, last}, kAroundSpansNs));
    if (!found) return false;
    for (const std::string& id : ids) {
      const std::vector<FoundSpan>& of_trace = found_[id] = std::move((*found)[id]);
      if (start_ && std::ranges::any_of(of_trace, [this](const FoundSpan& span) {
            return is_of_earlier_page(position_of(span));
          })) {
        shown_before_.insert(id);
      }
    }
    return true;
  }

  [[nodiscard]] bool is_found(const MatchedSpan& span) const {
    const std::string id = to_hex(span.span_id);
    return std::ranges::any_of(found_.at(span.trace_id), [&](const FoundSpan& found) {
      return found.start_ns == span.start_ns && found.duration_ns == span.duration_ns &&
             found.span_id_hex() == id;
    });
  }

  [[nodiscard]] bool is_of_earlier_page(const Position& position) const {
    const auto place = [](const Position& at) { return std::tie(at.key, at.span_id_hex); };
    return is_ascending() ? place(position) <= place(*start_) : place(position) >= place(*start_);
  }

  [[nodiscard]] bool is_ascending() const { return search_.order == TraceSearch::Order::kOldest; }

  [[nodiscard]] bool is_by_duration() const {
    return search_.order == TraceSearch::Order::kSlowest;
  }

  [[nodiscard]] const char* key_sql() const {
    return is_by_duration() ? "duration_ns" : "toUnixTimestamp64Nano(start_time)";
  }

  [[nodiscard]] Position position_of(const MatchedSpan& span) const {
    return {is_by_duration() ? span.duration_ns : span.start_ns, to_hex(span.span_id)};
  }
  [[nodiscard]] Position position_of(const FoundSpan& span) const {
    return {is_by_duration() ? span.duration_ns : span.start_ns, span.span_id_hex()};
  }

  /// Also narrows the time, by which whole parts are skipped.
  [[nodiscard]] std::string after(const Position& position, Parameters& parameters) const {
    const std::string key = parameters.bind_int(position.key);
    std::string sql = std::string(" AND (") + key_sql() + ", span_id) " +
                      (is_ascending() ? "> (" : "< (") + key + ", unhex('" + position.span_id_hex +
                      "'))";
    if (is_by_duration()) return sql;
    return sql + " AND start_time " + (is_ascending() ? ">= " : "<= ") +
           "fromUnixTimestamp64Nano(" + key + ")";
  }

  std::vector<MatchedSpan> fetch(const std::optional<Position>& position, std::uint32_t limit) {
    Parameters parameters;
    const std::string direction = is_ascending() ? " ASC" : " DESC";
    std::string sql =
        "SELECT trace_id, span_id, service_name, name, kind, status_code, "
        "toUnixTimestamp64Nano(start_time), duration_ns\nFROM span_rows WHERE " +
        selection_.condition(session_.slots(), parameters);
    if (position) sql += after(*position, parameters);
    if (structure_ != nullptr) sql += structure_->narrowing(parameters);
    sql += std::string("\nORDER BY ") + (is_by_duration() ? "duration_ns" : "start_time") +
           direction + ", span_id" + direction + " LIMIT " + std::to_string(limit);
    const std::string data = session_.rows(sql, parameters);
    std::vector<MatchedSpan> spans;
    for (RowReader row(data); !row.at_end();) {
      MatchedSpan span;
      span.trace_id = row.bytes(16);
      span.span_id = row.bytes(8);
      span.service_name = row.string();
      span.name = row.string();
      span.kind = row.i32();
      span.status_code = row.i32();
      span.start_ns = row.i64();
      span.duration_ns = row.i64();
      spans.push_back(std::move(span));
    }
    return spans;
  }

  /// Those traces of `spans` that have a matching span before `start` too.
  std::set<std::string> of_earlier_pages(const std::vector<MatchedSpan>& spans,
                                         const Position& start) {
    std::set<std::string> ids;
    for (const MatchedSpan& span : spans) ids.insert(span.trace_id);
    std::set<std::string> found;
    if (ids.empty()) return found;
    Parameters parameters;
    std::string sql = "SELECT DISTINCT trace_id FROM span_rows WHERE trace_id IN " + id_list(ids) +
                      " AND " + selection_.condition(session_.slots(), parameters) + " AND (" +
                      key_sql() + ", span_id) " + (is_ascending() ? "<= (" : ">= (");
    sql += parameters.bind_int(start.key) + ", unhex('" + start.span_id_hex + "'))";
    const std::string data = session_.rows(sql, parameters);
    for (RowReader row(data); !row.at_end();) found.insert(std::string(row.bytes(16)));
    return found;
  }

  Session& session_;
  const TraceSearch& search_;
  const Selection& selection_;
  StructureSearch* const structure_;
  std::optional<Position> start_;  ///< Where the page before ended.
  Page page_;
  std::set<std::string> seen_;
  std::set<std::string> shown_before_;
  FoundSpans found_;  ///< Of all traces that were looked at.
  std::size_t spans_at_once_ = StructureSearch::kMaxTraces;
};

struct TraceTotals {
  std::uint64_t span_count = 0;
  std::uint64_t error_count = 0;
  std::uint64_t matched_count = 0;
  std::int64_t start_ns = 0;
  std::int64_t end_ns = 0;
  std::string root_service;
  std::string root_name;
  bool root_missing = false;
  std::vector<std::pair<std::uint64_t, std::string>> services;
};

using Totals = std::map<std::string, TraceTotals>;

/// Of the spans of `ids` that start within `range`; of all of them without one.
Totals read_totals(Session& session, const Selection& selection, const std::set<std::string>& ids,
                   const std::optional<TimeRange>& range) {
  Totals totals;
  if (ids.empty()) return totals;
  Parameters parameters;
  const std::string data = session.rows(
      "SELECT trace_id, count(), countIf(status_code = 2), countIf(is_match),\n"
      "  toUnixTimestamp64Nano(min(start_time)), "
      "max(toUnixTimestamp64Nano(start_time) + greatest(duration_ns, 0)),\n"
      "  min(parent_span_id != unhex('0000000000000000')) AS root_missing,\n"
      "  argMin((toString(service_name), toString(name)), "
      "(parent_span_id != unhex('0000000000000000'), start_time)) AS root,\n"
      "  sumMap([toString(service_name)], [toUInt64(1)]) AS services\n"
      "FROM (SELECT *, " +
          selection.condition(session.slots(), parameters) +
          " AS is_match FROM span_rows WHERE trace_id IN " + id_list(ids) +
          (range ? " AND " + in_range("start_time", *range, parameters) : "") +
          // A span that was sent twice is one.
          " LIMIT 1 BY trace_id, span_id, parent_span_id, service_name, name, kind, "
          "start_time, duration_ns, status_code)\nGROUP BY trace_id",
      parameters);
  for (RowReader row(data); !row.at_end();) {
    TraceTotals& trace = totals[std::string(row.bytes(16))];
    trace.span_count = row.u64();
    trace.error_count = row.u64();
    trace.matched_count = row.u64();
    trace.start_ns = row.i64();
    trace.end_ns = row.i64();
    trace.root_missing = row.u8() != 0;
    trace.root_service = row.string();
    trace.root_name = row.string();
    const std::vector<std::string_view> names = row.strings();
    const std::size_t count = row.size();
    for (std::size_t i = 0; i < count; ++i) trace.services.emplace_back(row.u64(), names.at(i));
    std::sort(trace.services.begin(), trace.services.end(), [](const auto& a, const auto& b) {
      return a.first != b.first ? a.first > b.first : a.second < b.second;
    });
    trace.services.resize(std::min(trace.services.size(), kMaxServicesShown));
  }
  return totals;
}

/// Of the traces of `spans`. Parts of many days are too much to look for each trace, so first only
/// the time around the spans is searched; then everything, for traces that reach further: whose
/// root is not found there, or which last beyond it.
Totals read_totals(Session& session, const Selection& selection,
                   const std::vector<MatchedSpan>& spans) {
  std::set<std::string> ids;
  std::int64_t first = std::numeric_limits<std::int64_t>::max();
  std::int64_t last = 0;
  for (const MatchedSpan& span : spans) {
    ids.insert(span.trace_id);
    first = std::min(first, span.start_ns);
    last = std::max(last, span.start_ns);
  }
  if (ids.empty()) return {};
  const TimeRange around = widened({first, last}, kAroundSpansNs);
  Totals totals = read_totals(session, selection, ids, around);
  std::set<std::string> beyond;
  for (const auto& [id, trace] : totals) {
    if (trace.root_missing || trace.end_ns >= around.end_ns) beyond.insert(id);
  }
  for (auto& [id, trace] : read_totals(session, selection, beyond, std::nullopt)) {
    totals[id] = std::move(trace);
  }
  return totals;
}

void write_trace_summary(const MatchedSpan& span, const TraceTotals& totals, JsonWriter& json) {
  json.begin_object();
  json.key("trace_id").hex(span.trace_id);
  json.key("root_service").string(totals.root_service);
  json.key("root_name").string(totals.root_name);
  json.key("root_missing").boolean(totals.root_missing);
  json.key("start_time").digits(totals.start_ns);
  json.key("duration_ns").digits(totals.end_ns - totals.start_ns);
  json.key("span_count").number(totals.span_count);
  json.key("error_count").number(totals.error_count);
  json.key("services").begin_array();
  for (const auto& [count, name] : totals.services) {
    json.begin_object();
    json.key("name").string(name);
    json.key("span_count").number(count);
    json.end_object();
  }
  json.end_array();
  json.key("matched_span_count").number(totals.matched_count);
  json.key("matched_span").begin_object();
  json.key("span_id").hex(span.span_id);
  json.key("service_name").string(span.service_name);
  json.key("name").string(span.name);
  json.key("kind").string(enum_name(span_kinds(), span.kind, "unknown"));
  json.key("status").string(enum_name(status_codes(), span.status_code, "unknown"));
  json.key("start_time").digits(span.start_ns);
  json.key("duration_ns").digits(span.duration_ns);
  json.end_object().end_object();
}

void write_page(Session& session, const TraceSearch& search, const Selection& selection,
                JsonWriter& json) {
  std::optional<StructureSearch> structure;
  if (search.structure) structure.emplace(session, selection, *search.structure);
  PageQuery query(session, search, selection, structure ? &*structure : nullptr);
  const Page page = search.parts.rows ? query.run() : Page{};
  auto totals = read_totals(session, selection, page.spans);
  json.key("traces").begin_array();
  for (const MatchedSpan& span : page.spans) {
    const auto at = totals.find(span.trace_id);
    // Deleted between the two statements.
    if (at == totals.end()) continue;
    if (structure) at->second.matched_count = query.found_count(span.trace_id);
    write_trace_summary(span, at->second, json);
  }
  json.end_array();
  if (structure) structure->write(!page.next || page.spans.size() == search.limit, json);
  json.key("next_cursor");
  if (page.next) {
    json.string(page.next->to_cursor());
  } else {
    json.null();
  }
}

/// Returns how many spans match.
std::uint64_t write_histogram(Session& session, const Selection& selection, bool wanted,
                              JsonWriter& json) {
  const Buckets buckets = round_buckets(selection.range, kHistogramBuckets);
  std::uint64_t total = 0;
  json.key("histogram").begin_object();
  json.key("step_ns").digits(buckets.step_ns);
  json.key("buckets").begin_array();
  if (wanted) {
    Parameters parameters;
    const std::string data =
        session.rows("SELECT " + bucket_index("start_time", buckets, parameters) +
                         " AS bucket, count(), countIf(status_code = 2)\nFROM span_rows WHERE " +
                         selection.condition(session.slots(), parameters) + "\nGROUP BY bucket",
                     parameters);
    std::map<std::int64_t, std::pair<std::uint64_t, std::uint64_t>> counts;
    for (RowReader row(data); !row.at_end();) {
      auto& [count, errors] = counts[row.i64()];
      count = row.u64();
      errors = row.u64();
      total += count;
    }
    for (std::int64_t i = 0; i < buckets.count; ++i) {
      const auto at = counts.find(i);
      json.begin_object();
      json.key("time").digits(buckets.time_ns(i));
      json.key("count").number(at == counts.end() ? 0 : at->second.first);
      json.key("error_count").number(at == counts.end() ? 0 : at->second.second);
      json.end_object();
    }
  }
  json.end_array().end_object();
  return total;
}

/// All that is asked of spans, wherever it stands.
FilterNode all_filters(const TraceSearch& search) {
  FilterNode filter = search.filter;
  if (!search.structure) return filter;
  for (const FilterNode& part : search.structure->filters) filter = both(std::move(filter), part);
  return filter;
}

}  // namespace

std::string search_traces(Session& session, const TraceSearch& search) {
  Selection selection{Signal::kTraces, search.range, search.filter};
  if (search.structure) {
    const Structure& structure = *search.structure;
    selection.filter = both(selection.filter, structure.filters[structure.found_filter()]);
  }
  JsonWriter json;
  json.begin_object();
  write_page(session, search, selection, json);
  const std::uint64_t total = write_histogram(session, selection, search.parts.histogram, json);
  if (search.parts.facets) {
    const bool with_attributes = search.parts.histogram && total <= kMaxSpansForAttributeFacets;
    write_facets(session, selection,
                 with_attributes ? std::span<const FacetField>(kFacetsWithAttributes)
                                 : std::span<const FacetField>(kFacets),
                 json);
  } else {
    json.key("facets").begin_array().end_array();
  }
  write_warnings(
      KnownFields(session, Signal::kTraces, search.range).unknown_in(all_filters(search)), json);
  session.write_stats(json);
  json.end_object();
  return json.take();
}

}  // namespace signalbox::server::query

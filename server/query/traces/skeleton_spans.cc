#include "server/query/traces/skeleton_spans.h"

#include <cstddef>
#include <unordered_set>
#include <utility>

#include "server/query/plan/ids.h"
#include "server/query/traces/trace.h"

namespace signalbox::server::query {
namespace {

/// The order of `get_trace`. One more than are shown tells that there are more.
std::string order_and_limit() {
  return "\nORDER BY start_ns, span_id, duration_ns, name LIMIT " +
         std::to_string(kMaxTraceSpans + 1);
}

}  // namespace

SkeletonSpan read_skeleton_span(RowReader& row) {
  SkeletonSpan span;
  span.link.span_id = row.u64();
  span.link.parent_span_id = row.u64();
  span.start_ns = row.i64();
  span.duration_ns = row.i64();
  span.service_name = row.string();
  span.name = row.string();
  span.kind = row.i32();
  span.status_code = row.i32();
  if (row.boolean()) span.flags |= kHasEvents;
  if (row.boolean()) span.flags |= kHasLinks;
  return span;
}

SkeletonReader::SkeletonReader(Session& session, std::string_view trace_id)
    : session_(session),
      trace_id_(trace_id),
      of_trace_("FROM span_rows WHERE trace_id = " + trace_id_literal(trace_id, "trace_id")) {}

std::vector<SkeletonSpan> SkeletonReader::run() {
  if (read_first()) read_repeated();
  if (spans_.empty()) throw no_such_trace(trace_id_);
  is_truncated_ = spans_.size() > kMaxTraceSpans;
  spans_.resize(std::min<std::size_t>(spans_.size(), kMaxTraceSpans));
  return std::move(spans_);
}

/// Rows that are equal in the small columns as one; returns whether an id occurs twice.
bool SkeletonReader::read_first() {
  first_data_ = session_.rows(
      "SELECT span_id, parent_span_id, toUnixTimestamp64Nano(start_time) AS start_ns, "
      "duration_ns, service_name, name, kind, status_code, JSONHas(rest, 'e') AS has_events, "
      "JSONHas(rest, 'l') AS has_links, count()\n" +
      of_trace_ + "\nGROUP BY ALL" + order_and_limit());
  bool is_repeated = false;
  std::unordered_set<std::uint64_t> ids;
  for (RowReader reader(first_data_); !reader.at_end();) {
    spans_.push_back(read_skeleton_span(reader));
    const bool is_new = ids.insert(spans_.back().link.span_id).second;
    is_repeated |= reader.u64() > 1 || !is_new;
  }
  return is_repeated;
}

/// Takes in place of the rows of such ids the spans that differ in anything.
void SkeletonReader::read_repeated() {
  repeated_data_ = session_.rows(
      "SELECT span_id, parent_span_id, start_ns, duration_ns, service_name, name, kind, "
      "status_code, notEmpty(`events.name`), notEmpty(`links.flags`), "
      "count() OVER (PARTITION BY span_id)\n"
      "FROM (SELECT DISTINCT toUnixTimestamp64Nano(start_time) AS start_ns, " +
      span_columns() + "\n" + of_trace_ + " AND span_id IN (SELECT span_id " + of_trace_ +
      " GROUP BY span_id HAVING count() > 1))" + order_and_limit());
  std::vector<SkeletonSpan> spans;
  std::unordered_set<std::uint64_t> ids;
  for (RowReader reader(repeated_data_); !reader.at_end();) {
    SkeletonSpan& span = spans.emplace_back(read_skeleton_span(reader));
    if (reader.u64() > 1) span.flags |= kSharesId;
    ids.insert(span.link.span_id);
  }
  std::erase_if(spans_, [&](const SkeletonSpan& span) { return ids.contains(span.link.span_id); });
  spans_.insert(spans_.end(), spans.begin(), spans.end());
  std::ranges::sort(spans_, {}, &SkeletonSpan::order);
}

void add_up(std::int64_t& sum, std::int64_t value) {
  if (__builtin_add_overflow(sum, value, &sum)) sum = std::numeric_limits<std::int64_t>::max();
}

std::int64_t duration_ns_of(const std::vector<SkeletonSpan>& spans) {
  std::int64_t end_ns = 0;
  for (const SkeletonSpan& span : spans) end_ns = std::max(end_ns, span.end_ns());
  return end_ns - spans.front().start_ns;
}

SkeletonTree arrange(const std::vector<SkeletonSpan>& spans) {
  std::vector<SpanLink> links;
  links.reserve(spans.size());
  for (const SkeletonSpan& span : spans) links.push_back(span.link);
  SkeletonTree tree;
  tree.parents = parent_indexes(links);
  std::vector<TimedSpan> timed;
  timed.reserve(spans.size());
  for (std::size_t i = 0; i < spans.size(); ++i) {
    timed.push_back({spans[i].start_ns, spans[i].end_ns(), tree.parents[i]});
  }
  tree.times = times_of_spans(timed);
  return tree;
}

}  // namespace signalbox::server::query

#include "otlp/scratch.h"

#include <algorithm>
#include <cstring>

namespace signalbox::otlp::internal {
namespace {

constexpr std::size_t kTraceIdBytes = 16;
constexpr std::size_t kSpanIdBytes = 8;
constexpr std::string_view kZeroTraceId{"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", kTraceIdBytes};
constexpr std::string_view kZeroSpanId{"\0\0\0\0\0\0\0", kSpanIdBytes};

bool is_trace_id(std::string_view id) {
  return id.size() == kTraceIdBytes && std::memcmp(id.data(), kZeroTraceId.data(), id.size()) != 0;
}
bool is_span_id(std::string_view id) {
  return id.size() == kSpanIdBytes && std::memcmp(id.data(), kZeroSpanId.data(), id.size()) != 0;
}

/// Nanoseconds at the start of 2262, the year in which 63 bits of them end.
constexpr std::uint64_t kEndOfTime = 9'214'646'400'000'000'000;

bool is_time(std::uint64_t unix_nano) {
  return unix_nano < kEndOfTime;
}

/// Leaves out an id that is none; one of zeroes or none at all is a way to say "no id".
void settle_id(std::string_view& id, std::string_view zero, Alterations& altered) {
  if (id.size() == zero.size() && id != zero) return;
  if (!id.empty() && id != zero) ++altered.ignored_ids;
  id = {};
}

const char* settle_exemplars(std::span<ExemplarView> exemplars, Alterations& altered) {
  for (ExemplarView& exemplar : exemplars) {
    if (!is_time(exemplar.time_unix_nano)) {
      return "an exemplar's time lies beyond 2261, which nanoseconds in 63 bits cannot express";
    }
    settle_id(exemplar.trace_id, kZeroTraceId, altered);
    settle_id(exemplar.span_id, kZeroSpanId, altered);
  }
  return nullptr;
}

/// What is alike in points of all types.
template <typename Point>
const char* settle_point(Point& point, const AttributeList& attributes, Scratch& scratch,
                         Alterations& altered) {
  if (!is_time(point.start_time_unix_nano) || !is_time(point.time_unix_nano)) {
    return "a point's time lies beyond 2261, which nanoseconds in 63 bits cannot express";
  }
  if (attributes.dropped > 0) return "a point has more attributes than the server takes of one";
  if (scratch.dropped_numbers) {
    return "a point has more buckets, bounds or quantiles than the server takes of one";
  }
  altered.dropped_items += scratch.dropped_exemplars;
  if (const char* const objection = settle_exemplars(scratch.exemplars, altered)) return objection;
  scratch.attach_nested();
  point.attributes = attributes.items;
  if constexpr (requires { point.exemplars; }) point.exemplars = scratch.exemplars;
  return nullptr;
}

/// What a request of usual size needs of each list.
constexpr std::size_t kKeptBytes = 256 * 1024;

template <typename T>
void clear_and_shrink(std::vector<T>& items) {
  items.clear();
  if (items.capacity() * sizeof(T) > kKeptBytes) items.shrink_to_fit();
}

}  // namespace

void Scratch::clear_record() {
  attributes.clear();
  nested_attributes.clear();
  events.clear();
  event_attributes.clear();
  links.clear();
  link_attributes.clear();
  exemplars.clear();
  exemplar_attributes.clear();
  counts.clear();
  negative_counts.clear();
  bounds.clear();
  values.clear();
  dropped_events = 0;
  dropped_links = 0;
  dropped_exemplars = 0;
  dropped_numbers = false;
}

void Scratch::attach_nested() {
  const AttributesView all(nested_attributes);
  for (std::size_t i = 0; i < events.size(); ++i) {
    events[i].attributes = all.subspan(event_attributes[i].begin, event_attributes[i].count);
  }
  for (std::size_t i = 0; i < links.size(); ++i) {
    links[i].attributes = all.subspan(link_attributes[i].begin, link_attributes[i].count);
  }
  for (std::size_t i = 0; i < exemplars.size(); ++i) {
    exemplars[i].filtered_attributes =
        all.subspan(exemplar_attributes[i].begin, exemplar_attributes[i].count);
  }
}

void Scratch::reset() {
  arena.reset();
  value_text.clear();
  if (value_text.capacity() > kKeptBytes) value_text.shrink_to_fit();
  clear_and_shrink(resource_attributes);
  clear_and_shrink(scope_attributes);
  clear_and_shrink(metric_metadata);
  clear_and_shrink(attributes);
  clear_and_shrink(nested_attributes);
  clear_and_shrink(events);
  clear_and_shrink(event_attributes);
  clear_and_shrink(links);
  clear_and_shrink(link_attributes);
  clear_and_shrink(exemplars);
  clear_and_shrink(exemplar_attributes);
  clear_and_shrink(counts);
  clear_and_shrink(negative_counts);
  clear_and_shrink(bounds);
  clear_and_shrink(values);
}

ScratchLease::ScratchLease()
    : scratch_([]() -> Scratch& {
        thread_local Scratch scratch;
        return scratch;
      }()) {}

ScratchLease::~ScratchLease() {
  scratch_.reset();
}

void LimitChecks::too_many_records(const char* position) const {
  throw Malformed{position,
                  "the request has more than " + std::to_string(limits_.max_records) +
                      " records, counting resources, scopes and metrics; send smaller batches",
                  true};
}
void LimitChecks::too_much_memory(const char* position) const {
  throw Malformed{position,
                  "the request would take more than " + std::to_string(limits_.max_memory_bytes) +
                      " bytes of memory when decoded; send smaller batches",
                  true};
}
void LimitChecks::too_deep(const char* position) const {
  throw Malformed{position, "a value is nested more than " +
                                std::to_string(limits_.max_value_depth) +
                                " levels deep; send a flatter one"};
}
void LimitChecks::too_long(const char* position) const {
  throw Malformed{position,
                  "the values of one record need more than " +
                      std::to_string(limits_.max_text_bytes) + " bytes as text; send smaller ones",
                  true};
}

void add_dropped(std::uint32_t dropped, std::uint32_t& count) {
  const std::uint32_t room = UINT32_MAX - count;
  count += std::min(dropped, room);
}

const char* settle(SpanView& span, const AttributeList& attributes, Scratch& scratch,
                   Alterations& altered) {
  if (!is_trace_id(span.trace_id)) return "a span's trace_id is not 16 bytes, or all zero";
  if (!is_span_id(span.span_id)) return "a span's span_id is not 8 bytes, or all zero";
  if (!is_span_id(span.parent_span_id)) {
    if (!span.parent_span_id.empty() && span.parent_span_id != kZeroSpanId) {
      return "a span's parent_span_id is neither empty nor 8 bytes";
    }
    span.parent_span_id = {};
  }
  if (!is_time(span.start_time_unix_nano) || !is_time(span.end_time_unix_nano)) {
    return "a span's time lies beyond 2261, which nanoseconds in 63 bits cannot express";
  }
  for (const EventView& event : scratch.events) {
    if (!is_time(event.time_unix_nano)) {
      return "a span event's time lies beyond 2261, which nanoseconds in 63 bits cannot express";
    }
  }
  for (LinkView& link : scratch.links) {
    if (link.trace_id.empty()) link.trace_id = kZeroTraceId;
    if (link.span_id.empty()) link.span_id = kZeroSpanId;
    if (link.trace_id.size() != kTraceIdBytes) return "a span link's trace_id is not 16 bytes";
    if (link.span_id.size() != kSpanIdBytes) return "a span link's span_id is not 8 bytes";
  }
  scratch.attach_nested();
  span.attributes = attributes.items;
  span.events = scratch.events;
  span.links = scratch.links;
  add_dropped(attributes.dropped, span.dropped_attributes_count);
  add_dropped(scratch.dropped_events, span.dropped_events_count);
  add_dropped(scratch.dropped_links, span.dropped_links_count);
  altered.dropped_attributes += attributes.dropped;
  altered.dropped_items += scratch.dropped_events;
  altered.dropped_items += scratch.dropped_links;
  return nullptr;
}

const char* settle(LogRecordView& record, const AttributeList& attributes, Scratch& /*scratch*/,
                   Alterations& altered) {
  if (!is_time(record.time_unix_nano) || !is_time(record.observed_time_unix_nano)) {
    return "a log record's time lies beyond 2261, which nanoseconds in 63 bits cannot express";
  }
  settle_id(record.trace_id, kZeroTraceId, altered);
  settle_id(record.span_id, kZeroSpanId, altered);
  record.attributes = attributes.items;
  add_dropped(attributes.dropped, record.dropped_attributes_count);
  altered.dropped_attributes += attributes.dropped;
  return nullptr;
}

const char* settle(NumberPointView& point, const AttributeList& attributes, Scratch& scratch,
                   Alterations& altered) {
  return settle_point(point, attributes, scratch, altered);
}

const char* settle(HistogramPointView& point, const AttributeList& attributes, Scratch& scratch,
                   Alterations& altered) {
  const bool matches = point.bucket_counts.empty()
                           ? point.explicit_bounds.empty()
                           : point.bucket_counts.size() == point.explicit_bounds.size() + 1;
  if (!matches && !scratch.dropped_numbers) {
    return "a histogram has not one bucket count more than explicit bounds";
  }
  return settle_point(point, attributes, scratch, altered);
}

const char* settle(ExponentialHistogramPointView& point, const AttributeList& attributes,
                   Scratch& scratch, Alterations& altered) {
  return settle_point(point, attributes, scratch, altered);
}

const char* settle(SummaryPointView& point, const AttributeList& attributes, Scratch& scratch,
                   Alterations& altered) {
  return settle_point(point, attributes, scratch, altered);
}

}  // namespace signalbox::otlp::internal

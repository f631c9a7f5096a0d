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

void settle_exemplars(std::span<ExemplarView> exemplars) {
  for (ExemplarView& exemplar : exemplars) {
    if (!is_trace_id(exemplar.trace_id)) exemplar.trace_id = {};
    if (!is_span_id(exemplar.span_id)) exemplar.span_id = {};
  }
}

template <typename T>
void clear_and_shrink(std::vector<T>& items) {
  constexpr std::size_t kKeptBytes = 256 * 1024;
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

Scratch& thread_scratch() {
  thread_local Scratch scratch;
  scratch.reset();
  return scratch;
}

void LimitChecks::too_many(const char* what, std::uint32_t limit, const char* position) {
  throw Malformed{position,
                  "more than " + std::to_string(limit) + ' ' + what + " in one record; send fewer"};
}
void LimitChecks::too_deep(const char* position) const {
  throw Malformed{position, "a value is nested more than " +
                                std::to_string(limits_.max_value_depth) +
                                " levels deep; send a flatter one"};
}
void LimitChecks::too_long(const char* position) const {
  throw Malformed{position, "the values of one record need more than " +
                                std::to_string(limits_.max_text_bytes) +
                                " bytes as text; send smaller ones"};
}

const char* settle(SpanView& span, std::span<LinkView> links) {
  if (!is_trace_id(span.trace_id)) return "a span's trace_id is not 16 bytes, or all zero";
  if (!is_span_id(span.span_id)) return "a span's span_id is not 8 bytes, or all zero";
  if (!is_span_id(span.parent_span_id)) {
    if (!span.parent_span_id.empty() && span.parent_span_id != kZeroSpanId) {
      return "a span's parent_span_id is neither empty nor 8 bytes";
    }
    span.parent_span_id = {};
  }
  for (LinkView& link : links) {
    if (link.trace_id.empty()) link.trace_id = kZeroTraceId;
    if (link.span_id.empty()) link.span_id = kZeroSpanId;
    if (link.trace_id.size() != kTraceIdBytes) return "a span link's trace_id is not 16 bytes";
    if (link.span_id.size() != kSpanIdBytes) return "a span link's span_id is not 8 bytes";
  }
  return nullptr;
}

const char* settle(LogRecordView& record) {
  if (!is_trace_id(record.trace_id)) record.trace_id = {};
  if (!is_span_id(record.span_id)) record.span_id = {};
  return nullptr;
}

const char* settle(NumberPointView& /*point*/, std::span<ExemplarView> exemplars) {
  settle_exemplars(exemplars);
  return nullptr;
}

const char* settle(HistogramPointView& point, std::span<ExemplarView> exemplars) {
  settle_exemplars(exemplars);
  const bool matches = point.bucket_counts.empty()
                           ? point.explicit_bounds.empty()
                           : point.bucket_counts.size() == point.explicit_bounds.size() + 1;
  return matches ? nullptr : "a histogram has not one bucket count more than explicit bounds";
}

const char* settle(ExponentialHistogramPointView& /*point*/, std::span<ExemplarView> exemplars) {
  settle_exemplars(exemplars);
  return nullptr;
}

const char* settle(SummaryPointView& /*point*/, std::span<ExemplarView> /*exemplars*/) {
  return nullptr;
}

}  // namespace signalbox::otlp::internal

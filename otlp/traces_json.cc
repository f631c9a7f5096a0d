#include "otlp/json_reader.h"

namespace signalbox::otlp {
namespace internal {
namespace {

using simdjson::dom::element;

constexpr std::array kSpanKinds{
    EnumName{"SPAN_KIND_UNSPECIFIED", 0}, EnumName{"SPAN_KIND_INTERNAL", 1},
    EnumName{"SPAN_KIND_SERVER", 2},      EnumName{"SPAN_KIND_CLIENT", 3},
    EnumName{"SPAN_KIND_PRODUCER", 4},    EnumName{"SPAN_KIND_CONSUMER", 5}};
constexpr std::array kStatusCodes{EnumName{"STATUS_CODE_UNSET", 0}, EnumName{"STATUS_CODE_OK", 1},
                                  EnumName{"STATUS_CODE_ERROR", 2}};

enum SpanField : std::size_t {
  kTraceId,
  kSpanId,
  kTraceState,
  kParentSpanId,
  kFlags,
  kName,
  kKind,
  kStartTimeUnixNano,
  kEndTimeUnixNano,
  kAttributes,
  kDroppedAttributesCount,
  kEvents,
  kDroppedEventsCount,
  kLinks,
  kDroppedLinksCount,
  kStatus
};
constexpr std::array<std::string_view, 16> kSpanNames{"traceId",
                                                      "spanId",
                                                      "traceState",
                                                      "parentSpanId",
                                                      "flags",
                                                      "name",
                                                      "kind",
                                                      "startTimeUnixNano",
                                                      "endTimeUnixNano",
                                                      "attributes",
                                                      "droppedAttributesCount",
                                                      "events",
                                                      "droppedEventsCount",
                                                      "links",
                                                      "droppedLinksCount",
                                                      "status"};

void read_status(element value, JsonParts& parts, SpanView& span) {
  static constexpr std::array<std::string_view, 2> kNames{"message", "code"};
  span.status_message = {};
  span.status_code = 0;
  for_each_field(json_object("status", value), kNames,
                 [&](std::size_t index, std::string_view key, element field) {
                   if (index == 0) span.status_message = json_string(key, field);
                   if (index == 1) span.status_code = parts.enumerator(key, field, kStatusCodes);
                 });
}

void read_span_field(std::size_t index, std::string_view key, element value, JsonParts& parts,
                     AttributeList& attributes, SpanView& span) {
  switch (index) {
    case kTraceId:
      span.trace_id = parts.id(key, value);
      break;
    case kSpanId:
      span.span_id = parts.id(key, value);
      break;
    case kTraceState:
      span.trace_state = json_string(key, value);
      break;
    case kParentSpanId:
      span.parent_span_id = parts.id(key, value);
      break;
    case kFlags:
      span.flags = json_uint32(key, value);
      break;
    case kName:
      span.name = json_string(key, value);
      break;
    case kKind:
      span.kind = parts.enumerator(key, value, kSpanKinds);
      break;
    case kStartTimeUnixNano:
      span.start_time_unix_nano = json_uint64(key, value);
      break;
    case kEndTimeUnixNano:
      span.end_time_unix_nano = json_uint64(key, value);
      break;
    case kAttributes:
      parts.attributes(key, value, attributes);
      break;
    case kDroppedAttributesCount:
      span.dropped_attributes_count = json_uint32(key, value);
      break;
    case kEvents:
      parts.events(key, value);
      break;
    case kDroppedEventsCount:
      span.dropped_events_count = json_uint32(key, value);
      break;
    case kLinks:
      parts.links(key, value);
      break;
    case kDroppedLinksCount:
      span.dropped_links_count = json_uint32(key, value);
      break;
    case kStatus:
      read_status(value, parts, span);
      break;
    default:
      break;
  }
}

void read_span(element value, JsonParts& parts, TraceSink& sink) {
  Scratch& scratch = parts.scratch();
  scratch.clear_record();
  AttributeList attributes{scratch.attributes};
  SpanView span;
  for_each_field(json_object("spans", value), kSpanNames,
                 [&](std::size_t index, std::string_view key, element field) {
                   read_span_field(index, key, field, parts, attributes, span);
                 });
  DecodeResult& result = parts.result();
  if (admit(settle(span, attributes, scratch, result.altered), result)) sink.on_span(span);
}

}  // namespace
}  // namespace internal

DecodeResult decode_traces_json(std::string_view text, TraceSink& sink,
                                const DecodeLimits& limits) {
  using namespace internal;
  static constexpr JsonLevelNames kNames{"resourceSpans", "scopeSpans", "spans"};
  return run_json_decoder(text, limits, [&](simdjson::dom::object root, JsonParts& parts) {
    walk_json_resources(root, kNames, parts, sink,
                        [&](element span) { read_span(span, parts, sink); });
  });
}

}  // namespace signalbox::otlp

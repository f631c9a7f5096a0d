#include "otlp/protobuf_reader.h"
#include "otlp/protobuf_resource.h"

namespace signalbox::otlp {
namespace internal {
namespace {

enum SpanField : std::uint32_t {
  kTraceId = 1,
  kSpanId,
  kTraceState,
  kParentSpanId,
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
  kStatus,
  kFlags
};
constexpr std::uint32_t kKnownOfSpan =
    known_fields(kTraceId, kSpanId, kTraceState, kParentSpanId, kName, kKind, kStartTimeUnixNano,
                 kEndTimeUnixNano, kAttributes, kDroppedAttributesCount, kEvents,
                 kDroppedEventsCount, kLinks, kDroppedLinksCount, kStatus, kFlags);

void merge_status(std::string_view message, ProtobufParts& parts, SpanView& span) {
  enum : std::uint32_t { kMessage = 2, kCode = 3 };
  for (FieldReader reader(message); reader.next();) {
    switch (reader.tag()) {
      case bytes_field(kMessage):
        span.status_message = parts.text(reader.bytes());
        break;
      case varint_field(kCode):
        span.status_code = reader.int32();
        break;
      default:
        reader.skip(known_fields(kMessage, kCode));
    }
  }
}

void read_span(std::string_view message, ProtobufParts& parts, TraceSink& sink) {
  Scratch& scratch = parts.scratch();
  scratch.clear_record();
  AttributeList attributes{scratch.attributes};
  SpanView span;
  for (FieldReader reader(message); reader.next();) {
    switch (reader.tag()) {
      case bytes_field(kTraceId):
        span.trace_id = reader.bytes();
        break;
      case bytes_field(kSpanId):
        span.span_id = reader.bytes();
        break;
      case bytes_field(kTraceState):
        span.trace_state = parts.text(reader.bytes());
        break;
      case bytes_field(kParentSpanId):
        span.parent_span_id = reader.bytes();
        break;
      case bytes_field(kName):
        span.name = parts.text(reader.bytes());
        break;
      case varint_field(kKind):
        span.kind = reader.int32();
        break;
      case fixed64_field(kStartTimeUnixNano):
        span.start_time_unix_nano = reader.fixed64();
        break;
      case fixed64_field(kEndTimeUnixNano):
        span.end_time_unix_nano = reader.fixed64();
        break;
      case bytes_field(kAttributes):
        parts.attribute(reader.bytes(), attributes);
        break;
      case varint_field(kDroppedAttributesCount):
        span.dropped_attributes_count = reader.uint32();
        break;
      case bytes_field(kEvents):
        parts.event(reader.bytes());
        break;
      case varint_field(kDroppedEventsCount):
        span.dropped_events_count = reader.uint32();
        break;
      case bytes_field(kLinks):
        parts.link(reader.bytes());
        break;
      case varint_field(kDroppedLinksCount):
        span.dropped_links_count = reader.uint32();
        break;
      case bytes_field(kStatus):
        merge_status(reader.bytes(), parts, span);
        break;
      case fixed32_field(kFlags):
        span.flags = reader.fixed32();
        break;
      default:
        reader.skip(kKnownOfSpan);
    }
  }
  DecodeResult& result = parts.result();
  if (admit(settle(span, attributes, scratch, result.altered), result)) sink.on_span(span);
}

}  // namespace
}  // namespace internal

DecodeResult decode_traces_protobuf(std::string_view bytes, TraceSink& sink,
                                    const DecodeLimits& limits) {
  using namespace internal;
  return run_protobuf_decoder(bytes, limits, [&](ProtobufParts& parts) {
    const auto read = [&](std::string_view message) { read_span(message, parts, sink); };
    ResourceWalker(parts, sink, read).request(bytes);
  });
}

}  // namespace signalbox::otlp

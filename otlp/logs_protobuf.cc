#include "otlp/protobuf_reader.h"
#include "otlp/protobuf_resource.h"

namespace signalbox::otlp {
namespace internal {
namespace {

enum LogRecordField : std::uint32_t {
  kTimeUnixNano = 1,
  kSeverityNumber = 2,
  kSeverityText = 3,
  kBody = 5,
  kAttributes = 6,
  kDroppedAttributesCount = 7,
  kFlags = 8,
  kTraceId = 9,
  kSpanId = 10,
  kObservedTimeUnixNano = 11,
  kEventName = 12
};
constexpr std::uint32_t kKnownOfLogRecord = known_fields(
    kTimeUnixNano, kSeverityNumber, kSeverityText, kBody, kAttributes, kDroppedAttributesCount,
    kFlags, kTraceId, kSpanId, kObservedTimeUnixNano, kEventName);

void read_log_record(std::string_view message, ProtobufParts& parts, LogsSink& sink) {
  Scratch& scratch = parts.scratch();
  scratch.clear_record();
  AttributeList attributes{scratch.attributes};
  LogRecordView record;
  for (FieldReader reader(message); reader.next();) {
    switch (reader.tag()) {
      case fixed64_field(kTimeUnixNano):
        record.time_unix_nano = reader.fixed64();
        break;
      case varint_field(kSeverityNumber):
        record.severity_number = reader.int32();
        break;
      case bytes_field(kSeverityText):
        record.severity_text = parts.text(reader.bytes());
        break;
      case bytes_field(kBody):
        record.body = parts.value(reader.bytes());
        break;
      case bytes_field(kAttributes):
        parts.attribute(reader.bytes(), attributes);
        break;
      case varint_field(kDroppedAttributesCount):
        record.dropped_attributes_count = reader.uint32();
        break;
      case fixed32_field(kFlags):
        record.flags = reader.fixed32();
        break;
      case bytes_field(kTraceId):
        record.trace_id = reader.bytes();
        break;
      case bytes_field(kSpanId):
        record.span_id = reader.bytes();
        break;
      case fixed64_field(kObservedTimeUnixNano):
        record.observed_time_unix_nano = reader.fixed64();
        break;
      case bytes_field(kEventName):
        record.event_name = parts.text(reader.bytes());
        break;
      default:
        reader.skip(kKnownOfLogRecord);
    }
  }
  DecodeResult& result = parts.result();
  if (admit(settle(record, attributes, scratch, result.altered), result)) {
    sink.on_log_record(record);
  }
}

}  // namespace
}  // namespace internal

DecodeResult decode_logs_protobuf(std::string_view bytes, LogsSink& sink,
                                  const DecodeLimits& limits) {
  using namespace internal;
  return run_protobuf_decoder(bytes, limits, [&](ProtobufParts& parts) {
    const auto read = [&](std::string_view message) { read_log_record(message, parts, sink); };
    ResourceWalker(parts, sink, read).request(bytes);
  });
}

}  // namespace signalbox::otlp

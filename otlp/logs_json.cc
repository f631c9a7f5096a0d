#include "otlp/json_reader.h"

namespace signalbox::otlp {
namespace internal {
namespace {

using simdjson::dom::element;

constexpr std::array kSeverityNumbers{
    EnumName{"SEVERITY_NUMBER_UNSPECIFIED", 0}, EnumName{"SEVERITY_NUMBER_TRACE", 1},
    EnumName{"SEVERITY_NUMBER_TRACE2", 2},      EnumName{"SEVERITY_NUMBER_TRACE3", 3},
    EnumName{"SEVERITY_NUMBER_TRACE4", 4},      EnumName{"SEVERITY_NUMBER_DEBUG", 5},
    EnumName{"SEVERITY_NUMBER_DEBUG2", 6},      EnumName{"SEVERITY_NUMBER_DEBUG3", 7},
    EnumName{"SEVERITY_NUMBER_DEBUG4", 8},      EnumName{"SEVERITY_NUMBER_INFO", 9},
    EnumName{"SEVERITY_NUMBER_INFO2", 10},      EnumName{"SEVERITY_NUMBER_INFO3", 11},
    EnumName{"SEVERITY_NUMBER_INFO4", 12},      EnumName{"SEVERITY_NUMBER_WARN", 13},
    EnumName{"SEVERITY_NUMBER_WARN2", 14},      EnumName{"SEVERITY_NUMBER_WARN3", 15},
    EnumName{"SEVERITY_NUMBER_WARN4", 16},      EnumName{"SEVERITY_NUMBER_ERROR", 17},
    EnumName{"SEVERITY_NUMBER_ERROR2", 18},     EnumName{"SEVERITY_NUMBER_ERROR3", 19},
    EnumName{"SEVERITY_NUMBER_ERROR4", 20},     EnumName{"SEVERITY_NUMBER_FATAL", 21},
    EnumName{"SEVERITY_NUMBER_FATAL2", 22},     EnumName{"SEVERITY_NUMBER_FATAL3", 23},
    EnumName{"SEVERITY_NUMBER_FATAL4", 24}};

enum LogRecordField : std::size_t {
  kTimeUnixNano,
  kObservedTimeUnixNano,
  kSeverityNumber,
  kSeverityText,
  kBody,
  kAttributes,
  kDroppedAttributesCount,
  kFlags,
  kTraceId,
  kSpanId,
  kEventName
};
constexpr std::array<std::string_view, 11> kLogRecordNames{
    "timeUnixNano", "observedTimeUnixNano",   "severityNumber", "severityText", "body",
    "attributes",   "droppedAttributesCount", "flags",          "traceId",      "spanId",
    "eventName"};

void read_log_record_field(std::size_t index, std::string_view key, element value, JsonParts& parts,
                           AttributeList& attributes, LogRecordView& record) {
  switch (index) {
    case kTimeUnixNano:
      record.time_unix_nano = json_uint64(key, value);
      break;
    case kObservedTimeUnixNano:
      record.observed_time_unix_nano = json_uint64(key, value);
      break;
    case kSeverityNumber:
      record.severity_number = parts.enumerator(key, value, kSeverityNumbers);
      break;
    case kSeverityText:
      record.severity_text = json_string(key, value);
      break;
    case kBody:
      record.body = parts.value(value);
      break;
    case kAttributes:
      parts.attributes(key, value, attributes);
      break;
    case kDroppedAttributesCount:
      record.dropped_attributes_count = json_uint32(key, value);
      break;
    case kFlags:
      record.flags = json_uint32(key, value);
      break;
    case kTraceId:
      record.trace_id = parts.id(key, value);
      break;
    case kSpanId:
      record.span_id = parts.id(key, value);
      break;
    case kEventName:
      record.event_name = json_string(key, value);
      break;
    default:
      break;
  }
}

void read_log_record(element value, JsonParts& parts, LogsSink& sink) {
  Scratch& scratch = parts.scratch();
  scratch.clear_record();
  AttributeList attributes{scratch.attributes};
  LogRecordView record;
  for_each_field(json_object("logRecords", value), kLogRecordNames,
                 [&](std::size_t index, std::string_view key, element field) {
                   read_log_record_field(index, key, field, parts, attributes, record);
                 });
  DecodeResult& result = parts.result();
  if (admit(settle(record, attributes, scratch, result.altered), result)) {
    sink.on_log_record(record);
  }
}

}  // namespace
}  // namespace internal

DecodeResult decode_logs_json(std::string_view text, LogsSink& sink, const DecodeLimits& limits) {
  using namespace internal;
  static constexpr JsonLevelNames kNames{"resourceLogs", "scopeLogs", "logRecords"};
  return run_json_decoder(text, limits, [&](simdjson::dom::object root, JsonParts& parts) {
    walk_json_resources(root, kNames, parts, sink,
                        [&](element record) { read_log_record(record, parts, sink); });
  });
}

}  // namespace signalbox::otlp

#include "server/query/plan/fields.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "server/query/language/nested.h"
#include "server/query/plan/attribute_slots.h"
#include "server/query/plan/operation_minutes.h"
#include "server/store/columns/slots.h"

namespace signalbox::server::query {
namespace {

using Place = IntrinsicField::Place;

constexpr std::array kSpanKinds = {EnumValue{"unspecified", 0}, EnumValue{"internal", 1},
                                   EnumValue{"server", 2},      EnumValue{"client", 3},
                                   EnumValue{"producer", 4},    EnumValue{"consumer", 5}};
constexpr std::array kStatusCodes = {EnumValue{"unset", 0}, EnumValue{"ok", 1},
                                     EnumValue{"error", 2}};
constexpr std::array kSeverities = {EnumValue{"unspecified", 0}, EnumValue{"trace", 1},
                                    EnumValue{"debug", 5},       EnumValue{"info", 9},
                                    EnumValue{"warn", 13},       EnumValue{"error", 17},
                                    EnumValue{"fatal", 21}};

constexpr IntrinsicField kServiceName = {
    "service.name", FieldType::kString, "service_name", "Name of the service", {}, Place::kRecord};
constexpr IntrinsicField kScopeName = {"scope.name", FieldType::kString,
                                       "name",       "Name of the instrumentation scope",
                                       {},           Place::kScope};
constexpr IntrinsicField kScopeVersion = {
    "scope.version", FieldType::kString, "version", "Version of the instrumentation scope", {},
    Place::kScope};
constexpr IntrinsicField kTraceIdField = {
    "trace_id", FieldType::kTraceId, "trace_id", "Id of the trace", {}, Place::kRecord};
constexpr IntrinsicField kSpanIdField = {"span_id", FieldType::kSpanId, "span_id", "Id of the span",
                                         {},        Place::kRecord};
/// Of spans and log records.
constexpr IntrinsicField kAttributeCount = {"attribute_count",
                                            FieldType::kNumber,
                                            kAttributeCountSql,
                                            "Number of the record's own attributes",
                                            {},
                                            Place::kRecord};

constexpr std::array kTraceFields = {
    kServiceName,
    IntrinsicField{"name", FieldType::kString, "name", "Name of the span", {}, Place::kRecord},
    IntrinsicField{"duration",
                   FieldType::kDuration,
                   "duration_ns",
                   "Duration of the span: 100ms, 1.5s; a bare number is nanoseconds",
                   {},
                   Place::kRecord},
    IntrinsicField{"status", FieldType::kEnum, "status_code", "Status of the span", kStatusCodes,
                   Place::kRecord},
    IntrinsicField{"status.message",
                   FieldType::kString,
                   "status_message",
                   "Message of the span's status",
                   {},
                   Place::kRecord},
    IntrinsicField{"kind", FieldType::kEnum, "kind", "Kind of the span", kSpanKinds,
                   Place::kRecord},
    IntrinsicField{"is_root",
                   FieldType::kBool,
                   kIsRootSql,
                   "Whether the span has no parent",
                   {},
                   Place::kRecord},
    IntrinsicField{"is_entry_point",
                   FieldType::kBool,
                   "",
                   "Whether the span counts as a request to its service: it is of kind server or "
                   "consumer, or, of a service that has none of those in the time range, has no "
                   "parent",
                   {},
                   Place::kSpans},
    kTraceIdField,
    kSpanIdField,
    IntrinsicField{"parent_span_id",
                   FieldType::kSpanId,
                   "parent_span_id",
                   "Id of the parent span",
                   {},
                   Place::kRecord},
    IntrinsicField{
        "trace_state", FieldType::kString, "trace_state", "W3C trace state", {}, Place::kRecord},
    IntrinsicField{
        "event.name", FieldType::kString, "events.name", "Name of a span event", {}, Place::kArray},
    IntrinsicField{"exception.type",
                   FieldType::kString,
                   "exception.type",
                   "Type of an exception among the span's events",
                   {},
                   Place::kEvents},
    IntrinsicField{"exception.message",
                   FieldType::kString,
                   "exception.message",
                   "Message of an exception among the span's events",
                   {},
                   Place::kEvents},
    IntrinsicField{"event_count",
                   FieldType::kNumber,
                   "JSONLength(rest, 'e')",
                   "Number of the span's events",
                   {},
                   Place::kRecord},
    IntrinsicField{"link_count",
                   FieldType::kNumber,
                   "JSONLength(rest, 'l')",
                   "Number of the span's links",
                   {},
                   Place::kRecord},
    kAttributeCount,
    IntrinsicField{"link.trace_id",
                   FieldType::kTraceId,
                   "links.trace_id",
                   "Id of a linked trace",
                   {},
                   Place::kArray},
    IntrinsicField{"link.span_id",
                   FieldType::kSpanId,
                   "links.span_id",
                   "Id of a linked span",
                   {},
                   Place::kArray},
    kScopeName,
    kScopeVersion,
    IntrinsicField{"root", FieldType::kBool, kIsRootSql, "", {}, Place::kRecord},
    IntrinsicField{"status.code", FieldType::kEnum, "status_code", "", kStatusCodes,
                   Place::kRecord},
    IntrinsicField{"span.name", FieldType::kString, "name", "", {}, Place::kRecord},
    IntrinsicField{"span.kind", FieldType::kEnum, "kind", "", kSpanKinds, Place::kRecord},
};

constexpr std::array kLogFields = {
    kServiceName,
    IntrinsicField{
        "body", FieldType::kString, "body", "Text of the log record", {}, Place::kRecord},
    IntrinsicField{"body_size",
                   FieldType::kNumber,
                   "length(body)",
                   "Bytes of the text of the log record",
                   {},
                   Place::kRecord},
    kAttributeCount,
    IntrinsicField{"severity", FieldType::kSeverity, "severity_number",
                   "Severity: a name, or a number from 1 to 24", kSeverities, Place::kRecord},
    IntrinsicField{"severity_text",
                   FieldType::kString,
                   "severity_text",
                   "Severity as the source wrote it",
                   {},
                   Place::kRecord},
    kTraceIdField,
    kSpanIdField,
    IntrinsicField{
        "event.name", FieldType::kString, "event_name", "Name of the event", {}, Place::kRecord},
    kScopeName,
    kScopeVersion,
    IntrinsicField{"severity_number", FieldType::kSeverity, "severity_number", "", kSeverities,
                   Place::kRecord},
    IntrinsicField{"severity.text", FieldType::kString, "severity_text", "", {}, Place::kRecord},
    IntrinsicField{"event_name", FieldType::kString, "event_name", "", {}, Place::kRecord},
};

constexpr std::array kMetricFields = {
    kServiceName,
    IntrinsicField{
        "metric.name", FieldType::kString, "metric_name", "Name of the metric", {}, Place::kRecord},
    IntrinsicField{
        "metric.type", FieldType::kString, "metric_type", "Type of the metric", {}, Place::kRecord},
    IntrinsicField{
        "metric.unit", FieldType::kString, "unit", "Unit of the metric", {}, Place::kRecord},
    kScopeName,
    kScopeVersion,
};

constexpr std::string_view kResourcePrefix = "resource.";
constexpr std::string_view kScopePrefix = "scope.";
constexpr std::string_view kAttributePrefix = "attribute.";
constexpr std::string_view kEventPrefix = "event.";
constexpr std::string_view kLinkPrefix = "link.";
constexpr std::string_view kBodyPrefix = "body.";
/// Of a body that is an array.
constexpr std::string_view kBodyIndex = "body[";

/// The attributes of each event or link of a span.
constexpr std::string_view kEventAttributes = "`events.attributes`";
constexpr std::string_view kLinkAttributes = "`links.attributes`";

/// What stands in slots and in the map beside them, of spans and logs alike.
AttributePlace place_in_slot(std::uint8_t slot, const std::string& key) {
  using store::SlotKind;
  AttributePlace place;
  const std::string digits = {static_cast<char>('0' + slot / 10),
                              static_cast<char>('0' + slot % 10)};
  const std::string entry = "concat('\\x1E', " + key + ", '\\x1F" + digits + "')";
  const std::string position = "position(shape, " + entry + ")";
  place.exists = position + " > 0";
  place.type = "substring(shape, " + position + " + length(" + entry + "), 1)";
  switch (store::slot_kind(slot)) {
    case SlotKind::kDictionary:
      place.kind = AttributePlace::Kind::kText;
      place.column = place.text = "d" + digits;
      break;
    case SlotKind::kText:
      place.kind = AttributePlace::Kind::kText;
      place.column = place.text = "t" + digits;
      break;
    case SlotKind::kInt:
      place.kind = AttributePlace::Kind::kInt;
      place.column = "i" + digits;
      place.text = "toString(" + place.column + ")";
      break;
    case SlotKind::kDouble:
      place.kind = AttributePlace::Kind::kDouble;
      place.column = "f" + digits;
      place.text = "toString(" + place.column + ")";
      break;
  }
  return place;
}

/// Whether a span is one of those that services.cc counts. From the side table where that goes:
/// the spans of a long range are many, their services few.
std::string is_entry_point(const TimeRange& range, Parameters& parameters) {
  const std::string takes_requests = std::string(kTakesRequestsSql) + " AND ";
  const std::string spans =
      has_operation_minutes(range, 0)
          ? operation_minutes("service_name", takes_requests, range, parameters)
          : "span_rows WHERE " + takes_requests + in_range("start_time", range, parameters);
  return "(" + std::string(kTakesRequestsSql) + " OR (" + std::string(kIsRootSql) +
         " AND service_name NOT IN (SELECT service_name FROM " + spans + ")))";
}

std::string in_overflow(const std::string& key) {
  return "substring(overflow[" + key + "], 2)";
}

/// SQL for the text of the attribute, whichever place has it; empty if absent.
std::string text_of(const std::vector<AttributePlace>& places) {
  std::string sql;
  std::string otherwise = "''";
  for (const AttributePlace& place : places) {
    if (&place == &places.back() && place.kind == AttributePlace::Kind::kMap) {
      otherwise = "toString(" + place.text + ")";
    } else {
      sql += place.exists;
      sql += ", toString(" + place.text + "), ";
    }
  }
  return sql.empty() ? otherwise : "multiIf(" + sql + otherwise + ")";
}

}  // namespace

std::span<const EnumValue> span_kinds() {
  return kSpanKinds;
}
std::span<const EnumValue> status_codes() {
  return kStatusCodes;
}
std::span<const EnumValue> severities() {
  return kSeverities;
}

std::string_view severity_name(std::int32_t number) {
  if (number < 1 || number > 24) return kSeverities[0].name;
  return kSeverities.at((static_cast<std::size_t>(number) + 3) / 4).name;
}

std::string_view enum_name(std::span<const EnumValue> values, std::int32_t number,
                           std::string_view fallback) {
  const auto at = std::find_if(values.begin(), values.end(),
                               [&](const EnumValue& value) { return value.number == number; });
  return at == values.end() ? fallback : at->name;
}

std::span<const IntrinsicField> intrinsic_fields(Signal signal) {
  switch (signal) {
    case Signal::kTraces:
      return kTraceFields;
    case Signal::kLogs:
      return kLogFields;
    case Signal::kMetrics:
      break;
  }
  return kMetricFields;
}

FieldReference resolve_field(Signal signal, std::string_view name) {
  using Kind = FieldReference::Kind;
  for (const IntrinsicField& field : intrinsic_fields(signal)) {
    if (field.name != name) continue;
    if (field.place == Place::kEvents) {
      return {Kind::kEventAttribute, nullptr, std::string(field.column)};
    }
    return {Kind::kIntrinsic, &field, {}};
  }
  const auto prefixed = [&](std::string_view prefix, Kind kind) {
    return FieldReference{kind, nullptr, std::string(name.substr(prefix.size()))};
  };
  if (name.starts_with(kResourcePrefix)) return prefixed(kResourcePrefix, Kind::kResourceAttribute);
  if (name.starts_with(kScopePrefix)) return prefixed(kScopePrefix, Kind::kScopeAttribute);
  if (signal == Signal::kTraces) {
    if (name.starts_with(kEventPrefix)) return prefixed(kEventPrefix, Kind::kEventAttribute);
    if (name.starts_with(kLinkPrefix)) return prefixed(kLinkPrefix, Kind::kLinkAttribute);
  }
  if (signal == Signal::kLogs) {
    if (name.starts_with(kBodyPrefix)) return prefixed(kBodyPrefix, Kind::kBodyValue);
    if (name.starts_with(kBodyIndex)) return prefixed("body", Kind::kBodyValue);
  }
  if (name.starts_with(kAttributePrefix)) return prefixed(kAttributePrefix, Kind::kRecordAttribute);
  return {Kind::kAnyAttribute, nullptr, std::string(name)};
}

AttributePlace place_in_map(const std::string& map, const std::string& key) {
  AttributePlace place;
  place.exists = "mapContains(" + map + ", " + key + ")";
  place.text = map + "[" + key + "]";
  return place;
}

AttributePlace place_in_attributes(const std::string& key) {
  AttributePlace place = place_in_map("attributes", key);
  place.type = "substring(attribute_types, indexOf(mapKeys(attributes), " + key + "), 1)";
  return place;
}

std::vector<AttributePlace> attribute_places(Signal signal, const std::string& key,
                                             const AttributeSlots& slots, Parameters& parameters) {
  const std::string name = parameters.bind(key);
  if (signal == Signal::kMetrics) return {place_in_attributes(name)};
  std::vector<AttributePlace> places;
  for (const std::uint8_t slot : slots.of(signal, key)) places.push_back(place_in_slot(slot, name));
  AttributePlace& rest = places.emplace_back(place_in_map("overflow", name));
  rest.text = in_overflow(name);
  rest.type = "substring(overflow[" + name + "], 1, 1)";
  return places;
}

std::string attribute_text(Signal signal, const std::string& key, const AttributeSlots& slots,
                           Parameters& parameters) {
  return text_of(attribute_places(signal, key, slots, parameters));
}

std::vector<AttributePlace> record_places(Signal signal, const std::string& key,
                                          const AttributeSlots& slots, Parameters& parameters) {
  std::vector<AttributePlace> places = attribute_places(signal, key, slots, parameters);
  // What is an attribute of its own is hardly a value inside of another, and looking costs.
  if (signal != Signal::kMetrics && !slots.of(signal, key).empty()) return places;
  for (const NestedKey& nested : nested_keys(key)) {
    for (const AttributePlace& outer : attribute_places(signal, nested.key, slots, parameters)) {
      const bool is_number =
          outer.kind == AttributePlace::Kind::kInt || outer.kind == AttributePlace::Kind::kDouble;
      if (!is_number) places.push_back(nested_place(outer, nested.path, parameters));
    }
  }
  return places;
}

std::string attribute_keys(Signal signal) {
  if (signal == Signal::kMetrics) return "mapKeys(attributes)";
  return "arrayConcat(arrayMap(e -> substring(e, 1, length(e) - 4), "
         "arraySlice(splitByChar('\\x1E', toString(shape)), 2)), "
         "arrayMap(k -> toString(k), mapKeys(overflow)))";
}

std::string attribute_types(Signal signal) {
  if (signal == Signal::kMetrics) return "splitByString('', toString(attribute_types))";
  return "arrayConcat(arrayMap(e -> substring(e, -1), "
         "arraySlice(splitByChar('\\x1E', toString(shape)), 2)), "
         "arrayMap(v -> substring(v, 1, 1), mapValues(overflow)))";
}

std::string with_resource(const std::string& condition) {
  return "resource_id IN (SELECT resource_id FROM resource_rows WHERE " + condition + ")";
}

std::string with_scope(const std::string& condition) {
  return "scope_id IN (SELECT scope_id FROM scope_rows WHERE " + condition + ")";
}

std::string value_sql(const IntrinsicField& field, const TimeRange& range, Parameters& parameters) {
  return field.place == Place::kSpans ? is_entry_point(range, parameters)
                                      : std::string(field.column);
}

std::string group_text(const FieldReference& field, Signal signal, const AttributeSlots& slots,
                       Parameters& parameters, const TimeRange& range) {
  // A small table as a constant map: one lookup a row, no join.
  const auto of_table = [&](const std::string& table, const std::string& id,
                            const std::string& text) {
    return "transform(" + id + ", (SELECT groupArray(" + id + ") FROM (SELECT " + id + ", any(" +
           text + ") AS text FROM " + table + " GROUP BY " + id + " ORDER BY " + id +
           ")), (SELECT groupArray(text) FROM (SELECT " + id + ", any(" + text + ") AS text FROM " +
           table + " GROUP BY " + id + " ORDER BY " + id + ")), '')";
  };
  using Kind = FieldReference::Kind;
  switch (field.kind) {
    case Kind::kIntrinsic: {
      const std::string column(field.intrinsic->column);
      if (field.intrinsic->place == Place::kScope)
        return of_table("scope_rows", "scope_id", column);
      if (field.intrinsic->place == Place::kArray) {
        return "arrayStringConcat(arrayMap(x -> toString(x), `" + column + "`), ', ')";
      }
      switch (field.intrinsic->type) {
        case FieldType::kTraceId:
        case FieldType::kSpanId:
          return "if(" + column + " = unhex('" +
                 std::string(field.intrinsic->type == FieldType::kTraceId ? 32 : 16, '0') +
                 "'), '', lower(hex(" + column + ")))";
        default:
          return "toString(" + value_sql(*field.intrinsic, range, parameters) + ")";
      }
    }
    case Kind::kRecordAttribute:
      return text_of(record_places(signal, field.key, slots, parameters));
    case Kind::kBodyValue:
      return text_of(body_places(field.key, parameters));
    case Kind::kResourceAttribute:
      return of_table("resource_rows", "resource_id",
                      place_in_map("attributes", parameters.bind(field.key)).text);
    case Kind::kScopeAttribute:
      return of_table("scope_rows", "scope_id",
                      place_in_map("attributes", parameters.bind(field.key)).text);
    case Kind::kEventAttribute:
    case Kind::kLinkAttribute: {
      const AttributePlace place = place_in_map("m", parameters.bind(field.key));
      return "arrayStringConcat(arrayMap(m -> " + place.text + ", arrayFilter(m -> " +
             place.exists + ", " + each_attributes(field.kind) + ")), ', ')";
    }
    case Kind::kAnyAttribute:
      break;
  }
  const std::vector<AttributePlace> places = attribute_places(signal, field.key, slots, parameters);
  std::string sql = "multiIf(";
  for (const AttributePlace& place : places) {
    sql += place.exists;
    sql += ", toString(" + place.text + "), ";
  }
  return sql +
         of_table("resource_rows", "resource_id",
                  place_in_map("attributes", parameters.bind(field.key)).text) +
         ")";
}

std::string group_number(const FieldReference& field, Signal signal, const AttributeSlots& slots,
                         Parameters& parameters) {
  using Kind = FieldReference::Kind;
  const auto of_text = [](const std::string& text) {
    return "ifNull(toFloat64OrNull(" + text + "), nan)";
  };
  if (field.intrinsic != nullptr && field.intrinsic->place == Place::kRecord &&
      (field.intrinsic->type == FieldType::kNumber ||
       field.intrinsic->type == FieldType::kDuration)) {
    return "toFloat64(" + std::string(field.intrinsic->column) + ")";
  }
  if (field.kind != Kind::kRecordAttribute && field.kind != Kind::kAnyAttribute) {
    return of_text(group_text(field, signal, slots, parameters));
  }
  std::string sql;
  const std::vector<AttributePlace> places =
      field.kind == Kind::kRecordAttribute ? record_places(signal, field.key, slots, parameters)
                                           : attribute_places(signal, field.key, slots, parameters);
  for (const AttributePlace& place : places) {
    const bool is_number =
        place.kind == AttributePlace::Kind::kInt || place.kind == AttributePlace::Kind::kDouble;
    sql +=
        place.exists + ", " +
        (is_number ? "toFloat64(" + place.column + ")" : of_text("toString(" + place.text + ")")) +
        ", ";
  }
  if (field.kind == Kind::kRecordAttribute) return "multiIf(" + sql + "nan)";
  const FieldReference of_resource{Kind::kResourceAttribute, nullptr, field.key};
  return "multiIf(" + sql + of_text(group_text(of_resource, signal, slots, parameters)) + ")";
}

std::string display_value(const FieldReference& field, std::string_view text) {
  if (field.intrinsic == nullptr) return std::string(text);
  const FieldType type = field.intrinsic->type;
  if (type == FieldType::kBool) return text == "0" || text == "false" ? "false" : "true";
  if (type != FieldType::kEnum && type != FieldType::kSeverity) return std::string(text);
  std::int32_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  if (type == FieldType::kSeverity) return std::string(severity_name(number));
  return std::string(enum_name(field.intrinsic->values, number, text));
}

std::string each_attributes(FieldReference::Kind kind) {
  return std::string(kind == FieldReference::Kind::kEventAttribute ? kEventAttributes
                                                                   : kLinkAttributes);
}

}  // namespace signalbox::server::query

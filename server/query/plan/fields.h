#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "server/query/plan/sql.h"
#include "server/query/plan/time_range.h"

/// What the names in a filter mean, and where in the tables they are found. How attributes are
/// stored is known here and in attributes.cc only.
namespace signalbox::server::query {

enum class Signal : std::uint8_t { kTraces, kLogs, kMetrics };

/// How the values of a field are written and compared.
enum class FieldType : std::uint8_t {
  kString,
  kNumber,
  kDuration,  ///< Nanoseconds, or a number with a unit.
  kBool,
  kEnum,      ///< A number that has names.
  kSeverity,  ///< An enum each of whose names stands for a range of numbers.
  kTraceId,
  kSpanId,
};

/// A name of a number.
struct EnumValue {
  std::string_view name;
  std::int32_t number = 0;
};

/// A field that a record has without attributes.
struct IntrinsicField {
  /// Where `column` is; kSpans: nowhere, other spans of the time range decide. kEvents: it is the
  /// key of an attribute of events.
  enum class Place : std::uint8_t { kRecord, kArray, kScope, kSpans, kEvents };
  std::string_view name;
  FieldType type = FieldType::kString;
  std::string_view column;  ///< SQL over the record's row (or the scope's, or an array in the row).
  std::string_view description;
  std::span<const EnumValue> values;
  Place place = Place::kRecord;
};

/// All of them, aliases (with an empty description) included.
std::span<const IntrinsicField> intrinsic_fields(Signal signal);

/// What a name in a filter refers to.
struct FieldReference {
  enum class Kind : std::uint8_t {
    kIntrinsic,
    kRecordAttribute,
    kResourceAttribute,
    kScopeAttribute,
    kAnyAttribute,    ///< Of the record or of its resource.
    kEventAttribute,  ///< Of any of a span's events.
    kLinkAttribute,   ///< Of any of a span's links.
    kBodyValue,       ///< Inside of a log record's body; `key` is the way to it.
  };
  Kind kind = Kind::kAnyAttribute;
  const IntrinsicField* intrinsic = nullptr;
  std::string key;  ///< Of an attribute; see kBodyValue.
};

/// `resource.x`, `scope.x`, `attribute.x` and, of spans, `event.x` and `link.x`, of log records
/// `body.x` say where to look; else an intrinsic field goes before an attribute.
FieldReference resolve_field(Signal signal, std::string_view name);

class AttributeSlots;

/// SQL about an attribute in one of the places where a row may have it.
struct AttributePlace {
  enum class Kind : std::uint8_t {
    kMap,     ///< `text` is empty where the attribute is absent.
    kText,    ///< From here on `text` and `column` are of another attribute where it is absent.
    kInt,     ///< `column` is Int64.
    kDouble,  ///< `column` is Float64.
  };
  Kind kind = Kind::kMap;
  std::string exists;
  std::string text;
  std::string column;  ///< Of a slot.
  std::string type;    ///< The character of its type (see attribute_types); "" if nothing tells it.
};

/// Where a row of the table of `signal` may have the attribute `key`: one place at most has it.
std::vector<AttributePlace> attribute_places(Signal signal, const std::string& key,
                                             const AttributeSlots& slots, Parameters& parameters);
/// Where such a row may have the field `attribute.key`: the attribute, or a value inside of one
/// (see nested.h). Of several places that have it the first one counts.
std::vector<AttributePlace> record_places(Signal signal, const std::string& key,
                                          const AttributeSlots& slots, Parameters& parameters);
/// SQL for the text of the attribute `key` of such a row, whichever place has it; empty if absent.
std::string attribute_text(Signal signal, const std::string& key, const AttributeSlots& slots,
                           Parameters& parameters);
/// Where a map, which is SQL, may have it; `key` is a placeholder.
AttributePlace place_in_map(const std::string& map, const std::string& key);
/// The same of the column `attributes` of resources, scopes and series.
AttributePlace place_in_attributes(const std::string& key);

/// SQL for the keys of the row at hand, and for the characters of their types: two arrays, in the
/// same order.
std::string attribute_keys(Signal signal);
std::string attribute_types(Signal signal);

/// SQL for the attributes of each event or link of a span: an array of maps.
std::string each_attributes(FieldReference::Kind kind);

/// SQL that holds for records whose resource fulfils `condition` (over a row of `resources`).
std::string with_resource(const std::string& condition);
/// The same for scopes.
std::string with_scope(const std::string& condition);

/// SQL for the value that a row has of a field of the record or of other spans; `range` is that of
/// the search.
std::string value_sql(const IntrinsicField& field, const TimeRange& range, Parameters& parameters);

/// SQL for the text that a field is grouped by, of a row that has `resource_id`; empty if absent.
/// `range` is that of the search, for fields of spans.
std::string group_text(const FieldReference& field, Signal signal, const AttributeSlots& slots,
                       Parameters& parameters, const TimeRange& range = {});

/// SQL that holds for spans by which a service takes what others ask of it: of kind server or
/// consumer.
inline constexpr std::string_view kTakesRequestsSql = "kind IN (2, 5)";
/// SQL for the number of a record's own attributes.
inline constexpr std::string_view kAttributeCountSql =
    "(countSubstrings(shape, '\\x1E') + length(overflow))";
/// SQL that holds for spans without a parent.
inline constexpr std::string_view kIsRootSql = "(parent_span_id = unhex('0000000000000000'))";

/// SQL for the number (Float64) that a field of such a row has; NaN if it has none.
std::string group_number(const FieldReference& field, Signal signal, const AttributeSlots& slots,
                         Parameters& parameters);

/// The text of a value (see group_text) as a filter has it: the numbers of enums by their names.
std::string display_value(const FieldReference& field, std::string_view text);

/// Name of `number` in `values`, or `fallback`.
std::string_view enum_name(std::span<const EnumValue> values, std::int32_t number,
                           std::string_view fallback);

std::span<const EnumValue> span_kinds();
std::span<const EnumValue> status_codes();
/// The first number of each severity.
std::span<const EnumValue> severities();
/// "error" for 17 to 20, and so on; "unspecified" outside 1 to 24.
std::string_view severity_name(std::int32_t number);

}  // namespace signalbox::server::query

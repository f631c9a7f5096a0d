#include "server/query/fields/value_suggestions.h"

#include <string_view>
#include <utility>

#include "server/query/plan/operation_minutes.h"
#include "server/query/plan/rows.h"
#include "server/query/plan/selection.h"

namespace signalbox::server::query {
namespace {

using Kind = FieldReference::Kind;
using Place = IntrinsicField::Place;

constexpr std::int64_t kHourNs = 3'600'000'000'000;
constexpr int kMaxRecords = 20'000;
/// In bytes: nobody chooses longer ones from a list.
constexpr int kLongestValue = 256;

/// SELECT of columns value, type and records.
using Source = std::string;

Source of_side_table(const ValuesWanted& wanted, Parameters& parameters) {
  // By hours: a little more than asked for.
  const TimeRange hours = {wanted.range.start_ns / kHourNs * kHourNs,
                           wanted.range.end_ns + kHourNs};
  return std::string("SELECT value, toString(type) AS type, records FROM ") +
         (wanted.signal == Signal::kTraces ? "span" : "log") +
         "_value_rows WHERE NOT is_rest AND key = " + parameters.bind(wanted.field.key) + " AND " +
         in_range("hour", hours, parameters);
}

/// Of a table of resources or scopes, whose records nobody counts here.
Source of_descriptions(const std::string& table, const std::string& value) {
  return "SELECT DISTINCT toString(" + value +
         ") AS value, 's' AS type, toUInt64(0) AS records FROM " + table;
}

/// SQL for the values that a row has of the field: several of arrays.
std::string values_in_row(Session& session, const ValuesWanted& wanted, Parameters& parameters) {
  const FieldReference& field = wanted.field;
  if (field.kind == Kind::kIntrinsic && field.intrinsic->place == Place::kArray) {
    return "arrayJoin(`" + std::string(field.intrinsic->column) + "`)";
  }
  if (field.kind == Kind::kEventAttribute || field.kind == Kind::kLinkAttribute) {
    return "arrayJoin(arrayMap(m -> m[" + parameters.bind(field.key) + "], " +
           each_attributes(field.kind) + "))";
  }
  return group_text(field, wanted.signal, session.slots(), parameters, wanted.range);
}

Source of_records(Session& session, const ValuesWanted& wanted, Parameters& parameters) {
  std::string sql = "SELECT toString(" + values_in_row(session, wanted, parameters) +
                    ") AS value, 's' AS type, toUInt64(1) AS records FROM ";
  if (wanted.signal == Signal::kMetrics) {
    sql += "metric_series_rows FINAL";
    if (!wanted.metric.empty()) sql += " WHERE metric_name = " + parameters.bind(wanted.metric);
  } else {
    const Selection selection{wanted.signal, wanted.range, {}};
    sql += selection.table() + " WHERE " +
           in_range(selection.time_column(), wanted.range, parameters) + " ORDER BY " +
           selection.time_column() + " DESC";
  }
  return sql + " LIMIT " + std::to_string(kMaxRecords);
}

std::vector<SuggestedValue> read(Session& session, const ValuesWanted& wanted, const Source& source,
                                 Parameters& parameters) {
  const std::string part = parameters.bind(wanted.contains);
  const std::string data = session.rows(
      "SELECT value, argMax(type, records), sum(records) AS total FROM (" + source +
          ")\nWHERE value != '' AND length(value) <= " + std::to_string(kLongestValue) +
          " AND positionCaseInsensitive(value, " + part +
          ") > 0\nGROUP BY value ORDER BY positionCaseInsensitive(value, " + part +
          ") > 1, total DESC, value LIMIT " + std::to_string(wanted.limit),
      parameters);
  std::vector<SuggestedValue> values;
  for (RowReader row(data); !row.at_end();) {
    SuggestedValue& value = values.emplace_back();
    value.text = row.string();
    const std::string_view type = row.string();
    value.type = type.empty() ? 's' : type[0];
    value.records = row.u64();
  }
  return values;
}

bool is_service_or_operation(const FieldReference& field) {
  return field.kind == Kind::kIntrinsic &&
         (field.intrinsic->column == "service_name" || field.intrinsic->column == "name") &&
         field.intrinsic->place == Place::kRecord;
}

Source source_of(Session& session, const ValuesWanted& wanted, Parameters& parameters) {
  const FieldReference& field = wanted.field;
  const std::string resource_attribute = "attributes[" + parameters.bind(field.key) + "]";
  switch (field.kind) {
    case Kind::kResourceAttribute:
      return of_descriptions("resource_rows", resource_attribute);
    case Kind::kScopeAttribute:
      return of_descriptions("scope_rows", resource_attribute);
    case Kind::kRecordAttribute:
      if (wanted.signal != Signal::kMetrics) return of_side_table(wanted, parameters);
      break;
    case Kind::kAnyAttribute:
      if (wanted.signal != Signal::kMetrics) {
        return of_side_table(wanted, parameters) + " UNION ALL " +
               of_descriptions("resource_rows", resource_attribute);
      }
      break;
    default:
      break;
  }
  if (field.intrinsic != nullptr && field.intrinsic->place == Place::kScope) {
    return of_descriptions("scope_rows", std::string(field.intrinsic->column));
  }
  if (is_service_or_operation(field)) {
    const std::string column(field.intrinsic->column);
    if (wanted.signal == Signal::kTraces && has_operation_minutes(wanted.range, 0)) {
      return "SELECT toString(" + column +
             ") AS value, 's' AS type, toUInt64(spans) AS records FROM " +
             operation_minutes(column, "", wanted.range, parameters);
    }
    if (column == "service_name") return of_descriptions("resource_rows", column);
  }
  return of_records(session, wanted, parameters);
}

}  // namespace

std::vector<SuggestedValue> suggest_values(Session& session, const ValuesWanted& wanted) {
  if (wanted.field.kind == Kind::kIntrinsic && wanted.field.intrinsic->type != FieldType::kString) {
    return {};
  }
  Parameters parameters;
  const Source source = source_of(session, wanted, parameters);
  std::vector<SuggestedValue> values = read(session, wanted, source, parameters);
  const bool may_be_too_new =
      wanted.field.kind == Kind::kRecordAttribute || wanted.field.kind == Kind::kAnyAttribute;
  if (!values.empty() || !may_be_too_new || wanted.signal == Signal::kMetrics) return values;
  // The side table does not have the last seconds, nor the values of a key that do not repeat.
  Parameters of_newest;
  const Source newest = of_records(session, wanted, of_newest);
  return read(session, wanted, newest, of_newest);
}

}  // namespace signalbox::server::query

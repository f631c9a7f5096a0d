#include "server/query/fields/facets.h"

#include <algorithm>
#include <array>
#include <map>
#include <utility>
#include <vector>

#include "server/ascii.h"
#include "server/query/plan/active_series.h"
#include "server/query/plan/filter_sql.h"
#include "server/query/plan/rows.h"

namespace signalbox::server::query {
namespace {

constexpr std::size_t kFacetValues = 10;
/// See `is_counted_wider`.
constexpr std::uint64_t kMaxRecordsForChoices = 2'000'000;
/// The newest records are read for a list of attribute keys: the side table may not have them yet,
/// or they may be older than it.
constexpr int kMaxRecordsForKeys = 20'000;
constexpr std::int64_t kHourNs = 3'600'000'000'000;
constexpr std::size_t kMaxKeys = 1000;
/// As many as a record may have in slots (see ADR 16): keys of records with more come last.
constexpr int kUsualKeys = 256;
/// In bytes: longer values are of no use in a filter, and are left out or cut.
constexpr int kLongestValue = 1024;

struct CountedValue {
  std::string value;
  bool is_cut = false;  ///< `value` is how it begins.
  std::uint64_t count = 0;
};

/// Adds up values that are displayed alike, most frequent first.
std::vector<CountedValue> merge(const FieldReference& field,
                                const std::vector<CountedValue>& values) {
  std::map<std::pair<std::string, bool>, std::uint64_t> counts;
  for (const CountedValue& value : values) {
    counts[{display_value(field, value.value), value.is_cut}] += value.count;
  }
  std::vector<CountedValue> merged;
  for (const auto& [value, count] : counts) {
    if (!value.first.empty()) merged.push_back({value.first, value.second, count});
  }
  std::sort(merged.begin(), merged.end(), [](const CountedValue& a, const CountedValue& b) {
    return a.count != b.count ? a.count > b.count : a.value < b.value;
  });
  return merged;
}

void write_values(const std::vector<CountedValue>& values, JsonWriter& json) {
  json.key("values").begin_array();
  for (const CountedValue& value : values) {
    json.begin_object();
    json.key("value").string(value.value);
    json.key("count").number(value.count);
    if (value.is_cut) json.key("truncated").boolean(true);
    json.end_object();
  }
  json.end_array();
}

/// FROM … WHERE … of the rows that `request` is about.
std::string source(const Session& session, const FieldValuesRequest& request,
                   Parameters& parameters) {
  if (request.signal != Signal::kMetrics) {
    const Selection selection{request.signal, request.range, request.filter};
    return "FROM " + selection.table() + " WHERE " +
           selection.condition(session.slots(), parameters);
  }
  std::string sql = "FROM metric_series_rows FINAL WHERE ";
  if (!request.metric.empty()) sql += "metric_name = " + parameters.bind(request.metric) + " AND ";
  sql += filter_sql(request.filter, Signal::kMetrics, session.slots(), parameters);
  return sql + " AND series_id IN (SELECT series_id FROM (" +
         active_series(request.range, parameters) + "))";
}

std::string_view type_name(FieldType type) {
  switch (type) {
    case FieldType::kNumber:
      return "number";
    case FieldType::kDuration:
      return "duration";
    case FieldType::kBool:
      return "bool";
    case FieldType::kEnum:
    case FieldType::kSeverity:
      return "enum";
    case FieldType::kTraceId:
    case FieldType::kSpanId:
      return "id";
    case FieldType::kString:
      break;
  }
  return "string";
}

/// SQL for whether `text` contains `part`, in any case.
std::string contains_sql(const std::string& text, const std::string& part, Parameters& parameters) {
  return "positionCaseInsensitive(" + text + ", " + parameters.bind(part) + ") > 0";
}

void write_intrinsic_fields(const FieldsRequest& request, JsonWriter& json) {
  const std::string part = to_lower(request.contains);
  for (const IntrinsicField& field : intrinsic_fields(request.signal)) {
    if (field.description.empty() || to_lower(field.name).find(part) == std::string::npos) continue;
    json.begin_object();
    json.key("name").string(field.name);
    json.key("kind").string("intrinsic");
    json.key("type").string(type_name(field.type));
    json.key("description").string(field.description);
    if (!field.values.empty()) {
      json.key("values").begin_array();
      for (const EnumValue& value : field.values) json.string(value.name);
      json.end_array();
    }
    json.end_object();
  }
}

/// SQL for the keys and types of records that were received during `range`, with their number. By
/// hours: a little more than asked for.
std::string keys_of_side_table(Signal signal, const TimeRange& range, Parameters& parameters) {
  const TimeRange hours = {range.start_ns / kHourNs * kHourNs, range.end_ns + kHourNs};
  return std::string(
             "SELECT toString(key) AS key, toString(type) AS type, sum(records) AS spans, "
             "toUInt64(0) AS usual FROM ") +
         (signal == Signal::kTraces ? "span" : "log") + "_value_rows WHERE key != '' AND " +
         in_range("hour", hours, parameters) + " GROUP BY key, type";
}

/// Where keys are listed from, and how their fields are called.
struct KeySource {
  std::string kind;    ///< Of the fields: "attribute" or "resource".
  Signal stored_as;    ///< Whose columns have the keys.
  std::string from;    ///< SQL: FROM … of the records.
  std::string more;    ///< SQL: a SELECT of key, type, spans and usual; or "".
  std::string prefix;  ///< Of all names, for `contains`.
};

/// The most frequent keys, by name, each with the type it is sent with most. Returns whether there
/// are more.
bool write_keys(Session& session, const FieldsRequest& request, const KeySource& source,
                Parameters& parameters, JsonWriter& json) {
  std::string sql =
      "SELECT key, argMax(type, spans), sum(spans) AS seen, sum(usual) AS seen_usually FROM (\n"
      "  SELECT toString(entry.1) AS key, entry.2 AS type, count() AS spans, "
      "countIf(length(keys) <= " +
      std::to_string(kUsualKeys) +
      ") AS usual FROM (\n"
      "    SELECT " +
      attribute_keys(source.stored_as) + " AS keys, " + attribute_types(source.stored_as) +
      " AS types " + source.from +
      ")\n"
      "  ARRAY JOIN arrayZip(keys, arrayResize(types, length(keys))) AS entry\n"
      "  GROUP BY key, type" +
      (source.more.empty() ? "" : "\n  UNION ALL " + source.more) + ")";
  if (!request.contains.empty()) {
    sql += "\nWHERE " +
           contains_sql("concat('" + source.prefix + "', key)", request.contains, parameters);
  }
  sql += "\nGROUP BY key ORDER BY seen_usually DESC, seen DESC, key LIMIT " +
         std::to_string(kMaxKeys + 1);
  const std::string data = session.rows(sql, parameters);

  std::map<std::string, std::string> types;
  RowReader row(data);
  while (!row.at_end() && types.size() < kMaxKeys) {
    std::string key(row.string());
    types[std::move(key)] = row.string();
    row.u64();
    row.u64();
  }
  const bool is_resource = source.kind == "resource";
  for (const auto& [key, type] : types) {
    if (is_resource && key == "service.name") continue;
    // A bare name that means something else, such as a field of the record.
    const bool is_other =
        resolve_field(request.signal, key).kind != FieldReference::Kind::kAnyAttribute;
    json.begin_object();
    json.key("name").string(is_resource || is_other ? source.kind + "." + key : key);
    json.key("kind").string(source.kind);
    json.key("type").string(type == "i" || type == "d" ? "number"
                            : type == "b"              ? "bool"
                                                       : "string");
    json.key("description").string("");
    json.end_object();
  }
  return !row.at_end();
}

/// A facet while its values are counted.
struct Facet {
  FieldReference field;
  std::vector<std::string> chosen;  ///< Values that the filter chooses or rules out, as written.
  std::vector<CountedValue> values;
};

/// Whether a test of `tested` is about the facet's own field: a bare name is the record's too.
bool is_of_facet(const FieldReference& tested, const FieldReference& facet) {
  using Kind = FieldReference::Kind;
  const bool same_place = tested.kind == facet.kind || (tested.kind == Kind::kAnyAttribute &&
                                                        facet.kind == Kind::kRecordAttribute);
  return same_place && tested.intrinsic == facet.intrinsic && tested.key == facet.key;
}

/// `filter` without the terms that choose values of the facet's field or rule some out; the values
/// are added to the facet. Only terms that all have to hold are taken.
FilterNode take_choices(const FilterNode& filter, Signal signal, Facet& facet) {
  if (filter.kind == FilterNode::Kind::kAnd) {
    FilterNode rest;
    for (const FilterNode& term : filter.children) {
      rest = both(std::move(rest), take_choices(term, signal, facet));
    }
    return rest;
  }
  const FilterNode* test = &filter;
  while (test->kind == FilterNode::Kind::kNot) test = test->children.data();
  const bool is_choice = test->kind == FilterNode::Kind::kTest && test->type == SentType::kAny &&
                         (test->op == FilterOperator::kEqual ||
                          test->op == FilterOperator::kNotEqual || test->op == FilterOperator::kIn);
  if (!is_choice || !is_of_facet(resolve_field(signal, test->field), facet.field)) return filter;
  for (const FilterValue& value : test->values) facet.chosen.push_back(value.text);
  return {};
}

/// Whether the facet is counted over `wider`, the selection without its choices: attributes cost
/// too much where that is many records.
bool is_counted_wider(Session& session, const Selection& wider, const Facet& facet) {
  if (facet.field.intrinsic != nullptr) return true;
  Parameters parameters;
  const std::string data = session.rows("SELECT count() FROM " + wider.table() + " WHERE " +
                                            wider.condition(session.slots(), parameters),
                                        parameters);
  return RowReader(data).u64() <= kMaxRecordsForChoices;
}

/// The most frequent values of each facet, and those that are chosen, in one pass.
void count_values(Session& session, const Selection& selection, std::span<Facet* const> facets) {
  Parameters parameters;
  std::string columns;
  std::string sets;
  std::string which = "multiIf(";
  std::string value = "multiIf(";
  std::string chosen;
  std::size_t limit = kFacetValues;
  for (std::size_t i = 0; i < facets.size(); ++i) {
    const std::string index = std::to_string(i);
    const std::string name = "f" + index;
    columns += (columns.empty() ? "" : ", ") +
               group_text(facets[i]->field, selection.signal, session.slots(), parameters,
                          selection.range) +
               " AS " + name;
    sets += (sets.empty() ? "(" : ", (") + name + ")";
    const std::string is_this = "grouping(" + name + ") = 0, ";
    which.append(is_this).append(index).append(", ");
    value.append(is_this).append("toString(").append(name).append("), ");
    for (const std::string& text : facets[i]->chosen) {
      chosen += (chosen.empty() ? "" : ", ") + parameters.bind(text);
    }
    limit += facets[i]->chosen.size();
  }
  which += "0)";
  value += "'')";
  const std::string data = session.rows(
      "SELECT toUInt8(" + which + ") AS facet, " + value +
          " AS value, count() AS spans\nFROM (SELECT " + columns + " FROM " + selection.table() +
          " WHERE " + selection.condition(session.slots(), parameters) +
          ")\nGROUP BY GROUPING SETS (" + sets +
          ")\nHAVING value != '' AND length(value) <= " + std::to_string(kLongestValue) +
          "\nORDER BY " + (chosen.empty() ? "" : "value IN (" + chosen + ") DESC, ") +
          "spans DESC, value LIMIT " + std::to_string(limit) + " BY facet",
      parameters);
  for (RowReader row(data); !row.at_end();) {
    const std::uint8_t facet = row.u8();
    const std::string_view text = row.string();
    facets[facet]->values.push_back({std::string(text), false, row.u64()});
  }
}

}  // namespace

void write_facets(Session& session, const Selection& selection, std::span<const FacetField> fields,
                  JsonWriter& json) {
  std::vector<Facet> facets;
  std::vector<Facet*> without_choices;
  facets.reserve(fields.size());
  for (const FacetField& field : fields) {
    Facet& facet = facets.emplace_back();
    facet.field = resolve_field(selection.signal, field.field);
    Selection wider = selection;
    wider.filter = take_choices(selection.filter, selection.signal, facet);
    if (facet.chosen.empty() || !is_counted_wider(session, wider, facet)) {
      without_choices.push_back(&facet);
    } else {
      Facet* const alone = &facet;
      count_values(session, wider, {&alone, 1});
    }
  }
  if (!without_choices.empty()) count_values(session, selection, without_choices);

  json.key("facets").begin_array();
  for (std::size_t i = 0; i < fields.size(); ++i) {
    const std::vector<CountedValue> merged = merge(facets[i].field, facets[i].values);
    if (merged.empty()) continue;
    json.begin_object();
    json.key("field").string(fields[i].field);
    json.key("label").string(fields[i].label);
    write_values(merged, json);
    json.end_object();
  }
  json.end_array();
}

std::string list_field_values(Session& session, const FieldValuesRequest& request) {
  Parameters parameters;
  const FieldReference field = resolve_field(request.signal, request.field);
  const std::string longest = std::to_string(kLongestValue);
  std::string sql = "SELECT if(length(whole) <= " + longest + ", whole, leftUTF8(whole, " +
                    longest + ")) AS value, length(value) < length(whole) AS is_cut, count()\n" +
                    "FROM (SELECT toString(" +
                    group_text(field, request.signal, session.slots(), parameters, request.range) +
                    ") AS whole " + source(session, request, parameters) + ")\nWHERE whole != ''";
  if (!request.contains.empty()) {
    sql += " AND " + contains_sql("whole", request.contains, parameters);
  }
  sql += "\nGROUP BY value, is_cut ORDER BY count() DESC, value LIMIT " +
         std::to_string(request.limit + 1);
  const std::string data = session.rows(sql, parameters);

  std::vector<CountedValue> values;
  RowReader row(data);
  while (!row.at_end() && values.size() < request.limit) {
    const std::string_view text = row.string();
    const bool is_cut = row.u8() != 0;
    values.push_back({std::string(text), is_cut, row.u64()});
  }
  JsonWriter json;
  json.begin_object();
  write_values(merge(field, values), json);
  json.key("truncated").boolean(!row.at_end());
  session.write_stats(json);
  json.end_object();
  return json.take();
}

std::string list_fields(Session& session, const FieldsRequest& request) {
  FieldValuesRequest all;
  all.signal = request.signal;
  all.range = request.range;
  all.metric = request.metric;

  JsonWriter json;
  json.begin_object().key("fields").begin_array();
  write_intrinsic_fields(request, json);
  bool has_more = false;
  {
    Parameters parameters;
    KeySource attributes{"attribute", request.signal, source(session, all, parameters), {}, {}};
    if (request.signal != Signal::kMetrics) {
      attributes.more = keys_of_side_table(request.signal, request.range, parameters);
      attributes.from += " ORDER BY " + Selection{request.signal, request.range, {}}.time_column() +
                         " DESC LIMIT " + std::to_string(kMaxRecordsForKeys);
    }
    has_more |= write_keys(session, request, attributes, parameters, json);
  }
  {
    Parameters parameters;
    // Resources have a map, as series do.
    const KeySource resources{"resource",
                              Signal::kMetrics,
                              "FROM resource_rows WHERE resource_id IN (SELECT resource_id " +
                                  source(session, all, parameters) + ")",
                              {},
                              "resource."};
    has_more |= write_keys(session, request, resources, parameters, json);
  }
  json.end_array();
  json.key("truncated").boolean(has_more);
  session.write_stats(json);
  json.end_object();
  return json.take();
}

}  // namespace signalbox::server::query

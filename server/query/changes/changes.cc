#include "server/query/changes/changes.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <iterator>
#include <map>
#include <numbers>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

#include "server/query/json/json_reader.h"
#include "server/query/plan/error.h"
#include "server/query/plan/rows.h"
#include "server/query/plan/unknown_fields.h"

namespace signalbox::server::query {
namespace {

constexpr std::uint64_t kSampleRecords = 50'000;
constexpr int kValuesPerField = 50;
constexpr std::size_t kShownValues = 10;
/// A number with more values is compared by ranges.
constexpr std::uint64_t kMostExactNumbers = 20;
/// Rarer values count as one: of ids, each of few records, those of the smaller set would stand
/// out.
constexpr double kFewestRecords = 5;
constexpr double kSmallestShare = 0.01;
/// Ranges of numbers for each doubling.
constexpr int kRangesPerDoubling = 2;

/// Where a field's values come from.
enum class Origin : std::uint8_t { kIntrinsic, kAttribute, kResource };

/// Number of records in the selection, and in the baseline.
struct Counts {
  double selection = 0;
  double baseline = 0;

  [[nodiscard]] double difference(const Counts& of) const {
    return share(selection, of.selection) - share(baseline, of.baseline);
  }
  static double share(double part, double whole) { return whole > 0 ? part / whole : 0; }
};

struct Value {
  std::string text;  ///< Of a range: its index.
  Counts counts;
};

/// The most frequent values of a field, or of a number's ranges.
struct Values {
  std::vector<Value> values;
  Counts present;              ///< Records that have the field.
  std::uint64_t distinct = 0;  ///< Of all values.
};

struct Field {
  std::string name;
  FieldReference reference;
  const Values* values = nullptr;
  bool is_ranges = false;
  double score = 0;
};

using ValuesByField = std::map<std::tuple<Origin, std::string, bool>, Values>;

/// One of the two sets, and which part of it is read.
struct Side {
  std::string condition;  ///< SQL.
  std::uint64_t records = 0;

  /// Each record is in the sample with a chance of 1 to this.
  [[nodiscard]] std::uint64_t one_of() const {
    return (records + kSampleRecords - 1) / kSampleRecords;
  }
  [[nodiscard]] double sampled() const {
    return records == 0 ? 1 : static_cast<double>(records) / static_cast<double>(one_of());
  }
};

/// Selection and baseline, with the values that their conditions are bound to.
struct Comparison {
  Signal signal = Signal::kTraces;
  std::string table;
  Parameters parameters;
  std::array<Side, 2> sides;

  /// SQL: which records are of either set.
  [[nodiscard]] std::string any_condition() const {
    return "(" + sides[0].condition + ") OR (" + sides[1].condition + ")";
  }

  /// SQL: `columns` of the records of both samples, with `side` 0 and 1; a record of both comes
  /// twice. One pass over the table.
  [[nodiscard]] std::string sample(const std::string& columns) const {
    return "SELECT arrayJoin(arrayConcat(if(" + sample_condition(0) + ", [0], []), if(" +
           sample_condition(1) + ", [1], []))) AS side, " + columns + " FROM " + table +
           " WHERE (" + sample_condition(0) + ") OR (" + sample_condition(1) + ")";
  }

 private:
  [[nodiscard]] std::string sample_condition(std::size_t side) const {
    const std::string identity =
        signal == Signal::kTraces ? "(trace_id, span_id)" : "(received, row)";
    const std::uint64_t one_of = sides.at(side).one_of();
    if (one_of <= 1) return sides.at(side).condition;
    return sides.at(side).condition + " AND cityHash64" + identity + " % " +
           std::to_string(one_of) + " = 0";
  }
};

std::vector<std::string_view> compared_fields(Signal signal) {
  if (signal == Signal::kTraces) return {"service.name", "name", "kind", "status"};
  return {"service.name", "severity", "event.name"};
}

/// SQL for the index of the range that the number `x` (SQL) falls into, with its sign, as text.
std::string range_of(const std::string& x) {
  return "if(" + x + " = 0, '0', concat(if(" + x +
         " < 0, '-', '+'), toString(toInt32(floor(log2(abs(" + x + ")) * " +
         std::to_string(kRangesPerDoubling) + ")))))";
}

/// SQL: an array of (origin, key, whether it is a range, value) of a row.
std::string entries_sql(const Comparison& comparison, const Session& session,
                        Parameters& parameters) {
  std::string fields;
  for (const std::string_view name : compared_fields(comparison.signal)) {
    const FieldReference field = resolve_field(comparison.signal, name);
    fields += (fields.empty() ? "(0, '" : ", (0, '") + std::string(name) + "', 0, " +
              group_text(field, comparison.signal, session.slots(), parameters) + ")";
  }
  if (comparison.signal == Signal::kTraces) {
    fields += ", (0, 'duration', 1, " + range_of("toFloat64(duration_ns)") + ")";
  }
  // The record itself, to count those that were read.
  return "arrayConcat([(0, '', 0, ''), " + fields +
         "],\n"
         "    arrayMap(e -> (1, e.1, 0, substring(e.2, 1, 256)), attribute_entries),\n"
         "    arrayMap(e -> (1, e.1, 1, " +
         range_of("assumeNotNull(toFloat64OrNull(e.2))") +
         "),\n"
         "      arrayFilter(e -> e.3 IN ('i', 'd') AND isFinite(toFloat64OrNull(e.2)), "
         "attribute_entries)))";
}

std::string counted(const std::string& entries, const Comparison& comparison) {
  const auto weight = [&](std::size_t side) {
    return std::to_string(comparison.sides[side].sampled());
  };
  return "SELECT toUInt8(origin), key, toUInt8(is_range), value, toUInt64(s), toUInt64(b), "
         "toUInt64(all_s), toUInt64(all_b), toUInt64(distinct_values) FROM (\n"
         "SELECT *, sum(s) OVER of_field AS all_s, sum(b) OVER of_field AS all_b, "
         "count() OVER of_field AS distinct_values FROM (\n" +
         entries +
         ")\nWINDOW of_field AS (PARTITION BY origin, key, is_range))\n"
         "ORDER BY s / " +
         weight(0) + " + b / " + weight(1) +
         " DESC, value\n"
         "LIMIT " +
         std::to_string(kValuesPerField) + " BY origin, key, is_range";
}

void read_values(std::string_view data, ValuesByField& fields) {
  for (RowReader row(data); !row.at_end();) {
    const auto origin = static_cast<Origin>(row.u8());
    std::string key(row.string());
    const bool is_range = row.boolean();
    Values& values = fields[{origin, std::move(key), is_range}];
    Value& value = values.values.emplace_back();
    value.text = row.string();
    const auto read_counts = [&row] {
      const auto selection = static_cast<double>(row.u64());
      return Counts{selection, static_cast<double>(row.u64())};
    };
    value.counts = read_counts();
    values.present = read_counts();
    values.distinct = row.u64();
  }
}

ValuesByField read_fields(Session& session, const Comparison& comparison) {
  ValuesByField fields;
  Parameters parameters = comparison.parameters;
  const std::string entries = entries_sql(comparison, session, parameters);
  read_values(
      session.rows(
          counted("  SELECT entry.1 AS origin, entry.2 AS key, entry.3 AS is_range, "
                  "entry.4 AS value, countIf(side = 0) AS s, countIf(side = 1) AS b FROM (\n"
                  "  " +
                      comparison.sample(entries + " AS entries") +
                      ")\n"
                      "  ARRAY JOIN entries AS entry GROUP BY origin, key, is_range, value",
                  comparison),
          parameters),
      fields);
  read_values(
      session.rows(
          counted(
              "  SELECT 2 AS origin, toString(attribute.1) AS key, 0 AS is_range, "
              "substring(attribute.2, 1, 256) AS value, sum(s) AS s, sum(b) AS b FROM (\n"
              "  SELECT resource_id, countIf(side = 0) AS s, countIf(side = 1) AS b FROM (\n"
              "  " +
                  comparison.sample("resource_id") +
                  ") GROUP BY resource_id) AS records\n"
                  "  INNER JOIN (SELECT resource_id, any(attributes) AS attributes "
                  "FROM resource_rows GROUP BY resource_id) AS of_resource USING (resource_id)\n"
                  "  ARRAY JOIN arrayZip(mapKeys(attributes), mapValues(attributes)) AS attribute\n"
                  "  WHERE key != 'service.name' GROUP BY key, value",
              comparison),
          comparison.parameters),
      fields);
  return fields;
}

bool is_frequent(const Counts& counts, const Counts& records) {
  return counts.selection + counts.baseline >= kFewestRecords &&
         (Counts::share(counts.selection, records.selection) >= kSmallestShare ||
          Counts::share(counts.baseline, records.baseline) >= kSmallestShare);
}

/// See the declaration of find_changes.
double score_of(const Values& values, const Counts& records) {
  double distance = 0;
  double by_chance = 0;
  Counts listed;
  const auto add = [&](const Counts& counts) {
    distance += std::abs(counts.difference(records)) / 2;
    const double all = records.selection + records.baseline;
    const double share = (counts.selection + counts.baseline) / all;
    const double variance =
        std::max(share * (1 - share), 0.0) * (1 / records.selection + 1 / records.baseline);
    by_chance += std::sqrt(2 / std::numbers::pi * variance) / 2;
  };
  for (const Value& value : values.values) {
    if (!is_frequent(value.counts, records)) continue;
    add(value.counts);
    listed.selection += value.counts.selection;
    listed.baseline += value.counts.baseline;
  }
  add({values.present.selection - listed.selection, values.present.baseline - listed.baseline});
  add({records.selection - values.present.selection, records.baseline - values.present.baseline});
  return distance - by_chance;
}

/// As a filter has it.
std::string name_of(Signal signal, Origin origin, const std::string& key) {
  if (origin == Origin::kIntrinsic) return key;
  if (origin == Origin::kResource) return "resource." + key;
  const bool is_bare = resolve_field(signal, key).kind == FieldReference::Kind::kAnyAttribute;
  return is_bare ? key : "attribute." + key;
}

void add_tested(const FilterNode& filter, std::set<std::string>& fields) {
  if (filter.kind == FilterNode::Kind::kTest) fields.insert(filter.field);
  for (const FilterNode& child : filter.children) add_tested(child, fields);
}

/// Fields by which the sets were chosen: that these differ is no news.
std::set<std::string> chosen_fields(const ChangesRequest& request) {
  std::set<std::string> fields;
  add_tested(request.selection.filter, fields);
  if (request.baseline) add_tested(request.baseline->filter, fields);
  std::set<std::string> common;
  add_tested(request.whole.filter, common);
  for (const std::string& field : common) fields.erase(field);
  return fields;
}

std::vector<Field> rank(const ValuesByField& all, const Counts& records,
                        const ChangesRequest& request) {
  const Signal signal = request.whole.signal;
  const std::set<std::string> chosen = chosen_fields(request);
  std::vector<Field> fields;
  for (const auto& [id, values] : all) {
    const auto& [origin, key, is_ranges] = id;
    if (key.empty()) continue;
    const auto exact = all.find({origin, key, false});
    const bool wants_ranges = exact == all.end() || (exact->second.distinct > kMostExactNumbers &&
                                                     all.contains({origin, key, true}));
    if (is_ranges != wants_ranges) continue;
    Field field;
    field.name = name_of(signal, origin, key);
    if (chosen.contains(field.name) || chosen.contains(key)) continue;
    field.reference = resolve_field(signal, field.name);
    field.values = &values;
    field.is_ranges = is_ranges;
    field.score = score_of(values, records);
    if (field.score > 0) fields.push_back(std::move(field));
  }
  std::sort(fields.begin(), fields.end(), [](const Field& a, const Field& b) {
    return a.score != b.score ? a.score > b.score : a.name < b.name;
  });
  if (fields.size() > request.limit) fields.resize(request.limit);
  return fields;
}

/// Lowest and highest number of a range.
std::pair<double, double> bounds_of(const std::string& index) {
  if (index == "0") return {0, 0};
  const double exponent = std::stod(index.substr(1));
  const double low = std::exp2(exponent / kRangesPerDoubling);
  const double high = std::exp2((exponent + 1) / kRangesPerDoubling);
  return index[0] == '-' ? std::pair(-high, -low) : std::pair(low, high);
}

void write_shares(const Counts& counts, const Counts& records, JsonWriter& json) {
  json.key("selection").number(Counts::share(counts.selection, records.selection));
  json.key("baseline").number(Counts::share(counts.baseline, records.baseline));
}

void write_field(const Field& field, const Counts& records, JsonWriter& json) {
  std::vector<Value> values;
  std::copy_if(field.values->values.begin(), field.values->values.end(), std::back_inserter(values),
               [&](const Value& value) { return is_frequent(value.counts, records); });
  std::sort(values.begin(), values.end(), [&](const Value& a, const Value& b) {
    const double of_a = a.counts.difference(records);
    const double of_b = b.counts.difference(records);
    return std::tuple(-std::abs(of_a), -of_a, std::string_view(a.text)) <
           std::tuple(-std::abs(of_b), -of_b, std::string_view(b.text));
  });
  if (values.size() > kShownValues) values.resize(kShownValues);
  json.begin_object();
  json.key("field").string(field.name);
  json.key("score").number(field.score);
  json.key("values").begin_array();
  for (const Value& value : values) {
    json.begin_object();
    if (field.is_ranges) {
      const auto [low, high] = bounds_of(value.text);
      json.key("from").number(low);
      json.key("to").number(high);
    } else {
      json.key("value").string(display_value(field.reference, value.text));
    }
    write_shares(value.counts, records, json);
    json.end_object();
  }
  json.end_array();
  json.key("absent").begin_object();
  write_shares({records.selection - field.values->present.selection,
                records.baseline - field.values->present.baseline},
               records, json);
  json.end_object();
  json.end_object();
}

void write_side(std::string_view name, const Side& side, double sampled, JsonWriter& json) {
  json.key(name).begin_object();
  json.key("records").digits(side.records);
  json.key("sampled").number(sampled);
  json.end_object();
}

Comparison compare(Session& session, const ChangesRequest& request) {
  Comparison comparison;
  comparison.signal = request.whole.signal;
  comparison.table = request.whole.table();
  const auto condition = [&](const Selection& selection) {
    return "(" + selection.condition(session.slots(), comparison.parameters) + ")";
  };
  comparison.sides[0].condition = condition(request.selection);
  comparison.sides[1].condition =
      request.baseline ? condition(*request.baseline)
                       : condition(request.whole) + " AND NOT " + comparison.sides[0].condition;
  const std::string data =
      session.rows("SELECT countIf(" + comparison.sides[0].condition + "), countIf(" +
                       comparison.sides[1].condition + ") FROM " + comparison.table + " WHERE " +
                       comparison.any_condition(),
                   comparison.parameters);
  RowReader row(data);
  for (Side& side : comparison.sides) side.records = row.u64();
  return comparison;
}

Selection read_set(const JsonReader& reader, const Selection& whole) {
  reader.expect_members({"filter", "start", "end"});
  Selection set = whole;
  if (const auto filter = reader.member("filter"))
    set.filter = both(whole.filter, filter->filter());
  if (reader.member("start") || reader.member("end")) {
    if (!reader.member("start") || !reader.member("end")) {
      refuse(reader.path(), "must have both 'start' and 'end', or neither.");
    }
    set.range = reader.range(0);
  }
  return set;
}

}  // namespace

ChangesRequest parse_changes(std::string_view body, std::int64_t now_ns) {
  const auto value = parse_body(body);
  const JsonReader reader(value);
  reader.expect_members({"signal", "start", "end", "filter", "selection", "baseline", "limit"});
  ChangesRequest request;
  constexpr std::array<std::pair<std::string_view, Signal>, 2> kSignals = {
      {{"traces", Signal::kTraces}, {"logs", Signal::kLogs}}};
  if (const auto signal = reader.member("signal")) request.whole.signal = signal->choice(kSignals);
  request.whole.range = reader.range(now_ns);
  if (const auto filter = reader.member("filter")) request.whole.filter = filter->filter();
  const auto selection = reader.member("selection");
  if (!selection || selection->members().empty()) {
    refuse("selection", "must say by 'filter', or by 'start' and 'end', what is to be explained.");
  }
  request.selection = read_set(*selection, request.whole);
  if (const auto baseline = reader.member("baseline")) {
    request.baseline = read_set(*baseline, request.whole);
  }
  constexpr std::int64_t kMaxFields = 100;
  if (const auto limit = reader.member("limit")) {
    request.limit = static_cast<std::uint32_t>(limit->integer(1, kMaxFields));
  }
  return request;
}

std::string find_changes(Session& session, const ChangesRequest& request) {
  const Comparison comparison = compare(session, request);
  ValuesByField fields;
  Counts records;
  if (comparison.sides[0].records > 0 && comparison.sides[1].records > 0) {
    fields = read_fields(session, comparison);
    records = fields[{Origin::kIntrinsic, "", false}].present;
  }
  std::vector<Field> ranked;
  if (records.selection > 0 && records.baseline > 0) ranked = rank(fields, records, request);

  JsonWriter json;
  json.begin_object();
  write_side("selection", comparison.sides[0], records.selection, json);
  write_side("baseline", comparison.sides[1], records.baseline, json);
  json.key("fields").begin_array();
  for (const Field& field : ranked) write_field(field, records, json);
  json.end_array();
  KnownFields known(session, request.whole.signal, request.whole.range);
  std::vector<UnknownField> unknown = known.unknown_in(request.selection.filter);
  if (request.baseline) {
    for (UnknownField& field : known.unknown_in(request.baseline->filter)) {
      unknown.push_back(std::move(field));
    }
  }
  write_warnings(unknown, json);
  session.write_stats(json);
  json.end_object();
  return json.take();
}

}  // namespace signalbox::server::query

#include "server/query/plan/unknown_fields.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "server/query/language/nested.h"
#include "server/query/plan/rows.h"
#include "server/query/plan/selection.h"

namespace signalbox::server::query {
namespace {

using Kind = FieldReference::Kind;

constexpr std::int64_t kHourNs = 3'600'000'000'000;
constexpr int kMaxKeys = 10'000;
/// The side table has records that were received longer ago.
constexpr int kRecentSeconds = 60;
constexpr int kMaxRecentRecords = 20'000;
constexpr std::size_t kMaxSuggestions = 3;
/// Longer names are not compared.
constexpr std::size_t kLongestName = 256;

bool may_be_unknown(Kind kind) {
  return kind == Kind::kRecordAttribute || kind == Kind::kResourceAttribute ||
         kind == Kind::kScopeAttribute || kind == Kind::kAnyAttribute;
}

std::string record_keys(Signal signal, const TimeRange& range, std::string_view metric,
                        Parameters& parameters) {
  if (signal == Signal::kMetrics) {
    std::string sql =
        "SELECT DISTINCT arrayJoin(" + attribute_keys(signal) + ") AS key FROM metric_series_rows";
    if (!metric.empty()) sql += " WHERE metric_name = " + parameters.bind(metric);
    return sql;
  }
  // By hours: a little more than asked for.
  const TimeRange hours = {range.start_ns / kHourNs * kHourNs, range.end_ns + kHourNs};
  return std::string("SELECT DISTINCT key FROM ") + (signal == Signal::kTraces ? "span" : "log") +
         "_value_rows WHERE " + in_range("hour", hours, parameters);
}

/// The name without the place it says; of a place that there is not, too.
std::string_view without_place(std::string_view name) {
  for (const std::string_view place :
       {"attribute.", "attributes.", "resource.", "scope.", "span.", "log.", "metric."}) {
    if (name.starts_with(place)) return name.substr(place.size());
  }
  return name;
}

/// As "http.route" does with "route".
bool ends_with(std::string_view name, std::string_view last) {
  return name.size() > last.size() && name.ends_with(last) &&
         name[name.size() - last.size() - 1] == '.';
}

std::vector<std::string> nearest(const std::string& field,
                                 const std::vector<KnownFields::Field>& fields) {
  if (field.size() > kLongestName) return {};
  const std::string_view wanted = without_place(field);
  std::vector<std::tuple<std::size_t, std::size_t, std::string>> found;
  for (const auto& [name, description] : fields) {
    if (name.size() > kLongestName) continue;
    const std::string_view known = without_place(name);
    std::size_t distance = edit_distance(wanted, known);
    if (ends_with(known, wanted)) distance = std::min<std::size_t>(distance, 1);
    if (distance <= std::clamp<std::size_t>(wanted.size() / 4, 1, 3) && name != field) {
      found.emplace_back(distance, name.size(), name);
    }
  }
  std::sort(found.begin(), found.end());
  std::vector<std::string> best;
  for (auto& [distance, size, name] : found) {
    if (best.size() == kMaxSuggestions) break;
    if (std::find(best.begin(), best.end(), name) == best.end()) best.push_back(std::move(name));
  }
  return best;
}

}  // namespace

const KnownFields::Keys& KnownFields::keys() {
  if (keys_) return *keys_;
  Parameters parameters;
  const std::string limit = " LIMIT " + std::to_string(kMaxKeys);
  const std::string data = session_.rows(
      "SELECT 0 AS place, toString(key) FROM (" +
          record_keys(signal_, range_, metric_, parameters) + limit +
          ") UNION ALL SELECT 1, key FROM (SELECT DISTINCT toString(arrayJoin(mapKeys("
          "attributes))) AS key FROM resource_rows" +
          limit +
          ") UNION ALL SELECT 2, key FROM (SELECT DISTINCT toString(arrayJoin(mapKeys("
          "attributes))) AS key FROM scope_rows" +
          limit + ")",
      parameters);
  Keys& keys = keys_.emplace();
  for (RowReader row(data); !row.at_end();) {
    const std::uint8_t place = row.u8();
    Set& of_place = place == 0 ? keys.record : place == 1 ? keys.resource : keys.scope;
    of_place.emplace(row.string());
  }
  // What exceeds a block's limit stands under an empty key.
  if (keys.record.erase("") > 0 || keys.record.size() >= kMaxKeys) keys.is_complete = false;
  return keys;
}

const KnownFields::Set& KnownFields::recent() {
  if (recent_) return *recent_;
  Set& keys = recent_.emplace();
  if (signal_ == Signal::kMetrics) return keys;
  const Selection selection{signal_, range_, {}};
  Parameters parameters;
  const std::string data = session_.rows(
      "SELECT DISTINCT arrayJoin(keys) FROM (SELECT " + attribute_keys(signal_) + " AS keys FROM " +
          selection.table() + " WHERE received >= now() - " + std::to_string(kRecentSeconds) +
          " AND " + in_range(selection.time_column(), range_, parameters) + " LIMIT " +
          std::to_string(kMaxRecentRecords) + ") LIMIT " + std::to_string(kMaxKeys),
      parameters);
  for (RowReader row(data); !row.at_end();) keys.emplace(row.string());
  return keys;
}

bool KnownFields::is_of_record(const std::string& key) {
  // What costs least is looked at first.
  const bool has_slot = signal_ != Signal::kMetrics && !session_.slots().of(signal_, key).empty();
  return has_slot || !keys().is_complete || keys().record.contains(key) || recent().contains(key);
}

bool KnownFields::has(const FieldReference& field) {
  switch (field.kind) {
    case Kind::kRecordAttribute: {
      if (is_of_record(field.key)) return true;
      const std::vector<NestedKey> outer = nested_keys(field.key);
      return std::any_of(outer.begin(), outer.end(),
                         [&](const NestedKey& nested) { return is_of_record(nested.key); });
    }
    case Kind::kResourceAttribute:
      return keys().resource.contains(field.key);
    case Kind::kScopeAttribute:
      return keys().scope.contains(field.key);
    default:
      return is_of_record(field.key) || keys().resource.contains(field.key);
  }
}

std::vector<KnownFields::Field> KnownFields::list() {
  std::vector<Field> all;
  for (const IntrinsicField& field : intrinsic_fields(signal_)) {
    if (!field.description.empty()) all.push_back({std::string(field.name), field.description});
  }
  const auto add = [&](const Set& of_place, std::string_view prefix, std::string_view what) {
    for (const std::string& key : of_place) {
      const bool is_other = resolve_field(signal_, key).kind != Kind::kAnyAttribute;
      if (key == "service.name" && is_other) continue;
      const bool needs_place = is_other || prefix == "scope.";
      all.push_back({needs_place ? std::string(prefix) + key : key, what});
    }
  };
  Set of_record = keys().record;
  of_record.insert(recent().begin(), recent().end());
  add(of_record, "attribute.", "Attribute");
  add(keys().resource, "resource.", "Attribute of the resource");
  add(keys().scope, "scope.", "Attribute of the instrumentation scope");
  return all;
}

std::optional<UnknownField> KnownFields::if_unknown(const std::string& field,
                                                    std::size_t position) {
  const FieldReference reference = resolve_field(signal_, field);
  if (!may_be_unknown(reference.kind) || has(reference)) return std::nullopt;
  return UnknownField{field, position, nearest(field, list())};
}

std::vector<UnknownField> KnownFields::unknown_in(const FilterNode& filter) {
  std::vector<UnknownField> unknown;
  std::vector<const FilterNode*> nodes = {&filter};
  while (!nodes.empty()) {
    const FilterNode& node = *nodes.back();
    nodes.pop_back();
    for (auto child = node.children.rbegin(); child != node.children.rend(); ++child) {
      nodes.push_back(&*child);
    }
    const auto is_listed = [&](const UnknownField& field) { return field.field == node.field; };
    if (node.kind != FilterNode::Kind::kTest ||
        std::any_of(unknown.begin(), unknown.end(), is_listed)) {
      continue;
    }
    if (auto field = if_unknown(node.field, node.position)) unknown.push_back(std::move(*field));
  }
  return unknown;
}

std::string warning(const UnknownField& unknown) {
  std::string text = "There is no attribute '" + unknown.field + "' in this time range.";
  for (std::size_t i = 0; i < unknown.suggestions.size(); ++i) {
    text += (i == 0 ? " Did you mean '" : " or '") + unknown.suggestions[i] + "'";
  }
  return unknown.suggestions.empty() ? text : text + "?";
}

void write_warning(const UnknownField& unknown, JsonWriter& json) {
  json.key("message").string(warning(unknown));
  json.key("field").string(unknown.field);
  json.key("position").number(unknown.position);
  json.key("suggestions").begin_array();
  for (const std::string& name : unknown.suggestions) json.string(name);
  json.end_array();
}

void write_warnings(const std::vector<UnknownField>& unknown, JsonWriter& json) {
  json.key("warnings").begin_array();
  for (const UnknownField& field : unknown) {
    json.begin_object();
    write_warning(field, json);
    json.end_object();
  }
  json.end_array();
}

std::size_t edit_distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before(b.size() + 1);
  std::vector<std::size_t> last(b.size() + 1);
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = last[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, replaced});
      const bool are_exchanged = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
      if (are_exchanged) row[j] = std::min(row[j], before[j - 2] + 1);
    }
    std::swap(before, last);
    std::swap(last, row);
  }
  return last[b.size()];
}

}  // namespace signalbox::server::query

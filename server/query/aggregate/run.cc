#include "server/query/aggregate/run.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "server/query/aggregate/plan.h"
#include "server/query/json/json.h"
#include "server/query/plan/error.h"
#include "server/query/plan/rows.h"
#include "server/query/plan/unknown_fields.h"

namespace signalbox::server::query {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
constexpr double kSecondNs = 1e9;

using Histogram = std::map<std::int32_t, std::uint64_t>;

/// What the measures are, over all the time or a bucket of it.
struct Values {
  std::vector<double> numbers;  ///< NaN: none.
  Histogram histogram;          ///< Of a query for one.
};

struct Group {
  GroupKey key;  ///< At last as it is shown: numbers of enums by their names.
  bool is_rest = false;
  Values values;
  std::vector<Values> series;  ///< By bucket; empty if not wanted.
};

struct Outcome {
  std::vector<std::string> names;  ///< Of the measures.
  std::vector<std::string> units;
  std::vector<Group> groups;
  std::uint64_t group_count = 0;   ///< With those beyond the limit.
  std::optional<Buckets> buckets;  ///< As the request has them, not shifted.
  std::vector<std::string> group_by;
  bool is_metric_missing = false;
};

bool is_histogram(const AggregateQuery& query) {
  return query.measures.front().kind == Measure::Kind::kHistogram;
}

/// Where there are no records, these are not unknown but 0.
bool is_zero_of_nothing(Measure::Kind kind) {
  return kind == Measure::Kind::kCount || kind == Measure::Kind::kRate ||
         kind == Measure::Kind::kCountDistinct || kind == Measure::Kind::kSum;
}

Values of_nothing(const AggregateQuery& query) {
  Values values;
  if (is_histogram(query)) return values;
  for (const Measure& measure : query.measures) {
    values.numbers.push_back(is_zero_of_nothing(measure.kind) ? 0 : kNone);
  }
  return values;
}

std::string unit_of(const AggregateQuery& query, const Measure& measure) {
  switch (measure.kind) {
    case Measure::Kind::kRate:
      return "1/s";
    case Measure::Kind::kCount:
    case Measure::Kind::kCountDistinct:
      return "1";
    default:
      break;
  }
  const FieldReference field = resolve_field(query.signal, measure.field);
  const bool is_duration =
      field.intrinsic != nullptr && field.intrinsic->type == FieldType::kDuration;
  return is_duration ? "ns" : "";
}

/// Of what `query` asks for, without groups yet.
Outcome outcome_of(const AggregateQuery& query) {
  Outcome outcome;
  for (const Measure& measure : query.measures) outcome.names.push_back(measure.name);
  outcome.units.resize(query.measures.size());
  outcome.group_by = query.group_by;
  outcome.buckets = query.buckets;
  if (outcome.buckets) outcome.buckets->first_ns += query.shift_ns;
  return outcome;
}

class AggregateRun {
 public:
  AggregateRun(Session& session, const AggregateQuery& query)
      : session_(session),
        query_(query),
        plan_(query, session.slots()),
        outcome_(outcome_of(query)) {}

  Outcome run() {
    for (std::size_t i = 0; i < query_.measures.size(); ++i) {
      outcome_.units[i] = unit_of(query_, query_.measures[i]);
    }
    read_groups();
    if (query_.buckets && !outcome_.groups.empty()) read_series();
    for (Group& group : outcome_.groups) {
      for (std::size_t i = 0; i < group.key.size() && !group.is_rest; ++i) {
        group.key[i] =
            display_value(resolve_field(query_.signal, query_.group_by[i]), group.key[i]);
      }
    }
    return std::move(outcome_);
  }

 private:
  /// Rates of counts: per second of what `range` has of them.
  Values read_values(RowReader& row, const TimeRange& range) const {
    Values values;
    if (is_histogram(query_)) {
      std::vector<std::int32_t> keys(row.size());
      for (std::int32_t& key : keys) key = row.i32();
      const std::size_t count = row.size();
      for (std::size_t i = 0; i < count; ++i) values.histogram[keys.at(i)] += row.u64();
      return values;
    }
    for (const Measure& measure : query_.measures) {
      double value = row.f64();
      if (measure.kind == Measure::Kind::kRate) {
        value /= static_cast<double>(range.length_ns()) / kSecondNs;
      }
      values.numbers.push_back(value);
    }
    return values;
  }

  GroupKey read_key(RowReader& row) const {
    GroupKey key;
    for (std::size_t i = 0; i < query_.group_by.size(); ++i) key.emplace_back(row.string());
    return key;
  }

  void read_groups() {
    Parameters parameters;
    const std::string data = session_.rows(plan_.groups(parameters), parameters);
    for (RowReader row(data); !row.at_end();) {
      Group group;
      group.key = read_key(row);
      group.values = read_values(row, query_.range);
      outcome_.group_count = row.u64();
      if (outcome_.groups.size() < query_.limit) outcome_.groups.push_back(std::move(group));
    }
    if (query_.with_rest && outcome_.group_count > outcome_.groups.size()) read_rest();
  }

  [[nodiscard]] std::vector<GroupKey> shown() const {
    std::vector<GroupKey> keys;
    for (const Group& group : outcome_.groups) {
      if (!group.is_rest) keys.push_back(group.key);
    }
    return keys;
  }

  void read_rest() {
    Parameters parameters;
    const std::string data = session_.rows(plan_.rest(shown(), parameters), parameters);
    RowReader row(data);
    Group rest;
    rest.key.resize(query_.group_by.size());
    rest.is_rest = true;
    rest.values = read_values(row, query_.range);
    outcome_.groups.push_back(std::move(rest));
  }

  /// The part of the range that lies in a bucket.
  [[nodiscard]] TimeRange bucket_range(std::int64_t index) const {
    return {std::max(query_.buckets->time_ns(index), query_.range.start_ns),
            std::min(query_.buckets->time_ns(index + 1), query_.range.end_ns)};
  }

  void read_series() {
    const auto count = static_cast<std::size_t>(query_.buckets->count);
    std::map<std::pair<bool, GroupKey>, Group*> by_key;
    for (Group& group : outcome_.groups) {
      group.series.assign(count, of_nothing(query_));
      by_key[{group.is_rest, group.key}] = &group;
    }
    Parameters parameters;
    const bool has_rest = outcome_.groups.back().is_rest;
    const std::string data = session_.rows(plan_.series(shown(), has_rest, parameters), parameters);
    for (RowReader row(data); !row.at_end();) {
      const bool is_rest = row.boolean();
      const GroupKey key = read_key(row);
      const std::int64_t bucket = row.i64();
      Values values = read_values(row, bucket_range(bucket));
      const auto at = by_key.find({is_rest, key});
      // Records may have arrived between the two statements.
      if (at == by_key.end() || bucket < 0 || bucket >= query_.buckets->count) continue;
      at->second->series[static_cast<std::size_t>(bucket)] = std::move(values);
    }
  }

  Session& session_;
  const AggregateQuery& query_;
  AggregatePlan plan_;
  Outcome outcome_;
};

/// By measure `by`; groups without one are the last.
bool comes_first(const Group& a, const Group& b, std::size_t by, bool is_ascending) {
  const double left = a.values.numbers.at(by);
  const double right = b.values.numbers.at(by);
  if (std::isnan(left) != std::isnan(right)) return std::isnan(right);
  if (std::isnan(left) || left == right) return a.key < b.key;
  return is_ascending ? left < right : left > right;
}

/// The series of a metric: their own planner reads each measure by groups. The measure that orders
/// them says which groups there are.
class MetricRun {
 public:
  MetricRun(Session& session, const AggregateQuery& query)
      : session_(session), query_(query), outcome_(outcome_of(query)) {}

  Outcome run() {
    try {
      find_groups();
      for (std::size_t i = 0; i < query_.measures.size(); ++i) read_measure(i);
    } catch (const QueryError& error) {
      if (error.code() != ErrorCode::kNotFound) throw;
      outcome_.is_metric_missing = true;
    }
    return std::move(outcome_);
  }

 private:
  static constexpr int kMaxGroupsRead = 1000;

  [[nodiscard]] Buckets whole_range() const {
    return {query_.range.start_ns, query_.range.length_ns(), 1};
  }

  [[nodiscard]] MetricGroups read(std::size_t measure, const Buckets& buckets) {
    MetricQuery query;
    query.name = query_.metric;
    query.type = query_.metric_type;
    query.range = query_.range;
    query.filter = query_.filter;
    query.group_by = query_.group_by;
    query.aggregations = {query_.measures[measure].of_metric};
    return read_metric(session_, query, buckets, kMaxGroupsRead);
  }

  void find_groups() {
    const MetricGroups found = read(query_.order_by, whole_range());
    outcome_.units[query_.order_by] = found.unit;
    outcome_.group_count = found.count;
    for (const MetricGroup& one : found.groups) {
      Group& group = outcome_.groups.emplace_back();
      group.key = one.labels;
      group.values.numbers.assign(query_.measures.size(), kNone);
      group.values.numbers[query_.order_by] = one.values.front();
    }
    std::sort(outcome_.groups.begin(), outcome_.groups.end(),
              [this](const Group& a, const Group& b) {
                return comes_first(a, b, query_.order_by, query_.is_ascending);
              });
    if (outcome_.groups.size() > query_.limit) outcome_.groups.resize(query_.limit);
    for (Group& group : outcome_.groups) {
      if (query_.buckets) {
        const Values none{std::vector<double>(query_.measures.size(), kNone), {}};
        group.series.assign(static_cast<std::size_t>(query_.buckets->count), none);
      }
      by_key_[group.key] = &group;
    }
  }

  void read_measure(std::size_t measure) {
    if (measure != query_.order_by) {
      const MetricGroups found = read(measure, whole_range());
      outcome_.units[measure] = found.unit;
      for (const MetricGroup& one : found.groups) {
        const auto at = by_key_.find(one.labels);
        if (at != by_key_.end()) at->second->values.numbers[measure] = one.values.front();
      }
    }
    if (!query_.buckets) return;
    for (const MetricGroup& one : read(measure, *query_.buckets).groups) {
      const auto at = by_key_.find(one.labels);
      if (at == by_key_.end()) continue;
      for (std::size_t bucket = 0; bucket < one.values.size(); ++bucket) {
        at->second->series[bucket].numbers[measure] = one.values[bucket];
      }
    }
  }

  Session& session_;
  const AggregateQuery& query_;
  Outcome outcome_;
  std::map<GroupKey, Group*> by_key_;
};

/// A query's outcome as a formula sees it.
class Operand {
 public:
  Operand(const AggregateQuery& query, const Outcome& outcome) : query_(query) {
    for (const Group& group : outcome.groups) {
      if (!group.is_rest) groups_.emplace(group.key, &group);
    }
    is_all_ = groups_.size() == outcome.group_count && query.having.empty();
  }

  [[nodiscard]] const std::map<GroupKey, const Group*>& groups() const { return groups_; }
  [[nodiscard]] bool is_grouped() const { return !query_.group_by.empty(); }

  /// Null if there is none. One without groups stands beside each group of the others.
  [[nodiscard]] const Group* group(const GroupKey& key) const {
    const auto at = groups_.find(is_grouped() ? key : GroupKey());
    return at == groups_.end() ? nullptr : at->second;
  }

  /// Where there is no group: beyond the limit there may be one, or it failed `having`.
  [[nodiscard]] double without_group(std::size_t aggregation) const {
    const bool is_zero = query_.signal != Signal::kMetrics &&
                         is_zero_of_nothing(query_.measures.at(aggregation).kind);
    return is_all_ && is_zero ? 0 : kNone;
  }

 private:
  const AggregateQuery& query_;
  bool is_all_ = false;  ///< Nothing is in the rest or beyond the limit.
  std::map<GroupKey, const Group*> groups_;
};

class FormulaRun {
 public:
  FormulaRun(const NamedFormula& named, const AggregateRequest& request,
             const std::vector<Outcome>& outcomes)
      : formula_(named.formula) {
    outcome_.names = {named.text};
    outcome_.units = {""};
    for (const Formula::Reference& reference : formula_.references()) {
      for (std::size_t i = 0; i < request.queries.size(); ++i) {
        if (request.queries[i].name != reference.query) continue;
        operands_.try_emplace(reference.query, request.queries[i], outcomes[i]);
        outcome_.buckets = outcomes[i].buckets;
        if (!outcomes[i].group_by.empty()) outcome_.group_by = outcomes[i].group_by;
      }
    }
  }

  Outcome run() {
    std::set<GroupKey> keys;
    for (const auto& [name, operand] : operands_) {
      if (operand.is_grouped() == outcome_.group_by.empty()) continue;
      for (const auto& [key, group] : operand.groups()) keys.insert(key);
    }
    for (const GroupKey& key : keys) outcome_.groups.push_back(compute(key));
    std::sort(outcome_.groups.begin(), outcome_.groups.end(),
              [](const Group& a, const Group& b) { return comes_first(a, b, 0, false); });
    outcome_.group_count = outcome_.groups.size();
    return std::move(outcome_);
  }

 private:
  Group compute(const GroupKey& key) const {
    std::map<std::string, const Group*> groups;
    for (const auto& [name, operand] : operands_) groups[name] = operand.group(key);
    const auto value = [&](std::optional<std::size_t> bucket) {
      return formula_.evaluate([&](const Formula::Reference& reference) {
        const Group* const group = groups.at(reference.query);
        if (group == nullptr) {
          return operands_.at(reference.query).without_group(reference.aggregation);
        }
        const Values& values = bucket ? group->series.at(*bucket) : group->values;
        return values.numbers.at(reference.aggregation);
      });
    };
    Group computed;
    computed.key = key;
    computed.values.numbers = {value(std::nullopt)};
    const auto buckets = static_cast<std::size_t>(outcome_.buckets ? outcome_.buckets->count : 0);
    computed.series.reserve(buckets);
    for (std::size_t i = 0; i < buckets; ++i) computed.series.push_back({{value(i)}, {}});
    return computed;
  }

  const Formula& formula_;
  std::map<std::string, Operand> operands_;
  Outcome outcome_;
};

void write_histogram(const Histogram& histogram, JsonWriter& json) {
  json.begin_array();
  for (const auto& [key, count] : histogram) {
    const HistogramBounds bounds = histogram_bounds(key);
    json.begin_array();
    json.number(bounds.low);
    json.number(bounds.high);
    json.number(count);
    json.end_array();
  }
  json.end_array();
}

/// Value `index` of `values`.
void write_value(const Values& values, std::size_t index, JsonWriter& json) {
  if (values.numbers.empty()) {
    write_histogram(values.histogram, json);
  } else {
    json.number(values.numbers.at(index));
  }
}

void write_group(const Group& group, const Outcome& outcome, JsonWriter& json) {
  json.begin_object();
  json.key("labels").begin_array();
  for (const std::string& label : group.key) json.string(label);
  json.end_array();
  json.key("is_rest").boolean(group.is_rest);
  json.key("values").begin_array();
  for (std::size_t i = 0; i < outcome.names.size(); ++i) write_value(group.values, i, json);
  json.end_array();
  if (outcome.buckets) {
    json.key("series").begin_array();
    for (std::size_t i = 0; i < outcome.names.size(); ++i) {
      json.begin_array();
      for (const Values& values : group.series) write_value(values, i, json);
      json.end_array();
    }
    json.end_array();
  }
  json.end_object();
}

void write_outcome(const Outcome& outcome, JsonWriter& json) {
  json.begin_object();
  json.key("group_by").begin_array();
  for (const std::string& field : outcome.group_by) json.string(field);
  json.end_array();
  json.key("aggregations").begin_array();
  for (std::size_t i = 0; i < outcome.names.size(); ++i) {
    json.begin_object();
    json.key("name").string(outcome.names[i]);
    json.key("unit").string(outcome.units[i]);
    json.end_object();
  }
  json.end_array();
  json.key("buckets");
  if (outcome.buckets) {
    json.begin_object();
    json.key("start").digits(outcome.buckets->first_ns);
    json.key("step_ns").digits(outcome.buckets->step_ns);
    json.key("count").number(outcome.buckets->count);
    json.end_object();
  } else {
    json.null();
  }
  json.key("group_count").number(outcome.group_count);
  json.key("groups").begin_array();
  for (const Group& group : outcome.groups) write_group(group, outcome, json);
  json.end_array().end_object();
}

/// Of fields in filters, aggregations and groups.
void write_all_warnings(Session& session, const AggregateRequest& request,
                        const std::vector<Outcome>& outcomes, JsonWriter& json) {
  json.key("warnings").begin_array();
  for (std::size_t q = 0; q < request.queries.size(); ++q) {
    const AggregateQuery& query = request.queries[q];
    if (outcomes[q].is_metric_missing) {
      json.begin_object();
      json.key("parameter").string("queries." + query.name + ".metric");
      json.key("message").string("There is no metric '" + query.metric + "' that matches.");
      json.key("field").string(query.metric);
      json.key("position").number(0);
      json.key("suggestions").begin_array().end_array();
      json.end_object();
    }
    KnownFields known(session, query.signal, query.range, query.metric);
    const std::string path = "queries." + query.name;
    const auto write = [&](const UnknownField& unknown, const std::string& parameter) {
      json.begin_object();
      json.key("parameter").string(path + parameter);
      write_warning(unknown, json);
      json.end_object();
    };
    const auto check_filter = [&](const FilterNode& filter, const std::string& parameter) {
      for (const UnknownField& unknown : known.unknown_in(filter)) write(unknown, parameter);
    };
    const auto check_field = [&](const std::string& field, const std::string& parameter) {
      if (field.empty()) return;
      if (const auto unknown = known.if_unknown(field)) write(*unknown, parameter);
    };
    const auto at = [](const char* list, std::size_t i) {
      return list + std::string("[") + std::to_string(i) + "]";
    };
    check_filter(query.filter, ".filter");
    for (std::size_t i = 0; i < query.measures.size(); ++i) {
      check_field(query.measures[i].field, at(".aggregations", i) + ".field");
      check_filter(query.measures[i].filter, at(".aggregations", i) + ".filter");
    }
    for (std::size_t i = 0; i < query.group_by.size(); ++i) {
      check_field(query.group_by[i], at(".group_by", i));
    }
  }
  json.end_array();
}

}  // namespace

std::string run_aggregates(Session& session, const AggregateRequest& request) {
  std::vector<Outcome> outcomes;
  outcomes.reserve(request.queries.size());
  for (const AggregateQuery& query : request.queries) {
    try {
      outcomes.push_back(query.signal == Signal::kMetrics ? MetricRun(session, query).run()
                                                          : AggregateRun(session, query).run());
    } catch (QueryError& error) {
      // What is wrong with a value shows when its field is known.
      const std::string path = "queries." + query.name;
      if (error.parameter == "q") error.parameter = path + ".filter";
      if (error.parameter == "aggregation") error.parameter = path + ".aggregations";
      throw;
    }
  }
  JsonWriter json;
  json.begin_object();
  json.key("results").begin_object();
  for (std::size_t i = 0; i < request.queries.size(); ++i) {
    json.key(request.queries[i].name);
    write_outcome(outcomes[i], json);
  }
  for (const NamedFormula& formula : request.formulas) {
    json.key(formula.name);
    write_outcome(FormulaRun(formula, request, outcomes).run(), json);
  }
  json.end_object();
  write_all_warnings(session, request, outcomes, json);
  session.write_stats(json);
  json.end_object();
  return json.take();
}

}  // namespace signalbox::server::query

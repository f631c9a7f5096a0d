#include "server/query/aggregate/request.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <limits>
#include <utility>

#include "server/query/json/json_reader.h"
#include "server/query/language/percentile.h"
#include "server/query/plan/error.h"

namespace signalbox::server::query {
namespace {

constexpr std::int64_t kAutomaticPoints = 60;
constexpr std::size_t kMaxQueries = 10;
constexpr std::size_t kMaxMeasures = 10;
constexpr std::size_t kMaxGroupBy = 8;
constexpr std::int64_t kMaxLimit = 1000;
constexpr std::size_t kLongestName = 64;
constexpr std::size_t kMaxReferences = 20;

constexpr std::array<std::pair<std::string_view, Measure::Kind>, 10> kKinds = {{
    {"count", Measure::Kind::kCount},
    {"rate", Measure::Kind::kRate},
    {"count_distinct", Measure::Kind::kCountDistinct},
    {"sum", Measure::Kind::kSum},
    {"avg", Measure::Kind::kAvg},
    {"min", Measure::Kind::kMin},
    {"max", Measure::Kind::kMax},
    {"first", Measure::Kind::kFirst},
    {"last", Measure::Kind::kLast},
    {"histogram", Measure::Kind::kHistogram},
}};

constexpr std::array<std::pair<std::string_view, FilterOperator>, 5> kComparisons = {{
    {"<", FilterOperator::kLess},
    {"<=", FilterOperator::kLessOrEqual},
    {">", FilterOperator::kGreater},
    {">=", FilterOperator::kGreaterOrEqual},
    {"=", FilterOperator::kEqual},
}};

void check_name(const std::string& name, const std::string& path) {
  const auto is_word = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  if (name.empty() || name.size() > kLongestName || (name[0] >= '0' && name[0] <= '9') ||
      !std::all_of(name.begin(), name.end(), is_word)) {
    refuse(path, "must be named by a word of letters, digits and _, not beginning with a digit.");
  }
}

bool needs_field(Measure::Kind kind) {
  return kind != Measure::Kind::kCount && kind != Measure::Kind::kRate;
}

bool needs_number(Measure::Kind kind) {
  return needs_field(kind) && kind != Measure::Kind::kCountDistinct;
}

/// Intrinsic fields that are numbers, and all attributes: of these, the values that are.
bool has_numbers(Signal signal, const std::string& field) {
  const FieldReference reference = resolve_field(signal, field);
  return reference.intrinsic == nullptr || reference.intrinsic->type == FieldType::kNumber ||
         reference.intrinsic->type == FieldType::kDuration;
}

/// Of the series of a metric.
Measure read_metric_measure(const JsonReader& reader) {
  reader.expect_members({"op", "name"});
  const auto op = reader.member("op");
  if (!op) refuse(reader.path() + ".op", "is missing.");
  Measure measure;
  measure.name = op->text();
  const auto aggregation = parse_aggregation(measure.name);
  if (!aggregation) {
    refuse(op->path(),
           "must be one of: avg, rate, increase, sum, last, min, max, count, or a "
           "percentile such as p99 or p99.9.");
  }
  measure.of_metric = *aggregation;
  if (const auto given = reader.member("name")) measure.name = given->text();
  return measure;
}

Measure read_measure(const JsonReader& reader, Signal signal) {
  if (signal == Signal::kMetrics) return read_metric_measure(reader);
  reader.expect_members({"op", "field", "filter", "name"});
  const auto op = reader.member("op");
  if (!op) refuse(reader.path() + ".op", "is missing.");
  Measure measure;
  const std::string name = op->text();
  if (const auto percentile = parse_percentile(name)) {
    measure.kind = Measure::Kind::kQuantile;
    measure.quantile = *percentile / 100;
  } else {
    const auto* const known = std::find_if(kKinds.begin(), kKinds.end(),
                                           [&](const auto& kind) { return kind.first == name; });
    if (known == kKinds.end()) {
      refuse(op->path(),
             "must be one of: count, rate, count_distinct, sum, avg, min, max, first, "
             "last, histogram, or a percentile such as p99 or p99.9.");
    }
    measure.kind = known->second;
  }
  const auto field = reader.member("field");
  if (field) measure.field = field->text();
  if (measure.field.empty() && needs_field(measure.kind)) {
    refuse(reader.path() + ".field", "is missing: say of which field the " + name + " is wanted.");
  }
  if (needs_number(measure.kind) && !has_numbers(signal, measure.field)) {
    refuse(field->path(), "has no numbers: use count_distinct or group_by for it.");
  }
  if (const auto filter = reader.member("filter")) measure.filter = filter->filter();
  measure.name = measure.field.empty() ? name : name + "(" + measure.field + ")";
  if (const auto given = reader.member("name")) measure.name = given->text();
  return measure;
}

std::size_t read_measure_index(const JsonReader& reader, const AggregateQuery& query) {
  const auto by = reader.member("by");
  if (!by) return 0;
  return static_cast<std::size_t>(
      by->integer(0, static_cast<std::int64_t>(query.measures.size()) - 1));
}

void read_order(const JsonReader& reader, AggregateQuery& query) {
  reader.expect_members({"by", "direction"});
  query.order_by = read_measure_index(reader, query);
  constexpr std::array<std::pair<std::string_view, bool>, 2> kDirections = {
      {{"descending", false}, {"ascending", true}}};
  if (const auto direction = reader.member("direction")) {
    query.is_ascending = direction->choice(kDirections);
  }
}

Having read_having(const JsonReader& reader, const AggregateQuery& query) {
  reader.expect_members({"by", "op", "value"});
  Having having;
  having.measure = read_measure_index(reader, query);
  const auto op = reader.member("op");
  const auto value = reader.member("value");
  if (!op || !value) refuse(reader.path(), "must have 'op' and 'value'.");
  having.comparison = op->choice(kComparisons);
  having.value = value->number();
  return having;
}

void read_step(const JsonReader& reader, AggregateQuery& query) {
  if (reader.text() == "auto") {
    query.buckets = round_buckets(query.range, kAutomaticPoints);
    return;
  }
  const std::int64_t step = reader.nanoseconds();
  if (step == 0) refuse(reader.path(), "must be more than 0, or \"auto\".");
  if (query.range.length_ns() / step >= kMaxSeriesPoints) {
    refuse(reader.path(), "is too small for this time range: it makes more than " +
                              std::to_string(kMaxSeriesPoints) + " points.");
  }
  query.buckets = buckets_of(query.range, step);
}

void shift(const JsonReader& reader, AggregateQuery& query) {
  query.shift_ns = reader.nanoseconds();
  if (query.shift_ns > query.range.start_ns) refuse(reader.path(), "reaches before 1970.");
  query.range.start_ns -= query.shift_ns;
  query.range.end_ns -= query.shift_ns;
  if (query.buckets) query.buckets->first_ns -= query.shift_ns;
}

/// What the query is about, and that it has no members that this has not.
void read_signal(const JsonReader& reader, AggregateQuery& query) {
  constexpr std::array<std::pair<std::string_view, Signal>, 3> kSignals = {
      {{"traces", Signal::kTraces}, {"logs", Signal::kLogs}, {"metrics", Signal::kMetrics}}};
  const auto signal = reader.member("signal");
  if (!signal) refuse(reader.path() + ".signal", "is missing: use traces, logs or metrics.");
  query.signal = signal->choice(kSignals);
  if (query.signal != Signal::kMetrics) {
    reader.expect_members({"signal", "filter", "aggregations", "group_by", "step", "order", "limit",
                           "rest", "having", "shift"});
    return;
  }
  reader.expect_members({"signal", "metric", "type", "filter", "aggregations", "group_by", "step",
                         "order", "limit", "shift"});
  const auto metric = reader.member("metric");
  if (!metric) refuse(reader.path() + ".metric", "is missing: give its name.");
  query.metric = metric->text();
  if (const auto type = reader.member("type")) query.metric_type = type->text();
}

AggregateQuery read_query(const JsonReader& reader, std::string name, const TimeRange& range) {
  AggregateQuery query;
  query.name = std::move(name);
  query.range = range;
  read_signal(reader, query);
  if (const auto filter = reader.member("filter")) query.filter = filter->filter();
  if (const auto measures = reader.member("aggregations")) {
    for (const JsonReader& measure : measures->array(kMaxMeasures)) {
      query.measures.push_back(read_measure(measure, query.signal));
    }
  }
  if (query.measures.empty()) {
    refuse(reader.path() + ".aggregations", "must have one at least, such as {\"op\": \"count\"}.");
  }
  const bool has_histogram =
      std::any_of(query.measures.begin(), query.measures.end(),
                  [](const Measure& measure) { return measure.kind == Measure::Kind::kHistogram; });
  if (has_histogram && query.measures.size() > 1) {
    refuse(reader.path() + ".aggregations", "may have nothing beside a histogram.");
  }
  if (const auto fields = reader.member("group_by")) {
    for (const JsonReader& field : fields->array(kMaxGroupBy))
      query.group_by.push_back(field.text());
  }
  if (const auto step = reader.member("step")) read_step(*step, query);
  if (const auto order = reader.member("order")) read_order(*order, query);
  if (const auto limit = reader.member("limit")) {
    query.limit = static_cast<std::uint32_t>(limit->integer(1, kMaxLimit));
  }
  if (const auto rest = reader.member("rest")) query.with_rest = rest->flag();
  if (const auto having = reader.member("having")) {
    if (has_histogram) refuse(having->path(), "cannot be used with a histogram.");
    if (query.with_rest) refuse(having->path(), "cannot be used together with 'rest'.");
    for (const JsonReader& condition : having->array(kMaxMeasures)) {
      query.having.push_back(read_having(condition, query));
    }
  }
  if (query.buckets &&
      query.buckets->count * query.limit * static_cast<std::int64_t>(query.measures.size()) >
          kMaxQueryPoints) {
    refuse(reader.path() + ".step",
           "makes more than " + std::to_string(kMaxQueryPoints) +
               " points of all groups: use a longer one, or a lower 'limit'.");
  }
  if (const auto by = reader.member("shift")) shift(*by, query);
  return query;
}

/// Its references are to queries that fit together.
void check(const NamedFormula& formula, const std::string& path,
           const std::vector<AggregateQuery>& queries) {
  if (formula.formula.references().size() > kMaxReferences) {
    refuse(path, "may name queries " + std::to_string(kMaxReferences) + " times at most.");
  }
  const AggregateQuery* grouped = nullptr;
  const AggregateQuery* first = nullptr;
  for (const Formula::Reference& reference : formula.formula.references()) {
    const auto at = std::find_if(queries.begin(), queries.end(),
                                 [&](const auto& query) { return query.name == reference.query; });
    if (at == queries.end()) refuse(path, "names '" + reference.query + "', which is no query.");
    if (reference.aggregation >= at->measures.size()) {
      refuse(path, "names more aggregations of '" + reference.query + "' than it has.");
    }
    if (at->measures[reference.aggregation].kind == Measure::Kind::kHistogram) {
      refuse(path, "cannot use the histogram of '" + reference.query + "'.");
    }
    if (first == nullptr) first = &*at;
    if (first->buckets.has_value() != at->buckets.has_value() ||
        (at->buckets && at->buckets->step_ns != first->buckets->step_ns)) {
      refuse(path, "uses queries of different steps: give them the same one.");
    }
    if (at->group_by.empty()) continue;
    if (grouped == nullptr) grouped = &*at;
    if (grouped->group_by != at->group_by) {
      refuse(path, "uses queries of different groups: give them the same 'group_by', or none.");
    }
  }
  if (first == nullptr) refuse(path, "must name a query.");
}

}  // namespace

AggregateRequest parse_aggregate_request(std::string_view text, std::int64_t now_ns) {
  const boost::json::value value = parse_body(text);
  const JsonReader reader(value);
  reader.expect_members({"start", "end", "queries", "formulas"});
  const TimeRange range = reader.range(now_ns);
  AggregateRequest request;
  const auto queries = reader.member("queries");
  if (!queries || queries->members().empty()) {
    refuse("queries", "must have one at least, under a name of your choice.");
  }
  if (queries->members().size() > kMaxQueries) {
    refuse("queries", "may have " + std::to_string(kMaxQueries) + " at most.");
  }
  for (const auto& [name, query] : queries->members()) {
    const std::string path = "queries." + std::string(name);
    check_name(std::string(name), path);
    request.queries.push_back(read_query(JsonReader(query, path), std::string(name), range));
  }
  if (const auto formulas = reader.member("formulas")) {
    if (formulas->members().size() > kMaxQueries) {
      refuse("formulas", "may have " + std::to_string(kMaxQueries) + " at most.");
    }
    for (const auto& [name, formula] : formulas->members()) {
      const std::string path = "formulas." + std::string(name);
      check_name(std::string(name), path);
      if (queries->member(name)) refuse(path, "has the name of a query: choose another.");
      NamedFormula named;
      named.name = name;
      named.text = JsonReader(formula, path).text();
      try {
        named.formula = Formula::parse(named.text);
      } catch (QueryError& formula_error) {
        formula_error.parameter = path;
        throw;
      }
      check(named, path, request.queries);
      request.formulas.push_back(std::move(named));
    }
  }
  return request;
}

}  // namespace signalbox::server::query

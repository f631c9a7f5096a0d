#include "server/query/aggregate/request.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <charconv>
#include <cmath>
#include <initializer_list>
#include <limits>
#include <utility>

#include "server/query/error.h"
#include "server/query/percentile.h"

namespace signalbox::server::query {
namespace {

namespace json = boost::json;

constexpr std::int64_t kDefaultRangeNs = 900'000'000'000;
constexpr std::int64_t kAutomaticPoints = 60;
constexpr std::size_t kMaxQueries = 10;
constexpr std::size_t kMaxMeasures = 10;
constexpr std::size_t kMaxGroupBy = 8;
constexpr std::int64_t kMaxLimit = 1000;
constexpr std::size_t kLongestName = 64;
constexpr std::size_t kMaxReferences = 20;
/// 2200: what reaches further, with a step and a look behind it, is no number of nanoseconds.
constexpr std::int64_t kLatestNs = 7'258'118'400'000'000'000;

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

[[noreturn]] void fail(const std::string& path, const std::string& message) {
  throw QueryError::invalid(path, "'" + path + "' " + message);
}

/// A value of the request, and where it stands.
class Reader {
 public:
  Reader(const json::value& value, std::string path) : value_(value), path_(std::move(path)) {}

  [[nodiscard]] const std::string& path() const noexcept { return path_; }

  /// It is an object, and has no members but these.
  void expect_members(std::initializer_list<std::string_view> allowed) const {
    for (const auto& [key, member] : members()) {
      if (std::find(allowed.begin(), allowed.end(), std::string_view(key)) != allowed.end()) {
        continue;
      }
      std::string list;
      for (const std::string_view name : allowed) list.append(list.empty() ? "" : ", ") += name;
      const std::string at = path_.empty() ? std::string(key) : path_ + "." + std::string(key);
      fail(at, "is not known here: use " + list + ".");
    }
  }

  [[nodiscard]] const json::object& members() const {
    const json::object* const object = value_.if_object();
    if (object == nullptr) {
      if (path_.empty()) throw QueryError::invalid("", "Send a JSON object with 'queries'.");
      fail(path_, "must be an object.");
    }
    return *object;
  }

  [[nodiscard]] std::optional<Reader> member(std::string_view key) const {
    const json::value* const value = members().if_contains(key);
    if (value == nullptr) return std::nullopt;
    return Reader(*value, path_.empty() ? std::string(key) : path_ + "." + std::string(key));
  }

  [[nodiscard]] std::vector<Reader> array(std::size_t most) const {
    const json::array* const array = value_.if_array();
    if (array == nullptr) fail(path_, "must be a list.");
    if (array->size() > most) fail(path_, "may have " + std::to_string(most) + " at most.");
    std::vector<Reader> elements;
    elements.reserve(array->size());
    for (std::size_t i = 0; i < array->size(); ++i) {
      elements.emplace_back(array->at(i), path_ + "[" + std::to_string(i) + "]");
    }
    return elements;
  }

  [[nodiscard]] std::string text() const {
    if (!value_.is_string()) fail(path_, "must be a text.");
    return std::string(value_.get_string());
  }

  [[nodiscard]] bool flag() const {
    if (!value_.is_bool()) fail(path_, "must be true or false.");
    return value_.get_bool();
  }

  [[nodiscard]] double number() const {
    if (value_.is_double() && std::isfinite(value_.get_double())) return value_.get_double();
    if (value_.is_int64()) return static_cast<double>(value_.get_int64());
    if (value_.is_uint64()) return static_cast<double>(value_.get_uint64());
    fail(path_, "must be a number.");
  }

  [[nodiscard]] std::int64_t integer(std::int64_t least, std::int64_t most) const {
    if (value_.is_int64() && value_.get_int64() >= least && value_.get_int64() <= most) {
      return value_.get_int64();
    }
    fail(path_, "must be a whole number from " + std::to_string(least) + " to " +
                    std::to_string(most) + ".");
  }

  /// Nanoseconds, as the API writes them: a text of digits.
  [[nodiscard]] std::int64_t nanoseconds() const {
    const std::string digits = text();
    std::int64_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    if (error != std::errc() || end != digits.data() + digits.size() || value < 0) {
      fail(path_, "must be nanoseconds, as a text of digits.");
    }
    return value;
  }

  template <typename T, std::size_t kCount>
  T choice(const std::array<std::pair<std::string_view, T>, kCount>& choices) const {
    const std::string name = text();
    std::string list;
    for (const auto& [known, value] : choices) {
      if (known == name) return value;
      list.append(list.empty() ? "" : ", ") += known;
    }
    fail(path_, "must be one of: " + list + ".");
  }

  [[nodiscard]] FilterNode filter() const {
    try {
      return parse_filter(text());
    } catch (QueryError& error) {
      error.parameter = path_;
      throw;
    }
  }

 private:
  const json::value& value_;
  std::string path_;
};

void check_name(const std::string& name, const std::string& path) {
  const auto is_word = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  };
  if (name.empty() || name.size() > kLongestName || (name[0] >= '0' && name[0] <= '9') ||
      !std::all_of(name.begin(), name.end(), is_word)) {
    fail(path, "must be named by a word of letters, digits and _, not beginning with a digit.");
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
Measure read_metric_measure(const Reader& reader) {
  reader.expect_members({"op", "name"});
  const auto op = reader.member("op");
  if (!op) fail(reader.path() + ".op", "is missing.");
  Measure measure;
  measure.name = op->text();
  const auto aggregation = parse_aggregation(measure.name);
  if (!aggregation) {
    fail(op->path(),
         "must be one of: avg, rate, increase, sum, last, min, max, count, or a "
         "percentile such as p99 or p99.9.");
  }
  measure.of_metric = *aggregation;
  if (const auto given = reader.member("name")) measure.name = given->text();
  return measure;
}

Measure read_measure(const Reader& reader, Signal signal) {
  if (signal == Signal::kMetrics) return read_metric_measure(reader);
  reader.expect_members({"op", "field", "filter", "name"});
  const auto op = reader.member("op");
  if (!op) fail(reader.path() + ".op", "is missing.");
  Measure measure;
  const std::string name = op->text();
  if (const auto percentile = parse_percentile(name)) {
    measure.kind = Measure::Kind::kQuantile;
    measure.quantile = *percentile / 100;
  } else {
    const auto* const known = std::find_if(kKinds.begin(), kKinds.end(),
                                           [&](const auto& kind) { return kind.first == name; });
    if (known == kKinds.end()) {
      fail(op->path(),
           "must be one of: count, rate, count_distinct, sum, avg, min, max, first, "
           "last, histogram, or a percentile such as p99 or p99.9.");
    }
    measure.kind = known->second;
  }
  const auto field = reader.member("field");
  if (field) measure.field = field->text();
  if (measure.field.empty() && needs_field(measure.kind)) {
    fail(reader.path() + ".field", "is missing: say of which field the " + name + " is wanted.");
  }
  if (needs_number(measure.kind) && !has_numbers(signal, measure.field)) {
    fail(field->path(), "has no numbers: use count_distinct or group_by for it.");
  }
  if (const auto filter = reader.member("filter")) measure.filter = filter->filter();
  measure.name = measure.field.empty() ? name : name + "(" + measure.field + ")";
  if (const auto given = reader.member("name")) measure.name = given->text();
  return measure;
}

std::size_t read_measure_index(const Reader& reader, const AggregateQuery& query) {
  const auto by = reader.member("by");
  if (!by) return 0;
  return static_cast<std::size_t>(
      by->integer(0, static_cast<std::int64_t>(query.measures.size()) - 1));
}

void read_order(const Reader& reader, AggregateQuery& query) {
  reader.expect_members({"by", "direction"});
  query.order_by = read_measure_index(reader, query);
  constexpr std::array<std::pair<std::string_view, bool>, 2> kDirections = {
      {{"descending", false}, {"ascending", true}}};
  if (const auto direction = reader.member("direction")) {
    query.is_ascending = direction->choice(kDirections);
  }
}

Having read_having(const Reader& reader, const AggregateQuery& query) {
  reader.expect_members({"by", "op", "value"});
  Having having;
  having.measure = read_measure_index(reader, query);
  const auto op = reader.member("op");
  const auto value = reader.member("value");
  if (!op || !value) fail(reader.path(), "must have 'op' and 'value'.");
  having.comparison = op->choice(kComparisons);
  having.value = value->number();
  return having;
}

void read_step(const Reader& reader, AggregateQuery& query) {
  if (reader.text() == "auto") {
    query.buckets = round_buckets(query.range, kAutomaticPoints);
    return;
  }
  const std::int64_t step = reader.nanoseconds();
  if (step == 0) fail(reader.path(), "must be more than 0, or \"auto\".");
  if (query.range.length_ns() / step >= kMaxSeriesPoints) {
    fail(reader.path(), "is too small for this time range: it makes more than " +
                            std::to_string(kMaxSeriesPoints) + " points.");
  }
  query.buckets = buckets_of(query.range, step);
}

void shift(const Reader& reader, AggregateQuery& query) {
  query.shift_ns = reader.nanoseconds();
  if (query.shift_ns > query.range.start_ns) fail(reader.path(), "reaches before 1970.");
  query.range.start_ns -= query.shift_ns;
  query.range.end_ns -= query.shift_ns;
  if (query.buckets) query.buckets->first_ns -= query.shift_ns;
}

/// What the query is about, and that it has no members that this has not.
void read_signal(const Reader& reader, AggregateQuery& query) {
  constexpr std::array<std::pair<std::string_view, Signal>, 3> kSignals = {
      {{"traces", Signal::kTraces}, {"logs", Signal::kLogs}, {"metrics", Signal::kMetrics}}};
  const auto signal = reader.member("signal");
  if (!signal) fail(reader.path() + ".signal", "is missing: use traces, logs or metrics.");
  query.signal = signal->choice(kSignals);
  if (query.signal != Signal::kMetrics) {
    reader.expect_members({"signal", "filter", "aggregations", "group_by", "step", "order", "limit",
                           "rest", "having", "shift"});
    return;
  }
  reader.expect_members({"signal", "metric", "type", "filter", "aggregations", "group_by", "step",
                         "order", "limit", "shift"});
  const auto metric = reader.member("metric");
  if (!metric) fail(reader.path() + ".metric", "is missing: give its name.");
  query.metric = metric->text();
  if (const auto type = reader.member("type")) query.metric_type = type->text();
}

AggregateQuery read_query(const Reader& reader, std::string name, const TimeRange& range) {
  AggregateQuery query;
  query.name = std::move(name);
  query.range = range;
  read_signal(reader, query);
  if (const auto filter = reader.member("filter")) query.filter = filter->filter();
  if (const auto measures = reader.member("aggregations")) {
    for (const Reader& measure : measures->array(kMaxMeasures)) {
      query.measures.push_back(read_measure(measure, query.signal));
    }
  }
  if (query.measures.empty()) {
    fail(reader.path() + ".aggregations", "must have one at least, such as {\"op\": \"count\"}.");
  }
  const bool has_histogram =
      std::any_of(query.measures.begin(), query.measures.end(),
                  [](const Measure& measure) { return measure.kind == Measure::Kind::kHistogram; });
  if (has_histogram && query.measures.size() > 1) {
    fail(reader.path() + ".aggregations", "may have nothing beside a histogram.");
  }
  if (const auto fields = reader.member("group_by")) {
    for (const Reader& field : fields->array(kMaxGroupBy)) query.group_by.push_back(field.text());
  }
  if (const auto step = reader.member("step")) read_step(*step, query);
  if (const auto order = reader.member("order")) read_order(*order, query);
  if (const auto limit = reader.member("limit")) {
    query.limit = static_cast<std::uint32_t>(limit->integer(1, kMaxLimit));
  }
  if (const auto rest = reader.member("rest")) query.with_rest = rest->flag();
  if (const auto having = reader.member("having")) {
    if (has_histogram) fail(having->path(), "cannot be used with a histogram.");
    if (query.with_rest) fail(having->path(), "cannot be used together with 'rest'.");
    for (const Reader& condition : having->array(kMaxMeasures)) {
      query.having.push_back(read_having(condition, query));
    }
  }
  if (query.buckets &&
      query.buckets->count * query.limit * static_cast<std::int64_t>(query.measures.size()) >
          kMaxQueryPoints) {
    fail(reader.path() + ".step",
         "makes more than " + std::to_string(kMaxQueryPoints) +
             " points of all groups: use a longer one, or a lower 'limit'.");
  }
  if (const auto by = reader.member("shift")) shift(*by, query);
  return query;
}

TimeRange read_range(const Reader& reader, std::int64_t now_ns) {
  TimeRange range = {now_ns - kDefaultRangeNs, now_ns};
  const auto end = reader.member("end");
  if (end) range.end_ns = end->nanoseconds();
  if (range.end_ns > kLatestNs) fail("end", "must be before the year 2200.");
  const auto start = reader.member("start");
  range.start_ns =
      start ? start->nanoseconds() : std::max<std::int64_t>(range.end_ns - kDefaultRangeNs, 0);
  if (range.start_ns >= range.end_ns) fail("start", "must be before 'end'.");
  return range;
}

/// Its references are to queries that fit together.
void check(const NamedFormula& formula, const std::string& path,
           const std::vector<AggregateQuery>& queries) {
  if (formula.formula.references().size() > kMaxReferences) {
    fail(path, "may name queries " + std::to_string(kMaxReferences) + " times at most.");
  }
  const AggregateQuery* grouped = nullptr;
  const AggregateQuery* first = nullptr;
  for (const Formula::Reference& reference : formula.formula.references()) {
    const auto at = std::find_if(queries.begin(), queries.end(),
                                 [&](const auto& query) { return query.name == reference.query; });
    if (at == queries.end()) fail(path, "names '" + reference.query + "', which is no query.");
    if (reference.aggregation >= at->measures.size()) {
      fail(path, "names more aggregations of '" + reference.query + "' than it has.");
    }
    if (at->measures[reference.aggregation].kind == Measure::Kind::kHistogram) {
      fail(path, "cannot use the histogram of '" + reference.query + "'.");
    }
    if (first == nullptr) first = &*at;
    if (first->buckets.has_value() != at->buckets.has_value() ||
        (at->buckets && at->buckets->step_ns != first->buckets->step_ns)) {
      fail(path, "uses queries of different steps: give them the same one.");
    }
    if (at->group_by.empty()) continue;
    if (grouped == nullptr) grouped = &*at;
    if (grouped->group_by != at->group_by) {
      fail(path, "uses queries of different groups: give them the same 'group_by', or none.");
    }
  }
  if (first == nullptr) fail(path, "must name a query.");
}

}  // namespace

AggregateRequest parse_aggregate_request(std::string_view text, std::int64_t now_ns) {
  json::error_code error;
  const json::value value = json::parse(text, error);
  if (error) throw QueryError::invalid("", "The body is no JSON: " + error.message() + ".");
  const Reader reader(value, "");
  reader.expect_members({"start", "end", "queries", "formulas"});
  const TimeRange range = read_range(reader, now_ns);
  AggregateRequest request;
  const auto queries = reader.member("queries");
  if (!queries || queries->members().empty()) {
    fail("queries", "must have one at least, under a name of your choice.");
  }
  if (queries->members().size() > kMaxQueries) {
    fail("queries", "may have " + std::to_string(kMaxQueries) + " at most.");
  }
  for (const auto& [name, query] : queries->members()) {
    const std::string path = "queries." + std::string(name);
    check_name(std::string(name), path);
    request.queries.push_back(read_query(Reader(query, path), std::string(name), range));
  }
  if (const auto formulas = reader.member("formulas")) {
    if (formulas->members().size() > kMaxQueries) {
      fail("formulas", "may have " + std::to_string(kMaxQueries) + " at most.");
    }
    for (const auto& [name, formula] : formulas->members()) {
      const std::string path = "formulas." + std::string(name);
      check_name(std::string(name), path);
      if (queries->member(name)) fail(path, "has the name of a query: choose another.");
      NamedFormula named;
      named.name = name;
      named.text = Reader(formula, path).text();
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

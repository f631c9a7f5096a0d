#include "server/query/metrics/metrics.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>

#include "server/query/language/percentile.h"
#include "server/query/metrics/metric_sql.h"
#include "server/query/plan/active_series.h"
#include "server/query/plan/error.h"
#include "server/query/plan/fields.h"
#include "server/query/plan/filter_sql.h"
#include "server/query/plan/rows.h"
#include "server/query/plan/selection.h"
#include "server/query/plan/unknown_fields.h"

namespace signalbox::server::query {
namespace {

constexpr std::int64_t kDefaultIntervalNs = 60'000'000'000;
constexpr std::int64_t kTargetPoints = 120;
constexpr std::int64_t kMaxPoints = 2'000;
constexpr std::int64_t kMaxExemplars = 200;
constexpr int kSeriesSampled = 20;
constexpr int kMaxMetrics = 5'000;

constexpr std::array<std::pair<std::string_view, Aggregation>, 8> kAggregations = {{
    {"avg", aggregations::kAvg},
    {"rate", aggregations::kRate},
    {"increase", aggregations::kIncrease},
    {"sum", aggregations::kSum},
    {"last", aggregations::kLast},
    {"min", aggregations::kMin},
    {"max", aggregations::kMax},
    {"count", aggregations::kCount},
}};

constexpr std::array<EnumValue, 3> kTemporalities = {
    EnumValue{"unspecified", 0}, EnumValue{"delta", 1}, EnumValue{"cumulative", 2}};

using Kind = Aggregation::Kind;

enum class Type : std::uint8_t { kGauge, kSum, kHistogram, kExponentialHistogram, kSummary };

Type parse_type(std::string_view name) {
  if (name == "sum") return Type::kSum;
  if (name == "histogram") return Type::kHistogram;
  if (name == "exponential_histogram") return Type::kExponentialHistogram;
  if (name == "summary") return Type::kSummary;
  return Type::kGauge;
}

std::string table_of(Type type) {
  switch (type) {
    case Type::kHistogram:
      return "metric_histogram_rows";
    case Type::kExponentialHistogram:
      return "metric_exponential_histogram_rows";
    case Type::kSummary:
      return "metric_summary_rows";
    case Type::kGauge:
    case Type::kSum:
      break;
  }
  return "metric_number_rows";
}

/// What the series of a metric have in common.
struct Description {
  std::string type_name;
  Type type = Type::kGauge;
  std::string unit;
  std::string text;
  bool is_monotonic = false;
  std::vector<std::int32_t> temporalities;

  [[nodiscard]] bool is_distribution() const {
    return type == Type::kHistogram || type == Type::kExponentialHistogram ||
           type == Type::kSummary;
  }
  [[nodiscard]] bool is_counter() const { return type == Type::kSum && is_monotonic; }
  [[nodiscard]] bool has_delta() const {
    return std::find(temporalities.begin(), temporalities.end(), 1) != temporalities.end();
  }
};

Aggregation default_aggregation(Type type, bool is_monotonic) {
  switch (type) {
    case Type::kHistogram:
    case Type::kExponentialHistogram:
      return aggregations::kP99;
    case Type::kSummary:
      return aggregations::kP50;
    case Type::kSum:
      return is_monotonic ? aggregations::kRate : aggregations::kSum;
    case Type::kGauge:
      break;
  }
  return aggregations::kAvg;
}

std::optional<double> quantile_of(Aggregation aggregation) {
  if (aggregation.kind != Kind::kPercentile) return std::nullopt;
  return aggregation.percentile / 100;
}

std::vector<std::string> to_strings(const std::vector<std::string_view>& views) {
  return {views.begin(), views.end()};
}

void write_strings(const std::vector<std::string_view>& values, JsonWriter& json) {
  json.begin_array();
  for (const std::string_view value : values) json.string(value);
  json.end_array();
}

void write_temporalities(const std::vector<std::int32_t>& values, JsonWriter& json) {
  json.begin_array();
  for (const std::int32_t value : values) json.string(enum_name(kTemporalities, value, "unknown"));
  json.end_array();
}

std::vector<std::int32_t> read_ints(RowReader& row) {
  std::vector<std::int32_t> values(row.size());
  for (std::int32_t& value : values) value = row.i32();
  return values;
}

[[noreturn]] void fail_aggregation(Aggregation aggregation, const Description& metric,
                                   const std::string& reason) {
  throw QueryError::invalid("aggregation", "'" + std::string(aggregation_name(aggregation)) +
                                               "' cannot be drawn of a " + metric.type_name + ": " +
                                               reason);
}

std::string per_second(const std::string& unit) {
  return (unit.empty() ? "1" : unit) + "/s";
}

class QueryRun {
 public:
  QueryRun(Session& session, const MetricQuery& query) : session_(session), query_(query) {}

  std::string run() {
    describe();
    std::vector<Aggregation> aggregations = query_.aggregations;
    if (aggregations.empty()) {
      aggregations.push_back(default_aggregation(metric_.type, metric_.is_monotonic));
    }
    choose_buckets();

    JsonWriter json;
    json.begin_object();
    write_description(aggregations, json);
    write_series(aggregations, json);
    write_exemplars(json);
    write_warnings(unknown_in_filter(), json);
    session_.write_stats(json);
    json.end_object();
    return json.take();
  }

  MetricGroups read(const Buckets& buckets, int max_groups) {
    max_groups_ = max_groups;
    describe();
    find_interval();
    buckets_ = buckets;
    const Aggregation aggregation = query_.aggregations.at(0);
    if (has_buckets() && quantile_of(aggregation)) {
      return std::move(read_quantiles({aggregation}).front());
    }
    return read_values(aggregation);
  }

 private:
  /// WHERE of the metric's series, of the type and unit found.
  std::string series_condition(Parameters& parameters) const {
    std::string sql = "metric_name = " + parameters.bind(query_.name);
    if (!metric_.type_name.empty()) {
      sql += " AND metric_type = " + parameters.bind(metric_.type_name) +
             " AND unit = " + parameters.bind(metric_.unit) +
             " AND is_monotonic = " + (metric_.is_monotonic ? "true" : "false");
    } else if (!query_.type.empty()) {
      sql += " AND metric_type = " + parameters.bind(query_.type);
    }
    if (query_.filter.kind != FilterNode::Kind::kAll) {
      sql += " AND " + filter_sql(query_.filter, Signal::kMetrics, session_.slots(), parameters);
    }
    return sql;
  }

  void describe() {
    Parameters parameters;
    const std::string data = session_.rows(
        "SELECT toString(metric_type), toString(unit), is_monotonic, "
        "toString(argMax(description, seen)), arraySort(groupUniqArray(temporality))\n"
        "FROM metric_series_rows WHERE " +
            series_condition(parameters) +
            "\nGROUP BY metric_type, unit, is_monotonic ORDER BY max(seen) DESC LIMIT 1",
        parameters);
    RowReader row(data);
    if (row.at_end()) fail_without_series();
    metric_.type_name = row.string();
    metric_.type = parse_type(metric_.type_name);
    metric_.unit = row.string();
    metric_.is_monotonic = row.boolean();
    metric_.text = row.string();
    metric_.temporalities = read_ints(row);
  }

  [[nodiscard]] std::vector<UnknownField> unknown_in_filter() const {
    return KnownFields(session_, Signal::kMetrics, query_.range, query_.name)
        .unknown_in(query_.filter);
  }

  [[noreturn]] void fail_without_series() const {
    QueryError error(ErrorCode::kNotFound, "There is no metric '" + query_.name +
                                               "' that matches. Check its name and the filter.");
    const std::vector<UnknownField> unknown = unknown_in_filter();
    if (!unknown.empty()) error.hint = warning(unknown.front());
    throw error;
  }

  /// Finds the interval: the median time between two points of a series. Returns it; 0 if no
  /// series has two.
  std::int64_t find_interval() {
    const std::string table = table_of(metric_.type);
    Parameters parameters;
    const std::string name = parameters.bind(query_.name);
    const std::string points = "metric_name = " + name +
                               " AND series_id IN (SELECT series_id FROM "
                               "metric_series_rows WHERE " +
                               series_condition(parameters) + ") AND " +
                               in_range("time", query_.range, parameters);
    const std::string data = session_.rows(
        "SELECT quantileExactIf(0.5)(t - previous, previous > 0 AND t > previous) AS "
        "median\n"
        "FROM (SELECT toUnixTimestamp64Nano(time) AS t, lagInFrame(t, 1, toInt64(0)) OVER "
        "(PARTITION BY series_id" +
            std::string(metric_.has_delta() ? "" : ", start_time") +
            " ORDER BY time ROWS BETWEEN 1 PRECEDING AND CURRENT ROW) AS previous\n"
            "  FROM " +
            table + " WHERE " + points + " AND series_id IN (SELECT DISTINCT series_id FROM " +
            table + " WHERE " + points + " LIMIT " + std::to_string(kSeriesSampled) + "))",
        parameters);
    const std::int64_t median = RowReader(data).i64();
    interval_ns_ = median > 0 ? median : kDefaultIntervalNs;
    return median;
  }

  void choose_buckets() {
    const std::int64_t median = find_interval();
    const std::int64_t chosen = query_.step_ns > 0
                                    ? query_.step_ns
                                    : round_step_ns(query_.range.length_ns() / kTargetPoints);
    // A step a little under the interval is as good, or jitter would double it.
    const std::int64_t least = median > 0 ? median - median / 20 : 0;
    const std::int64_t step = chosen >= least ? chosen : round_step_ns(least);
    buckets_ = buckets_of(query_.range, step);
    if (buckets_.count > kMaxPoints) {
      throw QueryError::invalid("step",
                                "'step' is too small for this time range: it makes more "
                                "than " +
                                    std::to_string(kMaxPoints) + " points.");
    }
  }

  MetricSource source(Parameters& parameters) const {
    MetricSource source;
    source.table = table_of(metric_.type);
    source.name = parameters.bind(query_.name);
    source.buckets = buckets_;
    source.interval_ns = interval_ns_;
    source.max_groups = max_groups_;
    source.series = "SELECT series_id, temporality, resource_id, " + labels_sql(parameters) +
                    " AS labels FROM metric_series_rows WHERE " + series_condition(parameters) +
                    " LIMIT 1 BY series_id";
    return source;
  }

  std::string labels_sql(Parameters& parameters) const {
    std::string labels;
    for (const std::string& field : query_.group_by) {
      if (!labels.empty()) labels += ", ";
      labels += "toString(" +
                group_text(resolve_field(Signal::kMetrics, field), Signal::kMetrics,
                           session_.slots(), parameters) +
                ")";
    }
    return "CAST([" + labels + "], 'Array(String)')";
  }

  std::string sql_of(Aggregation aggregation, const MetricSource& source) const {
    if (metric_.is_distribution()) return distribution_sql(aggregation, source);
    if (metric_.is_counter()) return counter_sql(aggregation, source);
    if (metric_.type == Type::kSum && metric_.has_delta()) {
      return change_sql(aggregation, source);
    }
    return level_sql(aggregation, source);
  }

  std::string distribution_sql(Aggregation aggregation, const MetricSource& source) const {
    const std::string count = "toFloat64(count)";
    const std::string sum = "toFloat64(ifNull(sum, 0))";
    switch (aggregation.kind) {
      case Kind::kAvg:
        return increase_sql(source, count, sum, OfIncrease::kMean, Across::kSum);
      case Kind::kRate:
        return increase_sql(source, count, sum, OfIncrease::kRate, Across::kSum);
      case Kind::kIncrease:
      case Kind::kCount:
        return increase_sql(source, count, sum, OfIncrease::kIncrease, Across::kSum);
      case Kind::kSum:
        return increase_sql(source, count, sum, OfIncrease::kSum, Across::kSum);
      case Kind::kPercentile:
        return summary_sql(*quantile_of(aggregation), source);
      case Kind::kLast:
      case Kind::kMin:
      case Kind::kMax:
        break;
    }
    fail_aggregation(aggregation, metric_, "use p50, p90, p99, avg, rate, increase, sum or count.");
  }

  /// A summary's own quantile nearest to `quantile`: they cannot be merged, so the largest of a
  /// group is drawn.
  static std::string summary_sql(double quantile, const MetricSource& source) {
    const std::string distances =
        "arrayMap(q -> abs(q - " + std::to_string(quantile) + "), quantiles)";
    return value_sql(source, "values[indexOf(" + distances + ", arrayMin(" + distances + "))]",
                     "(bitAnd(flags, 1) = 0 AND notEmpty(quantiles))", Across::kMax);
  }

  std::string counter_sql(Aggregation aggregation, const MetricSource& source) const {
    const auto rate = [&](Across across) {
      return increase_sql(source, "value", "0.", OfIncrease::kRate, across);
    };
    switch (aggregation.kind) {
      case Kind::kRate:
        return rate(Across::kSum);
      case Kind::kIncrease:
      case Kind::kSum:
        return increase_sql(source, "value", "0.", OfIncrease::kIncrease, Across::kSum);
      case Kind::kAvg:
        return rate(Across::kAvg);
      case Kind::kMin:
        return rate(Across::kMin);
      case Kind::kMax:
        return rate(Across::kMax);
      case Kind::kCount:
        return rate(Across::kCount);
      case Kind::kLast:
        return value_sql(source, "value", "value_kind != 0", Across::kSum);
      case Kind::kPercentile:
        break;
    }
    fail_aggregation(aggregation, metric_, "quantiles need a histogram; use rate or increase.");
  }

  /// Of an up-down counter sent as deltas only the change is known.
  std::string change_sql(Aggregation aggregation, const MetricSource& source) const {
    if (aggregation == aggregations::kSum || aggregation == aggregations::kIncrease) {
      return increase_sql(source, "value", "0.", OfIncrease::kIncrease, Across::kSum);
    }
    fail_aggregation(aggregation, metric_,
                     "it is sent as changes, of which only the sum per step is known; use sum.");
  }

  std::string level_sql(Aggregation aggregation, const MetricSource& source) const {
    const auto level = [&](Across across) {
      return value_sql(source, "value", "value_kind != 0", across);
    };
    switch (aggregation.kind) {
      case Kind::kAvg:
        return level(Across::kAvg);
      case Kind::kSum:
        return level(Across::kSum);
      case Kind::kLast:
        return level(Across::kLast);
      case Kind::kMin:
        return level(Across::kMin);
      case Kind::kMax:
        return level(Across::kMax);
      case Kind::kCount:
        return level(Across::kCount);
      default:
        break;
    }
    fail_aggregation(aggregation, metric_,
                     "it goes up and down and has no rate or quantiles; use avg, sum, last, min, "
                     "max or count.");
  }

  [[nodiscard]] std::string unit_of(Aggregation aggregation) const {
    switch (aggregation.kind) {
      case Kind::kRate:
        return per_second(metric_.is_distribution() ? "{measurement}" : metric_.unit);
      case Kind::kIncrease:
        return metric_.is_distribution() ? "{measurement}" : metric_.unit;
      case Kind::kCount:
        return metric_.is_distribution() ? "{measurement}" : "{series}";
      case Kind::kAvg:
      case Kind::kMin:
      case Kind::kMax:
        return metric_.is_counter() ? per_second(metric_.unit) : metric_.unit;
      default:
        return metric_.unit;
    }
  }

  [[nodiscard]] std::string drawn(Aggregation aggregation) const {
    const std::string name(aggregation_name(aggregation));
    const std::string per_step = " per " + format_step(buckets_.step_ns);
    if (metric_.type == Type::kSummary && quantile_of(aggregation)) {
      return "largest " + name + " of the series";
    }
    if (metric_.is_distribution()) {
      if (aggregation == aggregations::kRate) return "measurements per second";
      if (aggregation == aggregations::kIncrease || aggregation == aggregations::kCount) {
        return "measurements" + per_step;
      }
      return name + " of the measurements" + per_step;
    }
    if (metric_.is_counter()) {
      switch (aggregation.kind) {
        case Kind::kRate:
          return "rate per second";
        case Kind::kIncrease:
        case Kind::kSum:
          return "increase" + per_step;
        case Kind::kLast:
          return "counted since the start, summed";
        case Kind::kCount:
          return "number of series";
        default:
          return name + " of the series' rates per second";
      }
    }
    if (metric_.type == Type::kSum && metric_.has_delta()) return "change" + per_step;
    switch (aggregation.kind) {
      case Kind::kSum:
        return "value, summed over the series";
      case Kind::kLast:
        return "last value";
      case Kind::kCount:
        return "number of series";
      default:
        return name + " of the values";
    }
  }

  void write_description(const std::vector<Aggregation>& aggregations, JsonWriter& json) const {
    json.key("name").string(query_.name);
    json.key("type").string(metric_.type_name);
    json.key("unit").string(metric_.unit);
    json.key("description").string(metric_.text);
    json.key("temporalities");
    write_temporalities(metric_.temporalities, json);
    json.key("is_monotonic").boolean(metric_.is_monotonic);
    json.key("aggregations").begin_array();
    for (const Aggregation aggregation : aggregations) {
      json.begin_object();
      json.key("aggregation").string(aggregation_name(aggregation));
      json.key("unit").string(unit_of(aggregation));
      json.key("drawn").string(drawn(aggregation));
      json.end_object();
    }
    json.end_array();
    json.key("start").digits(buckets_.first_ns);
    json.key("end").digits(buckets_.end_ns());
    json.key("step_ns").digits(buckets_.step_ns);
  }

  void write_series(const std::vector<Aggregation>& aggregations, JsonWriter& json) {
    std::vector<Aggregation> quantiles;
    std::uint64_t count = 0;
    json.key("series").begin_array();
    const auto write = [&](const MetricGroups& groups, Aggregation aggregation) {
      for (const MetricGroup& group : groups.groups) write_one_series(group, aggregation, json);
      count = std::max(count, groups.count);
    };
    for (const Aggregation aggregation : aggregations) {
      if (has_buckets() && quantile_of(aggregation)) {
        quantiles.push_back(aggregation);
      } else {
        write(read_values(aggregation), aggregation);
      }
    }
    if (!quantiles.empty()) {
      const std::vector<MetricGroups> groups = read_quantiles(quantiles);
      const std::size_t lines = groups.front().groups.size();
      for (std::size_t line = 0; line < lines; ++line) {
        for (std::size_t i = 0; i < quantiles.size(); ++i) {
          write_one_series(groups[i].groups[line], quantiles[i], json);
        }
      }
      count = std::max(count, groups.front().count);
    }
    json.end_array();
    json.key("series_omitted").number(count > kMaxGroups ? count - kMaxGroups : 0);
  }

  [[nodiscard]] bool has_buckets() const {
    return metric_.type == Type::kHistogram || metric_.type == Type::kExponentialHistogram;
  }

  /// Labels and buckets of a row of the statements of metric_sql.h.
  MetricGroup read_group(RowReader& row, std::vector<std::int64_t>& buckets) const {
    MetricGroup group;
    group.labels = to_strings(row.strings());
    group.values.assign(static_cast<std::size_t>(buckets_.count),
                        std::numeric_limits<double>::quiet_NaN());
    buckets.resize(row.size());
    for (std::int64_t& bucket : buckets) bucket = row.i64();
    return group;
  }

  void set(MetricGroup& group, std::int64_t bucket, double value) const {
    if (bucket < 0 || bucket >= buckets_.count) return;
    group.values[static_cast<std::size_t>(bucket)] = value;
  }

  /// Rows of `increase_sql` or `value_sql`.
  MetricGroups read_values(Aggregation aggregation) const {
    Parameters parameters;
    const std::string sql = sql_of(aggregation, source(parameters));
    const std::string data = session_.rows(sql, parameters);
    MetricGroups groups;
    groups.unit = unit_of(aggregation);
    std::vector<std::int64_t> buckets;
    for (RowReader row(data); !row.at_end();) {
      MetricGroup group = read_group(row, buckets);
      const std::size_t cells = row.size();
      for (std::size_t cell = 0; cell < cells; ++cell) set(group, buckets.at(cell), row.f64());
      groups.count = row.u64();
      groups.groups.push_back(std::move(group));
    }
    return groups;
  }

  /// One for each of `aggregations`, with the same groups in the same order.
  std::vector<MetricGroups> read_quantiles(const std::vector<Aggregation>& aggregations) const {
    std::vector<double> quantiles;
    std::vector<MetricGroups> all(aggregations.size());
    for (std::size_t i = 0; i < aggregations.size(); ++i) {
      quantiles.push_back(*quantile_of(aggregations[i]));
      all[i].unit = unit_of(aggregations[i]);
    }
    Parameters parameters;
    const MetricSource from = source(parameters);
    std::string sql;
    if (metric_.type == Type::kHistogram) {
      sql = histogram_quantiles_sql(from, quantiles);
    } else {
      const std::string scale = session_.rows(smallest_scale_sql(from), parameters);
      sql = exponential_quantiles_sql(from, RowReader(scale).i32(), quantiles);
    }
    const std::string data = session_.rows(sql, parameters);
    std::vector<std::int64_t> buckets;
    for (RowReader row(data); !row.at_end();) {
      const MetricGroup empty = read_group(row, buckets);
      for (MetricGroups& groups : all) groups.groups.push_back(empty);
      const std::size_t cells = row.size();
      for (std::size_t cell = 0; cell < cells; ++cell) {
        const std::size_t count = row.size();
        for (std::size_t i = 0; i < count; ++i) {
          set(all.at(i).groups.back(), buckets.at(cell), row.f64());
        }
      }
      const std::uint64_t count = row.u64();
      for (MetricGroups& groups : all) groups.count = count;
    }
    return all;
  }

  void write_labels(const std::vector<std::string>& labels, JsonWriter& json) const {
    json.key("labels").begin_object();
    for (std::size_t i = 0; i < query_.group_by.size(); ++i) {
      json.key(query_.group_by[i]).string(labels.at(i));
    }
    json.end_object();
  }

  void write_one_series(const MetricGroup& group, Aggregation aggregation, JsonWriter& json) const {
    json.begin_object();
    write_labels(group.labels, json);
    json.key("aggregation").string(aggregation_name(aggregation));
    json.key("points").begin_array();
    for (std::int64_t i = 0; i < buckets_.count; ++i) {
      json.begin_array();
      json.digits(buckets_.time_ns(i)).number(group.values[static_cast<std::size_t>(i)]);
      json.end_array();
    }
    json.end_array().end_object();
  }

  /// The largest few of each bucket.
  void write_exemplars(JsonWriter& json) {
    json.key("exemplars").begin_array();
    if (query_.exemplars && metric_.type != Type::kSummary) {
      Parameters parameters;
      const MetricSource from = source(parameters);
      const std::int64_t per_bucket = std::max<std::int64_t>(1, kMaxExemplars / buckets_.count);
      const std::string data = session_.rows(
          "SELECT toUnixTimestamp64Nano(time), value, trace_id, span_id, labels\n"
          "FROM (SELECT series_id, time, value, trace_id, span_id FROM metric_exemplar_rows WHERE "
          "metric_name = " +
              from.name + " AND series_id IN (SELECT series_id FROM (" + from.series + ")) AND " +
              in_range("time", query_.range, parameters) + " AND " +
              in_range("point_time", query_.range, parameters) + " AND trace_id != unhex('" +
              std::string(32, '0') +
              "')) AS measured\n"
              "INNER JOIN (SELECT series_id, labels FROM (" +
              from.series + ")) AS described USING (series_id)\nORDER BY value DESC LIMIT " +
              std::to_string(per_bucket) + " BY " + bucket_index("time", buckets_, parameters) +
              "\nLIMIT " + std::to_string(kMaxExemplars),
          parameters);
      for (RowReader row(data); !row.at_end();) {
        json.begin_object();
        json.key("time").digits(row.i64());
        json.key("value").number(row.f64());
        json.key("trace_id").hex(row.bytes(16));
        json.key("span_id").hex(row.bytes(8));
        write_labels(to_strings(row.strings()), json);
        json.end_object();
      }
    }
    json.end_array();
  }

  Session& session_;
  const MetricQuery& query_;
  Description metric_;
  Buckets buckets_;
  std::int64_t interval_ns_ = kDefaultIntervalNs;
  int max_groups_ = kMaxGroups;
};

}  // namespace

std::optional<Aggregation> parse_aggregation(std::string_view name) {
  if (const auto percentile = parse_percentile(name)) {
    return Aggregation{Kind::kPercentile, *percentile};
  }
  for (const auto& [known, aggregation] : kAggregations) {
    if (known == name) return aggregation;
  }
  return std::nullopt;
}

std::string aggregation_name(Aggregation aggregation) {
  if (aggregation.kind == Kind::kPercentile) return percentile_name(aggregation.percentile);
  for (const auto& [name, known] : kAggregations) {
    if (known == aggregation) return std::string(name);
  }
  return {};
}

std::string query_metric(Session& session, const MetricQuery& query) {
  return QueryRun(session, query).run();
}

MetricGroups read_metric(Session& session, const MetricQuery& query, const Buckets& buckets,
                         int max_groups) {
  return QueryRun(session, query).read(buckets, max_groups);
}

std::string list_metrics(Session& session, const TimeRange& range,
                         std::optional<std::string_view> service) {
  Parameters parameters;
  const std::string points = active_series(range, parameters);
  const std::string of_service =
      service ? "WHERE service_name = " + parameters.bind(*service) + " " : "";
  const std::string data = session.rows(
      "SELECT toString(metric_name), toString(metric_type), toString(unit), is_monotonic,\n"
      "  toString(argMax(description, seen)), arraySort(groupUniqArray(temporality)),\n"
      "  arraySort(groupUniqArray(toString(service_name))), uniqExact(series_id),\n"
      "  arraySort(groupUniqArrayArray(" +
          attribute_keys(Signal::kMetrics) +
          ")), toUnixTimestamp64Nano(max(last))\n"
          "FROM (" +
          points + ") AS points\nINNER JOIN (SELECT * FROM metric_series_rows " + of_service +
          "LIMIT 1 BY series_id) AS series USING (series_id)\n"
          "GROUP BY metric_name, metric_type, unit, is_monotonic\n"
          "ORDER BY metric_name, metric_type, unit LIMIT " +
          std::to_string(kMaxMetrics),
      parameters);
  JsonWriter json;
  json.begin_object().key("metrics").begin_array();
  for (RowReader row(data); !row.at_end();) {
    json.begin_object();
    json.key("name").string(row.string());
    const std::string_view type = row.string();
    json.key("type").string(type);
    json.key("unit").string(row.string());
    const bool is_monotonic = row.boolean();
    json.key("is_monotonic").boolean(is_monotonic);
    json.key("default_aggregation")
        .string(aggregation_name(default_aggregation(parse_type(type), is_monotonic)));
    json.key("description").string(row.string());
    json.key("temporalities");
    write_temporalities(read_ints(row), json);
    json.key("services");
    write_strings(row.strings(), json);
    json.key("series_count").number(row.u64());
    json.key("attribute_keys");
    write_strings(row.strings(), json);
    json.key("last_seen").digits(row.i64());
    json.end_object();
  }
  json.end_array();
  session.write_stats(json);
  json.end_object();
  return json.take();
}

}  // namespace signalbox::server::query

#include "server/query/aggregate/plan.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>

#include "server/query/plan/filter_sql.h"
#include "server/query/plan/selection.h"

namespace signalbox::server::query {
namespace {

/// Histogram keys of positive values are around this, so that 0 and negative ones have their place
/// below: a double's exponent is at most 1,074 either way.
constexpr std::int32_t kKeyOfOne = 5'000;
constexpr double kKeysPerPowerOfTwo = 4;

std::string numbered(char letter, std::size_t index) {
  return letter + std::to_string(index);
}

/// Whether the measure is of numbers; else of the texts of a field, or of records.
bool is_of_numbers(Measure::Kind kind) {
  return kind != Measure::Kind::kCount && kind != Measure::Kind::kRate &&
         kind != Measure::Kind::kCountDistinct;
}

/// A t-digest counts in single precision, so it is brought between the extremes.
std::string quantile(double level, const std::string& value, const std::string& condition) {
  const std::string of = "If(" + value + ", " + condition + ")";
  if (level <= 0) return "min" + of;
  if (level >= 1) return "max" + of;
  std::array<char, 32> digits{};
  const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), level).ptr;
  return "greatest(min" + of + ", least(max" + of + ", toFloat64(quantileTDigestIf(" +
         std::string(digits.data(), end) + ")(" + value + ", " + condition + "))))";
}

/// SQL for the key of the value `v`; see histogram_bounds.
std::string histogram_key(const std::string& v) {
  const std::string of_size = "(" + std::to_string(kKeyOfOne) + " + toInt32(floor(log2(abs(" + v +
                              ")) * " + std::to_string(static_cast<int>(kKeysPerPowerOfTwo)) +
                              ")))";
  return "toInt32(multiIf(" + v + " > 0, " + of_size + ", " + v + " < 0, -" + of_size + ", 0))";
}

}  // namespace

std::string AggregatePlan::group_field(const std::string& field, Parameters& parameters) const {
  const FieldReference reference = resolve_field(query_.signal, field);
  if (const IntrinsicField* const intrinsic = reference.intrinsic; intrinsic != nullptr) {
    std::string column(intrinsic->column);
    const bool is_record = intrinsic->place == IntrinsicField::Place::kRecord;
    // As it stands: shorter to compare than its text.
    if (is_record && intrinsic->type == FieldType::kString) return column;
    // A name stands for four numbers.
    if (intrinsic->type == FieldType::kSeverity) {
      return "toString(if(" + column + " BETWEEN 1 AND 24, intDiv(" + column +
             " - 1, 4) * 4 + 1, 0))";
    }
  }
  return group_text(reference, query_.signal, slots_, parameters, query_.range);
}

std::string AggregatePlan::exists(const std::string& field, Parameters& parameters) const {
  FilterNode node;
  node.kind = FilterNode::Kind::kTest;
  node.field = field;
  node.op = FilterOperator::kExists;
  return filter_sql(node, query_.signal, slots_, parameters, query_.range);
}

std::string AggregatePlan::records(Parameters& parameters) const {
  const Selection selection{query_.signal, query_.range, query_.filter};
  std::string columns = selection.time_column() + " AS time";
  for (std::size_t i = 0; i < query_.group_by.size(); ++i) {
    columns += ", " + group_field(query_.group_by[i], parameters) + " AS " + numbered('g', i);
  }
  for (std::size_t i = 0; i < query_.measures.size(); ++i) {
    const Measure& measure = query_.measures[i];
    const FieldReference field = resolve_field(query_.signal, measure.field);
    if (is_of_numbers(measure.kind)) {
      columns +=
          ", " + group_number(field, query_.signal, slots_, parameters) + " AS " + numbered('v', i);
    } else if (!measure.field.empty()) {
      columns += ", " + exists(measure.field, parameters) + " AS " + numbered('e', i);
    }
    if (measure.kind == Measure::Kind::kCountDistinct) {
      columns += ", " + group_field(measure.field, parameters) + " AS " + numbered('v', i);
    }
    if (measure.filter.kind != FilterNode::Kind::kAll) {
      columns += ", " +
                 filter_sql(measure.filter, query_.signal, slots_, parameters, query_.range) +
                 " AS " + numbered('c', i);
    }
  }
  return "(SELECT " + columns + " FROM " + selection.table() + " WHERE " +
         selection.condition(slots_, parameters) + ")";
}

std::string AggregatePlan::measure(std::size_t index) const {
  const Measure& measure = query_.measures[index];
  const std::string value = numbered('v', index);
  std::string condition =
      measure.filter.kind == FilterNode::Kind::kAll ? "true" : numbered('c', index);
  if (is_of_numbers(measure.kind)) {
    condition += " AND isFinite(" + value + ")";
  } else if (!measure.field.empty()) {
    condition += " AND " + numbered('e', index);
  }
  const auto of_value = [&](const std::string& function) {
    return function + "If(" + value + ", " + condition + ")";
  };
  const auto if_any = [&](const std::string& function) {
    return "if(countIf(" + condition + ") = 0, nan, " + function + ")";
  };
  switch (measure.kind) {
    case Measure::Kind::kCount:
    case Measure::Kind::kRate:
      return "toFloat64(countIf(" + condition + "))";
    case Measure::Kind::kCountDistinct:
      return "toFloat64(" + of_value("uniqExact") + ")";
    case Measure::Kind::kSum:
      return of_value("sum");
    case Measure::Kind::kAvg:
      return of_value("avg");
    case Measure::Kind::kMin:
      return if_any(of_value("min"));
    case Measure::Kind::kMax:
      return if_any(of_value("max"));
    case Measure::Kind::kFirst:
      return if_any("argMinIf(" + value + ", time, " + condition + ")");
    case Measure::Kind::kLast:
      return if_any("argMaxIf(" + value + ", time, " + condition + ")");
    case Measure::Kind::kQuantile:
      return if_any(quantile(measure.quantile, value, condition));
    case Measure::Kind::kHistogram:
      break;
  }
  return "sumMapIf([" + histogram_key(value) + "], [toUInt64(1)], " + condition + ")";
}

std::string AggregatePlan::measures() const {
  std::string list;
  for (std::size_t i = 0; i < query_.measures.size(); ++i) {
    list += (i == 0 ? "" : ", ") + measure(i) + " AS " + numbered('m', i);
  }
  return list;
}

std::string AggregatePlan::group_list() const {
  std::string list;
  for (std::size_t i = 0; i < query_.group_by.size(); ++i) {
    list += (i == 0 ? "" : ", ") + numbered('g', i);
  }
  return list;
}

std::string AggregatePlan::is_shown(const std::vector<GroupKey>& shown,
                                    Parameters& parameters) const {
  std::string list;
  for (const GroupKey& key : shown) {
    std::string texts;
    for (const std::string& text : key)
      texts += (texts.empty() ? "" : ", ") + parameters.bind(text);
    list += (list.empty() ? "tuple(" : ", tuple(") + texts + ")";
  }
  return "tuple(" + group_list() + ") IN (" + list + ")";
}

/// Rates are counts here.
double AggregatePlan::compared(const Having& having) const {
  const bool is_rate = query_.measures[having.measure].kind == Measure::Kind::kRate;
  return is_rate ? having.value * static_cast<double>(query_.range.length_ns()) / 1e9
                 : having.value;
}

std::string AggregatePlan::groups(Parameters& parameters) const {
  const std::string list = group_list();
  std::string sql = "SELECT " + (list.empty() ? "" : list + ", ") + measures() +
                    ", count() OVER () AS groups\nFROM " + records(parameters);
  if (!list.empty()) sql += "\nGROUP BY " + list;
  for (std::size_t i = 0; i < query_.having.size(); ++i) {
    const Having& having = query_.having[i];
    sql += (i == 0 ? "\nHAVING " : " AND ") + numbered('m', having.measure) +
           std::string(comparison_sql(having.comparison)) +
           parameters.bind_double(compared(having));
  }
  if (list.empty()) return sql;
  // Groups of which there is nothing come last either way.
  const bool is_histogram = query_.measures.front().kind == Measure::Kind::kHistogram;
  const std::string key = is_histogram ? "arraySum(m0.2)" : numbered('m', query_.order_by);
  return sql + "\nORDER BY " + key + (query_.is_ascending ? " ASC" : " DESC") + " NULLS LAST, " +
         list + " LIMIT " + std::to_string(query_.limit + 1);
}

std::string AggregatePlan::rest(const std::vector<GroupKey>& shown, Parameters& parameters) const {
  return "SELECT " + measures() + "\nFROM " + records(parameters) + "\nWHERE NOT " +
         is_shown(shown, parameters);
}

std::string AggregatePlan::series(const std::vector<GroupKey>& shown, bool with_rest,
                                  Parameters& parameters) const {
  const std::string from = records(parameters);
  const std::string bucket = bucket_index("time", *query_.buckets, parameters);
  if (query_.group_by.empty()) {
    return "SELECT false, " + bucket + " AS bucket, " + measures() + "\nFROM " + from +
           "\nGROUP BY bucket";
  }
  const std::string is_one = is_shown(shown, parameters);
  if (!with_rest) {
    return "SELECT false, " + group_list() + ", " + bucket + " AS bucket, " + measures() +
           "\nFROM " + from + "\nWHERE " + is_one + "\nGROUP BY " + group_list() + ", bucket";
  }
  std::string columns;
  std::string keys;
  for (std::size_t i = 0; i < query_.group_by.size(); ++i) {
    const std::string key = numbered('k', i);
    columns += "if(is_rest, '', toString(" + numbered('g', i) + ")) AS " + key + ", ";
    keys += ", " + key;
  }
  return "SELECT NOT " + is_one + " AS is_rest, " + columns + bucket + " AS bucket, " + measures() +
         "\nFROM " + from + "\nGROUP BY is_rest" + keys + ", bucket";
}

HistogramBounds histogram_bounds(std::int32_t key) {
  if (key == 0) return {};
  const std::int32_t step = std::abs(key) - kKeyOfOne;
  const double near = std::exp2(step / kKeysPerPowerOfTwo);
  const double far = std::exp2((step + 1) / kKeysPerPowerOfTwo);
  return key > 0 ? HistogramBounds{near, far} : HistogramBounds{-far, -near};
}

}  // namespace signalbox::server::query

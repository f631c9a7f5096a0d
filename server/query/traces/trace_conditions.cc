#include "server/query/traces/trace_conditions.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>
#include <utility>

#include "server/query/plan/error.h"
#include "server/query/plan/filter_sql.h"

namespace signalbox::server::query {
namespace {

using Op = FilterOperator;

struct TraceField {
  std::string_view name;
  std::string_view sql;
  bool is_number = true;
};

constexpr std::array kTraceFields = {
    TraceField{"trace.duration",
               "(max(toUnixTimestamp64Nano(start_time) + greatest(duration_ns, 0)) - "
               "toUnixTimestamp64Nano(min(start_time)))"},
    TraceField{"trace.span_count", "count()"},
    TraceField{"trace.errors", "countIf(status_code = 2)"},
    TraceField{"trace.services", "uniqExact(service_name)"},
    TraceField{"trace.root",
               "argMin(toString(name), (parent_span_id != unhex('0000000000000000'), start_time))",
               false},
    TraceField{
        "trace.root_service",
        "argMin(toString(service_name), (parent_span_id != unhex('0000000000000000'), start_time))",
        false},
};

[[noreturn]] void fail(std::size_t position, const std::string& message, std::string hint) {
  throw QueryError::invalid_at("structure", position, message, std::move(hint));
}

const TraceField& field_of(const FilterNode& test) {
  const auto* const at = std::ranges::find(kTraceFields, test.field, &TraceField::name);
  if (at != kTraceFields.end()) return *at;
  std::string names;
  for (const TraceField& field : kTraceFields) {
    names += (names.empty() ? "" : ", ") + std::string(field.name);
  }
  fail(test.position, "A trace has no field '" + test.field + "'",
       "There are " + names + ". Conditions on spans stand in braces.");
}

class TraceTestSql {
 public:
  TraceTestSql(const FilterNode& test, const TraceField& field, Parameters& parameters)
      : test_(test), field_(field), parameters_(parameters) {}

  std::string sql() {
    switch (test_.op) {
      case Op::kEqual:
      case Op::kLess:
      case Op::kLessOrEqual:
      case Op::kGreater:
      case Op::kGreaterOrEqual:
        return compare(comparison_sql(test_.op), 0);
      case Op::kNotEqual:
        return compare(" != ", 0);
      case Op::kBetween:
        return "(" + compare(" >= ", 0) + " AND " + compare(" <= ", 1) + ")";
      case Op::kIn:
        return in();
      case Op::kContains:
        check_text();
        return "(positionCaseInsensitive(" + std::string(field_.sql) + ", " + value(0) + ") > 0)";
      case Op::kLike:
        check_text();
        return compare(" LIKE ", 0);
      case Op::kIlike:
        check_text();
        return compare(" ILIKE ", 0);
      default:
        refuse_operator();
    }
  }

 private:
  std::string compare(std::string_view op, std::size_t index) {
    return "(" + std::string(field_.sql) + std::string(op) + value(index) + ")";
  }

  std::string in() {
    std::string list;
    for (std::size_t i = 0; i < test_.values.size(); ++i) {
      list += (i == 0 ? "" : " OR ") + compare(" = ", i);
    }
    return "(" + list + ")";
  }

  std::string value(std::size_t index) {
    const FilterValue& value = test_.values[index];
    const bool is_number =
        value.kind == FilterValue::Kind::kNumber || value.kind == FilterValue::Kind::kDuration;
    if (!field_.is_number) return parameters_.bind(value.text);
    if (!is_number) {
      fail(value.position, "'" + test_.field + "' is a number",
           "Write a number, such as 10 or 1s.");
    }
    return parameters_.bind_double(value.number);
  }

  void check_text() const {
    if (field_.is_number) refuse_operator();
  }

  [[noreturn]] void refuse_operator() const {
    fail(test_.position, "'" + test_.field + "' cannot be asked for in this way",
         field_.is_number ? "Numbers are compared: =, !=, <, <=, >, >=, IN, BETWEEN."
                          : "Texts are compared: =, !=, <, <=, >, >=, IN, BETWEEN, LIKE, ILIKE, "
                            "CONTAINS.");
  }

  const FilterNode& test_;
  const TraceField& field_;
  Parameters& parameters_;
};

}  // namespace

std::string trace_conditions_sql(const FilterNode& conditions, Parameters& parameters) {
  const auto joined = [&](std::string_view separator) {
    std::string sql;
    for (const FilterNode& child : conditions.children) {
      sql += std::string(sql.empty() ? "" : separator) + trace_conditions_sql(child, parameters);
    }
    return "(" + sql + ")";
  };
  switch (conditions.kind) {
    case FilterNode::Kind::kAll:
      return "true";
    case FilterNode::Kind::kAnd:
      return joined(" AND ");
    case FilterNode::Kind::kOr:
      return joined(" OR ");
    case FilterNode::Kind::kNot:
      return "(NOT " + trace_conditions_sql(conditions.children[0], parameters) + ")";
    case FilterNode::Kind::kText:
      fail(conditions.position, "A trace has no text of its own",
           "Write | trace.root = '…', or { '…' } for the names of spans.");
    case FilterNode::Kind::kTest:
      break;
  }
  return TraceTestSql(conditions, field_of(conditions), parameters).sql();
}

}  // namespace signalbox::server::query

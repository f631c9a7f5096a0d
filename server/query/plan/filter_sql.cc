#include "server/query/plan/filter_sql.h"

#include <charconv>
#include <cmath>
#include <cstdint>
#include <limits>
#include <optional>
#include <string_view>
#include <utility>
#include <vector>

#include "server/query/language/filter_lexer.h"
#include "server/query/language/nested.h"
#include "server/query/match/number_text.h"
#include "server/query/plan/attribute_slots.h"

namespace signalbox::server::query {
namespace {

using ValueKind = FilterValue::Kind;
using Op = FilterOperator;

bool is_order(Op op) {
  return op == Op::kLess || op == Op::kLessOrEqual || op == Op::kGreater ||
         op == Op::kGreaterOrEqual;
}

std::string join(const std::vector<std::string>& parts, std::string_view separator) {
  std::string text;
  for (const std::string& part : parts) {
    if (!text.empty()) text += separator;
    text += part;
  }
  return text;
}

std::string in_parentheses(std::string text) {
  return "(" + std::move(text) + ")";
}

/// A test whose `!=` has been taken apart: `op` is never kNotEqual.
class TestSql {
 public:
  TestSql(const FilterNode& node, Op op, Parameters& parameters, const TimeRange& range)
      : node_(node), op_(op), parameters_(parameters), range_(range) {}

  std::string intrinsic(const IntrinsicField& field) {
    if (field.place == IntrinsicField::Place::kScope) {
      return with_scope(by_type(field, std::string(field.column)));
    }
    if (field.place == IntrinsicField::Place::kArray) {
      if (op_ == Op::kExists) return "notEmpty(`" + std::string(field.column) + "`)";
      return "arrayExists(x -> " + by_type(field, "x") + ", `" + std::string(field.column) + "`)";
    }
    return by_type(field, value_sql(field, range_, parameters_));
  }

  /// Of a record that has the attribute in one of `places`, if at all.
  std::string attribute(const std::vector<AttributePlace>& places) {
    std::vector<std::string> tests;
    tests.reserve(places.size());
    for (const AttributePlace& place : places) tests.push_back(attribute(place));
    return tests.size() == 1 ? tests[0] : in_parentheses(join(tests, " OR "));
  }

  std::string attribute(const AttributePlace& place) {
    if (node_.type == SentType::kAny) return attribute_of_any_type(place);
    if (place.type.empty()) return "false";
    return in_parentheses(place.type + " IN " + std::string(sent_types()) + " AND " +
                          attribute_of_any_type(place));
  }

 private:
  std::string attribute_of_any_type(const AttributePlace& place) {
    if (op_ == Op::kExists) return place.exists;
    if (place.kind == AttributePlace::Kind::kMap) return attribute_test(place);
    return in_parentheses(place.exists + " AND " + attribute_test(place));
  }

  [[nodiscard]] std::string_view sent_types() const {
    switch (node_.type) {
      case SentType::kNumber:
        return "('i', 'd')";
      case SentType::kBool:
        return "('b')";
      default:
        return "('s')";
    }
  }

  std::string attribute_test(const AttributePlace& place) {
    if (op_ == Op::kBetween) {
      check_bounds();
      return within_bounds([&](TestSql& bound) { return bound.attribute_test(place); });
    }
    if (is_pattern()) return matches_pattern(place.text) + " AND " + place.exists;
    std::vector<std::string> alternatives;
    std::vector<std::string> texts;
    for (const FilterValue& value : node_.values) {
      if (value.kind == ValueKind::kNumber) {
        alternatives.push_back(number_of_attribute(place, value));
      } else if (value.kind == ValueKind::kDuration) {
        refuse_filter(value.position, "A duration cannot be compared with an attribute",
                      "Write the number in the attribute's own unit.");
      } else if (is_order(op_)) {
        alternatives.push_back(in_parentheses(place.text + std::string(comparison_sql(op_)) +
                                              parameters_.bind(value.text) + " AND " +
                                              place.exists));
      } else if (value.text.empty()) {
        alternatives.push_back(in_parentheses(place.text + " = '' AND " + place.exists));
      } else if (place.kind == AttributePlace::Kind::kInt) {
        alternatives.push_back(is_text_of_int(place, value.text));
      } else {
        texts.push_back(parameters_.bind(value.text));
      }
    }
    if (!texts.empty()) {
      alternatives.push_back(texts.size() == 1 ? place.text + " = " + texts[0]
                                               : place.text + " IN (" + join(texts, ", ") + ")");
    }
    return alternatives.size() == 1 ? alternatives[0] : in_parentheses(join(alternatives, " OR "));
  }

  /// Compares the numbers: that is faster than to write each down.
  std::string is_text_of_int(const AttributePlace& place, const std::string& text) {
    std::int64_t number = 0;
    const auto end = std::from_chars(text.data(), text.data() + text.size(), number).ptr;
    if (end != text.data() + text.size() || std::to_string(number) != text) return "false";
    return place.column + " = " + parameters_.bind_int(number);
  }

  /// What `test` says of each bound: `>=` of the first value and `<=` of the second one.
  template <typename Test>
  std::string within_bounds(Test test) {
    const auto of_bound = [&](Op op, const FilterValue& value) {
      FilterNode node = node_;
      node.values = {value};
      TestSql bound(node, op, parameters_, range_);
      return test(bound);
    };
    const std::string least = of_bound(Op::kGreaterOrEqual, node_.values[0]);
    return in_parentheses(least + " AND " + of_bound(Op::kLessOrEqual, node_.values[1]));
  }

  /// Numbers and texts have no order among one another.
  void check_bounds() const {
    const FilterValue& last = node_.values[1];
    if ((node_.values[0].kind == ValueKind::kNumber) == (last.kind == ValueKind::kNumber)) return;
    refuse_filter(last.position, "BETWEEN has a number and a text",
                  "Write two numbers without quotes, or two texts in quotes.");
  }

  [[nodiscard]] bool is_pattern() const {
    return op_ == Op::kLike || op_ == Op::kIlike || op_ == Op::kContains || op_ == Op::kRegexp;
  }

  std::string by_type(const IntrinsicField& field, const std::string& column) {
    if (op_ == Op::kBetween) {
      return within_bounds([&](TestSql& bound) { return bound.by_type(field, column); });
    }
    switch (field.type) {
      case FieldType::kString:
        return string(column);
      case FieldType::kNumber:
      case FieldType::kDuration:
        return number(field, column);
      case FieldType::kBool:
        return boolean(field, column);
      case FieldType::kEnum:
        return enumeration(field, column);
      case FieldType::kSeverity:
        return severity(field, column);
      case FieldType::kTraceId:
        return id(field, column, 16);
      case FieldType::kSpanId:
        return id(field, column, 8);
    }
    return {};
  }

  std::string matches_pattern(const std::string& text) {
    const std::string pattern = parameters_.bind(node_.values[0].text);
    switch (op_) {
      case Op::kLike:
        return text + " LIKE " + pattern;
      case Op::kIlike:
        return text + " ILIKE " + pattern;
      case Op::kRegexp:
        return "match(" + text + ", " + pattern + ")";
      default:
        return "positionCaseInsensitive(" + text + ", " + pattern + ") > 0";
    }
  }

  std::string string(const std::string& column) {
    if (is_pattern()) return matches_pattern(column);
    switch (op_) {
      case Op::kExists:
        return column + " != ''";
      case Op::kIn: {
        std::vector<std::string> values;
        values.reserve(node_.values.size());
        for (const FilterValue& value : node_.values)
          values.push_back(parameters_.bind(value.text));
        return column + " IN (" + join(values, ", ") + ")";
      }
      default:
        return column + std::string(comparison_sql(op_)) + parameters_.bind(node_.values[0].text);
    }
  }

  /// `any` of the alternatives that `one` makes of each value.
  template <typename One>
  std::string any(One one) {
    std::vector<std::string> alternatives;
    alternatives.reserve(node_.values.size());
    for (const FilterValue& value : node_.values) alternatives.push_back(one(value));
    return alternatives.size() == 1 ? alternatives[0] : in_parentheses(join(alternatives, " OR "));
  }

  void refuse_pattern(const IntrinsicField& field) const {
    if (!is_pattern()) return;
    refuse_filter(node_.position,
                  "'" + std::string(field.name) + "' cannot be searched for a pattern",
                  "Compare it by = != < <= > >= IN or BETWEEN.");
  }

  std::string number(const IntrinsicField& field, const std::string& column) {
    refuse_pattern(field);
    if (op_ == Op::kExists) return "true";
    return any([&](const FilterValue& value) {
      const bool fits = value.kind == ValueKind::kNumber ||
                        (value.kind == ValueKind::kDuration && field.type == FieldType::kDuration);
      if (!fits) {
        refuse_filter(value.position, "'" + std::string(field.name) + "' is compared with a number",
                      field.type == FieldType::kDuration ? "Write for example: 100ms, 1.5s or 2m."
                                                         : "Write a number without quotes.");
      }
      return column + std::string(comparison_sql(op_)) + parameters_.bind_double(value.number);
    });
  }

  std::string boolean(const IntrinsicField& field, const std::string& column) {
    refuse_pattern(field);
    if (op_ == Op::kExists) return "true";
    if (is_order(op_))
      refuse_filter(node_.position, "A truth value has no order", "Compare it by = or !=.");
    return any([&](const FilterValue& value) {
      if (value.kind != ValueKind::kBool) {
        refuse_filter(value.position, "'" + std::string(field.name) + "' is true or false",
                      "Write true or false.");
      }
      return value.text == "true" ? column : "NOT " + column;
    });
  }

  static std::int32_t enum_number(const IntrinsicField& field, const FilterValue& value) {
    if (value.kind == ValueKind::kNumber) {
      if (value.number != std::floor(value.number) || std::abs(value.number) > 2147483647.0) {
        refuse_filter(value.position,
                      "'" + std::string(field.name) + "' is a whole number or a name",
                      names_hint(field));
      }
      return static_cast<std::int32_t>(value.number);
    }
    std::string lower = value.text;
    for (char& c : lower) {
      if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    for (const EnumValue& known : field.values) {
      if (known.name == lower) return known.number;
    }
    refuse_filter(value.position,
                  "'" + std::string(field.name) + "' has no value '" + value.text + "'",
                  names_hint(field));
  }

  static std::string names_hint(const IntrinsicField& field) {
    std::string hint = "Use one of: ";
    for (const EnumValue& known : field.values) {
      if (known.name != field.values.front().name) hint += ", ";
      hint += known.name;
    }
    return hint + ", or its number.";
  }

  std::string enumeration(const IntrinsicField& field, const std::string& column) {
    refuse_pattern(field);
    if (op_ == Op::kExists) return column + " != 0";
    return any([&](const FilterValue& value) {
      return column + std::string(comparison_sql(op_)) + std::to_string(enum_number(field, value));
    });
  }

  std::string severity(const IntrinsicField& field, const std::string& column) {
    refuse_pattern(field);
    if (op_ == Op::kExists) return column + " != 0";
    return any([&](const FilterValue& value) {
      const std::int32_t first = enum_number(field, value);
      // A name stands for four numbers (only 0 for "unspecified"), a number for itself.
      const bool is_name = value.kind != ValueKind::kNumber && first != 0;
      const std::int32_t last = is_name ? first + 3 : first;
      switch (op_) {
        case Op::kLess:
          return column + " < " + std::to_string(first);
        case Op::kLessOrEqual:
          return column + " <= " + std::to_string(last);
        case Op::kGreater:
          return column + " > " + std::to_string(last);
        case Op::kGreaterOrEqual:
          return column + " >= " + std::to_string(first);
        default:
          return first == last ? column + " = " + std::to_string(first)
                               : column + " BETWEEN " + std::to_string(first) + " AND " +
                                     std::to_string(last);
      }
    });
  }

  std::string id(const IntrinsicField& field, const std::string& column, std::size_t bytes) {
    refuse_pattern(field);
    if (op_ == Op::kExists) return column + " != unhex('" + std::string(2 * bytes, '0') + "')";
    if (is_order(op_))
      refuse_filter(node_.position, "Ids have no order", "Compare by =, != or IN.");
    return any([&](const FilterValue& value) {
      const bool is_hex =
          value.text.find_first_not_of("0123456789abcdefABCDEF") == std::string::npos;
      if (value.text.size() != 2 * bytes || !is_hex) {
        refuse_filter(value.position, "'" + value.text + "' is no id",
                      "'" + std::string(field.name) + "' has " + std::to_string(2 * bytes) +
                          " hexadecimal digits.");
      }
      return column + " = unhex(" + parameters_.bind(value.text) + ")";
    });
  }

  std::string number_of_attribute(const AttributePlace& place, const FilterValue& value) {
    using Kind = AttributePlace::Kind;
    if (place.kind == Kind::kMap || place.kind == Kind::kText) {
      return number_of_text(place.text, value);
    }
    const std::string compared = place.column + std::string(comparison_sql(op_));
    if (place.kind == Kind::kInt && is_large_integer(value)) {
      return "ifNull(" + compared + "toInt64OrNull(" + parameters_.bind(value.text) + "), false)";
    }
    return compared + parameters_.bind_double(value.number);
  }

  /// A number against the text of an attribute, whatever type was sent.
  std::string number_of_text(const std::string& text, const FilterValue& value) {
    const std::string compare(comparison_sql(op_));
    std::string as_double = "ifNull(toFloat64OrNull(" + text + ")" + compare +
                            parameters_.bind_double(value.number) + ", false)";
    if (!is_large_integer(value)) return as_double;
    return "ifNull(toInt64OrNull(" + text + ")" + compare + "toInt64OrNull(" +
           parameters_.bind(value.text) + "), " + as_double + ")";
  }

  const FilterNode& node_;
  Op op_;
  Parameters& parameters_;
  const TimeRange& range_;
};

void check_has_type(const FilterNode& node, FieldReference::Kind kind) {
  using Kind = FieldReference::Kind;
  if (kind == Kind::kAnyAttribute || kind == Kind::kRecordAttribute ||
      kind == Kind::kResourceAttribute || kind == Kind::kScopeAttribute) {
    return;
  }
  refuse_filter(node.position, "'" + node.field + "' takes no type",
                "Only attributes of records, resources and scopes do: attribute.size::number.");
}

std::string test_sql(const FilterNode& node, Signal signal, const AttributeSlots& slots,
                     Parameters& parameters, const TimeRange& range) {
  if (node.op == Op::kNotEqual) {
    FilterNode equal = node;
    equal.op = Op::kEqual;
    return "NOT " + test_sql(equal, signal, slots, parameters, range);
  }
  using Kind = FieldReference::Kind;
  const FieldReference field = resolve_field(signal, node.field);
  if (node.type != SentType::kAny) check_has_type(node, field.kind);
  TestSql test(node, node.op, parameters, range);
  switch (field.kind) {
    case Kind::kIntrinsic:
      return in_parentheses(test.intrinsic(*field.intrinsic));
    case Kind::kRecordAttribute:
      return in_parentheses(test.attribute(record_places(signal, field.key, slots, parameters)));
    case Kind::kBodyValue:
      return in_parentheses(test.attribute(body_places(field.key, parameters)));
    case Kind::kResourceAttribute:
      return in_parentheses(
          with_resource(test.attribute(place_in_attributes(parameters.bind(field.key)))));
    case Kind::kScopeAttribute:
      return in_parentheses(
          with_scope(test.attribute(place_in_attributes(parameters.bind(field.key)))));
    case Kind::kEventAttribute:
    case Kind::kLinkAttribute:
      return "(arrayExists(m -> " + test.attribute(place_in_map("m", parameters.bind(field.key))) +
             ", " + each_attributes(field.kind) + "))";
    case Kind::kAnyAttribute:
      break;
  }
  const std::string of_record =
      test.attribute(attribute_places(signal, field.key, slots, parameters));
  const std::string of_resource = test.attribute(place_in_attributes(parameters.bind(field.key)));
  return "((" + of_record + ") OR " + with_resource(of_resource) + ")";
}

std::string text_sql(const FilterNode& node, Signal signal, Parameters& parameters) {
  const std::string text = parameters.bind(node.values[0].text);
  switch (signal) {
    case Signal::kTraces:
      return "(positionCaseInsensitive(name, " + text + ") > 0)";
    case Signal::kLogs:
      return "(positionCaseInsensitive(body, " + text + ") > 0)";
    case Signal::kMetrics:
      break;
  }
  return "(positionCaseInsensitive(metric_name, " + text + ") > 0)";
}

}  // namespace

std::string_view comparison_sql(FilterOperator op) {
  switch (op) {
    case Op::kLess:
      return " < ";
    case Op::kLessOrEqual:
      return " <= ";
    case Op::kGreater:
      return " > ";
    case Op::kGreaterOrEqual:
      return " >= ";
    default:
      return " = ";
  }
}

std::string filter_sql(const FilterNode& filter, Signal signal, const AttributeSlots& slots,
                       Parameters& parameters, const TimeRange& range) {
  const auto children = [&](std::string_view separator) {
    std::vector<std::string> parts;
    parts.reserve(filter.children.size());
    for (const FilterNode& child : filter.children) {
      parts.push_back(filter_sql(child, signal, slots, parameters, range));
    }
    return in_parentheses(join(parts, separator));
  };
  switch (filter.kind) {
    case FilterNode::Kind::kAll:
      return "true";
    case FilterNode::Kind::kAnd:
      return children(" AND ");
    case FilterNode::Kind::kOr:
      return children(" OR ");
    case FilterNode::Kind::kNot:
      return "(NOT " + filter_sql(filter.children[0], signal, slots, parameters, range) + ")";
    case FilterNode::Kind::kText:
      return text_sql(filter, signal, parameters);
    case FilterNode::Kind::kTest:
      break;
  }
  return in_parentheses(test_sql(filter, signal, slots, parameters, range));
}

}  // namespace signalbox::server::query

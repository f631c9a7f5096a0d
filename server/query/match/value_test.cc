#include "server/query/match/value_test.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>

#include "server/ascii.h"
#include "server/query/language/regular_expression.h"
#include "server/query/match/number_text.h"

namespace signalbox::server::query {
namespace {

using Op = FilterOperator;
using ValueKind = FilterValue::Kind;

template <typename Left, typename Right>
bool compare(const Left& left, Op op, const Right& right) {
  switch (op) {
    case Op::kLess:
      return left < right;
    case Op::kLessOrEqual:
      return left <= right;
    case Op::kGreater:
      return left > right;
    case Op::kGreaterOrEqual:
      return left >= right;
    default:
      return left == right;
  }
}

/// One that `is_large_integer` holds for and no double has exactly.
std::optional<std::int64_t> large_integer(const FilterValue& value) {
  if (value.kind != ValueKind::kNumber || !is_large_integer(value)) return std::nullopt;
  return integer_of_text(value.text);
}

std::int64_t enum_number(const IntrinsicField& field, const FilterValue& value) {
  if (value.kind == ValueKind::kNumber) return static_cast<std::int64_t>(value.number);
  const std::string name = to_lower(value.text);
  const auto at = std::find_if(field.values.begin(), field.values.end(),
                               [&](const EnumValue& known) { return known.name == name; });
  return at == field.values.end() ? 0 : at->number;
}

std::string bytes_of_hex(std::string_view digits) {
  const auto digit = [](char c) {
    const char lower = to_lower(c);
    return static_cast<unsigned>(lower >= 'a' ? lower - 'a' + 10 : lower - '0');
  };
  std::string bytes;
  for (std::size_t i = 0; i + 1 < digits.size(); i += 2) {
    bytes += static_cast<char>(digit(digits[i]) << 4 | digit(digits[i + 1]));
  }
  return bytes;
}

}  // namespace

ValueTest::ValueTest(const FilterNode& node, const IntrinsicField* field)
    : op_(node.op == Op::kNotEqual ? Op::kEqual : node.op), field_(field) {
  for (const FilterValue& value : node.values) operands_.push_back(operand(value, field));
  if (op_ == Op::kLike) like_.emplace(operands_[0].text, LikePattern::Case::kExact);
  if (op_ == Op::kIlike) like_.emplace(operands_[0].text, LikePattern::Case::kIgnored);
  if (op_ == Op::kRegexp) expression_ = compile_pattern(operands_[0].text);
}

ValueTest::Operand ValueTest::operand(const FilterValue& value, const IntrinsicField* field) {
  Operand made;
  made.is_number = value.kind == ValueKind::kNumber;
  made.text = value.text;
  made.number = value.kind == ValueKind::kBool ? (value.text == "true" ? 1 : 0) : value.number;
  made.integer = large_integer(value);
  if (field == nullptr) return made;
  if (field->type == FieldType::kTraceId || field->type == FieldType::kSpanId) {
    made.id = bytes_of_hex(value.text);
  }
  if (field->type == FieldType::kEnum || field->type == FieldType::kSeverity) {
    made.first = made.last = enum_number(*field, value);
    const bool is_range = field->type == FieldType::kSeverity && !made.is_number && made.first != 0;
    if (is_range) made.last += 3;
  }
  return made;
}

/// `one(op, operand)` of each of the operands, as the operator has it.
template <typename One>
bool ValueTest::compares(One one) const {
  if (op_ == Op::kBetween) {
    return one(Op::kGreaterOrEqual, operands_[0]) && one(Op::kLessOrEqual, operands_[1]);
  }
  return std::any_of(operands_.begin(), operands_.end(),
                     [&](const Operand& operand) { return one(op_, operand); });
}

bool ValueTest::holds(const FieldValue& value) const {
  switch (field_->type) {
    case FieldType::kString:
      return holds_for_text(std::get<std::string_view>(value));
    case FieldType::kNumber:
    case FieldType::kDuration:
      return holds_for_number(std::get<std::int64_t>(value));
    case FieldType::kBool:
      return holds_for_number(std::get<bool>(value) ? 1 : 0);
    case FieldType::kEnum:
    case FieldType::kSeverity:
      return holds_for_enum(std::get<std::int64_t>(value));
    case FieldType::kTraceId:
      return holds_for_id(std::get<std::string_view>(value), 16);
    case FieldType::kSpanId:
      return holds_for_id(std::get<std::string_view>(value), 8);
  }
  return false;
}

bool ValueTest::holds_for_attribute(std::string_view text) const {
  if (is_exists()) return true;
  if (is_pattern()) return matches_pattern(text);
  return compares([&](Op op, const Operand& operand) {
    if (!operand.is_number) return compare(text, op, std::string_view(operand.text));
    if (operand.integer) {
      const std::optional<std::int64_t> integer = integer_of_text(text);
      if (integer) return compare(*integer, op, *operand.integer);
    }
    const std::optional<double> number = double_of_text(text);
    return number && compare(*number, op, operand.number);
  });
}

bool ValueTest::is_pattern() const {
  return op_ == Op::kLike || op_ == Op::kIlike || op_ == Op::kContains || op_ == Op::kRegexp;
}

bool ValueTest::matches_pattern(std::string_view text) const {
  if (like_) return like_->matches(text);
  if (expression_ != nullptr) {
    return re2::RE2::PartialMatch(re2::StringPiece(text.data(), text.size()), *expression_);
  }
  return contains_in_any_case(text, operands_[0].text);
}

bool ValueTest::holds_for_text(std::string_view text) const {
  if (is_exists()) return !text.empty();
  if (is_pattern()) return matches_pattern(text);
  return compares([&](Op op, const Operand& operand) {
    return compare(text, op, std::string_view(operand.text));
  });
}

bool ValueTest::holds_for_number(std::int64_t number) const {
  return is_exists() || compares([&](Op op, const Operand& operand) {
           // A long double holds each of both exactly.
           return compare(static_cast<long double>(number), op,
                          static_cast<long double>(operand.number));
         });
}

bool ValueTest::holds_for_enum(std::int64_t number) const {
  if (is_exists()) return number != 0;
  return compares([&](Op op, const Operand& operand) {
    switch (op) {
      case Op::kLess:
      case Op::kGreaterOrEqual:
        return compare(number, op, operand.first);
      case Op::kLessOrEqual:
      case Op::kGreater:
        return compare(number, op, operand.last);
      default:
        return number >= operand.first && number <= operand.last;
    }
  });
}

/// An absent id is one of zeros, as in the tables.
bool ValueTest::holds_for_id(std::string_view id, std::size_t bytes) const {
  constexpr std::array<char, 16> kZeros{};
  const std::string_view zeros(kZeros.data(), bytes);
  if (id.empty()) id = zeros;
  if (is_exists()) return id != zeros;
  return compares([&](Op /*equal*/, const Operand& operand) { return id == operand.id; });
}

}  // namespace signalbox::server::query

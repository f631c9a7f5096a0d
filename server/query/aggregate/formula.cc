#include "server/query/aggregate/formula.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <utility>

#include "server/query/plan/error.h"

namespace signalbox::server::query {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

[[noreturn]] void fail(std::size_t position, const std::string& message, std::string hint) {
  QueryError error =
      QueryError::invalid("formula", message + " at position " + std::to_string(position) + ".");
  error.position = position;
  error.hint = std::move(hint);
  throw error;
}

bool is_letter(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool is_digit(char c) {
  return c >= '0' && c <= '9';
}

}  // namespace

class FormulaParser {
 public:
  explicit FormulaParser(std::string_view text) : text_(text) {}

  Formula parse() {
    if (text_.size() > kMaxFormulaBytes) {
      fail(kMaxFormulaBytes, "The formula is too long",
           "Use at most " + std::to_string(kMaxFormulaBytes) + " bytes.");
    }
    formula_.root_ = sum(0);
    skip_spaces();
    if (at_ < text_.size()) {
      fail(at_, std::string("Unexpected '") + text_[at_] + "'",
           "Combine values by + - * and /, as in errors / requests * 100.");
    }
    return std::move(formula_);
  }

 private:
  using Node = Formula::Node;
  using Kind = Node::Kind;

  void skip_spaces() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n')) {
      ++at_;
    }
  }

  bool accept(char c) {
    skip_spaces();
    if (at_ == text_.size() || text_[at_] != c) return false;
    ++at_;
    return true;
  }

  void expect(char c) {
    if (accept(c)) return;
    fail(at_, std::string("Expected '") + c + "'", "Close each parenthesis.");
  }

  static Node both(Kind kind, Node left, Node right) {
    Node node;
    node.kind = kind;
    node.children.push_back(std::move(left));
    node.children.push_back(std::move(right));
    return node;
  }

  Node sum(std::size_t depth) {
    Node node = product(depth);
    for (;;) {
      if (accept('+')) {
        node = both(Kind::kAdd, std::move(node), product(depth));
      } else if (accept('-')) {
        node = both(Kind::kSubtract, std::move(node), product(depth));
      } else {
        return node;
      }
    }
  }

  Node product(std::size_t depth) {
    Node node = factor(depth);
    for (;;) {
      if (accept('*')) {
        node = both(Kind::kMultiply, std::move(node), factor(depth));
      } else if (accept('/')) {
        node = both(Kind::kDivide, std::move(node), factor(depth));
      } else {
        return node;
      }
    }
  }

  Node factor(std::size_t depth) {
    skip_spaces();
    if (depth >= kMaxFormulaDepth) {
      fail(at_, "The formula is nested too deeply",
           "Use at most " + std::to_string(kMaxFormulaDepth) + " levels.");
    }
    if (accept('-')) {
      Node node;
      node.kind = Kind::kNegate;
      node.children.push_back(factor(depth + 1));
      return node;
    }
    if (accept('(')) {
      Node node = sum(depth + 1);
      expect(')');
      return node;
    }
    if (at_ < text_.size() && (is_digit(text_[at_]) || text_[at_] == '.')) return number();
    if (at_ < text_.size() && is_letter(text_[at_])) return named(depth);
    fail(at_, "Expected a value", "Write the name of a query, or a number.");
  }

  Node number() {
    Node node;
    const char* const end = text_.data() + text_.size();
    const auto [after, error] = std::from_chars(text_.data() + at_, end, node.number);
    if (error != std::errc() || !std::isfinite(node.number)) {
      fail(at_, "Expected a number", "Write it as 100 or 0.5.");
    }
    at_ = static_cast<std::size_t>(after - text_.data());
    return node;
  }

  static std::optional<Kind> function(std::string_view name) {
    static constexpr std::array<std::pair<std::string_view, Kind>, 4> kFunctions = {
        {{"abs", Kind::kAbs}, {"min", Kind::kMin}, {"max", Kind::kMax}, {"or", Kind::kOr}}};
    for (const auto& [known, kind] : kFunctions) {
      if (known == name) return kind;
    }
    return std::nullopt;
  }

  Node named(std::size_t depth) {
    const std::size_t position = at_;
    while (at_ < text_.size() && (is_letter(text_[at_]) || is_digit(text_[at_]))) ++at_;
    const std::string_view name = text_.substr(position, at_ - position);
    const auto called = function(name);
    if (called && accept('(')) {
      Node node;
      node.kind = *called;
      do {
        node.children.push_back(sum(depth + 1));
      } while (accept(','));
      expect(')');
      if (*called == Kind::kAbs && node.children.size() != 1) {
        fail(position, "'abs' takes one value", "Write abs(a - b).");
      }
      return node;
    }
    Formula::Reference reference;
    reference.query = name;
    reference.position = position;
    if (at_ + 1 < text_.size() && text_[at_] == '.' && is_digit(text_[at_ + 1])) {
      const char* const end = text_.data() + text_.size();
      const auto [after, error] =
          std::from_chars(text_.data() + at_ + 1, end, reference.aggregation);
      if (error != std::errc()) fail(at_, "There are not so many aggregations", "Count from 0.");
      at_ = static_cast<std::size_t>(after - text_.data());
    }
    Node node;
    node.kind = Kind::kReference;
    node.reference = formula_.references_.size();
    formula_.references_.push_back(std::move(reference));
    return node;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  Formula formula_;
};

Formula Formula::parse(std::string_view text) {
  return FormulaParser(text).parse();
}

double Formula::evaluate(const Lookup& lookup) const {
  std::vector<double> values;
  values.reserve(references_.size());
  for (const Reference& reference : references_) values.push_back(lookup(reference));
  const double value = evaluate(root_, values);
  return std::isfinite(value) ? value : kNone;
}

double Formula::evaluate(const Node& node, const std::vector<double>& values) {
  using Kind = Node::Kind;
  const auto child = [&](std::size_t i) { return evaluate(node.children.at(i), values); };
  switch (node.kind) {
    case Kind::kNumber:
      return node.number;
    case Kind::kReference:
      return values.at(node.reference);
    case Kind::kNegate:
      return -child(0);
    case Kind::kAdd:
      return child(0) + child(1);
    case Kind::kSubtract:
      return child(0) - child(1);
    case Kind::kMultiply:
      return child(0) * child(1);
    case Kind::kDivide: {
      const double divisor = child(1);
      return divisor == 0 ? kNone : child(0) / divisor;
    }
    case Kind::kAbs:
      return std::abs(child(0));
    case Kind::kMin:
    case Kind::kMax:
    case Kind::kOr:
      break;
  }
  double result = child(0);
  for (std::size_t i = 1; i < node.children.size(); ++i) {
    const double value = child(i);
    if (node.kind == Kind::kOr) {
      if (std::isnan(result)) result = value;
    } else if (std::isnan(result) || std::isnan(value)) {
      result = kNone;
    } else {
      result = node.kind == Kind::kMin ? std::min(result, value) : std::max(result, value);
    }
  }
  return result;
}

}  // namespace signalbox::server::query

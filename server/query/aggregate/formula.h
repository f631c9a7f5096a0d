#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

/// Arithmetic over the results of queries:
///
///     sum     = product { ( "+" | "-" ) product }
///     product = factor { ( "*" | "/" ) factor }
///     factor  = "-" factor | number | "(" sum ")" | call | name [ "." digits ]
///     call    = ( "abs" | "min" | "max" | "or" ) "(" sum { "," sum } ")"
///
/// `name` is a query, `.1` its second aggregation. A value that there is not is NaN, and so is all
/// that is computed of it, but `or` takes its first argument that there is.
namespace signalbox::server::query {

class Formula {
 public:
  struct Reference {
    std::string query;
    std::size_t aggregation = 0;
    std::size_t position = 0;  ///< Bytes from the start of the formula.
  };
  using Lookup = std::function<double(const Reference&)>;

  /// Throws QueryError about "formula", with position.
  static Formula parse(std::string_view text);

  [[nodiscard]] const std::vector<Reference>& references() const noexcept { return references_; }

  /// NaN where `lookup` says so, or where a number is divided by zero.
  [[nodiscard]] double evaluate(const Lookup& lookup) const;

 private:
  friend class FormulaParser;

  struct Node {
    enum class Kind : unsigned char {
      kNumber,
      kReference,
      kNegate,
      kAdd,
      kSubtract,
      kMultiply,
      kDivide,
      kAbs,
      kMin,
      kMax,
      kOr,
    };
    Kind kind = Kind::kNumber;
    double number = 0;
    std::size_t reference = 0;  ///< Index.
    std::vector<Node> children;
  };

  static double evaluate(const Node& node, const std::vector<double>& values);

  Node root_;
  std::vector<Reference> references_;
};

/// A longer formula, or one nested more deeply, is refused.
inline constexpr std::size_t kMaxFormulaBytes = 1024;
inline constexpr std::size_t kMaxFormulaDepth = 32;

}  // namespace signalbox::server::query

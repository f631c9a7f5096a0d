#pragma once

#include <re2/re2.h>

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/query/language/filter.h"
#include "server/query/match/like_pattern.h"
#include "server/query/match/live_record.h"
#include "server/query/plan/fields.h"

namespace signalbox::server::query {

/// What a test of a filter says of one value; its field is known elsewhere.
///
/// Thread-safety: any thread.
class ValueTest {
 public:
  /// `node` is a test that `filter_sql` takes; `field` is null for attributes. `!=` is taken as
  /// `=`.
  ValueTest(const FilterNode& node, const IntrinsicField* field);

  [[nodiscard]] bool is_exists() const { return op_ == FilterOperator::kExists; }

  /// Of a value of the field.
  [[nodiscard]] bool holds(const FieldValue& value) const;
  /// Of an attribute that is there, as text.
  [[nodiscard]] bool holds_for_attribute(std::string_view text) const;

 private:
  /// What is compared with, in the forms that fields need.
  struct Operand {
    bool is_number = false;
    std::string text;                     ///< As written.
    std::string id;                       ///< Raw bytes.
    double number = 0;                    ///< Of a truth value 0 or 1.
    std::optional<std::int64_t> integer;  ///< That no double holds.
    std::int64_t first = 0;               ///< Of an enum, the numbers …
    std::int64_t last = 0;                ///< … that its name stands for.
  };

  static Operand operand(const FilterValue& value, const IntrinsicField* field);
  template <typename One>
  [[nodiscard]] bool compares(One one) const;
  [[nodiscard]] bool is_pattern() const;
  [[nodiscard]] bool matches_pattern(std::string_view text) const;
  [[nodiscard]] bool holds_for_text(std::string_view text) const;
  [[nodiscard]] bool holds_for_number(std::int64_t number) const;
  [[nodiscard]] bool holds_for_enum(std::int64_t number) const;
  [[nodiscard]] bool holds_for_id(std::string_view id, std::size_t bytes) const;

  FilterOperator op_;
  const IntrinsicField* field_;
  std::vector<Operand> operands_;
  std::optional<LikePattern> like_;
  std::unique_ptr<const re2::RE2> expression_;
};

}  // namespace signalbox::server::query

#pragma once

#include <string>
#include <vector>

#include "server/query/aggregate/request.h"
#include "server/query/plan/attribute_slots.h"
#include "server/query/plan/sql.h"

/// The statements behind an aggregate query: first its groups in order, then, if wanted, what
/// lies beyond the limit as one group, and each group over time.
namespace signalbox::server::query {

/// A group as the tables have it: the text of each field of `group_by`, "" where there is none.
using GroupKey = std::vector<std::string>;

/// Thread-safety: one thread. Lifetime: `query` and `slots` outlive it.
class AggregatePlan {
 public:
  AggregatePlan(const AggregateQuery& query, const AttributeSlots& slots)
      : query_(query), slots_(slots) {}

  /// Rows of: the fields of `group_by` (String each), the measures, UInt64 number of all groups.
  /// Of one more group than the limit at most. A measure is a Float64, NaN if there is none;
  /// a histogram two arrays of equal length: keys (Int32) and how many records have each (UInt64).
  [[nodiscard]] std::string groups(Parameters& parameters) const;

  /// One row of the measures, of all groups but `shown`.
  [[nodiscard]] std::string rest(const std::vector<GroupKey>& shown, Parameters& parameters) const;

  /// Rows of: Bool whether it is the rest, the fields of `group_by` (String each, "" of the rest),
  /// Int64 index of the bucket, the measures. Of `shown` and, with `with_rest`, of all others.
  [[nodiscard]] std::string series(const std::vector<GroupKey>& shown, bool with_rest,
                                   Parameters& parameters) const;

 private:
  /// SELECT of g0 … (the groups), v0 … (the measures' fields), e0 … (whether a record has these),
  /// c0 … (the measures' filters), `time`.
  [[nodiscard]] std::string records(Parameters& parameters) const;
  [[nodiscard]] std::string group_field(const std::string& field, Parameters& parameters) const;
  [[nodiscard]] std::string exists(const std::string& field, Parameters& parameters) const;
  [[nodiscard]] double compared(const Having& having) const;
  [[nodiscard]] std::string measures() const;
  [[nodiscard]] std::string measure(std::size_t index) const;
  [[nodiscard]] std::string group_list() const;
  [[nodiscard]] std::string is_shown(const std::vector<GroupKey>& shown,
                                     Parameters& parameters) const;

  const AggregateQuery& query_;
  const AttributeSlots& slots_;
};

/// Bounds of the values that a histogram counts under `key`: four keys for each power of two, 0
/// for zero, below it negative values. From the lower bound inclusive to the upper one exclusive
/// for positive values, the other way round for negative ones.
struct HistogramBounds {
  double low = 0;
  double high = 0;
};
HistogramBounds histogram_bounds(std::int32_t key);

}  // namespace signalbox::server::query

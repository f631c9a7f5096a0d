#pragma once

#include <memory>

#include "server/query/language/filter.h"
#include "server/query/match/live_record.h"
#include "server/query/plan/fields.h"

namespace signalbox::server::query {

/// A filter as a function of one record: it holds for the records that `filter_sql` finds, with
/// these differences:
/// - `attribute.a.b` is looked for inside of `a` too where an attribute `a.b` is common;
/// - integers beyond 2^53 in an attribute are compared with fractions as doubles;
/// - of two values under one key of a JSON object, the last one counts and not the first one;
/// - numbers of 2^64 and more inside of lists and arrays are found.
///
/// Thread-safety: one thread at a time.
class FilterMatcher {
 public:
  /// Throws QueryError about "q" for what `filter_sql` refuses, and for fields that depend on more
  /// than the record.
  FilterMatcher(const FilterNode& filter, Signal signal);
  ~FilterMatcher();
  FilterMatcher(FilterMatcher&&) noexcept;
  FilterMatcher& operator=(FilterMatcher&&) noexcept;

  /// `record` must be of the signal.
  [[nodiscard]] bool matches(const LiveRecord& record) const;

  /// A part of a filter.
  class Part {
   public:
    virtual ~Part() = default;
    [[nodiscard]] virtual bool holds(const LiveRecord& record) const = 0;
  };

 private:
  std::unique_ptr<const Part> filter_;
};

}  // namespace signalbox::server::query

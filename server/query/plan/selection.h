#pragma once

#include <string>

#include "server/query/language/filter.h"
#include "server/query/plan/attribute_slots.h"
#include "server/query/plan/fields.h"
#include "server/query/plan/sql.h"
#include "server/query/plan/time_range.h"

namespace signalbox::server::query {

/// The spans or log records of a time range that match a filter.
struct Selection {
  Signal signal = Signal::kTraces;  ///< kTraces or kLogs.
  TimeRange range;
  FilterNode filter;

  /// "span_rows" or "log_rows".
  [[nodiscard]] std::string table() const;
  /// The column that `range` is about.
  [[nodiscard]] std::string time_column() const;
  /// SQL of the condition, without WHERE.
  [[nodiscard]] std::string condition(const AttributeSlots& slots, Parameters& parameters) const;
};

/// Both must hold.
FilterNode both(FilterNode first, FilterNode second);
/// `field = 'value'`
FilterNode field_equals(std::string field, std::string value);

}  // namespace signalbox::server::query

#pragma once

#include <string>
#include <string_view>

#include "server/query/language/filter.h"
#include "server/query/plan/attribute_slots.h"
#include "server/query/plan/fields.h"
#include "server/query/plan/sql.h"

namespace signalbox::server::query {

/// SQL (in parentheses, over a row of the signal's table) for `filter`; its values go into
/// `parameters`. Of metrics the table is `metric_series_rows`. `slots` tells where attributes
/// stand. `range` is that of the search, for fields of spans.
///
/// Positive tests imply that the field exists; negated ones (`!=`, NOT …) hold where it is absent.
/// A bare attribute name matches if the record's or its resource's attribute does. Numbers compare
/// as numbers whatever type was sent, text as text. Full text is searched for in any case.
/// Throws QueryError about "q" where a value does not fit its field.
std::string filter_sql(const FilterNode& filter, Signal signal, const AttributeSlots& slots,
                       Parameters& parameters, const TimeRange& range = {});

/// " = " for kEqual, " < " for kLess and so on: of the operators that compare by order, and that.
std::string_view comparison_sql(FilterOperator op);

}  // namespace signalbox::server::query

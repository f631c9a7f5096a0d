#pragma once

#include <string>

#include "server/query/language/filter.h"
#include "server/query/plan/sql.h"

namespace signalbox::server::query {

/// SQL (in parentheses) of conditions on whole traces, for HAVING over rows of `span_rows` that are
/// grouped by trace, each span once. Fields: `trace.duration` (from the first start to the last
/// end), `trace.span_count`, `trace.errors` (spans with an error), `trace.services` (how many there
/// are), `trace.root` and `trace.root_service` (the root's name and service; the first span's where
/// the root is missing). Values go into `parameters`.
/// Throws QueryError about "structure" where a field or an operator is not among these.
std::string trace_conditions_sql(const FilterNode& conditions, Parameters& parameters);

}  // namespace signalbox::server::query

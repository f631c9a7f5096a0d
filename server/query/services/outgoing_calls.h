#pragma once

#include <string>
#include <string_view>

#include "server/query/plan/attribute_slots.h"
#include "server/query/plan/sql.h"
#include "server/query/plan/time_range.h"

namespace signalbox::server::query {

/// SQL (UInt64) for what tells a span of a trace from others: the column `span_id` may be its own
/// id or that of its parent.
[[nodiscard]] std::string span_hash_sql(std::string_view span_id);

/// A subquery of what spans of kind client and producer that start in the range have called; those
/// of kind consumer, whose call is the other way round, are among them.
///
/// `keys` are some of the columns
/// - service_name and kind of the span;
/// - type: "database", "messaging", "rpc", "http" or "other";
/// - system: "postgresql", "kafka", "grpc"; "" of the others;
/// - target: what is called: a database's namespace, a queue's destination, another service's name
///   or address;
/// - address: "host:port" or "host";
/// - operation: of the database or queue, method of RPC or HTTP; else the span's name;
/// - of databases collection, and summary of the query.
///
/// Each row is of other keys, and has calls, errors, min_ns, max_ns, sum_ns (Float64), durations
/// (Map(UInt16, UInt64)) and examples (Array(UInt64)), the hashes of at most eight of these spans.
/// `condition` is SQL over a row of spans with " AND " at its end, or nothing.
[[nodiscard]] std::string outgoing_calls(const std::string& keys, const std::string& condition,
                                         const TimeRange& range, const AttributeSlots& slots,
                                         Parameters& parameters);

}  // namespace signalbox::server::query

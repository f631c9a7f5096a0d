#pragma once

#include <string>

#include "server/query/plan/sql.h"
#include "server/query/plan/time_range.h"

namespace signalbox::server::query {

/// Which spans of calls count: those whose resources have these values. Empty: all.
struct ResourceFilter {
  std::string environment = {};  ///< `deployment.environment.name` or `deployment.environment`.
  std::string service_namespace = {};  ///< `service.namespace`.

  [[nodiscard]] bool is_empty() const noexcept {
    return environment.empty() && service_namespace.empty();
  }
};

/// SQL over a row of spans with " AND " at its end; nothing of an empty filter.
[[nodiscard]] std::string of_resources(const ResourceFilter& filter, Parameters& parameters);

/// `range`, and around it where the other span of a call may start.
[[nodiscard]] TimeRange around(const TimeRange& range) noexcept;

/// A subquery of the calls from service to service whose called spans start in the range, as
/// 003_side_tables.sql says what a call is, with columns: client, server, kind (Int32), calls,
/// errors, client_durations and server_durations (Map(UInt16, UInt64)). Several rows may have the
/// same client, server and kind.
///
/// Whole minutes are read from the side table, the ends, the last minutes, and all if there is a
/// filter, from the spans. There the two spans of a call start at most five minutes apart.
[[nodiscard]] std::string service_edges(const TimeRange& range, const ResourceFilter& filter,
                                        Parameters& parameters);

}  // namespace signalbox::server::query

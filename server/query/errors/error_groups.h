#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "server/query/plan/fields.h"
#include "server/query/plan/session.h"
#include "server/query/plan/time_range.h"

namespace signalbox::server::query {

/// What errors of one group have in common.
struct ErrorKey {
  Signal signal = Signal::kTraces;  ///< kTraces or kLogs.
  std::string service;
  std::string type;  ///< As of 003_side_tables.sql, as is this:
  std::string shape;

  friend auto operator<=>(const ErrorKey&, const ErrorKey&) = default;
};

struct ErrorGroup {
  std::uint64_t count = 0;
  std::int64_t first_ns = 0;
  std::int64_t last_ns = 0;
  std::string message;   ///< Of one of the latest, as are these two.
  std::string trace_id;  ///< 16 bytes.
  std::string span_id;   ///< 8 bytes.
  std::map<std::int64_t, std::uint64_t> buckets;
};

struct ErrorGroups {
  Buckets buckets;
  std::map<ErrorKey, ErrorGroup> groups;
  bool is_complete = true;  ///< Else the rarest are missing, or have too few.
};

/// The errors of a range. Whole hours of receipt of long ranges are counted from the side tables,
/// the rest from spans (that start in the range) and log records. Errors: QueryError.
[[nodiscard]] ErrorGroups read_error_groups(Session& session, const TimeRange& range,
                                            const std::optional<std::string>& service,
                                            std::optional<Signal> signal);

}  // namespace signalbox::server::query

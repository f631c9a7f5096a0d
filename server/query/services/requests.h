#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "server/query/plan/session.h"
#include "server/query/plan/sql.h"
#include "server/query/plan/time_range.h"
#include "server/query/services/red.h"

namespace signalbox::server::query {

/// Whether a row of `operation_minutes` has no parent; of a span it is kIsRootSql.
inline constexpr std::string_view kIsRootMinuteSql = "is_root";

/// What a service was asked to do.
struct Requests {
  std::map<std::uint8_t, Red> totals;                           ///< By class.
  std::map<std::uint8_t, std::map<std::int64_t, Red>> buckets;  ///< By class and bucket.
  std::int64_t last_seen_ns = 0;                                ///< Start of the last span.

  /// Of the spans that count as requests; kInner if there are none.
  [[nodiscard]] std::uint8_t span_class() const;
  [[nodiscard]] Red total() const;
  [[nodiscard]] Red bucket(std::int64_t index) const;
};

/// By service.
using AllRequests = std::map<std::string, Requests, std::less<>>;

struct RequestsQuestion {
  TimeRange range;
  Buckets buckets;
  Apdex apdex;
  bool of_spans_alone = false;  ///< The condition is about columns that only spans have.
};

/// Of the spans that fulfil `condition` (SQL over a row of spans or of operation minutes, with
/// " AND " at its end, or nothing), whose values are in `parameters`. Errors: QueryError.
[[nodiscard]] AllRequests read_requests(Session& session, const std::string& condition,
                                        const Parameters& parameters,
                                        const RequestsQuestion& question);

}  // namespace signalbox::server::query

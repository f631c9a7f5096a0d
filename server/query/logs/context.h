#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "server/query/language/filter.h"
#include "server/query/logs/log_rows.h"
#include "server/query/plan/session.h"

namespace signalbox::server::query {

struct LogContextRequest {
  /// Whose records are shown around the one.
  enum class Scope : std::uint8_t { kInstance, kService, kTrace, kAll };
  LogId id;
  std::optional<std::int64_t> time_ns;  ///< Of the record: it is found faster by it.
  Scope scope = Scope::kInstance;       ///< kInstance: those of the same resource.
  FilterNode filter;                    ///< Of the others.
  std::uint32_t before = 10;            ///< At most so many of each; 0 to 500.
  std::uint32_t after = 10;
};

/// The answer to GET /api/v1/logs/{id}, as JSON: the record. kNotFound if there is none (any more).
std::string get_log(Session& session, const LogId& id, std::optional<std::int64_t> time_ns);

/// The answer to GET /api/v1/logs/{id}/context, as JSON: the record, and those directly before and
/// behind it by time, among equal times by identity. The others are looked for in growing
/// distances, up to 15 days. Errors: QueryError, kNotFound as above.
std::string get_log_context(Session& session, const LogContextRequest& request);

}  // namespace signalbox::server::query

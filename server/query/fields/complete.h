#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "server/query/plan/fields.h"
#include "server/query/plan/session.h"
#include "server/query/plan/time_range.h"

namespace signalbox::server::query {

inline constexpr std::uint32_t kMaxSuggestions = 100;

struct CompletionRequest {
  Signal signal = Signal::kTraces;
  std::string filter;        ///< As far as it is written; may be wrong.
  std::size_t position = 0;  ///< Where somebody writes: bytes from its start, at most its length.
  TimeRange range = {};      ///< In which fields and values are looked for.
  std::string metric = {};   ///< Only this metric's; "" for all.
  std::uint32_t limit = kMaxSuggestions;
};

/// The answer to GET /api/v1/complete, as JSON: what may be written there. Errors: QueryError.
std::string complete_filter(Session& session, const CompletionRequest& request);

}  // namespace signalbox::server::query

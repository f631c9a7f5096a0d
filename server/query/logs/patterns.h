#pragma once

#include <cstdint>
#include <string>

#include "server/query/plan/selection.h"
#include "server/query/plan/session.h"

namespace signalbox::server::query {

/// Of a selection of more log records so many are looked at, chosen by a hash of their identity.
inline constexpr std::uint64_t kPatternSample = 100'000;

/// The answer to GET /api/v1/logs/patterns, as JSON: the records of `selection` by the shape of
/// their bodies (see store::message_shape), those of the most frequent `limit` shapes (1 to 1,000).
/// Counts are estimates if only a sample was looked at. Errors: QueryError.
std::string get_log_patterns(Session& session, const Selection& selection, std::uint32_t limit);

}  // namespace signalbox::server::query

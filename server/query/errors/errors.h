#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "server/query/plan/fields.h"
#include "server/query/plan/session.h"
#include "server/query/plan/time_range.h"

namespace signalbox::server::query {

struct ErrorSearch {
  enum class Order : std::uint8_t {
    kFrequent,  ///< The most errors first.
    kLatest,    ///< Those that were seen last.
    kNew,       ///< Those whose first one in the range is the latest.
  };

  TimeRange range;
  std::optional<std::string> service = {};  ///< Nothing: all.
  std::optional<Signal> signal = {};        ///< kTraces or kLogs; nothing: both.
  std::string contains = {};                ///< In type or message, in any case; "" for all.
  Order order = Order::kFrequent;
  std::uint32_t limit = 100;
  std::string cursor = {};  ///< `next_cursor` of the page before, or "".
};

/// The answer to GET /api/v1/errors, as JSON: errors by signal, service, type and shape of their
/// message. Errors: QueryError.
std::string list_errors(Session& session, const ErrorSearch& search);

}  // namespace signalbox::server::query

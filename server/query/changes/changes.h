#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "server/query/plan/selection.h"
#include "server/query/plan/session.h"

namespace signalbox::server::query {

/// Two sets of spans or log records to compare.
struct ChangesRequest {
  Selection selection;
  /// Nothing: all of `whole` that are not in `selection`.
  std::optional<Selection> baseline;
  Selection whole;
  std::uint32_t limit = 20;  ///< Fields; 1 to 100.
};

/// Reads the body of POST /api/v1/changes. Throws QueryError.
ChangesRequest parse_changes(std::string_view body, std::int64_t now_ns);

/// The answer to POST /api/v1/changes, as JSON: the fields by how much their values differ between
/// the two sets, the most telling first. Of each set a sample of about 50,000 records is read.
///
/// The measure is the total variation distance of the values' shares (absence being a value, and
/// all that are not among the most frequent 50 one value), less what samples of this size differ by
/// chance. Errors: QueryError.
std::string find_changes(Session& session, const ChangesRequest& request);

}  // namespace signalbox::server::query

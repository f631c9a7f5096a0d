#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "server/query/plan/fields.h"
#include "server/query/plan/session.h"
#include "server/query/plan/time_range.h"

namespace signalbox::server::query {

/// A value that records have.
struct SuggestedValue {
  std::string text;
  char type = 's';            ///< As in attribute_types.
  std::uint64_t records = 0;  ///< That have it, of those that were looked at; 0: not counted.
};

struct ValuesWanted {
  Signal signal = Signal::kTraces;
  FieldReference field;
  TimeRange range;
  std::string metric;    ///< Only this metric's; "" for all.
  std::string contains;  ///< In any case; those that begin so come first.
  std::uint32_t limit = 0;
};

/// Values of a field of texts, the most frequent first: of attributes from the side tables, else of
/// the newest records. Never of ids, numbers and what has names of its own.
std::vector<SuggestedValue> suggest_values(Session& session, const ValuesWanted& wanted);

}  // namespace signalbox::server::query

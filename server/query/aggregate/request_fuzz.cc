#include <cstddef>
#include <cstdint>
#include <string_view>

#include "server/query/aggregate/plan.h"
#include "server/query/aggregate/request.h"
#include "server/query/error.h"

/// What is read as a request becomes statements; all else is refused.
// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace signalbox::server::query;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const AggregateRequest request = parse_aggregate_request(text, 1'700'000'000'000'000'000);
    for (const AggregateQuery& query : request.queries) {
      const AttributeSlots slots;
      const AggregatePlan plan(query, slots);
      Parameters parameters;
      plan.groups(parameters);
      const GroupKey key(query.group_by.size(), "x");
      if (query.buckets) plan.series({key}, query.with_rest, parameters);
    }
    for (const NamedFormula& formula : request.formulas) {
      formula.formula.evaluate([](const Formula::Reference&) { return 2.0; });
    }
  } catch (const QueryError&) {
  }
  return 0;
}

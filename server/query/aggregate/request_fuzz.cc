#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "server/query/aggregate/plan.h"
#include "server/query/aggregate/request.h"
#include "server/query/plan/error.h"

using namespace signalbox::server::query;

namespace {

/// No byte of a request that is not a letter or a digit gets into SQL other than as a parameter.
void check(const std::string& sql) {
  if (sql.find_first_of(";\\\"") != std::string::npos) std::abort();
}

}  // namespace

/// Any text is read and becomes statements, or is refused.
// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const AggregateRequest request = parse_aggregate_request(text, 1'700'000'000'000'000'000);
    for (const AggregateQuery& query : request.queries) {
      if (query.signal == Signal::kMetrics) continue;  // Has a planner of its own.
      const AttributeSlots slots;
      const AggregatePlan plan(query, slots);
      Parameters parameters;
      check(plan.groups(parameters));
      const GroupKey key(query.group_by.size(), "x;");
      if (query.buckets) check(plan.series({key}, query.with_rest, parameters));
    }
    for (const NamedFormula& formula : request.formulas) {
      const double value =
          formula.formula.evaluate([](const Formula::Reference& /*reference*/) { return 2.0; });
      if (std::isinf(value)) std::abort();
    }
  } catch (const QueryError&) {
  }
  return 0;
}

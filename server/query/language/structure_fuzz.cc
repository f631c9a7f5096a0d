#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "server/query/language/structure.h"
#include "server/query/plan/error.h"
#include "server/query/traces/structure_search.h"
#include "server/query/traces/trace_conditions.h"

using namespace signalbox::server::query;

/// Any text is either read or refused with a position within it; of what stands behind the bar only
/// parameters get into the SQL.
// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const Structure structure = parse_structure(text);
    if (structure.filters.size() != structure.steps.size() + 1) std::abort();
    if (!structure.is_required(structure.found_filter())) std::abort();
    check_structure(structure);
    Parameters parameters;
    const std::string sql = trace_conditions_sql(structure.conditions, parameters);
    if (sql.find_first_of(";\\`\"\n") != std::string::npos) std::abort();
  } catch (const QueryError& error) {
    if (error.parameter != "structure") std::abort();
    if (!error.position || *error.position > size) std::abort();
  }
  return 0;
}

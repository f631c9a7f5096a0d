#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "server/query/error.h"
#include "server/query/filter.h"
#include "server/query/filter_sql.h"

/// Any text is either read or refused with a position within it, and no byte of it that is not a
/// letter or a digit gets into the SQL other than as a parameter.
// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace signalbox::server::query;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const Signal signal : {Signal::kTraces, Signal::kLogs, Signal::kMetrics}) {
    try {
      Parameters parameters;
      const std::string sql = filter_sql(parse_filter(text), signal, AttributeSlots(), parameters);
      if (sql.find_first_of(";\\`\"\n") != std::string::npos &&
          sql.find("`events.name`") == std::string::npos &&
          sql.find("`links.trace_id`") == std::string::npos) {
        std::abort();
      }
    } catch (const QueryError& error) {
      if (!error.position || *error.position > size) std::abort();
    }
  }
  return 0;
}

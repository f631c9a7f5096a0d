#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "server/query/export/cursor.h"
#include "server/query/export/log_records.h"
#include "server/query/export/metric_points.h"
#include "server/query/export/span_records.h"
#include "server/query/plan/error.h"

/// A cursor that a client makes up is refused, or becomes SQL in which none of its texts stand.
// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace signalbox::server::query;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  try {
    const Cursor cursor = Cursor::from_text(text);
    if (Cursor::from_text(cursor.to_text()) != cursor) std::abort();
    for (const PageTable& table : {span_table(), log_table(), point_table(PointTable::kNumbers)}) {
      try {
        Parameters parameters;
        const std::string sql = cursor.condition(table.key, parameters);
        if (sql.find_first_of(";\"\\\n") != std::string::npos) std::abort();
      } catch (const QueryError&) {  // It is one of another table.
      }
    }
  } catch (const QueryError&) {  // It is none.
  }
  return 0;
}

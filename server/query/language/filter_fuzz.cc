#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <initializer_list>
#include <string>
#include <string_view>

#include "server/query/language/filter.h"
#include "server/query/language/filter_place.h"
#include "server/query/plan/error.h"
#include "server/query/plan/filter_sql.h"

using namespace signalbox::server::query;

namespace {

/// `sql` without what is ours in it.
std::string foreign_part(std::string sql) {
  for (const std::string_view ours :
       {"`events.name`", "`events.attributes`", "`links.trace_id`", "`links.span_id`",
        "`links.attributes`", R"(\x1E)", R"(\x1F)"}) {
    for (std::size_t at = sql.find(ours); at != std::string::npos; at = sql.find(ours, at)) {
      sql.erase(at, ours.size());
    }
  }
  return sql;
}

AttributeSlots::Known some_slots() {
  return {{{"spans", "a"}, {1, 17, 21, 27}}, {{"logs", "a"}, {2}}};
}

/// Something is expected wherever one writes, and what one writes there lies around the place.
void check_place(std::string_view text, std::size_t position) {
  const FilterPlace place = place_in_filter(text, position);
  if (place.begin > position || place.end < position || place.end > text.size()) std::abort();
  if (place.expected.is_empty()) std::abort();
  const std::string field = print_filter_field(place.typed) + " EXISTS";
  if (parse_filter(field).field != place.typed) std::abort();
}

}  // namespace

/// Any text is either read or refused with a position within it, and no byte of it that is not a
/// letter or a digit gets into the SQL other than as a parameter.
// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  for (const Signal signal : {Signal::kTraces, Signal::kLogs, Signal::kMetrics}) {
    try {
      Parameters parameters;
      const std::string sql =
          filter_sql(parse_filter(text), signal, AttributeSlots(some_slots), parameters);
      if (foreign_part(sql).find_first_of(";\\`\"\n") != std::string::npos) std::abort();
    } catch (const QueryError& error) {
      if (!error.position || *error.position > size) std::abort();
    }
  }
  if (size <= kMaxFilterBytes / 2) {
    check_place(text, size);
    check_place(text, size / 2);
  }
  return 0;
}

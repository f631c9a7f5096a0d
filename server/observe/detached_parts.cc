#include "server/observe/detached_parts.h"

#include <algorithm>
#include <charconv>
#include <string_view>

namespace signalbox::server::observe {
namespace {

/// The text before the next `end`, which goes with it.
std::string_view take(std::string_view& rest, char end) {
  const std::string_view field = rest.substr(0, rest.find(end));
  rest.remove_prefix(std::min(rest.size(), field.size() + 1));
  return field;
}

}  // namespace

std::string DetachedParts::text() const {
  if (count == 0) return {};
  return "The engine has set aside " + std::to_string(count) + " parts of " + tables +
         ", whose rows are not found, such as " + first_path +
         ": restore a backup if they are missed, or remove them to free their space";
}

DetachedParts read_detached_parts(store::Engine& engine) {
  store::QueryOptions options;
  options.work = store::WorkClass::kBackground;
  options.max_execution_time_ms = 5'000;
  const std::string data =
      engine
          .query(
              "SELECT count(), arrayStringConcat(arraySort(groupUniqArray(table)), ', '), "
              "min(path) FROM system.detached_parts WHERE database = currentDatabase() "
              "FORMAT TabSeparatedRaw",
              {}, options)
          .data;
  std::string_view rest = data;
  DetachedParts parts;
  const std::string_view count = take(rest, '\t');
  std::from_chars(count.data(), count.data() + count.size(), parts.count);
  parts.tables = take(rest, '\t');
  parts.first_path = take(rest, '\n');
  return parts;
}

}  // namespace signalbox::server::observe

#pragma once

#include <cstdint>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/query/json/json.h"
#include "server/query/plan/rows.h"
#include "server/query/plan/session.h"

namespace signalbox::server::query {

/// The SELECT list for attributes whose columns begin with `prefix`; `write_attributes` reads it.
std::string attribute_columns(const std::string& prefix = "");

/// Reads `attribute_columns` from `row` and writes them as an array of {key, type, value}.
void write_attributes(RowReader& row, JsonWriter& json);

/// The same from a map and its types that have been read already.
void write_attributes(const std::vector<std::pair<std::string_view, std::string_view>>& entries,
                      std::string_view types, JsonWriter& json);

/// "string" for 's' and so on, see sql/001_tables.sql; "string" for what is not known.
std::string_view attribute_type_name(char type);

/// The ids that the records of an answer refer to.
struct ReferencedIds {
  std::set<std::uint32_t> resources;
  std::set<std::uint32_t> scopes;
};

/// Reads (resource_id, scope_id, attribute_columns, dropped_attributes_count) from `row` and writes
/// them into an open object; the ids are put into `ids`.
void write_origin_and_attributes(RowReader& row, ReferencedIds& ids, JsonWriter& json);

/// Writes `"resources": {…}, "scopes": {…}`, each by its id, into an open object.
void write_resources_and_scopes(Session& session, const ReferencedIds& ids, JsonWriter& json);

}  // namespace signalbox::server::query

#include "server/query/plan/attributes.h"

#include "server/query/plan/ids.h"

namespace signalbox::server::query {
namespace {

void write_resources(Session& session, const std::set<std::uint32_t>& ids, JsonWriter& json) {
  json.key("resources").begin_object();
  if (!ids.empty()) {
    const std::string data = session.rows(
        "SELECT resource_id, service_name, " + attribute_columns() +
        ", dropped_attributes_count, schema_url FROM resource_rows WHERE resource_id IN " +
        number_list(ids) + " LIMIT 1 BY resource_id");
    for (RowReader row(data); !row.at_end();) {
      json.key(std::to_string(row.u32())).begin_object();
      json.key("service_name").string(row.string());
      json.key("attributes");
      write_attributes(row, json);
      json.key("dropped_attributes_count").number(row.u32());
      json.key("schema_url").string(row.string());
      json.end_object();
    }
  }
  json.end_object();
}

void write_scopes(Session& session, const std::set<std::uint32_t>& ids, JsonWriter& json) {
  json.key("scopes").begin_object();
  if (!ids.empty()) {
    const std::string data =
        session.rows("SELECT scope_id, name, version, " + attribute_columns() +
                     ", dropped_attributes_count, schema_url FROM scope_rows WHERE scope_id IN " +
                     number_list(ids) + " LIMIT 1 BY scope_id");
    for (RowReader row(data); !row.at_end();) {
      json.key(std::to_string(row.u32())).begin_object();
      json.key("name").string(row.string());
      json.key("version").string(row.string());
      json.key("attributes");
      write_attributes(row, json);
      json.key("dropped_attributes_count").number(row.u32());
      json.key("schema_url").string(row.string());
      json.end_object();
    }
  }
  json.end_object();
}

}  // namespace

std::string_view attribute_type_name(char type) {
  switch (type) {
    case 'i':
      return "int";
    case 'd':
      return "double";
    case 'b':
      return "bool";
    case 'y':
      return "bytes";
    case 'a':
      return "array";
    case 'k':
      return "kvlist";
    case 'e':
      return "empty";
    default:
      return "string";
  }
}

std::string attribute_columns(const std::string& prefix) {
  return "`" + prefix + "attributes`, `" + prefix + "attribute_types`";
}

void write_attributes(RowReader& row, JsonWriter& json) {
  const auto entries = row.map();
  write_attributes(entries, row.string(), json);
}

void write_attributes(const std::vector<std::pair<std::string_view, std::string_view>>& entries,
                      std::string_view types, JsonWriter& json) {
  json.begin_array();
  for (std::size_t i = 0; i < entries.size(); ++i) {
    json.begin_object();
    json.key("key").string(entries[i].first);
    json.key("type").string(attribute_type_name(i < types.size() ? types[i] : 's'));
    json.key("value").string(entries[i].second);
    json.end_object();
  }
  json.end_array();
}

void write_origin_and_attributes(RowReader& row, ReferencedIds& ids, JsonWriter& json) {
  const std::uint32_t resource_id = row.u32();
  const std::uint32_t scope_id = row.u32();
  ids.resources.insert(resource_id);
  ids.scopes.insert(scope_id);
  json.key("resource_id").digits(resource_id);
  json.key("scope_id").digits(scope_id);
  json.key("attributes");
  write_attributes(row, json);
  json.key("dropped_attributes_count").number(row.u32());
}

void write_resources_and_scopes(Session& session, const ReferencedIds& ids, JsonWriter& json) {
  write_resources(session, ids.resources, json);
  write_scopes(session, ids.scopes, json);
}

}  // namespace signalbox::server::query

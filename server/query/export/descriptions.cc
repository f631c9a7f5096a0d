#include "server/query/export/descriptions.h"

#include "server/query/export/stored_values.h"
#include "server/query/plan/ids.h"

namespace signalbox::server::query {

Descriptions::Descriptions(Session& session, const ReferencedIds& ids) {
  if (!ids.resources.empty()) read_resources(session, ids.resources);
  if (!ids.scopes.empty()) read_scopes(session, ids.scopes);
}

otlp::AttributesView Descriptions::read_kept_attributes(RowReader& row) {
  return attributes_.emplace_back(read_attributes(row, arena_));
}

void Descriptions::read_resources(Session& session, const std::set<std::uint32_t>& ids) {
  resource_data_ = session.rows("SELECT resource_id, " + attribute_columns() +
                                ", dropped_attributes_count, schema_url FROM resource_rows WHERE "
                                "resource_id IN " +
                                number_list(ids) + " LIMIT 1 BY resource_id");
  for (RowReader row(resource_data_); !row.at_end();) {
    otlp::ResourceView& resource = resources_[row.u32()];
    resource.attributes = read_kept_attributes(row);
    resource.dropped_attributes_count = row.u32();
    resource.schema_url = row.string();
  }
}

void Descriptions::read_scopes(Session& session, const std::set<std::uint32_t>& ids) {
  scope_data_ =
      session.rows("SELECT scope_id, name, version, " + attribute_columns() +
                   ", dropped_attributes_count, schema_url FROM scope_rows WHERE scope_id IN " +
                   number_list(ids) + " LIMIT 1 BY scope_id");
  for (RowReader row(scope_data_); !row.at_end();) {
    otlp::ScopeView& scope = scopes_[row.u32()];
    scope.name = row.string();
    scope.version = row.string();
    scope.attributes = read_kept_attributes(row);
    scope.dropped_attributes_count = row.u32();
    scope.schema_url = row.string();
  }
}

const otlp::ResourceView& Descriptions::resource(std::uint32_t id) const {
  static const otlp::ResourceView none;
  const auto at = resources_.find(id);
  return at == resources_.end() ? none : at->second;
}

const otlp::ScopeView& Descriptions::scope(std::uint32_t id) const {
  static const otlp::ScopeView none;
  const auto at = scopes_.find(id);
  return at == scopes_.end() ? none : at->second;
}

}  // namespace signalbox::server::query

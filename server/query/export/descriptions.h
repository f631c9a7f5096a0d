#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <vector>

#include "otlp/arena.h"
#include "otlp/records.h"
#include "server/query/plan/attributes.h"
#include "server/query/plan/session.h"

namespace signalbox::server::query {

/// The resources and scopes of a page's records, as they were sent. Views of them live as long as
/// it does. Not thread-safe.
class Descriptions {
 public:
  /// Errors: QueryError.
  Descriptions(Session& session, const ReferencedIds& ids);
  Descriptions(const Descriptions&) = delete;
  Descriptions& operator=(const Descriptions&) = delete;

  /// Of an id that is not known one that says nothing.
  [[nodiscard]] const otlp::ResourceView& resource(std::uint32_t id) const;
  [[nodiscard]] const otlp::ScopeView& scope(std::uint32_t id) const;

 private:
  void read_resources(Session& session, const std::set<std::uint32_t>& ids);
  void read_scopes(Session& session, const std::set<std::uint32_t>& ids);
  otlp::AttributesView read_kept_attributes(RowReader& row);

  std::string resource_data_, scope_data_;
  otlp::internal::Arena arena_;
  std::deque<std::vector<otlp::KeyValueView>> attributes_;
  std::map<std::uint32_t, otlp::ResourceView> resources_;
  std::map<std::uint32_t, otlp::ScopeView> scopes_;
};

}  // namespace signalbox::server::query

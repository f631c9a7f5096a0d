#include "server/query/services/graph_edges.h"

#include "server/query/plan/rows.h"

namespace signalbox::server::query {

std::string id_of(const Node& node) {
  return node.type + ":" + (node.system.empty() ? "" : node.system + ":") + node.name;
}

Node service_node(std::string_view name) {
  return {.type = "service", .system = {}, .name = std::string(name)};
}

Edges read_service_edges(Session& session, const TimeRange& range, const ResourceFilter& resources,
                         const std::string& where, Parameters parameters) {
  const std::string data = session.rows(
      "SELECT toString(client), toString(server), kind, sum(calls) AS total, sum(errors), "
      "CAST(sumMap(client_durations), 'Array(Tuple(UInt16, UInt64))'), "
      "CAST(sumMap(server_durations), 'Array(Tuple(UInt16, UInt64))')\nFROM " +
          service_edges(range, resources, parameters) + (where.empty() ? "" : "\nWHERE " + where) +
          "\nGROUP BY client, server, kind ORDER BY total DESC, client, server, kind LIMIT " +
          std::to_string(kMaxEdges + 1),
      parameters);
  Edges edges;
  for (RowReader row(data); !row.at_end();) {
    edges.is_complete = edges.edges.size() < kMaxEdges;
    if (!edges.is_complete) break;
    Edge& edge = edges.edges.emplace_back();
    edge.client = service_node(row.string());
    edge.server = service_node(row.string());
    edge.is_message = row.i32() == 5;  // A consumer.
    edge.calls = row.u64();
    edge.errors = row.u64();
    edge.client_durations = Durations::read(row);
    edge.server_durations = Durations::read(row);
  }
  return edges;
}

}  // namespace signalbox::server::query

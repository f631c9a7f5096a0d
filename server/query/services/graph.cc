#include "server/query/services/graph.h"

#include <algorithm>
#include <iterator>
#include <map>
#include <tuple>
#include <utility>
#include <vector>

#include "server/query/services/call_stats.h"
#include "server/query/services/graph_edges.h"
#include "server/query/services/requests.h"

namespace signalbox::server::query {
namespace {

void write_edge(const Edge& edge, const TimeRange& range, JsonWriter& json) {
  json.begin_object();
  json.key("client").string(id_of(edge.client));
  json.key("server").string(id_of(edge.server));
  json.key("kind").string(edge.is_message ? "message" : "call");
  write_call_counts(edge.calls, edge.errors, range, json);
  write_durations(edge.client_durations, json.key("client_durations"));
  write_durations(edge.server_durations.value_or(Durations()), json.key("server_durations"));
  json.end_object();
}

void write_node(const Node& node, const Red& red, const TimeRange& range, JsonWriter& json) {
  json.begin_object();
  json.key("id").string(id_of(node));
  json.key("type").string(node.type);
  json.key("system").string(node.system);
  json.key("name").string(node.name);
  write_red(red, range, json);
  json.end_object();
}

/// All services that sent spans, by what they were asked to do.
AllRequests read_services(Session& session, const GraphRequest& request) {
  Parameters parameters;
  const std::string condition = of_resources(request.resources, parameters);
  return read_requests(session, condition, parameters,
                       {.range = request.range,
                        .buckets = round_buckets(request.range, 1),
                        .apdex = {},
                        .of_spans_alone = !request.resources.is_empty()});
}

}  // namespace

std::string get_service_graph(Session& session, const GraphRequest& request) {
  const auto& [range, resources, inferred] = request;
  auto [edges, is_complete] = read_service_edges(session, range, resources, {}, Parameters());
  if (inferred) {
    Edges others = read_inferred_edges(session, range, resources);
    is_complete = is_complete && others.is_complete;
    std::move(others.edges.begin(), others.edges.end(), std::back_inserter(edges));
  }
  std::sort(edges.begin(), edges.end(), [](const Edge& a, const Edge& b) {
    return std::tie(b.calls, a.client, a.server, a.is_message) <
           std::tie(a.calls, b.client, b.server, b.is_message);
  });

  std::map<Node, Red> nodes;
  for (const Edge& edge : edges) {
    nodes[edge.client];
    nodes[edge.server];
  }
  for (const auto& [name, requests] : read_services(session, request)) {
    nodes[service_node(name)] = requests.total();
  }

  JsonWriter json;
  json.begin_object().key("nodes").begin_array();
  for (const auto& [node, red] : nodes) write_node(node, red, request.range, json);
  json.end_array();
  json.key("edges").begin_array();
  for (const Edge& edge : edges) write_edge(edge, request.range, json);
  json.end_array();
  json.key("is_complete").boolean(is_complete);
  session.write_stats(json);
  json.end_object();
  return json.take();
}

void write_neighbours(Session& session, std::string_view service, const TimeRange& range,
                      JsonWriter& json) {
  const auto write = [&](std::string_view name, const std::string& column) {
    Parameters parameters;
    const std::string where = column + " = " + parameters.bind(service);
    json.key(name).begin_array();
    for (const Edge& edge : read_service_edges(session, range, {}, where, parameters).edges) {
      write_edge(edge, range, json);
    }
    json.end_array();
  };
  write("callers", "server");
  write("services", "client");
}

}  // namespace signalbox::server::query

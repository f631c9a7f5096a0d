#include <algorithm>
#include <set>
#include <utility>

#include "server/query/plan/fields.h"
#include "server/query/plan/ids.h"
#include "server/query/plan/rows.h"
#include "server/query/services/call_stats.h"
#include "server/query/services/graph_edges.h"
#include "server/query/services/outgoing_calls.h"

namespace signalbox::server::query {
namespace {

constexpr std::int32_t kConsumer = 5;
constexpr std::string_view kMessaging = "messaging";
constexpr std::string_view kDatabase = "database";

/// Of so many the examples fit into one statement.
constexpr std::size_t kMaxInferredEdges = 500;

/// Calls by one service of one thing that may have no spans.
struct OutgoingCalls {
  std::string service;
  std::int32_t kind = 0;
  Node target;
  CallStats stats;
  std::vector<std::uint64_t> examples;  ///< Hashes of calling spans.
};

std::vector<OutgoingCalls> read_outgoing_calls(Session& session, const TimeRange& range,
                                               const ResourceFilter& resources) {
  constexpr const char* kKeys = "service_name, kind, type, system, target";
  Parameters parameters;
  const std::string condition = of_resources(resources, parameters);
  const std::string data = session.rows(
      std::string("SELECT toString(service_name) AS service, kind, type, system, target, ") +
          std::string(kCallStatsSql) + ", groupArraySampleArray(8)(examples)\nFROM " +
          outgoing_calls(kKeys, condition, range, session.slots(), parameters) +
          "\nWHERE target != '' AND (kind != 5 OR type = 'messaging')\n"
          "GROUP BY service, kind, type, system, target "
          "ORDER BY sum(calls) DESC, service, kind, type, system, target LIMIT " +
          std::to_string(kMaxInferredEdges + 1),
      parameters);
  std::vector<OutgoingCalls> all;
  for (RowReader row(data); !row.at_end();) {
    OutgoingCalls& calls = all.emplace_back();
    calls.service = row.string();
    calls.kind = row.i32();
    calls.target.type = row.string();
    calls.target.system = row.string();
    calls.target.name = row.string();
    calls.stats = read_call_stats(row);
    for (std::size_t left = row.size(); left > 0; --left) calls.examples.push_back(row.u64());
  }
  return all;
}

/// Whether spans of the called one cannot be expected.
bool never_has_spans(const Node& node) {
  return node.type == kDatabase || node.type == kMessaging;
}

/// The calling spans among the examples that reached a span of a service.
std::set<std::uint64_t> answered(Session& session, const std::vector<OutgoingCalls>& all,
                                 const TimeRange& range) {
  std::vector<std::uint64_t> examples;
  for (const OutgoingCalls& calls : all) {
    if (never_has_spans(calls.target)) continue;
    examples.insert(examples.end(), calls.examples.begin(), calls.examples.end());
  }
  std::set<std::uint64_t> found;
  if (examples.empty()) return found;
  Parameters parameters;
  const std::string hash = span_hash_sql("parent_span_id");
  const std::string data = session.rows("SELECT DISTINCT " + hash + " FROM span_rows WHERE " +
                                            std::string(kTakesRequestsSql) + " AND " +
                                            in_range("start_time", around(range), parameters) +
                                            " AND " + hash + " IN " + number_list(examples),
                                        parameters);
  for (RowReader row(data); !row.at_end();) found.insert(row.u64());
  return found;
}

}  // namespace

Edges read_inferred_edges(Session& session, const TimeRange& range,
                          const ResourceFilter& resources) {
  std::vector<OutgoingCalls> all = read_outgoing_calls(session, range, resources);
  Edges edges{.edges = {}, .is_complete = all.size() <= kMaxInferredEdges};
  if (!edges.is_complete) all.resize(kMaxInferredEdges);
  const std::set<std::uint64_t> reached = answered(session, all, range);
  for (OutgoingCalls& calls : all) {
    const bool reaches_a_service =
        !never_has_spans(calls.target) &&
        std::any_of(calls.examples.begin(), calls.examples.end(),
                    [&](std::uint64_t example) { return reached.contains(example); });
    if (reaches_a_service) continue;
    Edge edge{.client = service_node(calls.service),
              .server = calls.target,
              .is_message = calls.target.type == kMessaging,
              .calls = calls.stats.calls,
              .errors = calls.stats.errors,
              .client_durations = std::move(calls.stats.durations),
              .server_durations = {}};
    if (calls.kind == kConsumer) {
      // What it takes from the queue; how long the queue had it nobody knows.
      std::swap(edge.client, edge.server);
      edge.server_durations = std::exchange(edge.client_durations, {});
    }
    edges.edges.push_back(std::move(edge));
  }
  return edges;
}

}  // namespace signalbox::server::query

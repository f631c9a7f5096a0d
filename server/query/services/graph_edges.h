#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/query/plan/durations.h"
#include "server/query/plan/session.h"
#include "server/query/plan/sql.h"
#include "server/query/plan/time_range.h"
#include "server/query/services/edges.h"

/// Who calls whom: what the graph of services is made of.
namespace signalbox::server::query {

/// What is drawn beyond is no picture any more. Those with the most calls stay.
inline constexpr std::size_t kMaxEdges = 2'000;

/// A service, or what has no spans of its own.
struct Node {
  std::string type;  ///< "service", or as of `outgoing_calls`.
  std::string system;
  std::string name;

  friend auto operator<=>(const Node&, const Node&) = default;
};

/// The same node has the same id in any range.
[[nodiscard]] std::string id_of(const Node& node);
[[nodiscard]] Node service_node(std::string_view name);

struct Edge {
  Node client;
  Node server;
  bool is_message = false;
  std::uint64_t calls = 0;
  std::uint64_t errors = 0;
  Durations client_durations;
  std::optional<Durations> server_durations;  ///< None if the called one has no spans.
};

/// Those with the most calls first.
struct Edges {
  std::vector<Edge> edges;
  bool is_complete = true;  ///< Else there are more.
};

/// Calls from service to service, kMaxEdges at most. `where` is SQL over a
/// row of `service_edges`, whose values are in `parameters`; or empty. Errors: QueryError.
[[nodiscard]] Edges read_service_edges(Session& session, const TimeRange& range,
                                       const ResourceFilter& resources, const std::string& where,
                                       Parameters parameters);

/// Calls of databases, messages into queues and out of them, and of other things that are called
/// those by none of whose calls, as far as some were looked at, a span of a service was reached.
/// Errors: QueryError.
[[nodiscard]] Edges read_inferred_edges(Session& session, const TimeRange& range,
                                        const ResourceFilter& resources);

}  // namespace signalbox::server::query

#pragma once

#include <array>
#include <string_view>

/// The attributes by which a span tells what it calls, by the semantic conventions of
/// OpenTelemetry: of each the present name first, then former ones.
namespace signalbox::server::query::call_keys {

inline constexpr std::array<std::string_view, 2> kDatabaseSystem = {"db.system.name", "db.system"};
inline constexpr std::array<std::string_view, 2> kNamespace = {"db.namespace", "db.name"};
inline constexpr std::array<std::string_view, 2> kDatabaseOperation = {"db.operation.name",
                                                                       "db.operation"};
inline constexpr std::array<std::string_view, 4> kCollection = {
    "db.collection.name", "db.sql.table", "db.mongodb.collection", "db.cassandra.table"};
inline constexpr std::array<std::string_view, 1> kSummary = {"db.query.summary"};

inline constexpr std::array<std::string_view, 1> kMessagingSystem = {"messaging.system"};
inline constexpr std::array<std::string_view, 2> kDestination = {"messaging.destination.name",
                                                                 "messaging.destination"};
inline constexpr std::array<std::string_view, 3> kMessagingOperation = {
    "messaging.operation.name", "messaging.operation.type", "messaging.operation"};

inline constexpr std::array<std::string_view, 2> kRpcSystem = {"rpc.system.name", "rpc.system"};
inline constexpr std::array<std::string_view, 1> kRpcService = {"rpc.service"};
inline constexpr std::array<std::string_view, 1> kRpcMethod = {"rpc.method"};

inline constexpr std::array<std::string_view, 2> kHttpMethod = {"http.request.method",
                                                                "http.method"};
inline constexpr std::array<std::string_view, 1> kUrlTemplate = {"url.template"};
inline constexpr std::array<std::string_view, 2> kUrl = {"url.full", "http.url"};

/// The called service's own name, as the caller knows it.
inline constexpr std::array<std::string_view, 2> kPeer = {"service.peer.name", "peer.service"};
inline constexpr std::array<std::string_view, 4> kHost = {"server.address", "net.peer.name",
                                                          "network.peer.address", "net.peer.ip"};
inline constexpr std::array<std::string_view, 3> kPort = {"server.port", "net.peer.port",
                                                          "network.peer.port"};

}  // namespace signalbox::server::query::call_keys

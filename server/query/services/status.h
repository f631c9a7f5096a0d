#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "server/query/plan/session.h"

namespace signalbox::server::query {

/// What the server itself says of its state.
struct ServerState {
  std::string_view version;
  double uptime_s = 0;
  std::uint16_t otlp_grpc_port = 0;
  std::uint16_t otlp_http_port = 0;
};

/// The answer to GET /api/v1/status, as JSON: that the engine answers, and how much it holds.
std::string get_status(Session& session, const ServerState& state);

}  // namespace signalbox::server::query

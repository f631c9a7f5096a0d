#pragma once

#include <string_view>

#include "server/api/target.h"
#include "server/net/http.h"
#include "server/tail/hub.h"

namespace signalbox::server::api {

inline constexpr std::string_view kTailPath = "/api/v1/tail";

/// Opens a tail as `target` asks for it: Server-Sent Events, which end when the client goes.
/// Throws query::QueryError.
net::Response open_tail(Target& target, tail::Hub& hub);

}  // namespace signalbox::server::api

#pragma once

#include <string_view>

#include "server/net/http.h"

namespace signalbox::server::config {

/// Reads "127.0.0.1:4317", "[::1]:4317" (as `net::to_string` writes them) or "localhost:4317".
/// Throws std::invalid_argument, whose message says what is expected.
net::Endpoint parse_endpoint(std::string_view text);

/// Whether only programs of this machine reach it: 127.0.0.0/8 or ::1.
bool is_loopback(const net::Endpoint& endpoint);

}  // namespace signalbox::server::config

#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace signalbox::server::api {

/// Whether the Host header `host` ("name", "name:8080", "127.0.0.1", "[::1]:8080") is one that this
/// server answers to: any IP address, localhost and names below it, or one of `allowed` ("*": any).
///
/// A foreign page can make its own name point to this machine and then read what the server
/// answers ("DNS rebinding"), but it cannot do so under an address or under localhost.
bool is_allowed_host(std::string_view host, const std::vector<std::string>& allowed);

}  // namespace signalbox::server::api

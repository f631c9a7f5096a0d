#pragma once

#include <string_view>

#include "server/net/http.h"

namespace signalbox::server::api {

enum class Encoding : unsigned char { kIdentity, kGzip, kZstd };

/// The best one that a client takes, by its Accept-Encoding (RFC 9110, section 12.5.3).
Encoding choose_encoding(std::string_view accepted);

/// Encodes a body that is text, long enough to gain by it, and not encoded yet, as the client takes
/// it. Short of memory, it stays as it is. Thread-safe.
void compress(net::Response& response, std::string_view accepted);

}  // namespace signalbox::server::api

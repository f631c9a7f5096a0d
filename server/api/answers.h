#pragma once

#include "server/net/http.h"
#include "server/query/plan/error.h"

namespace signalbox::server::api {

/// The error as JSON, with the status and headers that go with its code.
net::Response error_response(const query::QueryError& error);

/// What every answer of the UI's port carries.
void add_security_headers(net::Headers& headers);

}  // namespace signalbox::server::api

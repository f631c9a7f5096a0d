#pragma once

#include <string>

#include "server/cli/doctor/finding.h"
#include "server/config/client_options.h"
#include "server/net/http.h"

/// What listens on the server's ports, and what a running server says of itself.
namespace signalbox::server::cli {

enum class Listener : std::uint8_t {
  kNobody,
  kUi,
  kOtlpHttp,
  kOtlpGrpc,
  kOther,
  kForbidden,  ///< Nobody, but this user may not listen there.
  kNotOurs,    ///< The address is none of this machine's.
};

/// Who listens at `endpoint`. Sends one or two requests over HTTP.
Listener who_listens(const net::Endpoint& endpoint, bool has_tls);

/// One port: whether who listens there is who should.
Finding judge_port(const std::string& name, const net::Endpoint& endpoint, Listener expected,
                   Listener found, bool server_runs);

/// The URL of the web UI.
std::string url_of(const net::Endpoint& endpoint, bool has_tls);

/// What /readyz says, and what of senders' requests was refused in the last hour.
Findings check_server(const std::string& url);

/// Whether the variables of OpenTelemetry in this process's environment confuse the ports.
Finding check_sender_variables(const std::string& endpoint, const std::string& protocol);

}  // namespace signalbox::server::cli

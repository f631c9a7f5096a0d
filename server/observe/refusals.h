#pragma once

#include <string>

#include "server/net/http.h"
#include "server/observe/reporter.h"

namespace signalbox::server::observe {

/// `handler`, whose refusals are reported under `transport` ("OTLP/gRPC") with sender and reason.
/// `reporter` outlives the requests.
net::Handler report_refusals(net::Handler handler, std::string transport, Reporter& reporter);

/// The same for what a server refuses itself.
net::RefusalResponse report_refusals(net::RefusalResponse refusal, std::string transport,
                                     Reporter& reporter);

net::HeadCheck report_refusals(net::HeadCheck check, std::string transport, Reporter& reporter);

/// Reports clients whose bytes are not of the server's protocol.
net::WrongProtocol report_wrong_protocol(std::string transport, Reporter& reporter);

/// What an answer says is wrong, as OTLP's two transports and the API say it; "" if it is a
/// success.
std::string refusal_text(const net::Response& response);

}  // namespace signalbox::server::observe

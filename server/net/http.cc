#include "server/net/http.h"

namespace signalbox::server::net {

std::string to_string(const Endpoint& endpoint) {
  const bool is_v6 = endpoint.address.find(':') != std::string::npos;
  return (is_v6 ? '[' + endpoint.address + ']' : endpoint.address) + ':' +
         std::to_string(endpoint.port);
}

Response default_refusal(const Request& /*request*/, Refusal refusal) {
  Response response;
  response.headers.add("content-type", "text/plain; charset=utf-8");
  switch (refusal) {
    case Refusal::kHeadTooLarge:
      response.status = 431;
      response.body = "The request's header is too large; send fewer or shorter fields.\n";
      break;
    case Refusal::kBodyTooLarge:
      response.status = 413;
      response.body = "The request's body is too large; send smaller batches.\n";
      break;
    case Refusal::kOverloaded:
      response.status = 503;
      response.headers.add("retry-after", "1");
      response.body = "The server holds as many request bytes as it may; try again.\n";
      break;
  }
  return response;
}

}  // namespace signalbox::server::net

#include "server/api/tail_route.h"

#include <utility>

#include "server/api/answers.h"
#include "server/api/search_parameters.h"
#include "server/query/plan/error.h"

namespace signalbox::server::api {
namespace {

net::Response too_many_tails() {
  net::Response response =
      error_response({query::ErrorCode::kUnavailable,
                      "As many live tails are open as this server allows. Close one, or try again "
                      "in a while."});
  response.status = 429;
  return response;
}

}  // namespace

net::Response open_tail(Target& target, tail::Hub& hub) {
  const query::Signal signal = signal_of(target);
  const query::FilterNode filter = filter_of(target);
  target.refuse_others();
  std::shared_ptr<net::BodySource> source = hub.open(signal, filter);
  if (source == nullptr) return too_many_tails();
  net::Response response;
  response.headers.add("content-type", "text/event-stream");
  response.headers.add("cache-control", "no-store");
  response.headers.add("x-accel-buffering", "no");  // Else nginx would keep events back.
  response.source = std::move(source);
  return response;
}

}  // namespace signalbox::server::api

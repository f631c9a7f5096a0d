#pragma once

#include <string>

#include "demo/common/router.h"

namespace signalbox::demo {

/// What httpbin's `/anything` would answer: the request, as JSON.
[[nodiscard]] std::string describe_request(const Request& request, const Connection& connection);

/// The stand-in for httpbin: `/anything`, for every method, answers with the request itself.
///
/// Thread-safety: `handle` from any thread. Lifetime: it must outlive its requests. Create it after
/// the SDK is installed.
class Echo {
 public:
  Echo();

  boost::asio::awaitable<Response> handle(const Request& request, const Connection& connection);

 private:
  Router router_;
};

}  // namespace signalbox::demo

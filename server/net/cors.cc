#include "server/net/cors.h"

#include <algorithm>
#include <string_view>
#include <utility>

namespace signalbox::server::net {
namespace {

using Origins = std::shared_ptr<const std::vector<std::string>>;

/// The value of `access-control-allow-origin` for a request; "" if its origin is not allowed.
std::string allowed_origin(const Origins& origins, const Request& request) {
  const std::string_view origin = request.headers.get("origin");
  const bool allowed =
      !origin.empty() && std::any_of(origins->begin(), origins->end(),
                                     [&](const auto& one) { return one == "*" || one == origin; });
  return std::string(allowed ? origin : std::string_view());
}

void allow(Response& response, const std::string& origin) {
  // Answers differ by origin: a cache must not give one's to the other.
  response.headers.add("vary", "origin");
  if (!origin.empty()) response.headers.set("access-control-allow-origin", origin);
}

bool is_preflight(const Request& request) {
  return request.method == "OPTIONS" && request.headers.find("origin") &&
         request.headers.find("access-control-request-method");
}

Response answer_preflight(const Request& request, const std::string& origin) {
  Response response;
  allow(response, origin);
  if (origin.empty()) {
    response.status = 403;
    response.headers.add("content-type", "text/plain; charset=utf-8");
    response.body = "Web pages of this origin may not send here; allow it with --cors-origin.\n";
    return response;
  }
  response.status = 204;
  response.headers.add("access-control-allow-methods", "POST");
  const std::string_view wanted = request.headers.get("access-control-request-headers");
  if (!wanted.empty()) {
    response.headers.add("access-control-allow-headers", std::string(wanted));
    response.headers.add("vary", "access-control-request-headers");
  }
  response.headers.add("access-control-max-age", "7200");
  return response;
}

/// Adds to the answer that the origin may read it.
class AllowingExchange final : public Responder::Exchange {
 public:
  AllowingExchange(Responder inner, std::string origin)
      : inner_(std::move(inner)), origin_(std::move(origin)) {}

  void respond(Response response) noexcept override {
    try {
      allow(response, origin_);
    } catch (const std::exception&) {
      // Out of memory: the browser then keeps the answer from its page.
    }
    inner_(std::move(response));
  }
  [[nodiscard]] bool abandoned() const noexcept override { return inner_.abandoned(); }

 private:
  Responder inner_;
  const std::string origin_;
};

}  // namespace

Cors::Cors(std::vector<std::string> origins)
    : origins_(std::make_shared<const std::vector<std::string>>(std::move(origins))) {}

Handler Cors::filter(Handler handler) const {
  if (origins_->empty()) return handler;
  return [origins = origins_, handler = std::move(handler)](Request request, Responder respond) {
    std::string origin = allowed_origin(origins, request);
    if (is_preflight(request)) {
      respond(answer_preflight(request, origin));
      return;
    }
    auto exchange = std::make_shared<AllowingExchange>(std::move(respond), std::move(origin));
    handler(std::move(request), Responder(std::move(exchange)));
  };
}

RefusalResponse Cors::filter(RefusalResponse refusal) const {
  if (origins_->empty()) return refusal;
  return [origins = origins_, refusal = std::move(refusal)](const Request& request, Refusal why) {
    Response response = refusal ? refusal(request, why) : default_refusal(request, why);
    allow(response, allowed_origin(origins, request));
    return response;
  };
}

HeadCheck Cors::filter(HeadCheck check) const {
  if (origins_->empty()) return check;
  return [origins = origins_, check = std::move(check)](const Request& head) {
    std::optional<Response> response = check(head);
    if (response) allow(*response, allowed_origin(origins, head));
    return response;
  };
}

}  // namespace signalbox::server::net

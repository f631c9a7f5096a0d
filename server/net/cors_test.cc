#include "server/net/cors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace signalbox::server::net {
namespace {

using ::testing::HasSubstr;

class CapturedExchange final : public Responder::Exchange {
 public:
  void respond(Response response) noexcept override { answer = std::move(response); }
  [[nodiscard]] bool abandoned() const noexcept override { return false; }
  std::optional<Response> answer;
};

Request request_of(const std::string& method, const std::string& origin) {
  Request request;
  request.method = method;
  request.target = "/v1/traces";
  if (!origin.empty()) request.headers.add("origin", origin);
  return request;
}

Request preflight_of(const std::string& origin) {
  Request request = request_of("OPTIONS", origin);
  request.headers.add("access-control-request-method", "POST");
  request.headers.add("access-control-request-headers", "content-type,x-key");
  return request;
}

/// What a server that takes everything answers behind `cors`.
Response answer(const Cors& cors, Request request) {
  const auto exchange = std::make_shared<CapturedExchange>();
  cors.filter([](Request, Responder respond) { respond({}); })(std::move(request),
                                                               Responder(exchange));
  return *exchange->answer;
}

Cors shop() {
  return Cors({"https://shop.example"});
}

TEST(Cors, AnswersThePreflightOfAListedOrigin) {
  const Response response = answer(shop(), preflight_of("https://shop.example"));

  EXPECT_EQ(response.status, 204u);
  EXPECT_EQ(response.headers.get("access-control-allow-origin"), "https://shop.example");
  EXPECT_EQ(response.headers.get("access-control-allow-methods"), "POST");
  EXPECT_EQ(response.headers.get("access-control-allow-headers"), "content-type,x-key");
  EXPECT_EQ(response.headers.find("access-control-allow-credentials"), std::nullopt);
  EXPECT_EQ(response.headers.find("access-control-expose-headers"), std::nullopt);
}

TEST(Cors, RefusesThePreflightOfAnotherOrigin) {
  for (const char* origin : {"https://other.example", "https://shop.example.evil", "null"}) {
    const Response response = answer(shop(), preflight_of(origin));
    EXPECT_EQ(response.status, 403u) << origin;
    EXPECT_EQ(response.headers.find("access-control-allow-origin"), std::nullopt);
    EXPECT_THAT(response.body, HasSubstr("--cors-origin"));
  }
}

TEST(Cors, LetsListedOriginsReadAnswersAndRefusals) {
  const Response listed = answer(shop(), request_of("POST", "https://shop.example"));
  EXPECT_EQ(listed.headers.get("access-control-allow-origin"), "https://shop.example");
  EXPECT_EQ(listed.headers.get("vary"), "origin");
  const Response other = answer(shop(), request_of("POST", "https://other.example"));
  EXPECT_EQ(other.headers.find("access-control-allow-origin"), std::nullopt);
  EXPECT_EQ(other.headers.get("vary"), "origin");

  const Response refused = shop().filter(RefusalResponse())(
      request_of("POST", "https://shop.example"), Refusal::kBodyTooLarge);
  EXPECT_EQ(refused.status, 413u);
  EXPECT_EQ(refused.headers.get("access-control-allow-origin"), "https://shop.example");
}

TEST(Cors, TakesAnyOriginForAStar) {
  EXPECT_EQ(answer(Cors({"*"}), request_of("POST", "https://any.example"))
                .headers.get("access-control-allow-origin"),
            "https://any.example");
}

TEST(Cors, ChangesNothingWithoutOrigins) {
  const Response response = answer(Cors({}), preflight_of("https://shop.example"));
  EXPECT_EQ(response.status, 200u);
  EXPECT_TRUE(response.headers.empty());
}

}  // namespace
}  // namespace signalbox::server::net

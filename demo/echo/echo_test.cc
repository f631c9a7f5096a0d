#include "demo/echo/echo.h"

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <boost/json/value.hpp>
#include <string>

namespace signalbox::demo {
namespace {

namespace json = boost::json;

json::value describe(Request request) {
  request.set(http::field::host, "localhost:8086");
  const Connection connection{"127.0.0.1", 5000, 8086};
  return json::parse(describe_request(request, connection));
}

TEST(Echo, DescribesAGetAsHttpbinDoes) {
  Request request{http::verb::get, "/anything?a=1&b=x+%41&a=2&flag", 11};
  request.set("traceparent", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
  request.set(http::field::accept, "*/*");
  EXPECT_EQ(describe(request), json::parse(R"({
    "args": {"a": ["1", "2"], "b": "x A", "flag": ""},
    "data": "", "files": {}, "form": {},
    "headers": {"Accept": "*/*", "Host": "localhost:8086",
      "Traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"},
    "json": null, "method": "GET", "origin": "127.0.0.1",
    "url": "http://localhost:8086/anything?a=1&b=x+%41&a=2&flag"})"));
}

TEST(Echo, ParsesAJsonBody) {
  Request request{http::verb::post, "/anything", 11, R"({"number": [1, 2]})"};
  const json::value answer = describe(request);
  EXPECT_EQ(answer.at("data"), R"({"number": [1, 2]})");
  EXPECT_EQ(answer.at("json"), json::parse(R"({"number": [1, 2]})"));
  EXPECT_EQ(answer.at("method"), "POST");
}

TEST(Echo, ParsesAForm) {
  Request request{http::verb::put, "/anything", 11, "a=1&b=%C3%A9&&c=%zz"};
  request.set(http::field::content_type, "application/x-www-form-urlencoded");
  const json::value answer = describe(request);
  EXPECT_EQ(answer.at("form"), json::parse(R"({"a": "1", "b": "é", "c": "%zz"})"));
  EXPECT_EQ(answer.at("data"), "");
  EXPECT_TRUE(answer.at("json").is_null());
}

TEST(Echo, ShowsABinaryBodyAsBase64) {
  const Request request{http::verb::post, "/anything", 11, std::string("\xff\x00\x01", 3)};
  EXPECT_EQ(describe(request).at("data"), "data:application/octet-stream;base64,/wAB");
}

}  // namespace
}  // namespace signalbox::demo

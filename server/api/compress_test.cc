#include "server/api/compress.h"

#include <gtest/gtest.h>

#include <string>

#include "server/receive/decompress.h"

namespace signalbox::server::api {
namespace {

TEST(Compress, TakesTheBestThatTheClientTakes) {
  EXPECT_EQ(choose_encoding("gzip, deflate, br, zstd"), Encoding::kZstd);
  EXPECT_EQ(choose_encoding("gzip, deflate, br"), Encoding::kGzip);
  EXPECT_EQ(choose_encoding("X-GZIP"), Encoding::kGzip);
  EXPECT_EQ(choose_encoding("zstd;q=0, gzip;q=0.5"), Encoding::kGzip);
  EXPECT_EQ(choose_encoding("zstd; q=0.0 ,\tgzip ;q=1"), Encoding::kGzip);
  EXPECT_EQ(choose_encoding("*"), Encoding::kZstd);
  EXPECT_EQ(choose_encoding("*;q=0, gzip"), Encoding::kGzip);
  EXPECT_EQ(choose_encoding("zstd;q=0, *"), Encoding::kGzip);
  EXPECT_EQ(choose_encoding(""), Encoding::kIdentity);
  EXPECT_EQ(choose_encoding("br, identity"), Encoding::kIdentity);
  EXPECT_EQ(choose_encoding(";;,,=q"), Encoding::kIdentity);
}

net::Response answer(std::string body, const std::string& type = "application/json") {
  net::Response response;
  response.headers.add("content-type", type);
  response.body = std::move(body);
  return response;
}

TEST(Compress, EncodesLongTextSuchThatItIsReadBack) {
  std::string body;
  for (int i = 0; i < 10'000; ++i) body += "{\"span\":" + std::to_string(i) + "},";
  for (const auto* const accepted : {"zstd", "gzip"}) {
    for (const bool is_shared : {false, true}) {
      net::Response response = answer(is_shared ? "" : body);
      if (is_shared) response.shared_body = std::make_shared<const std::string>(body);
      compress(response, accepted);
      EXPECT_EQ(response.headers.get("content-encoding"), accepted);
      EXPECT_EQ(response.headers.get("vary"), "accept-encoding");
      EXPECT_LT(response.content().size(), body.size() / 4);
      std::string decoded;
      EXPECT_EQ(receive::decompress(*receive::compression_named(accepted), response.content(), {},
                                    decoded),
                receive::DecompressStatus::kOk);
      EXPECT_EQ(decoded, body);
    }
  }
}

TEST(Compress, LeavesWhatGainsNothing) {
  const std::string long_text(5000, 'x');
  for (net::Response response :
       {answer("{}"), answer(long_text, "image/png"), answer(long_text, "font/woff2")}) {
    const std::string before(response.content());
    compress(response, "zstd, gzip");
    EXPECT_FALSE(response.headers.find("content-encoding").has_value());
    EXPECT_EQ(response.content(), before);
  }
  net::Response response = answer(long_text);
  compress(response, "br");
  EXPECT_EQ(response.content(), long_text);
}

}  // namespace
}  // namespace signalbox::server::api

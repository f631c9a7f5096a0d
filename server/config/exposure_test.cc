#include "server/config/exposure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "server/config/endpoint.h"

namespace signalbox::server::config {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

TEST(Exposure, KnowsLoopback) {
  for (const char* loopback : {"127.0.0.1:1", "127.9.8.7:1", "[::1]:1", "localhost:1"}) {
    EXPECT_TRUE(is_loopback(parse_endpoint(loopback))) << loopback;
  }
  for (const char* open : {"0.0.0.0:1", "[::]:1", "192.168.1.2:1", "[fe80::1]:1", "128.0.0.1:1",
                           "[::ffff:127.0.0.1]:1"}) {
    EXPECT_FALSE(is_loopback(parse_endpoint(open))) << open;
  }
}

TEST(Exposure, LetsLoopbackBe) {
  const Exposure exposure = check_exposure({}, false);
  EXPECT_FALSE(exposure.refusal);
  EXPECT_FALSE(exposure.warning);
}

TEST(Exposure, RefusesAnOpenReceiverWithoutKeys) {
  ServeOptions options;
  options.grpc = parse_endpoint("0.0.0.0:4317");

  const Exposure exposure = check_exposure(options, false);
  ASSERT_TRUE(exposure.refusal);
  EXPECT_THAT(*exposure.refusal, HasSubstr("--grpc-address 0.0.0.0:4317"));
  EXPECT_THAT(*exposure.refusal, HasSubstr("--insecure"));
  EXPECT_THAT(*exposure.refusal, HasSubstr("signalbox keys create"));
  EXPECT_THAT(*exposure.refusal, Not(HasSubstr("--http-address")));

  EXPECT_FALSE(check_exposure(options, true).refusal) << "with keys it may";
}

TEST(Exposure, WarnsEachTimeOfWhatWasAllowed) {
  ServeOptions options;
  options.http = parse_endpoint("[::]:4318");
  options.insecure = true;

  const Exposure exposure = check_exposure(options, false);
  EXPECT_FALSE(exposure.refusal);
  ASSERT_TRUE(exposure.warning);
  EXPECT_THAT(*exposure.warning, HasSubstr("--http-address [::]:4318"));
}

TEST(Exposure, RefusesAnOpenUiEvenWithKeys) {
  ServeOptions options;
  options.ui = parse_endpoint("0.0.0.0:8080");

  const Exposure exposure = check_exposure(options, true);
  ASSERT_TRUE(exposure.refusal);
  EXPECT_THAT(*exposure.refusal, HasSubstr("--ui-address 0.0.0.0:8080"));
  options.insecure = true;
  EXPECT_TRUE(check_exposure(options, true).warning);
}

}  // namespace
}  // namespace signalbox::server::config

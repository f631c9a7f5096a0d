#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signalbox/resource/resource.h>
#include <unistd.h>

#include <protozero/pbf_reader.hpp>
#include <string>
#include <utility>
#include <vector>

#include "sdk/resource/encode.h"

namespace signalbox::sdk {
namespace {

using ::testing::StartsWith;

TEST(Resource, DetectsTheSdkTheProcessAndTheHost) {
  const Resource resource = Resource::detect();
  EXPECT_EQ(resource.get_string("telemetry.sdk.name"), "signalbox");
  EXPECT_EQ(resource.get_string("telemetry.sdk.language"), "cpp");
  EXPECT_NE(resource.get_string("telemetry.sdk.version"), "");
  EXPECT_THAT(std::string(resource.get_string("service.name")),
              StartsWith("unknown_service:sdk_resource_test"));
  EXPECT_EQ(*resource.get("process.pid"), OwnedAttributeValue(std::int64_t{getpid()}));
  EXPECT_NE(resource.get_string("host.name"), "");
  EXPECT_EQ(resource.get_string("service.instance.id").size(), 36U);
  EXPECT_NE(resource.get_string("service.instance.id"),
            Resource::detect().get_string("service.instance.id"));
}

TEST(Resource, MergeLetsTheUpdatingOneDecide) {
  const Resource base(Attributes{{"service.name", "old"}, {"host.name", "h"}}, "https://a");
  const Resource updating({{"service.name", "new"}, {"extra", 1}});
  const Resource merged = base.merge(updating);
  EXPECT_EQ(merged.get_string("service.name"), "new");
  EXPECT_EQ(merged.get_string("host.name"), "h");
  EXPECT_EQ(*merged.get("extra"), OwnedAttributeValue(std::int64_t{1}));
  EXPECT_EQ(merged.schema_url(), "https://a");
  EXPECT_EQ(base.merge(Resource(Attributes{}, "https://b")).schema_url(), "");
  EXPECT_EQ(Resource().merge(base).schema_url(), "https://a");
}

TEST(Resource, KeepsTheLastOfEqualKeysSortedWithoutEmptyOnes) {
  const Resource resource({{"b", 1}, {"a", 2}, {"", 3}, {"b", "last"}});
  ASSERT_EQ(resource.attributes().size(), 2U);
  EXPECT_EQ(resource.attributes()[0].key, "a");
  EXPECT_EQ(resource.get_string("b"), "last");
  EXPECT_EQ(resource.get_string("a"), "");
  EXPECT_EQ(resource.get("c"), nullptr);
}

TEST(Resource, EncodesEveryType) {
  std::vector<OwnedAttribute> attributes;
  attributes.push_back({"strings", std::vector<std::string>{"a", "b"}});
  attributes.push_back({"bools", std::vector<bool>{true, false, true}});
  attributes.push_back({"ints", std::vector<std::int64_t>{-1}});
  attributes.push_back({"doubles", std::vector<double>{0.5}});
  attributes.push_back({"bool", false});
  const std::string bytes = encode_resource(Resource(std::move(attributes)));

  protozero::pbf_reader reader(bytes);
  std::vector<std::string> keys;
  int bools = 0;
  while (reader.next(1)) {
    protozero::pbf_reader key_value = reader.get_message();
    ASSERT_TRUE(key_value.next(1));
    keys.push_back(key_value.get_string());
    ASSERT_TRUE(key_value.next(2));
    if (keys.back() != "bools") continue;
    protozero::pbf_reader any = key_value.get_message();
    ASSERT_TRUE(any.next(5));
    protozero::pbf_reader array = any.get_message();
    while (array.next(1)) {
      protozero::pbf_reader element = array.get_message();
      ASSERT_TRUE(element.next(2));
      bools = bools * 10 + (element.get_bool() ? 1 : 2);
    }
  }
  EXPECT_EQ(keys, (std::vector<std::string>{"bool", "bools", "doubles", "ints", "strings"}));
  EXPECT_EQ(bools, 121);
}

}  // namespace
}  // namespace signalbox::sdk

#include "sdk/common/attribute_encoder.h"

#include <gtest/gtest.h>

#include <limits>
#include <protozero/pbf_reader.hpp>
#include <span>
#include <string>
#include <vector>

#include "sdk/common/attribute_store.h"

namespace signalbox::sdk {
namespace {

TEST(WireAttribute, SizesAreExactAndNestingIsWellFormed) {
  const std::vector<std::string_view> strings{"", "a", std::string_view("bad\xFF")};
  const std::string long_text(20'000, 'x');
  const AttributeValue values[] = {"",
                                   long_text,
                                   true,
                                   std::numeric_limits<std::int64_t>::min(),
                                   0,
                                   -0.5,
                                   std::span<const std::string_view>(strings),
                                   std::span<const double>()};
  for (const AttributeValue& value : values) {
    for (const std::size_t limit : {kUnlimited, std::size_t{2}}) {
      const WireAttribute attribute(9, "key", value, limit);
      std::string out(attribute.size(), '\0');
      ASSERT_EQ(attribute.write(out.data()), out.data() + out.size());
      protozero::pbf_reader reader(out);
      ASSERT_TRUE(reader.next(9));
      protozero::pbf_reader key_value = reader.get_message();
      ASSERT_TRUE(key_value.next(1));
      EXPECT_EQ(key_value.get_string(), "key");
      ASSERT_TRUE(key_value.next(2));
      protozero::pbf_reader any = key_value.get_message();
      while (any.next()) any.skip();
      EXPECT_FALSE(key_value.next());
      EXPECT_FALSE(reader.next());
    }
  }
}

TEST(AttributeFilter, KeepsTheLastOfEqualKeysAndCountsOnlyWhatALimitDropped) {
  const Attribute list[] = {{"a", 1}, {"", 2}, {"b", 3}, {"a", 4}, {"c", 5}, {"d", 6}};
  std::vector<std::string> kept;
  const std::uint32_t dropped =
      AttributeFilter(std::span<const Attribute>(list), 2).for_each([&](const Attribute& each) {
        kept.push_back(std::string(each.key) + std::to_string(each.value.as_int()));
      });
  EXPECT_EQ(kept, (std::vector<std::string>{"b3", "a4"}));
  EXPECT_EQ(dropped, 2U);
}

TEST(AttributeStore, CopiesDoNotReferToTheOriginal) {
  AttributeStore store;
  InstrumentationScope copy;
  std::string before;
  {
    std::string name = "name";
    std::string text = "text";
    std::vector<std::string_view> strings{name, text};
    std::vector<double> doubles{0.5};
    const Attribute list[] = {{name, text},
                              {"strings", std::span<const std::string_view>(strings)},
                              {"doubles", std::span<const double>(doubles)},
                              {"n", 1}};
    const InstrumentationScope scope{.name = name,
                                     .version = text,
                                     .schema_url = text,
                                     .attributes = std::span<const Attribute>(list)};
    before = encode_scope(scope);
    copy = store.copy(scope);
    name = "gone";
    text = "gone";
    doubles[0] = 7;
  }
  EXPECT_EQ(encode_scope(copy), before);
  EXPECT_EQ(copy.schema_url, "text");
}

}  // namespace
}  // namespace signalbox::sdk

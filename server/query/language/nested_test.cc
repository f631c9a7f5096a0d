#include "server/query/language/nested.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace signalbox::server::query {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;

NestedStep key(std::string name) {
  return {.key = std::move(name)};
}
NestedStep index(std::uint32_t number) {
  return {.key = {}, .index = number};
}

TEST(NestedPath, GoesByKeysAndIndexes) {
  EXPECT_THAT(parse_nested_path("user"), ElementsAre(key("user")));
  EXPECT_THAT(parse_nested_path("user.id"), ElementsAre(key("user"), key("id")));
  EXPECT_THAT(parse_nested_path("items[0].name"), ElementsAre(key("items"), index(0), key("name")));
  EXPECT_THAT(parse_nested_path("[2][31]"), ElementsAre(index(2), index(31)));
  EXPECT_THAT(parse_nested_path("[2]x"), ElementsAre(index(2), key("x")));
}

TEST(NestedPath, TakesWhatIsNoIndexForAKey) {
  EXPECT_THAT(parse_nested_path(""), ElementsAre(key("")));
  EXPECT_THAT(parse_nested_path("a..b."), ElementsAre(key("a"), key(""), key("b"), key("")));
  EXPECT_THAT(parse_nested_path("a[x].b[]"), ElementsAre(key("a[x]"), key("b[]")));
  EXPECT_THAT(parse_nested_path("a[1234567890]"), ElementsAre(key("a[1234567890]")));
  EXPECT_THAT(parse_nested_path("a[1"), ElementsAre(key("a[1")));
}

TEST(NestedPath, HasNoMoreStepsThanItMay) {
  std::string text = "a";
  for (std::size_t i = 1; i < kMaxNestedSteps; ++i) text += ".a";
  EXPECT_EQ(parse_nested_path(text).size(), kMaxNestedSteps);
  EXPECT_EQ(parse_nested_path(text + ".b[0]").size(), kMaxNestedSteps);
  EXPECT_EQ(parse_nested_path(text + ".b[0]").back(), key("a.b[0]"));
}

std::vector<std::pair<std::string, NestedPath>> readings(std::string_view name) {
  std::vector<std::pair<std::string, NestedPath>> all;
  for (NestedKey& nested : nested_keys(name)) {
    all.emplace_back(std::move(nested.key), std::move(nested.path));
  }
  return all;
}

TEST(NestedKeys, AreAllThatANameMayMean) {
  EXPECT_THAT(readings("user"), IsEmpty());
  EXPECT_THAT(readings("a.b[0]"), ElementsAre(Pair("a.b", ElementsAre(index(0))),
                                              Pair("a", ElementsAre(key("b"), index(0)))));
  EXPECT_THAT(readings(".a"), IsEmpty());
  EXPECT_EQ(readings("a.b.c.d.e.f.g.h.i.j.k.l").size(), 8U);
}

}  // namespace
}  // namespace signalbox::server::query

#include "sdk/metrics/attribute_set.h"

#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <random>
#include <string>
#include <tuple>
#include <vector>

namespace signalbox::metrics::detail {
namespace {

constexpr std::uint32_t kField = 7;

std::string canonical(Attributes attributes) {
  return canonical_attributes(kField, attributes);
}

TEST(CanonicalAttributes, DoNotDependOnTheOrder) {
  EXPECT_EQ(canonical({{"a", 1}, {"b", "x"}, {"c", true}}),
            canonical({{"c", true}, {"a", 1}, {"b", "x"}}));
}

TEST(CanonicalAttributes, KeepTheLastOfEqualKeysAndNoEmptyOnes) {
  EXPECT_EQ(canonical({{"a", 1}, {"", 5}, {"a", 2}}), canonical({{"a", 2}}));
  EXPECT_EQ(canonical({{"", 1}}), "");
}

TEST(CanonicalAttributes, TellTypesApart) {
  EXPECT_NE(canonical({{"a", 1}}), canonical({{"a", 1.0}}));
  EXPECT_NE(canonical({{"a", 1}}), canonical({{"a", "1"}}));
  EXPECT_NE(canonical({{"a", 1}}), canonical({{"a", true}}));
  const std::array<std::int64_t, 1> one = {1};
  EXPECT_NE(canonical({{"a", 1}}), canonical({{"a", std::span<const std::int64_t>(one)}}));
}

bool is_found(Attributes attributes, std::string_view spelling, std::uint64_t& hash) {
  bool ok = true;
  hash = hash_spelling(42, attributes, ok);
  return ok && is_spelled(spelling, attributes);
}

TEST(Spelling, DoesNotConfuseKeysWithValues) {
  const std::string spelling = make_spelling({{"ab", "c"}});
  std::uint64_t hash = 0;
  EXPECT_TRUE(is_found({{"ab", "c"}}, spelling, hash));
  EXPECT_FALSE(is_found({{"a", "bc"}}, spelling, hash));
  EXPECT_FALSE(is_found({{"abc", ""}}, spelling, hash));
  EXPECT_FALSE(is_found({{"ab", "c"}, {"d", "e"}}, spelling, hash));
  EXPECT_FALSE(is_found({}, spelling, hash));
  EXPECT_FALSE(is_found({{"ab", "d"}}, spelling, hash));
}

TEST(Spelling, HasNoPlaceForArrays) {
  const std::array<double, 2> numbers = {1, 2};
  bool ok = true;
  std::ignore = hash_spelling(1, {{"a", std::span<const double>(numbers)}}, ok);
  EXPECT_FALSE(ok);
}

// Every length on both sides of each shortcut, every byte changed once.
TEST(Spelling, NoticesEveryChangedByte) {
  for (std::size_t size = 0; size < 70; ++size) {
    std::string key(size + 1, 'k');
    std::string value(size, 'v');
    const std::string spelling = make_spelling({{key, std::string_view(value)}});
    std::uint64_t hash = 0;
    ASSERT_TRUE(is_found({{key, std::string_view(value)}}, spelling, hash)) << size;
    for (std::string* changed : {&key, &value}) {
      for (char& c : *changed) {
        const char before = c;
        c = 'x';
        std::uint64_t other = 0;
        EXPECT_FALSE(is_found({{key, std::string_view(value)}}, spelling, other)) << size;
        if (changed == &value) {
          EXPECT_NE(other, hash) << size;
        }
        c = before;
      }
    }
  }
}

// Model: the attributes themselves.
TEST(Spelling, IsEqualExactlyIfTheAttributesAre) {
  const unsigned seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const std::array<std::string, 4> keys = {"", "a", "method", "a.much.longer.key.than.the.others"};
  const std::array<std::string, 3> texts = {"", "GET", "/a/path/that/is/rather/long"};
  const std::array<double, 4> doubles = {0.0, -0.0, 1.5, std::numeric_limits<double>::infinity()};
  struct Model {
    std::string key;
    int type;
    std::size_t value;
    bool operator==(const Model&) const = default;
  };
  const auto to_attributes = [&](const std::vector<Model>& models) {
    std::vector<Attribute> attributes;
    for (const Model& model : models) {
      switch (model.type) {
        case 0:
          attributes.push_back({model.key, std::string_view(texts[model.value % texts.size()])});
          break;
        case 1:
          attributes.push_back({model.key, model.value % 2 == 0});
          break;
        case 2:
          attributes.push_back({model.key, static_cast<std::int64_t>(model.value)});
          break;
        default:
          attributes.push_back({model.key, doubles[model.value % doubles.size()]});
          break;
      }
    }
    return attributes;
  };
  const auto random_models = [&] {
    std::vector<Model> models(random() % 3);
    for (Model& model : models) {
      constexpr std::array<std::size_t, 4> kValues = {3, 2, 4, 4};
      const int type = static_cast<int>(random() % 4);
      model = {keys[random() % keys.size()], type,
               random() % kValues[static_cast<std::size_t>(type)]};
    }
    return models;
  };
  for (int i = 0; i < 20'000; ++i) {
    const std::vector<Model> a = random_models();
    const std::vector<Model> b = random_models();
    const std::string spelling = make_spelling(Attributes(to_attributes(a)));
    EXPECT_EQ(is_spelled(spelling, Attributes(to_attributes(b))), a == b);
    if (a == b) {
      bool ok = true;
      EXPECT_EQ(hash_spelling(7, Attributes(to_attributes(a)), ok),
                hash_spelling(7, Attributes(to_attributes(b)), ok));
    }
  }
}

}  // namespace
}  // namespace signalbox::metrics::detail

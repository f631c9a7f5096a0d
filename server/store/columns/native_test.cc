#include "server/store/columns/native.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/store/columns/attributes.h"
#include "server/store/columns/hash.h"
#include "server/store/columns/row_order.h"

namespace signalbox::server::store {
namespace {

using std::string_literals::operator""s;

struct OneColumn {
  LowCardinalityColumn names;
  template <typename F>
  void visit(F f) {
    f("n", names);
  }
};

TEST(Native, WritesColumnsWithNamesTypesAndDictionaries) {
  OneColumn table;
  table.names.append("ab");
  table.names.append("");
  table.names.append("ab");
  std::string out;

  write_native(table, out);

  EXPECT_EQ(out,
            "\x01\x03\x01n\x16LowCardinality(String)"
            "\x01\0\0\0\0\0\0\0"  // Version of the dictionaries.
            "\0\x02\0\0\0\0\0\0"  // Indexes of one byte, keys follow.
            "\x02\0\0\0\0\0\0\0\x02"s
            "ab\0"
            "\x03\0\0\0\0\0\0\0\0\x01\0"s);
}

TEST(Native, WritesNoDictionaryForNoElements) {
  ArrayColumn<LowCardinalityColumn> column;
  column.end_row();
  std::string out;

  column.write_prefix(out);
  column.write_data(out, {});

  EXPECT_EQ(out,
            "\x01\0\0\0\0\0\0\0"
            "\0\0\0\0\0\0\0\0"s);
}

TEST(Native, WidensIndexesWithTheDictionary) {
  for (const auto& [keys, width] : {std::pair<unsigned, unsigned>{255, 1}, {256, 2}, {65'536, 4}}) {
    LowCardinalityColumn column;
    std::size_t key_bytes = 0;
    for (unsigned i = 0; i < keys; ++i) {
      const std::string key = std::to_string(i);
      column.append(key);
      key_bytes += 1 + key.size();
    }
    std::string out;
    column.write_data(out, {});
    EXPECT_EQ(out.size(), 24 + key_bytes + keys * width) << keys;
  }
}

TEST(Native, TruncatesToWhatWasThereBefore) {
  ArrayColumn<MapColumn<StringColumn>> column;
  struct Entry {
    std::string_view key;
    std::string_view value;
  };
  const std::string long_value(200, 'x');
  column.elements().append(std::vector<Entry>{{"a", long_value}}, 7);
  column.end_row();
  std::string before;
  column.write_data(before, {});
  column.mark();
  column.elements().append(std::vector<Entry>{{"a", "y"}},
                           7);  // The row itself is not ended: the request broke off.

  column.roll_back();

  std::string after;
  column.write_data(after, {});
  EXPECT_EQ(after, before);
}

TEST(Native, RepeatsTheKeysOfARowWithTheSameShape) {
  struct Entry {
    std::string_view key;
    std::string_view value;
  };
  const std::vector<Entry> first{{"a", "1"}, {"b", "2"}};
  const std::vector<Entry> second{{"a", "3"}, {"b", "1"}};
  MapColumn<LowCardinalityColumn> with_shapes;
  MapColumn<LowCardinalityColumn> without;
  for (int round = 0; round < 2; ++round) {
    with_shapes.append(first, 1);
    without.append(first, 0);
    with_shapes.mark();
    without.mark();
    with_shapes.append(second, 1);
    without.append(second, 0);
    with_shapes.roll_back();  // The shape of what is left is not known.
    without.roll_back();
  }
  std::string expected;
  without.write_data(expected, {});
  std::string out;

  with_shapes.write_data(out, {});

  EXPECT_EQ(out, expected);
}

TEST(Native, AppendsEachOfManyNumbers) {
  for (const std::size_t count : {0U, 1U, 2047U, 2048U, 2049U, 10'000U}) {
    std::string out = "before";
    append_each<std::uint16_t>(out, count,
                               [](std::size_t i) { return static_cast<std::uint16_t>(i * 7); });
    ASSERT_EQ(out.size(), 6 + count * 2);
    for (std::size_t i = 0; i < count; ++i) {
      std::uint16_t number = 0;
      std::memcpy(&number, out.data() + 6 + i * 2, 2);
      ASSERT_EQ(number, static_cast<std::uint16_t>(i * 7));
    }
  }
}

TEST(RowOrder, GroupsSpansByServiceNameAndMinuteAndKeepsTheRest) {
  constexpr std::int64_t kMinute = 60'000'000'000;
  SpanColumns spans;
  const auto add = [&](std::string_view service, std::string_view name, std::int64_t time) {
    spans.service_name.append(service);
    spans.name.append(name);
    spans.start_time.append(time);
  };
  add("web", "b", 5);            // 0
  add("shop", "a", kMinute);     // 1
  add("web", "a", kMinute * 2);  // 2
  add("web", "b", 3);            // 3: as it came, though earlier
  add("shop", "a", 9);           // 4
  add("web", "a", kMinute);      // 5
  EXPECT_EQ(order_of(spans), (std::vector<std::uint32_t>{4, 1, 5, 2, 0, 3}));

  SpanColumns sorted;
  std::swap(spans, sorted);
  add("shop", "a", 1);
  add("shop", "a", 0);
  add("web", "a", 0);
  EXPECT_TRUE(order_of(spans).empty());
}

TEST(StringDictionary, NumbersDistinctStringsInTheirOrder) {
  StringDictionary dictionary;
  for (int round = 0; round < 2; ++round) {
    for (std::uint32_t i = 0; i < 5000; ++i) {
      ASSERT_EQ(dictionary.index_of("key " + std::to_string(i)), i);
    }
  }
  EXPECT_EQ(dictionary.size(), 5000U);
  EXPECT_EQ(dictionary[4999], "key 4999");

  dictionary.clear();
  EXPECT_EQ(dictionary.index_of("other"), 0U);
  EXPECT_EQ(dictionary.index_of(""), 1U);
}

// The hash is part of what is on disk.
TEST(Hash, StaysWhatItIs) {
  EXPECT_EQ(hash_bytes(""), 13053720021258080622U);
  EXPECT_EQ(hash_bytes("service.name"), 10487811814126688110U);
  EXPECT_EQ(hash_bytes("a text of more than sixteen bytes"), 3441158601435008477U);
  EXPECT_EQ(Hasher().add("a").add(std::uint64_t{7}).value(), 11421183390214557238U);
}

TEST(Hash, TellsFieldsApart) {
  EXPECT_NE(Hasher().add("ab").add("c").value(), Hasher().add("a").add("bc").value());
  EXPECT_NE(Hasher().add(std::uint64_t{1}).add(std::uint64_t{2}).value(),
            Hasher().add(std::uint64_t{2}).add(std::uint64_t{1}).value());
  std::string text;
  std::uint64_t last = hash_bytes(text);
  for (int i = 0; i < 100; ++i) {
    text.push_back('\0');
    EXPECT_NE(hash_bytes(text), last);
    last = hash_bytes(text);
  }
}

TEST(EqualBytes, FindsEachDifference) {
  for (std::size_t size = 0; size < 40; ++size) {
    const std::string text(size, 'x');
    EXPECT_TRUE(equal_bytes(text, std::string(size, 'x')));
    EXPECT_FALSE(equal_bytes(text, text + "x"));
    for (std::size_t at = 0; at < size; ++at) {
      std::string other = text;
      other[at] = 'y';
      EXPECT_FALSE(equal_bytes(text, other)) << size << " bytes, another at " << at;
    }
  }
}

TEST(StoredAttributes, HasTheSameShapeForTheSameKeysInARow) {
  otlp::KeyValueView attributes[2] = {{"b", {}}, {"a", {}}};
  StoredAttributes stored;
  stored.assign(attributes);
  const std::uint64_t first = stored.shape();
  attributes[0].value = {.type = otlp::ValueType::kString, .text = "x"};
  stored.assign(attributes);
  EXPECT_EQ(stored.shape(), first);
  EXPECT_EQ(stored.types(), "es");

  attributes[0].key = "c";
  stored.assign(attributes);

  EXPECT_NE(stored.shape(), first);
  StoredAttributes other;
  other.assign({});
  EXPECT_NE(other.shape(), 0U);
  EXPECT_NE(other.shape(), stored.shape());
}

TEST(StoredAttributes, SortsByKeyAndKeepsDoublesInTheirOrder) {
  otlp::KeyValueView attributes[4] = {{"b", {}}, {"a", {}}, {"b", {}}, {"B", {}}};
  attributes[0].value = {.type = otlp::ValueType::kInt, .int_value = -1, .text = {}};
  attributes[1].value = {.type = otlp::ValueType::kBool, .bool_value = true, .text = {}};
  attributes[2].value = {.type = otlp::ValueType::kString, .text = "two"};
  StoredAttributes stored;

  stored.assign(attributes);

  EXPECT_EQ(stored.types(), "ebis");
  ASSERT_EQ(stored.entries().size(), 4U);
  EXPECT_EQ(stored.entries()[0].key, "B");
  EXPECT_EQ(stored.entries()[1].value, "true");
  EXPECT_EQ(stored.entries()[2].value, "-1");
  EXPECT_EQ(stored.entries()[3].value, "two");
  EXPECT_EQ(stored.find("b"), "-1");
  EXPECT_EQ(stored.find("c"), "");
}

}  // namespace
}  // namespace signalbox::server::store

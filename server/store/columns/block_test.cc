#include "server/store/columns/block.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <string>
#include <utility>
#include <vector>

namespace signalbox::server::store {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

using Blocks = std::vector<std::pair<std::string, std::string>>;

constexpr std::int64_t kReceivedNs = 1'790'000'000'000'000'000;

void add_span(Block& block, std::string_view service, std::string_view name) {
  const otlp::KeyValueView attribute{"service.name",
                                     {.type = otlp::ValueType::kString, .text = service}};
  otlp::ResourceView resource;
  resource.attributes = {&attribute, 1};
  otlp::SpanView span;
  span.trace_id = "0123456789abcdef";
  span.span_id = "01234567";
  span.name = name;
  otlp::TraceSink& sink = block.sinks().traces;
  sink.on_resource(resource);
  sink.on_scope({});
  sink.on_span(span);
}

void add_points(Block& block, std::string_view name, int points) {
  otlp::MetricsSink& sink = block.sinks().metrics;
  sink.on_resource({});
  sink.on_scope({});
  otlp::MetricView metric;
  metric.name = name;
  sink.on_metric(metric);
  for (int i = 0; i < points; ++i) sink.on_point(otlp::NumberPointView{});
}

Blocks all_of(Block& block) {
  Blocks blocks;
  SealedBlock sealed = block.seal(kReceivedNs / 1000);
  for (TableRows& rows : sealed.descriptions) blocks.emplace_back(rows.table, rows.native);
  for (TableRows& rows : sealed.data) blocks.emplace_back(rows.table, rows.native);
  return blocks;
}

std::vector<std::string> tables_of(const Blocks& blocks) {
  std::vector<std::string> names;
  for (const auto& [table, native] : blocks) names.push_back(table);
  return names;
}

TEST(Block, WritesOnlyTablesWithRowsAndDescriptionsFirst) {
  Registry registry(100);
  Block block(registry);
  EXPECT_THAT(all_of(block), IsEmpty());

  block.begin_request(kReceivedNs);
  add_points(block, "m", 2);
  add_span(block, "shop", "GET /");

  EXPECT_THAT(tables_of(all_of(block)),
              ElementsAre("resource_rows", "scope_rows", "metric_series_rows",
                          "metric_series_hour_rows", "span_rows", "metric_number_rows"));
  EXPECT_EQ(block.rows(), 3U);
}

TEST(Block, SealsARowCountForEachTable) {
  Registry registry(100);
  Block block(registry);
  block.begin_request(kReceivedNs);
  add_points(block, "m", 2);

  const SealedBlock sealed = block.seal(kReceivedNs / 1000);

  ASSERT_EQ(sealed.data.size(), 1U);
  EXPECT_EQ(sealed.data[0].table, "metric_number_rows");
  EXPECT_EQ(sealed.data[0].rows, 2U);
}

TEST(Block, KeepsNothingOfARequestThatIsRolledBack) {
  Registry registry(100);
  Block with(registry);
  Block without(registry);
  for (Block* block : {&with, &without}) {
    block->begin_request(kReceivedNs);
    add_span(*block, "shop", "GET /");
    add_points(*block, "m", 1);
  }
  with.begin_request(kReceivedNs);
  add_span(with, "bank", "GET /");
  add_span(with, "shop", "GET /");
  add_points(with, "n", 3);

  with.roll_back();

  EXPECT_TRUE(all_of(with) == all_of(without));
  EXPECT_EQ(with.rows(), 2U);
}

TEST(Block, DescribesAgainWhatOnlyARolledBackRequestDescribed) {
  Registry registry(100);
  Block block(registry);
  block.begin_request(kReceivedNs);
  add_span(block, "bank", "GET /");
  block.roll_back();
  block.begin_request(kReceivedNs);
  add_span(block, "bank", "GET /");

  EXPECT_THAT(tables_of(all_of(block)), ElementsAre("resource_rows", "scope_rows", "span_rows"));
}

TEST(Block, DescribesOnceWhatHasBeenWritten) {
  Registry registry(100);
  Block block(registry);
  block.begin_request(kReceivedNs);
  add_span(block, "shop", "GET /");
  add_points(block, "m", 1);
  block.descriptions_are_written();
  block.clear();
  block.begin_request(kReceivedNs);
  add_span(block, "shop", "GET /");
  add_points(block, "m", 1);

  EXPECT_THAT(tables_of(all_of(block)), ElementsAre("span_rows", "metric_number_rows"));
}

/// The slots that a record's keys get when it has been seen often.
std::vector<Slot> choose(Registry& registry, const std::vector<std::string>& keys,
                         otlp::ValueType type = otlp::ValueType::kString,
                         std::uint32_t sightings = kSightings) {
  std::vector<SlotAssignment::Wanted> wanted;
  wanted.reserve(keys.size());
  for (const std::string& key : keys) wanted.push_back({.key = key, .type = type});
  std::vector<Slot> slots;
  registry.choose_slots(SlottedSignal::kSpans, wanted, sightings, slots);
  return slots;
}

TEST(Slots, AreDifferentForKeysOfOneRecordAndTheSameFromThenOn) {
  Registry registry(100);
  const std::vector<Slot> slots = choose(registry, {"a", "b", "c"});
  EXPECT_EQ(std::set<Slot>(slots.begin(), slots.end()).size(), 3U);

  EXPECT_EQ(choose(registry, {"a", "b", "c"}), slots);
  EXPECT_EQ(choose(registry, {"c"})[0], slots[2]);
}

TEST(Slots, AreOfTheKindOfTheValues) {
  Registry registry(100);

  EXPECT_EQ(slot_kind(choose(registry, {"n"}, otlp::ValueType::kInt)[0]), SlotKind::kInt);
  EXPECT_EQ(slot_kind(choose(registry, {"x"}, otlp::ValueType::kDouble)[0]), SlotKind::kDouble);
  EXPECT_EQ(slot_kind(choose(registry, {"n"}, otlp::ValueType::kString)[0]), SlotKind::kDictionary);
}

TEST(Slots, AreNotGivenToKeysThatAreSeldomOrStrange) {
  Registry registry(100);

  EXPECT_EQ(choose(registry, {"a"}, otlp::ValueType::kString, kSightings - 1)[0], kOverflow);
  EXPECT_NE(choose(registry, {"a"}, otlp::ValueType::kString, 1)[0], kOverflow);
  EXPECT_EQ(choose(registry, {"line\nend"})[0], kOverflow);
  EXPECT_EQ(choose(registry, {std::string(kMaxSlottedKeyBytes + 1, 'k')})[0], kOverflow);
}

TEST(Slots, OfARecordWithManyKeysLeaveTheRestInOverflow) {
  Registry registry(100);
  std::vector<std::string> keys;
  keys.reserve(100);
  for (int i = 0; i < 100; ++i) keys.push_back("k" + std::to_string(i));

  const std::vector<Slot> slots = choose(registry, keys);

  EXPECT_EQ(std::count(slots.begin(), slots.end(), kOverflow),
            100 - static_cast<std::ptrdiff_t>(kDictionarySlots + kTextSlots));
}

TEST(Slots, CannotBeUsedUpByOneRequest) {
  Registry registry(100);
  for (int i = 0; i < 100'000; ++i) {
    choose(registry, {"hostile" + std::to_string(i)}, otlp::ValueType::kString, 1);
  }

  EXPECT_NE(choose(registry, {"honest"})[0], kOverflow);
}

TEST(Slots, AreLimitedInNumberForAllKeysTogether) {
  Registry registry(100);
  std::size_t given = 0;
  for (std::size_t i = 0; i < 2 * kMaxKeys; ++i) {
    given += choose(registry, {"k" + std::to_string(i)})[0] == kOverflow ? 0 : 1;
  }

  EXPECT_EQ(given, kMaxKeys);
}

TEST(Slots, OfAKeyWhoseValuesDoNotRepeatAreTexts) {
  Registry registry(100);
  EXPECT_EQ(slot_kind(choose(registry, {"id"})[0]), SlotKind::kDictionary);

  registry.mark_near_unique(SlottedSignal::kSpans, "id");

  EXPECT_EQ(slot_kind(choose(registry, {"id"})[0]), SlotKind::kText);
}

TEST(Registry, KeepsWhatWasUsedLastWhenItIsFull) {
  Registry registry(4);
  const std::uint32_t first = registry.resource(1).id;
  for (std::uint64_t hash = 2; hash < 20; ++hash) {
    EXPECT_EQ(registry.resource(1).id, first);
    EXPECT_NE(registry.resource(hash).id, first);
  }
}

TEST(Registry, AssignsAnIdThatItForgotNeverAgain) {
  Registry registry(2);
  std::set<std::uint32_t> ids;
  for (std::uint64_t hash = 0; hash < 100; ++hash) ids.insert(registry.resource(hash).id);
  for (std::uint64_t hash = 0; hash < 90; ++hash) ids.insert(registry.resource(hash).id);

  EXPECT_EQ(ids.size(), 190U);
}

TEST(Registry, KnowsAsDescribedOnlyWhatTheTablesHave) {
  Registry registry(100);
  const Registry::Identity before = registry.scope(7);
  EXPECT_FALSE(before.is_described);

  registry.described(
      {.resources = {}, .scopes = {{7, before.id}}, .series = {}, .series_hours = {}, .slots = {}});

  EXPECT_TRUE(registry.scope(7).is_described);
  EXPECT_EQ(registry.scope(7).id, before.id);
}

}  // namespace
}  // namespace signalbox::server::store

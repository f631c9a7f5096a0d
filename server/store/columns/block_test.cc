#include "server/store/columns/block.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

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
  KnownIds known(100);
  Block block(known);
  EXPECT_THAT(all_of(block), IsEmpty());

  block.begin_request(kReceivedNs);
  add_points(block, "m", 2);
  add_span(block, "shop", "GET /");

  EXPECT_THAT(tables_of(all_of(block)), ElementsAre("resources", "scopes", "metric_series",
                                                    "trace_times", "spans", "metric_numbers"));
  EXPECT_EQ(block.rows(), 3U);
}

TEST(Block, SealsARowCountForEachTable) {
  KnownIds known(100);
  Block block(known);
  block.begin_request(kReceivedNs);
  add_points(block, "m", 2);

  const SealedBlock sealed = block.seal(kReceivedNs / 1000);

  ASSERT_EQ(sealed.data.size(), 1U);
  EXPECT_EQ(sealed.data[0].table, "metric_numbers");
  EXPECT_EQ(sealed.data[0].rows, 2U);
}

TEST(Block, KeepsNothingOfARequestThatIsRolledBack) {
  KnownIds known(100);
  Block with(known);
  Block without(known);
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
  KnownIds known(100);
  Block block(known);
  block.begin_request(kReceivedNs);
  add_span(block, "bank", "GET /");
  block.roll_back();
  block.begin_request(kReceivedNs);
  add_span(block, "bank", "GET /");

  EXPECT_THAT(tables_of(all_of(block)), ElementsAre("resources", "scopes", "trace_times", "spans"));
}

TEST(Block, DescribesOnceWhatHasBeenWritten) {
  KnownIds known(100);
  Block block(known);
  block.begin_request(kReceivedNs);
  add_span(block, "shop", "GET /");
  add_points(block, "m", 1);
  block.descriptions_are_written();
  block.clear();
  block.begin_request(kReceivedNs);
  add_span(block, "shop", "GET /");
  add_points(block, "m", 1);

  EXPECT_THAT(tables_of(all_of(block)), ElementsAre("trace_times", "spans", "metric_numbers"));
}

TEST(KnownIds, ForgetsWhenFull) {
  KnownIds known(2);
  known.insert({1, 2});
  known.insert({3});

  EXPECT_FALSE(known.contains(1));
  EXPECT_TRUE(known.contains(3));
  known.insert({4, 5, 6});
  EXPECT_FALSE(known.contains(4));
}

}  // namespace
}  // namespace signalbox::server::store

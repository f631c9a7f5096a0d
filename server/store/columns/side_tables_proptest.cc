#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <deque>
#include <random>
#include <string>
#include <vector>

#include "server/store/columns/block.h"
#include "server/store/columns/side_tables.h"
#include "server/store/engine/embedded_engine.h"
#include "server/store/engine/temporary_folder.h"
#include "server/store/sql/schema.h"

/// What the side tables hold must be what SQL says of the rows that they were filled from.
namespace signalbox::server::store {
namespace {

constexpr std::int64_t kReceivedNs = 1'790'000'000'000'000'000;

/// The bucket of a duration as 003_side_tables.sql describes it.
constexpr const char* kBucket =
    "multiIf(duration_ns < 0, 0, duration_ns < 16, duration_ns, "
    "(e - 3) * 16 + bitShiftRight(duration_ns, e - 4) - 16)";
constexpr const char* kExponent =
    "toInt64(length(trimLeft(bin(toUInt64(greatest(duration_ns, 1))), '0'))) - 1 AS e";

class SideTablesProperty : public ::testing::TestWithParam<std::uint32_t> {
 protected:
  void SetUp() override {
    engine_ =
        std::make_unique<EmbeddedEngine>(EmbeddedEngine::Options{.data_folder = folder_.path()});
    apply_schema(*engine_);
  }

  std::uint64_t upto(std::uint64_t most) { return random_() % (most + 1); }
  bool chance(unsigned percent) { return upto(99) < percent; }
  std::string_view keep(std::string text) { return kept_.emplace_back(std::move(text)); }

  std::string rows(const std::string& sql) { return engine_->query(sql + " FORMAT TSV").data; }

  /// Both SELECTs give the same rows, and some.
  void expect_same(const std::string& one, const std::string& other) {
    const std::string found = rows(one);
    EXPECT_FALSE(found.empty()) << one;
    EXPECT_EQ(found, rows(other)) << one << "\n" << other;
  }

  void insert(const std::vector<TableRows>& tables) {
    for (const TableRows& table : tables) engine_->insert_native(table.table, table.native);
  }

  void insert_side_rows(std::int64_t identity) {
    insert(write_side_tables(side_, identity));
    side_.visit([](auto& table) { clear(table); });
  }

  void insert(std::int64_t identity) {
    const SealedBlock sealed = block_.seal(identity);
    block_.add_side_rows(identity, side_);
    insert(sealed.descriptions);
    insert(sealed.data);
    block_.descriptions_are_written();
    block_.clear();
  }

  void on_resource(otlp::TraceSink& sink) {
    otlp::KeyValueView name;
    name.key = "service.name";
    name.value.type = otlp::ValueType::kString;
    name.value.text = keep("service" + std::to_string(upto(3)));
    otlp::ResourceView resource;
    resource.attributes = {&name, 1};
    sink.on_resource(resource);
    sink.on_scope({});
  }

  std::vector<otlp::KeyValueView> attributes() {
    std::vector<otlp::KeyValueView> made;
    const auto add = [&](std::string_view key, otlp::ValueType type) -> otlp::ValueView& {
      otlp::KeyValueView& one = made.emplace_back();
      one.key = key;
      one.value.type = type;
      return one.value;
    };
    using otlp::ValueType;
    if (chance(80)) add("route", ValueType::kString).text = keep("/r" + std::to_string(upto(9)));
    if (chance(50))
      add("status", ValueType::kInt).int_value = 200 + 100 * static_cast<int>(upto(3));
    if (chance(50)) add("ratio", ValueType::kDouble).double_value = 0.5 * static_cast<int>(upto(3));
    if (chance(50)) add("cached", ValueType::kBool).bool_value = chance(50);
    if (chance(10)) add("status", ValueType::kString).text = "gone";
    if (chance(90)) add("id", ValueType::kString).text = keep(std::to_string(random_()));
    if (chance(5)) add(keep("rare" + std::to_string(upto(99))), ValueType::kInt).int_value = 1;
    if (chance(5)) add("long", ValueType::kString).text = keep(std::string(300, 'x'));
    return made;
  }

  std::string_view id() {
    std::string bytes(8, '\0');
    for (char& byte : bytes) byte = static_cast<char>(upto(255));
    return keep(std::move(bytes));
  }

  void add_trace(otlp::TraceSink& sink) {
    const std::string_view trace_id = keep(std::string(id()) + std::string(id()));
    std::string_view parent;
    for (std::size_t i = upto(5) + 1; i > 0; --i) {
      if (chance(40)) on_resource(sink);
      const auto attribute_views = attributes();
      otlp::SpanView span;
      span.trace_id = trace_id;
      span.span_id = id();
      span.parent_span_id = parent;
      span.name = keep("operation" + std::to_string(upto(4)));
      span.kind = static_cast<std::int32_t>(upto(6));
      span.status_code = static_cast<std::int32_t>(upto(2));
      span.start_time_unix_nano = static_cast<std::uint64_t>(kReceivedNs) + upto(300'000'000'000);
      // All magnitudes, and ends before starts.
      const std::uint64_t duration = random_() >> (upto(60) + 3);
      span.end_time_unix_nano = chance(5) ? span.start_time_unix_nano - 1
                                          : span.start_time_unix_nano + duration % (1ULL << 60);
      span.attributes = attribute_views;
      sink.on_span(span);
      parent = span.span_id;
    }
  }

  TemporaryFolder folder_;
  std::unique_ptr<EmbeddedEngine> engine_;
  std::mt19937_64 random_{GetParam()};
  std::deque<std::string> kept_;
  Registry registry_{1000};
  Block block_{registry_};
  SideTables side_;
};

TEST_P(SideTablesProperty, HoldWhatTheRowsSay) {
  otlp::TraceSink& sink = block_.sinks().traces;
  for (int block = 0; block < 4; ++block) {
    for (int request = 0; request < 20; ++request) {
      block_.begin_request(kReceivedNs);
      on_resource(sink);
      for (int trace = 0; trace < 10; ++trace) add_trace(sink);
      if (chance(20)) block_.roll_back();
    }
    insert(kReceivedNs / 1000 + block);
    if (block == 0) continue;  // The first two come together.
    insert_side_rows(kReceivedNs / 1000 + block);
    if (block == 1) engine_->execute("OPTIMIZE TABLE span_minute_rows FINAL");
  }

  const std::string keys =
      "toStartOfMinute(start_time) AS minute, service_name, name, kind, "
      "parent_span_id = unhex('0000000000000000') AS is_root, status_code";
  expect_same(
      "SELECT minute, service_name, name, kind, toUInt8(is_root) AS is_root, status_code, spans, "
      "min_ns, max_ns, mapSort(durations) FROM operation_minutes ORDER BY ALL",
      "SELECT minute, service_name, name, kind, is_root, status_code, sum(spans), min(least), "
      "max(most), mapSort(CAST((groupArray(bucket), groupArray(spans)), 'Map(UInt16, UInt64)')) "
      "FROM (SELECT " +
          keys + ", toUInt16(" + kBucket +
          ") AS bucket, count() AS spans, min(duration_ns) AS least, max(duration_ns) AS most FROM "
          "(SELECT *, " +
          kExponent + " FROM span_rows) GROUP BY ALL) GROUP BY ALL ORDER BY ALL");
  EXPECT_EQ(rows("SELECT abs(sum(sum_ns) / (SELECT sum(toFloat64(duration_ns)) FROM span_rows) - "
                 "1) < 1e-9 FROM operation_minutes"),
            "1\n");

  expect_same(
      "SELECT client, server, kind, sum(calls), sum(errors), sum(arraySum(mapValues("
      "client_durations))) FROM service_edges GROUP BY ALL ORDER BY ALL",
      "SELECT c.service_name, s.service_name, s.kind, count(), "
      "countIf(c.status_code = 2 OR s.status_code = 2), count() FROM span_rows AS s INNER "
      "JOIN span_rows AS c ON s.trace_id = c.trace_id AND s.parent_span_id = c.span_id "
      "WHERE s.kind IN (2, 5) AND c.kind IN (3, 4) AND c.service_name != s.service_name "
      "GROUP BY ALL ORDER BY ALL");

  const std::string entries = "(SELECT arrayJoin(attribute_entries) AS e FROM span_rows)";
  expect_same(
      "SELECT key, type, sum(records) FROM attribute_values WHERE signal = 'spans' GROUP "
      "BY ALL ORDER BY ALL",
      "SELECT e.1, e.3, count() FROM " + entries + " GROUP BY ALL ORDER BY ALL");
  expect_same(
      "SELECT key, type, value, sum(records) FROM attribute_values WHERE signal = 'spans' "
      "AND NOT is_rest GROUP BY ALL ORDER BY ALL",
      "SELECT e.1, e.3, e.2, count() FROM " + entries +
          " WHERE e.1 NOT IN ('id', 'long') "
          "GROUP BY ALL ORDER BY ALL");
  EXPECT_EQ(rows("SELECT DISTINCT key FROM attribute_values WHERE is_rest ORDER BY key"),
            "id\nlong\n");
}

/// As when an id is put into the names of spans and the keys of attributes.
TEST_P(SideTablesProperty, StaySmallWhateverComes) {
  otlp::TraceSink& sink = block_.sinks().traces;
  block_.begin_request(kReceivedNs);
  on_resource(sink);
  constexpr int kSpans = 20'000;
  for (int i = 0; i < kSpans; ++i) {
    otlp::KeyValueView attribute;
    attribute.key = keep("key" + std::to_string(i));
    otlp::SpanView span;
    span.trace_id = "0123456789abcdef";
    span.span_id = "01234567";
    span.name = keep("name" + std::to_string(i));
    span.start_time_unix_nano = static_cast<std::uint64_t>(kReceivedNs);
    span.attributes = {&attribute, 1};
    sink.on_span(span);
  }
  insert(kReceivedNs / 1000);
  insert_side_rows(kReceivedNs / 1000);

  EXPECT_EQ(rows("SELECT count() < 10000, sum(spans) FROM span_minute_rows"), "1\t20000\n");
  EXPECT_EQ(rows("SELECT count() <= 2001, sum(records) FROM span_value_rows"), "1\t20000\n");
}

INSTANTIATE_TEST_SUITE_P(Seeds, SideTablesProperty, ::testing::Values(1U, 2U, 3U));

}  // namespace
}  // namespace signalbox::server::store

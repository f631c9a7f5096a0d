#include "server/store/sql/first_tables.h"

#include <gtest/gtest.h>

#include <atomic>
#include <map>
#include <string>

#include "server/store/engine/embedded_engine.h"
#include "server/store/engine/temporary_folder.h"
#include "server/store/sql/schema.h"

namespace signalbox::server::store {
namespace {

/// What of each first table must come out of the view of its name, and in which order.
const std::map<std::string, std::string> kColumns = {
    {"spans",
     "service_name, name, start_time, duration_ns, trace_id, span_id, parent_span_id, trace_state, "
     "flags, kind, status_code, status_message, attributes, attribute_types, "
     "dropped_attributes_count, `events.time`, `events.name`, `events.attributes`, "
     "`events.attribute_types`, `events.dropped_attributes_count`, dropped_events_count, "
     "`links.trace_id`, `links.span_id`, `links.trace_state`, `links.flags`, `links.attributes`, "
     "`links.attribute_types`, `links.dropped_attributes_count`, dropped_links_count"},
    {"logs",
     "flags, service_name, time, time_unix_nano, observed_time_unix_nano, trace_id, span_id, "
     "severity_number, severity_text, body, body_type, event_name, attributes, attribute_types, "
     "dropped_attributes_count"},
    {"metric_numbers",
     "flags, metric_name, series_id, time, start_time, value, value_kind, value_int"},
    {"metric_histograms",
     "flags, metric_name, series_id, time, start_time, count, sum, min, max, bounds, counts"},
    {"metric_exponential_histograms",
     "flags, metric_name, series_id, time, start_time, count, sum, min, max, scale, zero_count, "
     "zero_threshold, positive_offset, positive_counts, negative_offset, negative_counts"},
    {"metric_summaries",
     "flags, metric_name, series_id, time, start_time, count, sum, quantiles, values"},
    {"resources", "service_name, service_version, attributes, attribute_types, schema_url, seen"},
    {"scopes", "name, version, attributes, attribute_types, schema_url, seen"},
    {"metric_series",
     "series_id, metric_name, metric_type, unit, description, temporality, is_monotonic, metadata, "
     "service_name, attributes, attribute_types, seen"},
};

class FirstTables : public ::testing::Test {
 protected:
  /// A folder as the first version left it, with rows of three days.
  void SetUp() override {
    apply_schema(engine_, migrations().first(1));
    const std::string day =
        "toDateTime64('2026-03-01 12:00:00', 9, 'UTC') + toIntervalDay(number % 3)";
    engine_.execute(
        "INSERT INTO resources SELECT number * 7919 + 18000000000000000000, 'shop', '', '', "
        "toString(number), map('service.name', 'shop', 'n', toString(number)), 'si', 1, 'url', "
        "now64(9) FROM numbers(3)");
    engine_.execute(
        "INSERT INTO scopes SELECT number + 5, 'lib', toString(number), map('k', 'v'), 's', 0, '', "
        "now64(9) FROM numbers(2)");
    engine_.execute(
        "INSERT INTO spans SELECT 'shop', 'GET /', " + day +
        ", number, repeat(char(number + 1), 16), repeat(char(number + 1), 8), repeat('p', 8), "
        "if(number = 1, 'a=b', ''), number, 2, 1, if(number = 2, 'bad \"luck\"\\n/', ''), "
        "(number % 3) * 7919 + 18000000000000000000, number % 2 + 5, "
        "if(number = 3, map(), map('a', '1', 'b', 'x''\\\\y', 'c', '')), if(number = 3, '', "
        "'ise'), "
        "number % 4, if(number = 4, [" +
        day +
        "], []), if(number = 4, ['ex'], []), if(number = 4, [map('t', 'E', 'd', '0.5')], []), "
        "if(number = 4, ['sd'], []), if(number = 4, [2], []), number = 5, "
        "if(number = 6, [repeat('l', 16), repeat('m', 16)], []), if(number = 6, [repeat('s', 8), "
        "repeat('t', 8)], []), if(number = 6, ['w=1', ''], []), if(number = 6, [257, 0], []), "
        "if(number = 6, [map('q', '\\0'), map()], []), if(number = 6, ['s', ''], []), "
        "if(number = 6, [1, 0], []), number = 7 FROM numbers(9)");
    engine_.execute(
        "INSERT INTO logs SELECT 'shop', fromUnixTimestamp64Nano(toInt64(least(if(t = 0, o, t), "
        "9223372036854775807)), 'UTC'), t, o, repeat('x', 16), repeat('y', 8), number, 9, 'INFO', "
        "concat('line ', toString(number)), if(number = 4, 'k', 's'), 'event', "
        "18000000000000000000, 5, map('a', 'b'), 's', number % 2 FROM (SELECT number, "
        "multiIf(number = 0, 0, number = 1, 18446744073709551615, toUInt64(1772366400000000000 + "
        "(number % 3) * 86400000000000)) AS t, multiIf(number = 2, 0, number = 3, "
        "18446744073709551615, toUInt64(1772366400000000005 + (number % 3) * 86400000000000)) AS o "
        "FROM numbers(6))");
    engine_.execute(
        "INSERT INTO metric_series SELECT number, 'm', 'sum', 's', 'what', 2, true, map('a', 'b'), "
        "'s', 'shop', 18000000000000000000, 5, map('k', toString(number)), 's', now64(9) FROM "
        "numbers(3)");
    const std::string exemplars =
        ", if(number = 1, [" + day +
        "], []), if(number = 1, [toFloat64(9007199254740993)], []), if(number = 1, [true], []), "
        "if(number = 1, [9007199254740993], []), if(number = 1, [repeat('x', 16)], []), if(number "
        "= "
        "1, [repeat('y', 8)], []), if(number = 1, [map('f', 'g')], []), if(number = 1, ['s'], []) "
        "FROM numbers(3)";
    const std::string point = "SELECT 'm', number, " + day + ", " + day + ", ";
    engine_.execute("INSERT INTO metric_numbers " + point +
                    "toFloat64(9223372036854775807), 1, 9223372036854775807 - number, number" +
                    exemplars);
    engine_.execute("INSERT INTO metric_histograms " + point +
                    "3, 1.5, NULL, 2, [1., 2.], [1, 2, 0], number" + exemplars);
    engine_.execute("INSERT INTO metric_exponential_histograms " + point +
                    "3, 1.5, NULL, 2, -1, 1, 0.5, 3, [1, 2], -4, [5], number" + exemplars);
    engine_.execute("INSERT INTO metric_summaries " + point +
                    "3, 1.5, [0.5], [7], number FROM numbers(3)");
  }

  std::string rows(const std::string& table) {
    std::string data =
        engine_
            .query("SELECT " + kColumns.at(table) + " FROM " + table + " ORDER BY ALL FORMAT TSV")
            .data;
    EXPECT_NE(data, "") << table;
    return data;
  }

  std::map<std::string, std::string> all_rows() {
    std::map<std::string, std::string> all;
    for (const auto& [table, columns] : kColumns) all[table] = rows(table);
    return all;
  }

  std::string one(const std::string& sql) { return engine_.query(sql + " FORMAT TSV").data; }

  TemporaryFolder folder_;
  EmbeddedEngine engine_{{.data_folder = folder_.path()}};
  std::atomic<bool> stop_ = false;
};

TEST_F(FirstTables, GiveEveryRowAsItWasToTheViewsOfTheirNames) {
  const auto before = all_rows();

  apply_schema(engine_);
  move_rows_of_first_tables(engine_, stop_);

  for (const auto& [table, data] : all_rows()) EXPECT_EQ(data, before.at(table)) << table;
  EXPECT_EQ(one("SELECT engine FROM system.tables WHERE name = 'spans'"), "View\n");
  EXPECT_EQ(one("SELECT count() FROM spans AS s INNER JOIN resources AS r ON s.resource_id = "
                "r.resource_id INNER JOIN scopes AS c ON s.scope_id = c.scope_id"),
            "9\n");
  EXPECT_EQ(one("SELECT count(), uniqExact(received), any(value_int) FROM metric_exemplars"),
            "3\t3\t9007199254740993\n");
  EXPECT_EQ(one("SELECT count() FROM metric_series WHERE resource_id IN (SELECT resource_id FROM "
                "resources) AND scope_id IN (SELECT scope_id FROM scopes)"),
            "3\n");
}

TEST_F(FirstTables, StayWhereTheyAreUntilTheyAreMoved) {
  apply_schema(engine_);
  apply_schema(engine_);

  EXPECT_EQ(one("SELECT count() FROM spans"), "9\n");
  EXPECT_EQ(one("SELECT max(version) FROM schema_versions"), "3\n");
  stop_ = true;
  move_rows_of_first_tables(engine_, stop_);
  EXPECT_EQ(one("SELECT count() FROM spans"), "9\n");
}

TEST_F(FirstTables, AreMovedOnceThoughAStepBrokeOff) {
  const auto before = all_rows();
  apply_schema(engine_);
  // A day was copied, but its partition was not dropped; and descriptions were applied twice.
  for (const std::string& statement : split_statements(migrations()[1].sql)) {
    engine_.execute(statement);
  }
  engine_.execute(
      "INSERT INTO span_rows (received, name) SELECT toDateTime64('2026-03-03 00:00:00', 6, "
      "'UTC'), "
      "'half' FROM numbers(2)");

  move_rows_of_first_tables(engine_, stop_);

  for (const auto& [table, data] : all_rows()) EXPECT_EQ(data, before.at(table)) << table;
}

TEST(FirstTablesOfANewFolder, AreReplacedAtOnce) {
  TemporaryFolder folder;
  EmbeddedEngine engine({.data_folder = folder.path()});
  apply_schema(engine);

  EXPECT_EQ(engine.query("SELECT engine FROM system.tables WHERE name = 'logs' FORMAT TSV").data,
            "View\n");
}

}  // namespace
}  // namespace signalbox::server::store

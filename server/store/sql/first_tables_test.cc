#include "server/store/sql/first_tables.h"

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <stdexcept>
#include <stop_token>
#include <string>
#include <thread>
#include <vector>

#include "server/store/engine/embedded_engine.h"
#include "server/store/engine/temporary_folder.h"
#include "server/store/sql/schema.h"

namespace signalbox::server::store {
namespace {

/// What of each first table must come out of the view of its name, and in which order.
const std::map<std::string, std::string>& columns_of_views() {
  static const std::map<std::string, std::string> all = {
      {"spans",
       "service_name, name, start_time, duration_ns, trace_id, span_id, parent_span_id, "
       "trace_state, "
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
       "series_id, metric_name, metric_type, unit, description, temporality, is_monotonic, "
       "metadata, "
       "service_name, attributes, attribute_types, seen"},
  };
  return all;
}

/// Calls `before` before each statement that writes.
class WatchedEngine final : public Engine {
 public:
  WatchedEngine(Engine& engine, std::function<void(const std::string& sql)> before)
      : engine_(engine), before_(std::move(before)) {}

  void execute(const std::string& sql) override {
    before_(sql);
    engine_.execute(sql);
  }
  void execute_long(const std::string& sql, std::string_view table,
                    const std::stop_token& stop) override {
    before_(sql);
    engine_.execute_long(sql, table, stop);
  }
  QueryResult query(const std::string& sql, const std::vector<Parameter>& parameters,
                    const QueryOptions& options) override {
    return engine_.query(sql, parameters, options);
  }
  void insert_native(std::string_view table, std::span<const std::string_view> pieces,
                     const InsertOptions& options) override {
    engine_.insert_native(table, pieces, options);
  }

 private:
  Engine& engine_;
  std::function<void(const std::string& sql)> before_;
};

/// The tables now that rows of the first tables come to.
const std::map<std::string, std::string>& new_tables() {
  static const std::map<std::string, std::string> all = {
      {"spans", "span_rows"},
      {"logs", "log_rows"},
      {"metric_numbers", "metric_number_rows"},
      {"metric_histograms", "metric_histogram_rows"},
      {"metric_exponential_histograms", "metric_exponential_histogram_rows"},
      {"metric_summaries", "metric_summary_rows"}};
  return all;
}

class FirstTablesTest : public ::testing::Test {
 protected:
  /// A folder as the first version left it, with rows of three days.
  void SetUp() override {
    // A folder without tables begins with the second step.
    for (const std::string& sql : split_statements(migrations().front().sql)) {
      engine_.execute(sql);
    }
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
    std::string data = engine_
                           .query("SELECT " + columns_of_views().at(table) + " FROM " + table +
                                  " ORDER BY ALL FORMAT TSV")
                           .data;
    EXPECT_NE(data, "") << table;
    return data;
  }

  std::map<std::string, std::string> all_rows() {
    std::map<std::string, std::string> all;
    for (const auto& [table, columns] : columns_of_views()) all[table] = rows(table);
    return all;
  }

  /// What queries find in the tables now, identities included, and exemplars.
  std::map<std::string, std::string> found_rows(const FirstTables& tables) {
    const auto sources = tables.sources();
    const auto read = [&](const std::string& columns, const std::string& table) {
      const auto source = sources->find(table);
      return one((source == sources->end() ? "" : "WITH " + source->second + " ") + "SELECT " +
                 columns + " FROM " + table + " ORDER BY ALL");
    };
    std::map<std::string, std::string> all;
    for (const auto& [first, table] : new_tables()) {
      all[table] = read("received, " + columns_of_views().at(first), table);
    }
    all["span_rows"] += read("resource_id, scope_id, overflow, shape, i21", "span_rows");
    all["log_rows"] += read("resource_id, scope_id, received, row", "log_rows");
    all["metric_exemplar_rows"] =
        read("received, point_time, time, value, value_int, trace_id, span_id, attributes",
             "metric_exemplar_rows");
    return all;
  }

  std::string one(const std::string& sql) { return engine_.query(sql + " FORMAT TSV").data; }

  TemporaryFolder folder_;
  EmbeddedEngine engine_{{.data_folder = folder_.path()}};
  std::stop_source stop_;
};

TEST_F(FirstTablesTest, GiveEveryRowAsItWasToTheViewsOfTheirNames) {
  const auto before = all_rows();

  apply_schema(engine_);
  FirstTables(engine_).move(stop_.get_token());

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

TEST_F(FirstTablesTest, StayWhereTheyAreUntilTheyAreMoved) {
  apply_schema(engine_);
  apply_schema(engine_);

  EXPECT_EQ(one("SELECT count() FROM spans"), "9\n");
  EXPECT_EQ(one("SELECT max(version) FROM schema_versions"), "3\n");
  stop_.request_stop();
  FirstTables(engine_).move(stop_.get_token());
  EXPECT_EQ(one("SELECT count() FROM spans"), "9\n");
}

TEST_F(FirstTablesTest, AreMovedOnceThoughAStepBrokeOff) {
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

  FirstTables(engine_).move(stop_.get_token());

  for (const auto& [table, data] : all_rows()) EXPECT_EQ(data, before.at(table)) << table;
}

TEST_F(FirstTablesTest, AreFoundOnceBeforeEachStatementOfTheMoveAndAfterIt) {
  apply_schema(engine_);
  int statements = 0;
  std::function<void(const std::string&)> check = [](const std::string& /*sql*/) {};
  WatchedEngine watched(engine_, [&](const std::string& sql) { check(sql); });
  FirstTables tables(watched);
  const auto before = found_rows(tables);
  for (const auto& [table, rows] : before) EXPECT_NE(rows, "") << table;
  check = [&](const std::string& sql) {
    ++statements;
    EXPECT_EQ(found_rows(tables), before) << sql;
  };

  tables.move(stop_.get_token());

  EXPECT_GT(statements, 18 + 18 + 9);  // Copies and drops of three days of six tables; exemplars.
  EXPECT_EQ(found_rows(tables), before);
  EXPECT_TRUE(tables.sources()->empty());
}

TEST_F(FirstTablesTest, AreFoundOnceByTheNextProcessWhereverTheLastEnded) {
  apply_schema(engine_);
  const auto before = found_rows(FirstTables(engine_));
  for (int statements = 1;; statements += 3) {
    int left = statements;
    WatchedEngine ending(engine_, [&](const std::string& /*sql*/) {
      if (--left < 0) throw std::runtime_error("the end");
    });
    try {
      FirstTables(ending).move(stop_.get_token());
      break;
    } catch (const std::runtime_error&) {
      EXPECT_EQ(found_rows(FirstTables(engine_)), before) << statements;
    }
  }
  EXPECT_EQ(found_rows(FirstTables(engine_)), before);
  EXPECT_EQ(one("SELECT engine FROM system.tables WHERE name = 'spans'"), "View\n");
}

TEST_F(FirstTablesTest, AreNotDroppedWhileAQueryMayReadThem) {
  apply_schema(engine_);
  FirstTables tables(engine_);
  auto sources = tables.sources();
  const std::string sql = "WITH " + sources->at("span_rows") + " SELECT count() FROM span_rows";
  std::jthread moving([&] { tables.move(stop_.get_token()); });
  while (tables.sources() == sources) std::this_thread::yield();

  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  EXPECT_EQ(one(sql), "9\n");

  sources.reset();
  moving.join();
  EXPECT_EQ(one("SELECT count() FROM spans"), "9\n");
}

TEST_F(FirstTablesTest, StopBeingMovedSoonAndGoOnTheNextTime) {
  engine_.execute(
      "INSERT INTO spans (service_name, start_time, attributes, attribute_types) SELECT 'many', "
      "toDateTime64('2026-03-09 12:00:00', 9, 'UTC'), map('a', toString(number), 'b', "
      "repeat('x', 300)), 'ss' FROM numbers(1000000)");
  apply_schema(engine_);
  std::chrono::steady_clock::time_point stopped;
  std::jthread stopping;
  WatchedEngine watched(engine_, [&](const std::string& /*sql*/) {
    stopping = std::jthread([&] {
      std::this_thread::sleep_for(std::chrono::milliseconds(300));
      stopped = std::chrono::steady_clock::now();
      stop_.request_stop();
    });
  });

  FirstTables(watched).move(stop_.get_token());

  EXPECT_LT(std::chrono::steady_clock::now() - stopped, std::chrono::seconds(2));
  stopping.join();
  EXPECT_EQ(one("SELECT count() FROM spans"), "1000009\n");  // Nothing was dropped.
  FirstTables(engine_).move(std::stop_token());
  EXPECT_EQ(one("SELECT count(), uniqExact(attributes['a']) FROM spans WHERE service_name = "
                "'many'"),
            "1000000\t1000000\n");
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

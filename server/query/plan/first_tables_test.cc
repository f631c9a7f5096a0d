#include "server/store/sql/first_tables.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/query/fields/facets.h"
#include "server/query/language/filter.h"
#include "server/query/logs/logs.h"
#include "server/query/metrics/metrics.h"
#include "server/query/plan/query_test_fixture.h"
#include "server/query/services/services.h"
#include "server/query/traces/trace.h"
#include "server/query/traces/traces.h"

namespace signalbox::server::query {
namespace {

/// Calls `before` before each statement that writes.
class WatchedEngine final : public store::Engine {
 public:
  explicit WatchedEngine(store::Engine& engine) : engine_(engine) {}
  void execute(const std::string& sql) override {
    before(sql);
    engine_.execute(sql);
  }
  store::QueryResult query(const std::string& sql, const std::vector<store::Parameter>& parameters,
                           const store::QueryOptions& options) override {
    return engine_.query(sql, parameters, options);
  }
  void insert_native(std::string_view table, std::span<const std::string_view> pieces,
                     const store::InsertOptions& options) override {
    engine_.insert_native(table, pieces, options);
  }

  std::function<void(const std::string& sql)> before = [](const std::string& /*sql*/) {};

 private:
  store::Engine& engine_;
};

/// A folder as the first version left it, with rows of two days, and rows that came since.
class FirstTablesQueryTest : public ::testing::Test {
 protected:
  FirstTablesQueryTest() {
    // A folder without tables begins with the second step.
    for (const std::string& sql : store::split_statements(store::migrations().front().sql)) {
      engine_.execute(sql);
    }
    store::apply_schema(engine_, store::migrations().first(1));
    const std::string times =
        " FROM (SELECT number, " + at_s(0) + " + toIntervalHour(number * 6) AS at FROM numbers(8))";
    engine_.execute(
        "INSERT INTO resources (resource_id, service_name, service_version, attributes, "
        "attribute_types, seen) VALUES (18000000000000000000, 'shop', '1.2', {'service.name': "
        "'shop', 'host.name': 'a'}, 'ss', now64(9))");
    engine_.execute("INSERT INTO scopes (scope_id, name, seen) VALUES (5, 'lib', now64(9))");
    engine_.execute(
        "INSERT INTO spans (service_name, name, start_time, duration_ns, trace_id, span_id, kind, "
        "status_code, status_message, resource_id, scope_id, attributes, attribute_types, "
        "`events.time`, `events.name`, `events.attributes`, `events.attribute_types`, "
        "`events.dropped_attributes_count`) SELECT 'shop', 'GET /', at, 5 + number, "
        "repeat(char(intDiv(number, 2) + 1), 16), repeat(char(number + 1), 8), 2, number % 2 * 2, "
        "'bad', 18000000000000000000, 5, map('route', concat('/', toString(number % 2)), 'n', "
        "toString(number)), 'si', [at], ['exception'], [map('exception.type', 'E')], ['s'], [0]" +
        times);
    engine_.execute(
        "INSERT INTO logs (service_name, time, time_unix_nano, observed_time_unix_nano, "
        "severity_number, body, body_type, resource_id, scope_id, attributes, attribute_types) "
        "SELECT 'shop', at, toUnixTimestamp64Nano(at), toUnixTimestamp64Nano(at) + 7, 9, "
        "concat('line ', toString(number), ' ', toString(n)), 's', 18000000000000000000, 5, "
        "map('k', 'v'), 's'" +
        times + " ARRAY JOIN [1, 2, 3] AS n");
    engine_.execute(
        "INSERT INTO metric_series SELECT 1, 'm', 'sum', 's', 'what', 2, true, map(), '', 'shop', "
        "18000000000000000000, 5, map('k', 'v'), 's', now64(9)");
    engine_.execute(
        "INSERT INTO metric_numbers (metric_name, series_id, time, start_time, value, value_kind, "
        "value_int, `exemplars.time`, `exemplars.value`, `exemplars.is_int`, "
        "`exemplars.value_int`, `exemplars.trace_id`, `exemplars.span_id`, "
        "`exemplars.attributes`, `exemplars.attribute_types`) SELECT 'm', 1, at, " +
        at_s(-9) +
        ", number * 10, 1, number * 10, [at], [1.5 + number], [false], [0], [repeat('x', 16)], "
        "[repeat('y', 8)], [map()], ['']" +
        times);
    store::apply_schema(engine_);
    engine_.execute(
        "INSERT INTO span_rows (received, service_name, name, start_time, duration_ns, trace_id, "
        "span_id, kind, overflow) SELECT now64(6), 'shop', 'GET /', " +
        at_s(3600) + ", 9, repeat(char(1), 16), repeat('n', 8), 2, map('route', 's/new')");
    engine_.execute(
        "INSERT INTO log_rows (received, service_name, time, body) SELECT now64(6), "
        "'shop', " +
        at_s(3600) + ", 'new'");
  }

  /// The answers that pages show, without what they have cost.
  std::map<std::string, std::string> answers(const store::FirstTables* tables) {
    const TimeRange range = seconds_range(-10, 49 * 3600);
    const FilterNode all = parse_filter("");
    std::map<std::string, std::string> found;
    const auto ask = [&](const std::string& name,
                         const std::function<std::string(Session&)>& query) {
      Session session(engine_, Session::Clock::now() + std::chrono::seconds(60), {}, tables);
      boost::json::value answer = boost::json::parse(query(session));
      answer.as_object().erase("stats");
      std::string next;
      if (const auto* cursor = answer.as_object().if_contains("next_cursor");
          cursor != nullptr && cursor->is_string()) {
        next = cursor->as_string().c_str();
      }
      found[name] = boost::json::serialize(answer);
      return next;
    };
    for (const std::string filter : {"", "route = '/1'", "n > 3", "status = error",
                                     "event.exception.type = 'E'", "resource.host.name = 'a'"}) {
      ask("traces " + filter, [&](Session& session) {
        TraceSearch search;
        search.range = range;
        search.filter = parse_filter(filter);
        return search_traces(session, search);
      });
    }
    ask("trace", [](Session& session) {
      return get_trace(session, std::string("0101010101010101") + "0101010101010101");
    });
    std::string cursor;
    for (int page = 0; page < 9; ++page) {
      cursor = ask("logs " + std::to_string(page), [&](Session& session) {
        LogSearch search;
        search.range = range;
        search.filter = all;
        search.limit = 5;
        search.cursor = cursor;
        return search_logs(session, search);
      });
      if (cursor.empty()) break;
    }
    ask("metric", [&](Session& session) {
      MetricQuery query;
      query.name = "m";
      query.range = range;
      query.step_ns = 3600 * kSecondNs;
      query.exemplars = true;
      query.filter = all;
      return query_metric(session, query);
    });
    ask("metrics", [&](Session& session) { return list_metrics(session, range, "shop"); });
    ask("services", [&](Session& session) { return list_services(session, range); });
    ask("service", [&](Session& session) { return get_service(session, "shop", range); });
    for (const Signal signal : {Signal::kTraces, Signal::kLogs}) {
      ask("fields " + std::to_string(static_cast<int>(signal)), [&](Session& session) {
        return list_fields(session, {.signal = signal, .range = range});
      });
    }
    ask("values", [&](Session& session) {
      FieldValuesRequest request;
      request.field = "route";
      request.range = range;
      request.filter = all;
      return list_field_values(session, request);
    });
    return found;
  }

  void expect_same(const store::FirstTables* tables,
                   const std::map<std::string, std::string>& before, const std::string& when) {
    const auto now = answers(tables);
    EXPECT_EQ(now.size(), before.size()) << when;
    for (const auto& [name, answer] : now)
      EXPECT_EQ(answer, before.at(name)) << name << ": " << when;
  }

  store::TemporaryFolder folder_;
  store::EmbeddedEngine engine_{{.data_folder = folder_.path()}};
};

TEST_F(FirstTablesQueryTest, AnswersAreTheSameBeforeWhileAndAfterRowsAreMoved) {
  WatchedEngine watched(engine_);
  store::FirstTables tables(watched);
  const auto before = answers(&tables);
  EXPECT_NE(before.at("traces route = '/1'").find("\"0404040404040404"), std::string::npos);
  EXPECT_NE(before.at("metric").find("7878787878787878"), std::string::npos);
  EXPECT_TRUE(before.contains("logs 4"));   // 25 records, the new one included, …
  EXPECT_FALSE(before.contains("logs 5"));  // … and none twice.
  int statements = 0;
  watched.before = [&](const std::string& sql) {
    // Each costs seconds, and first_tables_test of the store does it before every one.
    if (++statements % 9 != 0) return;
    expect_same(&tables, before, sql);
  };

  tables.move({});

  EXPECT_GT(statements, 12);
  expect_same(&tables, before, "the end");
  expect_same(nullptr, before, "the end, read as it is");
}

TEST_F(FirstTablesQueryTest, QueriesUseTheIndexesOfTheTablesNow) {
  engine_.execute(
      "INSERT INTO span_rows (received, service_name, name, start_time, trace_id, span_id) SELECT "
      "now64(6), toString(number % 8), 'GET /', " +
      at_s(0) +
      " + toIntervalMillisecond(number), unhex(leftPad(hex(number + 1000), 32, '0')), "
      "repeat('n', 8) FROM numbers(400000)");
  const store::FirstTables tables(engine_);
  const auto rows_read = [&](const store::FirstTables* first_tables,
                             const std::function<void(Session&)>& query) {
    Session session(engine_, Session::Clock::now() + std::chrono::seconds(60), {}, first_tables);
    query(session);
    return session.rows_read();
  };
  const std::function<void(Session&)> by_id = [](Session& session) {
    get_trace(session, "000000000000000000000000000007d0");
  };
  const std::function<void(Session&)> by_service = [](Session& session) {
    TraceSearch search;
    search.range = seconds_range(0, 20);
    search.filter = parse_filter("service.name = '3'");
    search_traces(session, search);
  };
  for (const auto& query : {by_id, by_service}) {
    const std::uint64_t alone = rows_read(nullptr, query);
    EXPECT_GT(alone, 0);
    EXPECT_LT(alone, 400'000);
    // Beside them the few rows of the first tables, and descriptions.
    EXPECT_LE(rows_read(&tables, query), alone + 1000);
  }
}

}  // namespace
}  // namespace signalbox::server::query

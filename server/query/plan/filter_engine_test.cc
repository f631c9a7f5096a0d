#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <random>
#include <set>
#include <string>
#include <string_view>

#include "server/query/aggregate/request.h"
#include "server/query/aggregate/run.h"
#include "server/query/fields/facets.h"
#include "server/query/language/regular_expression.h"
#include "server/query/plan/filter_sql.h"
#include "server/query/plan/query_test_fixture.h"
#include "server/query/plan/rows.h"
#include "server/query/plan/selection.h"
#include "server/query/plan/unknown_fields.h"
#include "server/store/columns/block.h"

namespace signalbox::server::query {
namespace {

using otlp::ValueType;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

class FilterEngineTest : public QueryTest {
 protected:
  /// The names of the spans that match, or the severity texts of the log records, in order.
  std::set<std::string> found(const std::string& filter, Signal signal = Signal::kTraces) {
    const Selection selection{signal, seconds_range(0, 600), parse_filter(filter)};
    Session of_this_query = session();
    Parameters parameters;
    const std::string condition = selection.condition(of_this_query.slots(), parameters);
    const std::string data = of_this_query.rows(
        std::string("SELECT toString(") + (signal == Signal::kTraces ? "name" : "severity_text") +
            ") FROM " + selection.table() + " WHERE " + condition,
        parameters);
    std::set<std::string> names;
    for (RowReader row(data); !row.at_end();) names.emplace(row.string());
    return names;
  }

  /// "value count" of a field.
  std::set<std::string> values_of(const std::string& field, Signal signal) {
    FieldValuesRequest request;
    request.signal = signal;
    request.field = field;
    request.range = seconds_range(0, 600);
    Session of_this_query = session();
    const auto answer = parse(list_field_values(of_this_query, request));
    std::set<std::string> values;
    for (const auto& value : answer.at("values").as_array()) {
      values.insert(std::string(value.at("value").as_string()) + " " +
                    std::to_string(value.at("count").as_int64()));
    }
    return values;
  }

  /// What `fill` is sent goes the way of a request.
  void store(const std::function<void(store::Sinks&)>& fill) {
    store::Registry registry(100, engine_);
    store::Block block(registry);
    block.begin_request(kT0);
    store::Sinks sinks = block.sinks();
    fill(sinks);
    const store::SealedBlock sealed = block.seal(kT0 / 1000);
    for (const auto* tables : {&sealed.descriptions, &sealed.data}) {
      for (const auto& rows : *tables) engine_.insert_native(rows.table, rows.native);
    }
  }
};

otlp::ValueView text_value(std::string_view text) {
  return {.type = ValueType::kString, .text = text};
}

/// A list as both decoders write it.
constexpr std::string_view kOrder =
    R"({"kvlistValue":{"values":[{"key":"user","value":{"kvlistValue":{"values":[)"
    R"({"key":"id","value":{"intValue":"5"}},{"key":"vip","value":{"boolValue":true}}]}}},)"
    R"({"key":"http.method","value":{"stringValue":"GET \"x\""}},)"
    R"({"key":"items","value":{"arrayValue":{"values":[{"stringValue":"a"},)"
    R"({"kvlistValue":{"values":[{"key":"price","value":{"doubleValue":2.5}}]}},{}]}}}]}})";
/// The same as JSON in a text.
constexpr std::string_view kOrderText =
    R"({"user": {"id": 5, "vip": true}, "http.method": "GET \"x\"", )"
    R"("items": ["a", {"price": 2.5}, null]})";

class SpanFilterTest : public FilterEngineTest {
 protected:
  void add(const std::string& name, double duration_ms, const std::string& attributes = "{}",
           const std::string& types = "") {
    insert("span_rows (service_name, name, start_time, duration_ns, overflow, resource_id)",
           "('demo', '" + name + "', " + at_s(1) + ", " +
               std::to_string(static_cast<std::int64_t>(duration_ms * 1e6)) + ", " +
               overflow_sql(attributes, types) + ", 1)");
  }
};

TEST_F(SpanFilterTest, TakesWhatLiesBetweenTwoValuesAndTheseToo) {
  insert("resource_rows (resource_id, attributes)", "(1, {'size': '9'})");
  add("a", 10, "{'size': '5', 'user': 'Ann'}", "is");
  add("b", 20, "{'size': '12', 'user': 'Bob'}", "ds");
  add("c", 30, "{'user': ''}", "s");

  EXPECT_THAT(found("duration BETWEEN 10ms AND 20ms"), ElementsAre("a", "b"));
  EXPECT_THAT(found("duration BETWEEN 11ms AND 29ms"), ElementsAre("b"));
  EXPECT_THAT(found("duration NOT BETWEEN 11ms AND 29ms"), ElementsAre("a", "c"));
  EXPECT_THAT(found("duration BETWEEN 20ms AND 10ms"), IsEmpty());
  EXPECT_THAT(found("name BETWEEN 'b' AND 'bb'"), ElementsAre("b"));
  EXPECT_THAT(found("attribute.size BETWEEN 5 AND 9.5"), ElementsAre("a"));
  EXPECT_THAT(found("attribute.size NOT BETWEEN 5 AND 9.5"), ElementsAre("b", "c"));
  EXPECT_THAT(found("user BETWEEN 'Ann' AND 'B'"), ElementsAre("a"));
  EXPECT_THAT(found("user BETWEEN '' AND 'A'"), ElementsAre("c"));
  // Of the resource too: 9. No value of any of them lies between, though one is above and one
  // below.
  EXPECT_THAT(found("size BETWEEN 9 AND 9"), ElementsAre("a", "b", "c"));
  EXPECT_THAT(found("size BETWEEN 6 AND 8"), IsEmpty());
}

TEST_F(SpanFilterTest, MatchesByRegularExpressions) {
  add("GET /api/v1/users", 1, "{'size': '512', 'user': 'Ann Lee'}", "is");
  add("POST /api/v22", 1, "{'user': ''}", "s");
  add("two\\nlines", 1);

  EXPECT_THAT(found("name REGEXP '^(GET|POST) /api/v\\\\d+$'"), ElementsAre("POST /api/v22"));
  EXPECT_THAT(found("name NOT REGEXP '/api/'"), ElementsAre("two\nlines"));
  EXPECT_THAT(found("name REGEXP 'two.lines'"), ElementsAre("two\nlines"));
  EXPECT_THAT(found("name REGEXP 'get'"), IsEmpty());
  EXPECT_THAT(found("name REGEXP '(?i)^get'"), ElementsAre("GET /api/v1/users"));
  EXPECT_THAT(found("user REGEXP 'n+ .ee'"), ElementsAre("GET /api/v1/users"));
  EXPECT_THAT(found("size REGEXP '^5.2$'"), ElementsAre("GET /api/v1/users"));
  EXPECT_THAT(found("user REGEXP '^$'"), ElementsAre("POST /api/v22"));
  EXPECT_THAT(found("user NOT REGEXP 'A'"), ElementsAre("POST /api/v22", "two\nlines"));
}

class LogFilterTest : public FilterEngineTest {
 protected:
  void store_bodies() {
    store([](store::Sinks& sinks) {
      sinks.logs.on_resource({});
      sinks.logs.on_scope({});
      const auto add = [&](std::string_view name, const otlp::ValueView& body) {
        const otlp::KeyValueView attributes[] = {{"exception.type", text_value("E")}};
        otlp::LogRecordView record;
        record.time_unix_nano = static_cast<std::uint64_t>(kT0);
        record.severity_text = name;
        record.body = body;
        if (name == "plain") record.attributes = attributes;
        sinks.logs.on_log_record(record);
      };
      add("list", {.type = ValueType::kKeyValueList, .text = kOrder});
      add("json", text_value(kOrderText));
      add("array",
          {.type = ValueType::kArray, .text = R"({"arrayValue":{"values":[{"intValue":"7"}]}})"});
      add("plain", text_value("user.id is 5"));
      add("other", text_value(R"({"user": {"id": 6}})"));
    });
  }
  std::set<std::string> logs(const std::string& filter) { return found(filter, Signal::kLogs); }
};

TEST_F(LogFilterTest, LooksIntoBodiesByPaths) {
  store_bodies();
  EXPECT_THAT(logs("body.user.id = 5"), UnorderedElementsAre("list", "json"));
  EXPECT_THAT(logs("body.user.id = '5'"), UnorderedElementsAre("list", "json"));
  EXPECT_THAT(logs("body.user.id >= 5"), UnorderedElementsAre("list", "json", "other"));
  EXPECT_THAT(logs("body.user.id BETWEEN 6 AND 7"), UnorderedElementsAre("other"));
  EXPECT_THAT(logs("body.user.id != 5"), UnorderedElementsAre("array", "plain", "other"));
  EXPECT_THAT(logs("body.user.vip = true"), UnorderedElementsAre("list", "json"));
  EXPECT_THAT(logs("body.user EXISTS"), UnorderedElementsAre("list", "json", "other"));
  EXPECT_THAT(logs("body.user CONTAINS 'vip'"), UnorderedElementsAre("list", "json"));
  EXPECT_THAT(logs("body.http.method = 'GET \"x\"'"), UnorderedElementsAre("list", "json"));
  EXPECT_THAT(logs("body.items[0] = 'a'"), UnorderedElementsAre("list", "json"));
  EXPECT_THAT(logs("body.items[1].price = 2.5"), UnorderedElementsAre("list", "json"));
  EXPECT_THAT(logs("body.items[2] EXISTS"), UnorderedElementsAre("list", "json"));
  EXPECT_THAT(logs("body.items[3] EXISTS"), IsEmpty());
  EXPECT_THAT(logs("body.items[1].price LIKE '2%'"), UnorderedElementsAre("list", "json"));
  EXPECT_THAT(logs("body[0] = 7"), UnorderedElementsAre("array"));
  EXPECT_THAT(logs("body.absent EXISTS"), IsEmpty());
  EXPECT_THAT(logs("`body.no such` = 'x' OR body.a.b.c.d.e.f.g.h.i.j.k.l.m.n.o.p.q.r = 1"),
              IsEmpty());
  EXPECT_THAT(values_of("body.user.id", Signal::kLogs), UnorderedElementsAre("5 2", "6 1"));
  EXPECT_THAT(values_of("body.http.method", Signal::kLogs), UnorderedElementsAre("GET \"x\" 2"));
}

TEST_F(LogFilterTest, AggregatesValuesInsideOfBodies) {
  store_bodies();
  Session of_this_query = session();
  const auto answer = parse(run_aggregates(
      of_this_query,
      parse_aggregate_request(
          R"({"start": ")" + std::to_string(kT0) + R"(", "end": ")" +
              std::to_string(kT0 + kSecondNs) +
              R"(", "queries": {"a": {"signal": "logs", "group_by": ["body.user.vip"],
              "aggregations": [{"op": "sum", "field": "body.user.id"},
                               {"op": "max", "field": "body_size"}]}}})",
          0)));
  const auto& groups = answer.at("results").at("a").at("groups").as_array();
  ASSERT_EQ(groups.size(), 2U);
  std::set<std::string> values;
  for (const auto& group : groups) {
    values.insert(boost::json::serialize(group.at("labels")) +
                  boost::json::serialize(group.at("values")));
  }
  EXPECT_THAT(values,
              UnorderedElementsAre(R"([""][6,44])",
                                   R"(["true"][10,)" + std::to_string(kOrder.size()) + "]"));
}

TEST_F(LogFilterTest, KnowsTheSizesOfRecordsAndTheirExceptions) {
  store_bodies();
  EXPECT_THAT(logs("exception.type = 'E'"), UnorderedElementsAre("plain"));
  EXPECT_THAT(logs("attribute_count = 1"), UnorderedElementsAre("plain"));
  EXPECT_THAT(logs("body_size = 12"), UnorderedElementsAre("plain"));
  EXPECT_THAT(logs("body_size BETWEEN 13 AND 20"), UnorderedElementsAre("other"));
}

TEST_F(FilterEngineTest, LooksIntoNestedAttributesWhereverTheyStand) {
  constexpr int kSpans = 40;  // Enough for slots, which the first ones do not have.
  store([](store::Sinks& sinks) {
    sinks.traces.on_resource({});
    sinks.traces.on_scope({});
    for (int i = 0; i < kSpans; ++i) {
      const otlp::KeyValueView attributes[] = {
          {"my.order", {.type = ValueType::kKeyValueList, .text = kOrder}},
          {"my.text", text_value(kOrderText)},
          {"my.order.plain", text_value("x")},
          {"size", {.type = ValueType::kInt, .int_value = 5, .text = {}}}};
      const std::string name = std::to_string(i);
      otlp::SpanView span;
      span.name = name;
      span.start_time_unix_nano = static_cast<std::uint64_t>(kT0 + i);
      span.attributes = {attributes, i % 2 == 0 ? 4U : 1U};
      sinks.traces.on_span(span);
    }
  });

  EXPECT_EQ(found("attribute.my.order.user.id = 5").size(), kSpans);
  EXPECT_EQ(found("attribute.my.order.user.id != 5").size(), 0U);
  EXPECT_EQ(found("attribute.my.order.items[1].price > 2").size(), kSpans);
  EXPECT_EQ(found("attribute.my.order.http EXISTS").size(), 0U);
  EXPECT_EQ(found("attribute.my.text.user.vip = true").size(), kSpans / 2);
  EXPECT_EQ(found("attribute.my.text.user.vip NOT EXISTS").size(), kSpans / 2);
  EXPECT_EQ(found("attribute.my.order.plain = 'x'").size(), kSpans / 2);
  EXPECT_EQ(found("attribute.size.x EXISTS").size(), 0U);
  EXPECT_EQ(found("attribute_count = 4").size(), kSpans / 2);
  EXPECT_EQ(found("attribute_count = 1").size(), kSpans / 2);
  EXPECT_THAT(values_of("attribute.my.order.user.id", Signal::kTraces), ElementsAre("5 40"));
  EXPECT_THAT(values_of("attribute.my.order.plain", Signal::kTraces), ElementsAre("x 20"));
  EXPECT_NE(engine_.query("SELECT countIf(shape != '') FROM span_rows FORMAT TSV").data, "0\n");
  EXPECT_NE(engine_.query("SELECT countIf(shape = '') FROM span_rows FORMAT TSV").data, "0\n");

  Session of_this_query = session();
  KnownFields known(of_this_query, Signal::kTraces, seconds_range(0, 600));
  EXPECT_FALSE(known.if_unknown("attribute.my.order.user.id"));
  EXPECT_TRUE(known.if_unknown("attribute.my.ordre.user.id"));
  EXPECT_FALSE(known.if_unknown("exception.type"));
  EXPECT_FALSE(known.if_unknown("event_count"));
}

TEST_F(FilterEngineTest, KnowsSpansByTheirEventsAndLinks) {
  store([](store::Sinks& sinks) {
    sinks.traces.on_resource({});
    sinks.traces.on_scope({});
    const otlp::KeyValueView of_exception[] = {{"exception.type", text_value("IOException")},
                                               {"exception.message", text_value("no route")}};
    const otlp::EventView events[] = {{.name = "start", .attributes = {}},
                                      {.name = "exception", .attributes = of_exception}};
    const otlp::LinkView links[] = {{.trace_id = "0123456789abcdef",
                                     .span_id = "12345678",
                                     .trace_state = {},
                                     .attributes = {}}};
    otlp::SpanView span;
    span.start_time_unix_nano = static_cast<std::uint64_t>(kT0);
    span.name = "bare";
    sinks.traces.on_span(span);
    span.name = "full";
    span.parent_span_id = "abcdefgh";
    span.events = events;
    span.links = links;
    sinks.traces.on_span(span);
  });

  EXPECT_THAT(found("is_root = true"), ElementsAre("bare"));
  EXPECT_THAT(found("is_root = false AND root = false"), ElementsAre("full"));
  EXPECT_THAT(found("exception.type = 'IOException'"), ElementsAre("full"));
  EXPECT_THAT(found("exception.message REGEXP '^no '"), ElementsAre("full"));
  EXPECT_THAT(found("exception.type NOT EXISTS"), ElementsAre("bare"));
  EXPECT_THAT(found("event_count = 2 AND link_count = 1"), ElementsAre("full"));
  EXPECT_THAT(found("event_count = 0 AND link_count < 1 AND attribute_count = 0"),
              ElementsAre("bare"));
  EXPECT_THAT(values_of("exception.type", Signal::kTraces), ElementsAre("IOException 1"));
  EXPECT_THAT(values_of("event_count", Signal::kTraces), ElementsAre("0 1", "2 1"));
}

TEST_F(FilterEngineTest, TellsAttributesApartByTheTypeThatWasSent) {
  constexpr int kSpans = 60;  // Enough for slots, which the first ones do not have.
  store([](store::Sinks& sinks) {
    const otlp::KeyValueView of_resource[] = {
        {"region", text_value("eu")},
        {"shard", {.type = ValueType::kInt, .int_value = 5, .text = {}}}};
    sinks.traces.on_resource({.attributes = of_resource, .schema_url = {}});
    sinks.traces.on_scope({});
    for (int i = 0; i < kSpans; ++i) {
      const otlp::ValueView values[] = {{.type = ValueType::kInt, .int_value = 5, .text = {}},
                                        text_value("5"),
                                        {.type = ValueType::kBool, .bool_value = true, .text = {}}};
      const otlp::KeyValueView attributes[] = {{"size", values[i % 3]}};
      const std::string name = std::to_string(i);
      otlp::SpanView span;
      span.name = name;
      span.start_time_unix_nano = static_cast<std::uint64_t>(kT0 + i);
      span.attributes = attributes;
      sinks.traces.on_span(span);
    }
  });

  constexpr std::size_t kThird = kSpans / 3;
  EXPECT_EQ(found("size = 5").size(), 2 * kThird);
  EXPECT_EQ(found("size::number = 5").size(), kThird);
  EXPECT_EQ(found("size::string = 5").size(), kThird);
  EXPECT_EQ(found("size::bool = true").size(), kThird);
  EXPECT_EQ(found("attribute.size::string EXISTS").size(), kThird);
  EXPECT_EQ(found("size::string != '5'").size(), 2 * kThird);
  EXPECT_EQ(found("size::number BETWEEN 4 AND 6").size(), kThird);
  EXPECT_EQ(found("shard::number = 5 AND resource.region::string = 'eu'").size(), kSpans);
  EXPECT_THAT(found("resource.shard::string EXISTS OR region::number EXISTS"), IsEmpty());
  EXPECT_THAT(found("attribute.size.x::string EXISTS"), IsEmpty());
}

/// Random patterns, most of them nearly right.
std::string random_pattern(std::mt19937& random) {
  constexpr std::array<std::string_view, 40> kParts = {
      "a",    "b",   ".",    "*",    "+",      "?",     "(",    ")",        "(?:",  "(?i)",
      "(?P<", "n>",  "[",    "]",    "[^a]",   "[a-z]", "|",    "^",        "$",    "\\",
      "\\d",  "\\1", "\\pL", "\\p{", "Greek}", "{2}",   "{2,}", "{1001}",   "{3,2", "}",
      "\\Q",  "\\E", "\\x{", "\\C",  "(?=",    "(?<",   "\xff", "\xC3\xA9", " ",    "[[:alpha:]]"};
  const auto below = [&](std::size_t limit) {
    return std::uniform_int_distribution<std::size_t>(0, limit - 1)(random);
  };
  std::string pattern;
  for (std::size_t parts = 1 + below(6); parts > 0; --parts) {
    pattern += kParts.at(below(kParts.size()));
  }
  return pattern;
}

/// The other way round it is not so: the engine takes some patterns that are wrong for others.
TEST_F(FilterEngineTest, AcceptsNoPatternThatTheEngineRefuses) {
  const char* const given = std::getenv("SIGNALBOX_TEST_SEED");
  const auto seed = given != nullptr ? static_cast<std::uint32_t>(std::strtoul(given, nullptr, 10))
                                     : std::random_device{}();
  std::printf("SIGNALBOX_TEST_SEED=%u\n", seed);
  std::mt19937 random(seed);
  int accepted = 0;
  constexpr int kPatterns = 1500;
  for (int i = 0; i < kPatterns; ++i) {
    const std::string pattern = random_pattern(random);
    if (!pattern_fault(pattern).empty()) continue;
    ++accepted;
    Parameters parameters;
    const std::string sql = "SELECT match(materialize('abc'), " + parameters.bind(pattern) + ")";
    EXPECT_NO_THROW(engine_.query(sql, parameters.values())) << pattern;
  }
  EXPECT_GT(accepted, kPatterns / 20);
}

}  // namespace
}  // namespace signalbox::server::query

#include "server/query/aggregate/run.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <map>
#include <optional>
#include <random>
#include <regex>
#include <string>
#include <vector>

#include "server/query/aggregate/plan.h"
#include "server/query/plan/error.h"
#include "server/query/plan/query_test_fixture.h"

namespace signalbox::server::query {
namespace {

using ::testing::ElementsAre;

class AggregateTest : public QueryTest {
 protected:
  struct Span {
    double start_s = 0;
    std::string service = "shop";
    std::string name = "op";
    double duration_ms = 1;
    int kind = 1;
    int status = 0;
    std::string attributes = "{}";
    std::string types = "";
  };

  void add(const std::vector<Span>& spans) {
    std::string values;
    for (const Span& span : spans) {
      values += (values.empty() ? "('" : ", ('") + span.service + "', '" + span.name + "', " +
                at_s(span.start_s) + ", " +
                std::to_string(static_cast<std::int64_t>(span.duration_ms * 1e6)) + ", " +
                std::to_string(span.kind) + ", " + std::to_string(span.status) + ", " +
                overflow_sql(span.attributes, span.types) + ", 1, 1)";
    }
    insert(
        "span_rows (service_name, name, start_time, duration_ns, kind, status_code, overflow, "
        "resource_id, scope_id)",
        values);
  }

  /// From kT0 to a minute after it, with these members besides.
  boost::json::value ask(const std::string& members) {
    const std::string body = R"({"start": ")" + std::to_string(kT0) + R"(", "end": ")" +
                             std::to_string(kT0 + 60 * kSecondNs) + "\", " + members + "}";
    Session of_this_query = session();
    return parse(run_aggregates(of_this_query, parse_aggregate_request(body, 0)));
  }

  /// Of one query `a` of spans.
  boost::json::value groups(const std::string& members) {
    return ask(R"("queries": {"a": {"signal": "traces", )" + members + "}}")
        .at("results")
        .at("a")
        .at("groups");
  }

  static std::string text(const boost::json::value& value) { return boost::json::serialize(value); }
};

TEST_F(AggregateTest, AnswersOneValueOfEverything) {
  add({{.duration_ms = 10}, {.duration_ms = 30, .status = 2}, {.start_s = 70, .duration_ms = 99}});

  const auto all = groups(R"("aggregations": [
    {"op": "count"}, {"op": "rate"}, {"op": "count", "filter": "status = error"},
    {"op": "sum", "field": "duration"}, {"op": "avg", "field": "duration"},
    {"op": "min", "field": "duration"}, {"op": "max", "field": "duration"},
    {"op": "p100", "field": "duration"}, {"op": "count_distinct", "field": "status"}])");

  ASSERT_EQ(all.as_array().size(), 1U);
  EXPECT_EQ(text(all.at(0).at("labels")), "[]");
  std::vector<double> values;
  for (const auto& value : all.at(0).at("values").as_array()) {
    values.push_back(value.to_number<double>());
  }
  EXPECT_THAT(values, ElementsAre(2, 2.0 / 60, 1, 40e6, 20e6, 10e6, 30e6, 30e6, 1));
}

TEST_F(AggregateTest, KnowsNothingOfNoRecordsButTheirNumber) {
  const auto none = groups(R"("aggregations": [{"op": "count"}, {"op": "sum", "field": "duration"},
    {"op": "avg", "field": "duration"}, {"op": "max", "field": "x"}, {"op": "p50", "field": "x"},
    {"op": "last", "field": "x"}])");
  EXPECT_EQ(text(none.at(0).at("values")), "[0,0,null,null,null,null]");
  EXPECT_EQ(text(groups(R"("aggregations": [{"op": "count"}], "group_by": ["name"])")), "[]");
}

TEST_F(AggregateTest, GroupsByFieldsAndShowsEnumsByTheirNames) {
  add({{.kind = 2, .attributes = "{'zone': 'a', 'size': '5'}", .types = "si"},
       {.kind = 2, .attributes = "{'zone': 'a', 'size': '7'}", .types = "si"},
       {.kind = 3, .attributes = "{'zone': 'b', 'size': 'no number'}", .types = "ss"},
       {.kind = 3}});

  const auto found = groups(R"("aggregations": [{"op": "count"}, {"op": "sum", "field": "size"},
                               {"op": "count", "field": "size"}], "group_by": ["kind", "zone"])");
  std::vector<std::string> rows;
  for (const auto& group : found.as_array()) {
    rows.push_back(text(group.at("labels")) + text(group.at("values")));
  }
  EXPECT_THAT(rows, ElementsAre("[\"server\",\"a\"][2,12,2]", "[\"client\",\"\"][1,0,0]",
                                "[\"client\",\"b\"][1,0,1]"));
}

TEST_F(AggregateTest, OrdersLimitsAndSumsUpTheRest) {
  for (int i = 0; i < 5; ++i) {
    for (int n = 0; n <= i; ++n) {
      add({{.start_s = n * 10.0, .name = "op" + std::to_string(i), .duration_ms = 1.0 + i}});
    }
  }
  const std::string query =
      R"("aggregations": [{"op": "count"}, {"op": "max", "field": "duration"}],
                               "group_by": ["name"], "limit": 2)";
  const auto names = [&](const std::string& more) {
    std::string found;
    const auto answer = groups(query + more);
    for (const auto& group : answer.as_array()) {
      found += std::string(group.at("labels").at(0).as_string()) +
               (group.at("is_rest").as_bool() ? "rest" : "") + "=" +
               std::to_string(group.at("values").at(0).to_number<int>()) + " ";
    }
    return found;
  };
  EXPECT_EQ(names(""), "op4=5 op3=4 ");
  EXPECT_EQ(names(R"(, "order": {"by": 1, "direction": "ascending"})"), "op0=1 op1=2 ");
  EXPECT_EQ(names(R"(, "rest": true)"), "op4=5 op3=4 rest=6 ");
  EXPECT_EQ(names(R"(, "having": [{"by": 0, "op": "<", "value": 4}])"), "op2=3 op1=2 ");

  const auto answer = ask(R"("queries": {"a": {"signal": "traces", )" + query +
                          R"(, "rest": true, "step": "20000000000"}})")
                          .at("results")
                          .at("a");
  EXPECT_EQ(answer.at("group_count"), 5);
  EXPECT_EQ(answer.at("buckets").at("start"), std::to_string(kT0).c_str());
  EXPECT_EQ(answer.at("buckets").at("count"), 3);
  EXPECT_EQ(text(answer.at("groups").at(0).at("series").at(0)), "[2,2,1]");
  EXPECT_EQ(text(answer.at("groups").at(2).at("series").at(0)), "[5,1,0]");
  EXPECT_EQ(text(answer.at("groups").at(2).at("series").at(1)), "[3E6,3E6,null]");
}

TEST_F(AggregateTest, ComparesWithAnEarlierTimeAndComputesFormulas) {
  // A minute earlier half as many, none of them wrong.
  add({{.start_s = 5, .status = 2},
       {.start_s = 25},
       {.start_s = 45, .status = 2},
       {.start_s = 46}});
  add({{.start_s = -55}, {.start_s = -15}});

  const auto results = ask(R"("queries": {
      "all": {"signal": "traces", "aggregations": [{"op": "count"}], "step": "20000000000"},
      "wrong": {"signal": "traces", "filter": "status = error", "aggregations": [{"op": "count"}],
                "step": "20000000000", "group_by": ["name"]},
      "before": {"signal": "traces", "aggregations": [{"op": "count"}], "step": "20000000000",
                 "shift": "60000000000"}},
    "formulas": {"share": "wrong / all * 100", "growth": "all - before"})")
                           .at("results");
  EXPECT_EQ(text(results.at("before").at("groups").at(0).at("series").at(0)), "[1,0,1]");
  EXPECT_EQ(results.at("before").at("buckets"), results.at("all").at("buckets"));
  EXPECT_EQ(text(results.at("growth").at("groups").at(0).at("series").at(0)), "[0,1,1]");
  const auto& share = results.at("share");
  EXPECT_EQ(text(share.at("group_by")), "[\"name\"]");
  EXPECT_EQ(text(share.at("groups").at(0).at("labels")), "[\"op\"]");
  EXPECT_EQ(text(share.at("groups").at(0).at("values")), "[50]");
  EXPECT_EQ(text(share.at("groups").at(0).at("series").at(0)), "[100,0,50]");
}

TEST_F(AggregateTest, TakesNoGroupBeyondTheLimitForNothing) {
  add({{.name = "a"}, {.name = "a"}, {.name = "b"}, {.name = "c", .status = 2}});
  const auto shares = [&](const std::string& limit) {
    const auto results = ask(R"("queries": {
      "wrong": {"signal": "traces", "filter": "status = error", "aggregations": [{"op": "count"}],
                "group_by": ["name"]},
      "all": {"signal": "traces", "aggregations": [{"op": "count"}], "group_by": ["name"])" +
                             limit + R"(}}, "formulas": {"share": "wrong / all"})")
                             .at("results");
    std::string found;
    for (const auto& group : results.at("share").at("groups").as_array()) {
      found += text(group.at("labels")) + text(group.at("values"));
    }
    return found;
  };
  EXPECT_EQ(shares(""), "[\"c\"][1][\"a\"][0][\"b\"][0]");
  EXPECT_EQ(shares(R"(, "limit": 1)"), "[\"a\"][0][\"c\"][null]");
}

TEST_F(AggregateTest, TakesNoGroupInTheRestForNothing) {
  add({{.name = "a"}, {.name = "a"}, {.name = "b", .status = 2}});
  const auto results = ask(R"("queries": {
      "wrong": {"signal": "traces", "filter": "status = error", "aggregations": [{"op": "count"}],
                "group_by": ["name"]},
      "all": {"signal": "traces", "aggregations": [{"op": "count"}], "group_by": ["name"],
              "limit": 1, "rest": true}}, "formulas": {"both": "wrong + all"})")
                           .at("results");
  // "b" is all of the rest, so how many there are of it is not known.
  EXPECT_EQ(text(results.at("both").at("groups").at(0).at("values")), "[2]");
  EXPECT_EQ(text(results.at("both").at("groups").at(1).at("values")), "[null]");
}

TEST_F(AggregateTest, CountsTheValuesOfAHistogram) {
  add({{.start_s = 1, .attributes = "{'x': '1'}", .types = "i"},
       {.start_s = 1, .attributes = "{'x': '1.1'}", .types = "d"},
       {.start_s = 40, .attributes = "{'x': '-3'}", .types = "i"},
       {.start_s = 40, .attributes = "{'x': '0'}", .types = "i"},
       {.start_s = 40}});
  const auto found =
      groups(R"("aggregations": [{"op": "histogram", "field": "x"}], "step": "30000000000")");
  const auto& values = found.at(0).at("values").at(0).as_array();
  ASSERT_EQ(values.size(), 3U);
  EXPECT_LE(values[0].at(0).to_number<double>(), -3);
  EXPECT_GE(values[0].at(1).to_number<double>(), -3);
  EXPECT_EQ(text(values[1]), "[0,0,1]");
  EXPECT_EQ(values[2].at(0).to_number<double>(), 1);
  EXPECT_DOUBLE_EQ(values[2].at(1).to_number<double>(), std::exp2(0.25));
  EXPECT_EQ(values[2].at(2), 2);
  EXPECT_EQ(found.at(0).at("series").at(0).at(0).as_array().size(), 1U);
  EXPECT_EQ(found.at(0).at("series").at(0).at(1).as_array().size(), 2U);
}

TEST_F(AggregateTest, KeepsEveryValueWithinTheBoundsOfItsKey) {
  for (const std::int32_t key : {1000, 3926, 4999, 5000, 5001, 9095}) {
    const HistogramBounds bounds = histogram_bounds(key);
    EXPECT_LT(bounds.low, bounds.high);
    EXPECT_EQ(histogram_bounds(-key).low, -bounds.high);
    EXPECT_EQ(histogram_bounds(-key).high, -bounds.low);
    if (key > 1000) {
      EXPECT_EQ(histogram_bounds(key - 1).high, bounds.low);
    }
  }
}

TEST_F(AggregateTest, AggregatesLogsByTheNamesOfSeverities) {
  insert("log_rows (service_name, time, severity_number, body)",
         "('shop', " + at_s(1) + ", 9, 'a'), ('shop', " + at_s(2) + ", 10, 'b'), ('shop', " +
             at_s(3) + ", 17, 'c')");
  const auto found = ask(R"("queries": {"a": {"signal": "logs", "aggregations": [{"op": "count"}],
                            "group_by": ["severity"]}})")
                         .at("results")
                         .at("a")
                         .at("groups");
  EXPECT_EQ(text(found.at(0).at("labels")) + text(found.at(0).at("values")), "[\"info\"][2]");
  EXPECT_EQ(text(found.at(1).at("labels")), "[\"error\"]");
}

TEST_F(AggregateTest, ComputesWithMetricsAndSpansTogether) {
  insert(
      "metric_series_rows (series_id, metric_name, metric_type, unit, temporality, is_monotonic, "
      "service_name, attributes, attribute_types, seen)",
      "(1, 'calls', 'sum', '{call}', 2, true, 'shop', {'code': '200'}, 's', " + at_s(0) +
          "), (2, 'calls', 'sum', '{call}', 2, true, 'shop', {'code': '500'}, 's', " + at_s(0) +
          ")");
  for (int t = 0; t <= 80; t += 10) {
    insert("metric_number_rows (metric_name, series_id, time, start_time, value, value_kind)",
           "('calls', 1, " + at_s(t) + ", " + at_s(-10) + ", " + std::to_string(3 * t + 30) +
               ", 1), ('calls', 2, " + at_s(t) + ", " + at_s(-10) + ", " + std::to_string(t + 10) +
               ", 1)");
  }
  add({{.start_s = 5}, {.start_s = 35}, {.start_s = 45}});

  const auto results = ask(R"("queries": {
      "calls": {"signal": "metrics", "metric": "calls", "group_by": ["code"], "step": "30000000000",
                "aggregations": [{"op": "increase"}, {"op": "rate", "name": "speed"}]},
      "spans": {"signal": "traces", "aggregations": [{"op": "count"}], "step": "30000000000"}},
    "formulas": {"per_span": "calls / spans"})")
                           .at("results");
  const auto& calls = results.at("calls");
  EXPECT_EQ(calls.at("group_count"), 2);
  EXPECT_EQ(text(calls.at("aggregations")),
            R"([{"name":"increase","unit":"{call}"},{"name":"speed","unit":"{call}/s"}])");
  EXPECT_EQ(text(calls.at("groups").at(0).at("labels")), "[\"200\"]");
  EXPECT_EQ(text(calls.at("groups").at(0).at("values")), "[180,3]");
  EXPECT_EQ(text(calls.at("groups").at(1).at("series")), "[[30,30],[1,1]]");
  EXPECT_EQ(text(results.at("per_span").at("groups").at(0).at("series")), "[[90,45]]");
}

TEST_F(AggregateTest, ComparesRatesAsTheyAreShown) {
  add({{.name = "often"}, {.name = "often"}, {.name = "often"}, {.name = "rare"}});
  const auto found = groups(R"("aggregations": [{"op": "rate"}], "group_by": ["name"],
                               "having": [{"op": ">", "value": 0.02}])");
  ASSERT_EQ(found.as_array().size(), 1U);
  EXPECT_EQ(text(found.at(0).at("values")), "[5E-2]");
}

TEST_F(AggregateTest, CountsWhatAFilterTakesForThere) {
  insert("log_rows (service_name, time, severity_number, trace_id)",
         "('shop', " + at_s(1) + ", 9, unhex('" + std::string(31, '0') + "1')), ('shop', " +
             at_s(2) + ", 10, unhex('" + std::string(32, '0') + "')), ('shop', " + at_s(3) +
             ", 0, unhex('" + std::string(32, '0') + "'))");
  const auto results = ask(R"("queries": {
      "counts": {"signal": "logs", "aggregations": [
        {"op": "count", "field": "trace_id"}, {"op": "count_distinct", "field": "trace_id"},
        {"op": "count", "field": "severity"}, {"op": "count_distinct", "field": "severity"},
        {"op": "count", "field": "x"}]},
      "ids": {"signal": "logs", "aggregations": [{"op": "count"}], "group_by": ["trace_id"]}})")
                           .at("results");
  EXPECT_EQ(text(results.at("counts").at("groups").at(0).at("values")), "[1,1,2,1,0]");
  EXPECT_EQ(text(results.at("ids").at("groups").at(0).at("labels")), "[\"\"]");
}

TEST_F(AggregateTest, JoinsGroupsOfSeveralSignalsByWhatIsShown) {
  insert("log_rows (service_name, time, severity_number)",
         "('shop', " + at_s(1) + ", 17), ('shop', " + at_s(2) + ", 18)");
  add({{.attributes = "{'severity': 'error'}", .types = "s"}});
  const auto results = ask(R"("queries": {
      "lines": {"signal": "logs", "aggregations": [{"op": "count"}], "group_by": ["severity"]},
      "spans": {"signal": "traces", "aggregations": [{"op": "count"}], "group_by": ["severity"]}},
    "formulas": {"per_span": "lines / spans"})")
                           .at("results");
  EXPECT_EQ(text(results.at("per_span").at("groups").at(0).at("labels")), "[\"error\"]");
  EXPECT_EQ(text(results.at("per_span").at("groups").at(0).at("values")), "[2]");
}

TEST_F(AggregateTest, TakesAMetricThatThereIsNotForNoGroups) {
  add({{}});
  const auto answer = ask(R"json("queries": {
      "spans": {"signal": "traces", "aggregations": [{"op": "count"}]},
      "none": {"signal": "metrics", "metric": "none", "aggregations": [{"op": "rate"}]}},
    "formulas": {"sum": "spans + or(none, 1)"})json");
  EXPECT_EQ(text(answer.at("results").at("none").at("groups")), "[]");
  EXPECT_EQ(text(answer.at("results").at("sum").at("groups").at(0).at("values")), "[2]");
  EXPECT_EQ(answer.at("warnings").at(0).at("parameter"), "queries.none.metric");
}

TEST_F(AggregateTest, NamesTheQueryWhoseFilterIsWrong) {
  try {
    ask(R"("queries": {"a": {"signal": "logs", "filter": "severity = 'nope'",
                             "aggregations": [{"op": "count"}]}})");
    FAIL();
  } catch (const QueryError& error) {
    EXPECT_EQ(error.parameter, "queries.a.filter");
  }
}

TEST_F(AggregateTest, LosesLittleOfAMetricBehindAGap) {
  insert(
      "metric_series_rows (series_id, metric_name, metric_type, temporality, is_monotonic, "
      "service_name, seen)",
      "(1, 'calls', 'sum', 2, true, 'shop', " + at_s(0) + ")");
  insert("metric_series_hour_rows (hour, metric_name, series_id)",
         "(toStartOfHour(" + at_s(-40'000) + "), 'calls', 1)");
  const auto insert_point = [&](double time_s, int value) {
    insert("metric_number_rows (metric_name, series_id, time, start_time, value, value_kind)",
           "('calls', 1, " + at_s(time_s) + ", " + at_s(-80'000) + ", " + std::to_string(value) +
               ", 1)");
  };
  insert_point(-40'000, 100);
  for (int t = 5; t < 60; ++t) insert_point(t, 1000 + t);  // Nothing was heard of for hours.
  const auto found = ask(R"("queries": {"a": {"signal": "metrics", "metric": "calls",
                            "aggregations": [{"op": "increase"}]}})")
                         .at("results")
                         .at("a")
                         .at("groups");
  EXPECT_NEAR(found.at(0).at("values").at(0).to_number<double>(), 54, 3);
}

TEST_F(AggregateTest, WarnsOfFieldsThatNoRecordHas) {
  add({{.attributes = "{'zone': 'a'}", .types = "s"}});
  insert("span_value_rows (hour, key, type, value, records)",
         "(toStartOfHour(" + at_s(0) + "), 'zone', 's', 'a', 1)");
  const auto answer = ask(R"("queries": {"a": {"signal": "traces", "group_by": ["zoen"],
      "filter": "zone = 'a'",
      "aggregations": [{"op": "sum", "field": "sise"}, {"op": "count", "filter": "zonee = 'a'"}]}})");
  std::string warned;
  for (const auto& warning : answer.at("warnings").as_array()) {
    warned +=
        std::string(warning.at("parameter").as_string()) + text(warning.at("suggestions")) + " ";
  }
  EXPECT_EQ(warned,
            "queries.a.aggregations[0].field[] queries.a.aggregations[1].filter[\"zone\"] "
            "queries.a.group_by[0][\"zone\"] ");
}

// ---- against what is counted by hand

std::uint32_t seed() {
  const char* const given = std::getenv("SIGNALBOX_TEST_SEED");
  const std::uint32_t value = given != nullptr
                                  ? static_cast<std::uint32_t>(std::strtoul(given, nullptr, 10))
                                  : std::random_device{}();
  std::printf("SIGNALBOX_TEST_SEED=%u\n", value);
  return value;
}

TEST_F(AggregateTest, AgreesWithCountingByHand) {
  std::mt19937 random(seed());
  const auto below = [&](int limit) {
    return std::uniform_int_distribution<int>(0, limit - 1)(random);
  };
  std::vector<Span> spans(400);
  for (Span& span : spans) {
    span.start_s = below(6000) / 100.0;
    span.service = std::string(1, static_cast<char>('a' + below(3)));
    span.name = "op" + std::to_string(below(4));
    span.duration_ms = below(1000);
    span.status = below(3);
  }
  add(spans);

  for (int round = 0; round < 20; ++round) {
    const bool by_name = below(2) == 0;
    const int step_s = 7 + below(30);
    const std::string service(1, static_cast<char>('a' + below(3)));
    const bool is_filtered = below(2) == 0;
    const std::string filter = is_filtered ? "service.name = '" + service + "'" : "";
    const auto found =
        ask(R"("queries": {"a": {"signal": "traces", "filter": ")" + filter +
            R"(", "aggregations": [{"op": "count"}, {"op": "count", "filter": "status = error"},
               {"op": "sum", "field": "duration"}, {"op": "max", "field": "duration"}],
               "group_by": [)" +
            (by_name ? R"("service.name", "name")" : R"("service.name")") + R"(], "step": ")" +
            std::to_string(step_s) + R"(000000000"}})")
            .at("results")
            .at("a");

    const std::int64_t first_s =
        (std::stoll(std::string(found.at("buckets").at("start").as_string())) - kT0) / kSecondNs;
    struct Counted {
      double count = 0;
      double errors = 0;
      double sum = 0;
      double max = 0;
    };
    std::map<std::pair<std::string, std::int64_t>, Counted> by_hand;  // Bucket -1: of all.
    for (const Span& span : spans) {
      if (is_filtered && span.service != service) continue;
      const std::string key = span.service + (by_name ? "/" + span.name : "");
      const auto bucket = static_cast<std::int64_t>((span.start_s - static_cast<double>(first_s)) /
                                                    static_cast<double>(step_s));
      for (const std::int64_t of : {std::int64_t{-1}, bucket}) {
        Counted& counted = by_hand[{key, of}];
        counted.count += 1;
        counted.errors += span.status == 2 ? 1 : 0;
        counted.sum += span.duration_ms * 1e6;
        counted.max = std::max(counted.max, span.duration_ms * 1e6);
      }
    }
    std::size_t compared = 0;
    for (const auto& group : found.at("groups").as_array()) {
      std::string key(group.at("labels").at(0).as_string());
      if (by_name) key += "/" + std::string(group.at("labels").at(1).as_string());
      for (std::int64_t bucket = -1; bucket < found.at("buckets").at("count").as_int64();
           ++bucket) {
        const auto at = by_hand.find({key, bucket});
        const auto number = [&](std::size_t measure) -> std::optional<double> {
          const auto& value =
              bucket < 0 ? group.at("values").at(measure)
                         : group.at("series").at(measure).at(static_cast<std::size_t>(bucket));
          if (value.is_null()) return std::nullopt;
          return value.to_number<double>();
        };
        if (at == by_hand.end()) {
          EXPECT_EQ(number(0), 0);
          EXPECT_EQ(number(3), std::nullopt);
          continue;
        }
        ++compared;
        EXPECT_EQ(number(0), at->second.count);
        EXPECT_EQ(number(1), at->second.errors);
        EXPECT_EQ(number(2), at->second.sum);
        EXPECT_EQ(number(3), at->second.max);
      }
    }
    EXPECT_EQ(compared, by_hand.size());
  }
}

// ---- the statements

/// Placeholders without their numbers, which depend on the compiler.
std::string without_numbers(const std::string& sql) {
  return std::regex_replace(sql, std::regex(R"(\{p\d+:)"), "{:");
}

TEST(AggregatePlan, ComposesItsStatementsOfNamedParts) {
  const auto request = parse_aggregate_request(
      R"({"start": "0", "end": "60000000000", "queries": {"a": {"signal": "traces",
          "filter": "kind = server",
          "aggregations": [{"op": "p99", "field": "duration"},
                           {"op": "count", "filter": "status = error"}],
          "group_by": ["service.name"], "limit": 3, "step": "20000000000",
          "having": [{"by": 1, "op": ">", "value": 0}]}}})",
      0);
  const AttributeSlots slots;
  const AggregatePlan plan(request.queries[0], slots);
  Parameters of_groups;
  EXPECT_EQ(without_numbers(plan.groups(of_groups)),
            "SELECT g0, if(countIf(true AND isFinite(v0)) = 0, nan, "
            "greatest(minIf(v0, true AND isFinite(v0)), least(maxIf(v0, true AND isFinite(v0)), "
            "toFloat64(quantileTDigestIf(0.99)(v0, true AND isFinite(v0)))))) AS m0, "
            "toFloat64(countIf(c1)) AS m1, count() OVER () AS groups\n"
            "FROM (SELECT start_time AS time, service_name AS g0, toFloat64(duration_ns) AS v0, "
            "((status_code = 2)) AS c1 FROM span_rows WHERE "
            "start_time >= fromUnixTimestamp64Nano({:Int64}) AND "
            "start_time < fromUnixTimestamp64Nano({:Int64}) AND ((kind = 2)))\n"
            "GROUP BY g0\nHAVING m1 > {:Float64}\nORDER BY m0 DESC NULLS LAST, g0 LIMIT 4");
  Parameters of_series;
  EXPECT_EQ(without_numbers(plan.series({{"shop"}, {"cart"}}, true, of_series)),
            "SELECT NOT tuple(g0) IN (tuple({:String}), tuple({:String})) AS is_rest, "
            "if(is_rest, '', toString(g0)) AS k0, "
            "intDiv(toUnixTimestamp64Nano(time) - {:Int64}, {:Int64}) AS bucket, "
            "if(countIf(true AND isFinite(v0)) = 0, nan, "
            "greatest(minIf(v0, true AND isFinite(v0)), least(maxIf(v0, true AND isFinite(v0)), "
            "toFloat64(quantileTDigestIf(0.99)(v0, true AND isFinite(v0)))))) AS m0, "
            "toFloat64(countIf(c1)) AS m1\n"
            "FROM (SELECT start_time AS time, service_name AS g0, toFloat64(duration_ns) AS v0, "
            "((status_code = 2)) AS c1 FROM span_rows WHERE "
            "start_time >= fromUnixTimestamp64Nano({:Int64}) AND "
            "start_time < fromUnixTimestamp64Nano({:Int64}) AND ((kind = 2)))\n"
            "GROUP BY is_rest, k0, bucket");
}

}  // namespace
}  // namespace signalbox::server::query

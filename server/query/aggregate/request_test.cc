#include "server/query/aggregate/request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "server/query/plan/error.h"

namespace signalbox::server::query {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr std::int64_t kNow = 1'700'000'000'000'000'000;

AggregateRequest read(const std::string& text) {
  return parse_aggregate_request(text, kNow);
}

/// With a query `a` of these members besides its signal.
std::string with(const std::string& members) {
  return R"({"queries": {"a": {"signal": "traces", )" + members + "}}}";
}

TEST(AggregateRequest, TakesTheLastQuarterOfAnHourByDefault) {
  const auto request = read(with(R"("aggregations": [{"op": "count"}])"));
  ASSERT_EQ(request.queries.size(), 1U);
  const AggregateQuery& query = request.queries[0];
  EXPECT_EQ(query.name, "a");
  EXPECT_EQ(query.range.end_ns, kNow);
  EXPECT_EQ(query.range.length_ns(), 900'000'000'000);
  EXPECT_FALSE(query.buckets.has_value());
  EXPECT_EQ(query.measures[0].name, "count");
}

TEST(AggregateRequest, ReadsAllThatAQueryMayHave) {
  const auto request = read(R"({
    "start": "1000000000000", "end": "1060000000000",
    "queries": {
      "slow": {"signal": "logs", "filter": "severity >= warn",
        "aggregations": [{"op": "p99.9", "field": "took"},
                         {"op": "count", "filter": "took > 1", "name": "above"}],
        "group_by": ["service.name", "scope.name"], "step": "10000000000",
        "order": {"by": 1, "direction": "ascending"}, "limit": 7,
        "having": [{"by": 1, "op": ">=", "value": 2}], "shift": "100000000000"}},
    "formulas": {"share": "slow.1 / slow"}})");
  const AggregateQuery& query = request.queries.at(0);
  EXPECT_EQ(query.signal, Signal::kLogs);
  EXPECT_EQ(query.filter.field, "severity");
  EXPECT_DOUBLE_EQ(query.measures[0].quantile, 0.999);
  EXPECT_EQ(query.measures[0].name, "p99.9(took)");
  EXPECT_EQ(query.measures[1].filter.field, "took");
  EXPECT_EQ(query.measures[1].name, "above");
  EXPECT_THAT(query.group_by, ElementsAre("service.name", "scope.name"));
  EXPECT_EQ(query.order_by, 1U);
  EXPECT_TRUE(query.is_ascending);
  EXPECT_EQ(query.limit, 7U);
  EXPECT_EQ(query.having.at(0).comparison, FilterOperator::kGreaterOrEqual);
  EXPECT_EQ(query.shift_ns, 100'000'000'000);
  EXPECT_EQ(query.range.start_ns, 900'000'000'000);
  EXPECT_EQ(query.range.end_ns, 960'000'000'000);
  EXPECT_EQ(query.buckets->first_ns, 900'000'000'000);
  EXPECT_EQ(query.buckets->count, 6);
  EXPECT_EQ(request.formulas.at(0).name, "share");
}

struct Refused {
  const char* text;
  const char* parameter;
  const char* message;
};

class AggregateRequestRefuses : public ::testing::TestWithParam<Refused> {};

TEST_P(AggregateRequestRefuses, NamesWhatIsWrong) {
  std::string text = GetParam().text;
  if (!text.starts_with('{') && !text.starts_with('[')) text = with(text);
  try {
    read(text);
    FAIL() << text;
  } catch (const QueryError& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_EQ(error.parameter, GetParam().parameter) << error.what();
    EXPECT_THAT(error.what(), HasSubstr(GetParam().message));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Bodies, AggregateRequestRefuses,
    ::testing::Values(
        Refused{"{", "", "no JSON"}, Refused{"[]", "", "JSON object"},
        Refused{"{}", "queries", "one at least"},
        Refused{R"({"queries": {}})", "queries", "one at least"},
        Refused{R"({"querys": {}})", "querys", "not known here: use start, end"},
        Refused{R"({"queries": {"1a": {}}})", "queries.1a", "named by a word"},
        Refused{R"({"queries": {"a": {}}})", "queries.a.signal", "missing"},
        Refused{R"({"queries": {"a": {"signal": "metric"}}})", "queries.a.signal", "traces, logs"},
        Refused{R"({"queries": {"a": {"signal": "metrics"}}})", "queries.a.metric", "name"},
        Refused{R"({"queries": {"a": {"signal": "traces", "metric": "m"}}})", "queries.a.metric",
                "not known here"},
        Refused{R"({"queries": {"a": {"signal": "metrics", "metric": "m",
                                      "aggregations": [{"op": "first"}]}}})",
                "queries.a.aggregations[0].op", "increase"},
        Refused{R"({"start": 5, "queries": {}})", "start", "text"},
        Refused{R"({"start": "5", "end": "5", "queries": {}})", "start", "before"},
        Refused{R"("aggregations": [])", "queries.a.aggregations", "one at least"},
        Refused{R"("aggregations": {})", "queries.a.aggregations", "list"},
        Refused{R"("aggregations": [{}])", "queries.a.aggregations[0].op", "missing"},
        Refused{R"("aggregations": [{"op": "median"}])", "queries.a.aggregations[0].op", "p99.9"},
        Refused{R"("aggregations": [{"op": "p101", "field": "x"}])", "queries.a.aggregations[0].op",
                "percentile"},
        Refused{R"("aggregations": [{"op": "p99"}])", "queries.a.aggregations[0].field", "which"},
        Refused{R"("aggregations": [{"op": "sum", "field": "name"}])",
                "queries.a.aggregations[0].field", "no numbers"},
        Refused{R"("aggregations": [{"op": "count", "filter": "a ="}])",
                "queries.a.aggregations[0].filter", "Expected a value"},
        Refused{R"("aggregations": [{"op": "count"}, {"op": "histogram", "field": "duration"}])",
                "queries.a.aggregations", "beside a histogram"},
        Refused{R"("filter": "(", "aggregations": [{"op": "count"}])", "queries.a.filter",
                "Expected"},
        Refused{R"("aggregations": [{"op": "count"}], "limit": 0)", "queries.a.limit", "1 to 1000"},
        Refused{R"("aggregations": [{"op": "count"}], "limit": 1.5)", "queries.a.limit", "whole"},
        Refused{R"("aggregations": [{"op": "count"}], "step": "0")", "queries.a.step", "more than"},
        Refused{R"("aggregations": [{"op": "count"}], "step": "1")", "queries.a.step", "too small"},
        Refused{R"("aggregations": [{"op": "count"}], "step": "900000000", "limit": 1000)",
                "queries.a.step", "lower 'limit'"},
        Refused{R"({"end": "9000000000000000000", "queries": {}})", "end", "2200"},
        Refused{R"("aggregations": [{"op": "count"}], "order": {"by": 1})", "queries.a.order.by",
                "0 to 0"},
        Refused{R"("aggregations": [{"op": "count"}], "order": {"direction": "up"})",
                "queries.a.order.direction", "descending, ascending"},
        Refused{R"("aggregations": [{"op": "count"}], "having": [{"value": 1}])",
                "queries.a.having[0]", "'op' and 'value'"},
        Refused{
            R"("aggregations": [{"op": "count"}], "rest": true, "having": [{"op": ">", "value": 1}])",
            "queries.a.having", "'rest'"},
        Refused{R"("aggregations": [{"op": "count"}], "shift": "9000000000000000000")",
                "queries.a.shift", "1970"},
        Refused{R"({"queries": {"a": {"signal": "logs", "aggregations": [{"op": "count"}]}},
                    "formulas": {"a": "1"}})",
                "formulas.a", "name of a query"},
        Refused{R"({"queries": {"a": {"signal": "logs", "aggregations": [{"op": "count"}]}},
                    "formulas": {"b": "c"}})",
                "formulas.b", "no query"},
        Refused{R"({"queries": {"a": {"signal": "logs", "aggregations": [{"op": "count"}]}},
                    "formulas": {"b": "a.1"}})",
                "formulas.b", "more aggregations"},
        Refused{R"({"queries": {"a": {"signal": "logs", "aggregations": [{"op": "count"}]}},
                    "formulas": {"b": "a +"}})",
                "formulas.b", "Expected a value"},
        Refused{R"({"queries": {"a": {"signal": "logs", "aggregations": [{"op": "count"}]}},
                    "formulas": {"b": "1"}})",
                "formulas.b", "name a query"},
        Refused{R"({"queries": {
                      "a": {"signal": "logs", "aggregations": [{"op": "count"}], "step": "auto"},
                      "b": {"signal": "logs", "aggregations": [{"op": "count"}]}},
                    "formulas": {"c": "a / b"}})",
                "formulas.c", "different steps"},
        Refused{R"({"queries": {
                      "a": {"signal": "logs", "aggregations": [{"op": "count"}],
                            "group_by": ["body"]},
                      "b": {"signal": "logs", "aggregations": [{"op": "count"}],
                            "group_by": ["severity"]}},
                    "formulas": {"c": "a / b"}})",
                "formulas.c", "different groups"}));

}  // namespace
}  // namespace signalbox::server::query

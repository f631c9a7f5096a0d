#include "server/query/metrics/metrics.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <optional>
#include <string>
#include <vector>

#include "server/query/language/filter.h"
#include "server/query/plan/error.h"
#include "server/query/plan/query_test_fixture.h"

namespace signalbox::server::query {
namespace {

using ::testing::DoubleNear;
using ::testing::ElementsAre;
using ::testing::Optional;

using Point = std::optional<double>;

constexpr double kTolerance = 1e-6;

class MetricsTest : public QueryTest {
 protected:
  /// Describes series `id` of the metric "m".
  void add_series(int id, const std::string& type, const std::string& temporality,
                  bool is_monotonic, const std::string& attributes = "{}",
                  const std::string& service = "demo") {
    insert(
        "metric_series_rows (series_id, metric_name, metric_type, unit, description, temporality, "
        "is_monotonic, service_name, resource_id, attributes, attribute_types, seen)",
        "(" + std::to_string(id) + ", 'm', '" + type + "', 's', 'what', " + temporality + ", " +
            (is_monotonic ? "true" : "false") + ", '" + service + "', 1, " + attributes +
            ", 's', " + at_s(0) + ")");
  }
  void add_number(int id, double time_s, double start_s, double value, int kind = 2) {
    insert("metric_number_rows (metric_name, series_id, time, start_time, value, value_kind)",
           "('m', " + std::to_string(id) + ", " + at_s(time_s) + ", " + at_s(start_s) + ", " +
               std::to_string(value) + ", " + std::to_string(kind) + ")");
  }
  void add_histogram(int id, double time_s, double start_s, const std::string& bounds,
                     const std::string& counts, const std::string& sum = "0",
                     const std::string& min_max = "NULL, NULL") {
    insert(
        "metric_histogram_rows (metric_name, series_id, time, start_time, count, sum, min, max, "
        "bounds, counts)",
        "('m', " + std::to_string(id) + ", " + at_s(time_s) + ", " + at_s(start_s) + ", arraySum(" +
            counts + "), " + sum + ", " + min_max + ", " + bounds + ", " + counts + ")");
  }

  static MetricQuery query_of(std::int64_t from_s, std::int64_t until_s, std::int64_t step_s) {
    MetricQuery query;
    query.name = "m";
    query.range = seconds_range(from_s, until_s);
    query.step_ns = step_s * kSecondNs;
    return query;
  }

  boost::json::value run(const MetricQuery& query) {
    Session of_this_query = session();
    return parse(query_metric(of_this_query, query));
  }

  static std::vector<Point> points(const boost::json::value& answer, std::size_t series = 0) {
    std::vector<Point> values;
    for (const auto& point : answer.at("series").at(series).at("points").as_array()) {
      const auto& value = point.at(1);
      values.push_back(value.is_null() ? Point() : Point(value.to_number<double>()));
    }
    return values;
  }

  static auto near(double value) { return Optional(DoubleNear(value, kTolerance)); }
};

constexpr auto kNothing = std::nullopt;

TEST_F(MetricsTest, DrawsACounterAsItsRateAndCountsTheFirstPointFromItsStartTime) {
  add_series(1, "sum", "2", true);
  // Started in the range: 10 in the first ten seconds, then 20, then none.
  add_number(1, 10, 0, 10);
  add_number(1, 20, 0, 30);
  add_number(1, 30, 0, 30);

  const auto answer = run(query_of(0, 40, 10));

  EXPECT_EQ(answer.at("aggregations").at(0).at("aggregation"), "rate");
  EXPECT_EQ(answer.at("aggregations").at(0).at("unit"), "s/s");
  EXPECT_THAT(points(answer), ElementsAre(near(1), near(2), near(0), Point(kNothing)));
}

TEST_F(MetricsTest, CountsTheSameAtAStepOfManyPoints) {
  add_series(1, "sum", "2", true);
  add_series(2, "sum", "2", true, "{'start': 'not sent'}");
  for (int t = 10; t <= 120; t += 10) {
    add_number(1, t, t <= 60 ? 0 : 60, t <= 60 ? t : t - 60);  // Restarted after 60 s.
    insert("metric_number_rows (metric_name, series_id, time, value, value_kind)",
           "('m', 2, " + at_s(t) + ", " + std::to_string(t % 60) + ", 2)");
  }
  MetricQuery query = query_of(0, 120, 60);
  query.aggregations = {aggregations::kIncrease};
  query.group_by = {"start"};
  const auto answer = run(query);

  EXPECT_EQ(answer.at("series").at(0).at("labels").at("start"), "");
  EXPECT_THAT(points(answer, 0), ElementsAre(near(60), near(60)));
  // From 10 to 50; then a restart at 60 with 0, and again at 120.
  EXPECT_THAT(points(answer, 1), ElementsAre(near(40), near(50)));
}

TEST_F(MetricsTest, KeepsStepsOfManyPointsApart) {
  add_series(1, "sum", "2", true);
  // 100 at the end of the first minute, nothing in the second, 10 at once as the third begins.
  for (const auto& [t, value] : {std::pair(10, 0),
                                 {20, 0},
                                 {50, 0},
                                 {60, 100},
                                 {70, 100},
                                 {90, 100},
                                 {120, 100},
                                 {125, 110},
                                 {150, 110},
                                 {180, 110}}) {
    add_number(1, t, 0, value);
  }
  MetricQuery query = query_of(0, 180, 60);
  query.aggregations = {aggregations::kIncrease};

  EXPECT_THAT(points(run(query)), ElementsAre(near(100), near(0), near(10)));
}

TEST_F(MetricsTest, TakesTheIncreaseSinceThePointBeforeTheRange) {
  add_series(1, "sum", "2", true);
  add_number(1, -5, -1000, 100);
  add_number(1, 5, -1000, 120);
  add_number(1, 15, -1000, 130);

  MetricQuery query = query_of(0, 20, 10);
  query.aggregations = {aggregations::kIncrease};
  const auto answer = run(query);

  // Half of what happened from -5 to 5 lies in the range, and half of that from 5 to 15 on.
  EXPECT_THAT(points(answer), ElementsAre(near(15), near(5)));
}

TEST_F(MetricsTest, CountsAfterARestartFromZero) {
  add_series(1, "sum", "2", true);
  add_number(1, 0, -1000, 500);
  add_number(1, 10, -1000, 510);
  add_number(1, 20, 12, 7);  // A new process: its start time says so.
  add_number(1, 30, 12, 8);
  add_number(1, 40, 12, 3);  // A client that does not change its start time.

  MetricQuery query = query_of(0, 40, 10);
  query.aggregations = {aggregations::kIncrease};
  const auto answer = run(query);

  EXPECT_THAT(points(answer), ElementsAre(near(10), near(7), near(1), near(3)));
}

TEST_F(MetricsTest, DoesNotTakeAnOldCounterForANewOneAfterALongSilence) {
  add_series(1, "sum", "2", true);
  add_series(2, "sum", "2", true, "{'code': '500'}");
  for (int i = 0; i <= 4; ++i) add_number(1, i * 10, -90'000, 100);
  add_number(2, -7200, -90'000, 1'000'000);
  insert("metric_series_hour_rows (hour, metric_name, series_id)",
         "(toStartOfHour(" + at_s(-7200) + "), 'm', 2)");
  add_number(2, 30, -90'000, 1'000'050);
  add_number(2, 40, -90'000, 1'000'060);

  MetricQuery query = query_of(0, 40, 10);
  query.aggregations = {aggregations::kIncrease};

  EXPECT_THAT(points(run(query)), ElementsAre(near(0), near(0), near(0), near(10)));
}

TEST_F(MetricsTest, CountsTheFirstPointOfASeriesThatAppearsLate) {
  add_series(1, "sum", "2", true);
  add_series(2, "sum", "2", true, "{'code': '500'}");
  for (int i = 0; i <= 4; ++i) add_number(1, i * 10, -9000, 100);
  add_number(2, 30, -9000, 3);  // The first error of a process that has run for hours.
  add_number(2, 40, -9000, 3);

  MetricQuery query = query_of(0, 40, 10);
  query.aggregations = {aggregations::kIncrease};
  EXPECT_THAT(points(run(query)), ElementsAre(near(0), near(0), near(3), near(0)));

  query.range = seconds_range(0, 50);
  query.filter = parse_filter("code = '500'");  // Which the other series is not.
  EXPECT_THAT(points(run(query)),
              ElementsAre(Point(kNothing), Point(kNothing), near(3), near(0), Point(kNothing)));
}

TEST_F(MetricsTest, DoesNotTakeTheTotalsOfFirstContactForWhatHappenedThen) {
  add_series(1, "sum", "2", true);
  add_series(2, "sum", "2", true, "{'code': '500'}");
  add_series(3, "sum", "2", true, "{'instance': 'another'}");
  // Two processes that have run for hours: one is heard of from 20 on, by both its series; the
  // other was before, under the same resource.
  for (const int series : {1, 2}) {
    add_number(series, 20, -9000, 1'000'000);
    add_number(series, 30, -9000, 1'000'010);
  }
  for (int i = 0; i <= 3; ++i) add_number(3, i * 10, -8000, 100);

  for (const int step : {10, 40}) {
    MetricQuery query = query_of(0, 40, step);
    query.aggregations = {aggregations::kIncrease};
    double sum = 0;
    for (const Point& point : points(run(query))) sum += point.value_or(0);
    EXPECT_THAT(Point(sum), near(20)) << step;
  }
}

TEST_F(MetricsTest, DoesNotTakeTheTotalsOfFirstContactForMeasurements) {
  add_series(1, "histogram", "2", true);
  add_histogram(1, 20, -9000, "[1, 10]", "[1000, 0, 0]");
  add_histogram(1, 30, -9000, "[1, 10]", "[1000, 10, 0]");

  MetricQuery query = query_of(0, 40, 10);
  query.aggregations = {aggregations::kIncrease, aggregations::kP50};
  const auto answer = run(query);

  EXPECT_THAT(points(answer, 0),
              ElementsAre(Point(kNothing), Point(kNothing), near(10), Point(kNothing)));
  EXPECT_THAT(points(answer, 1),
              ElementsAre(Point(kNothing), Point(kNothing), near(5.5), Point(kNothing)));
}

TEST_F(MetricsTest, TellsOfAttributesInAFilterThatNoSeriesHas) {
  add_series(1, "gauge", "0", false, "{'http.route': '/a'}");
  add_number(1, 10, 0, 1);

  MetricQuery query = query_of(0, 20, 10);
  query.filter = parse_filter("NOT http.ruote = '/b'");
  const auto answer = run(query);
  ASSERT_EQ(answer.at("warnings").as_array().size(), 1U);
  EXPECT_EQ(answer.at("warnings").at(0).at("suggestions"), boost::json::array{"http.route"});

  query.filter = parse_filter("http.ruote = '/a'");
  try {
    run(query);
    FAIL();
  } catch (const QueryError& error) {
    EXPECT_THAT(error.hint, ::testing::HasSubstr("Did you mean 'http.route'?"));
  }
}

TEST_F(MetricsTest, KeepsTwoProcessesApartThatShareASeries) {
  add_series(1, "sum", "2", true);
  for (int i = 0; i <= 3; ++i) {
    add_number(1, i * 10, -100, 1000 + i * 10);
    add_number(1, i * 10 + 3, -50, 20 + i * 20);
  }
  MetricQuery query = query_of(10, 30, 10);
  query.aggregations = {aggregations::kIncrease};

  EXPECT_THAT(points(run(query)), ElementsAre(near(10 + 20), near(10 + 20)));
}

TEST_F(MetricsTest, AddsUpDeltasAndMixesThemWithCumulativeSeries) {
  add_series(1, "sum", "1", true);
  add_series(2, "sum", "2", true, "{'a': 'b'}");
  add_number(1, 10, 0, 5);
  add_number(1, 20, 10, 7);
  add_number(2, 10, 0, 1);
  add_number(2, 20, 0, 3);

  MetricQuery query = query_of(0, 20, 10);
  query.aggregations = {aggregations::kIncrease};
  const auto answer = run(query);

  EXPECT_THAT(points(answer), ElementsAre(near(6), near(9)));
  EXPECT_EQ(answer.at("temporalities"), (boost::json::array{"delta", "cumulative"}));
}

TEST_F(MetricsTest, CountsADeltaOnceHoweverOftenItWasSent) {
  add_series(1, "sum", "1", true);
  for (int i = 0; i < 3; ++i) add_number(1, 10, 0, 5);
  add_number(1, 20, 10, 5);
  MetricQuery query = query_of(0, 20, 10);
  query.aggregations = {aggregations::kIncrease};

  EXPECT_THAT(points(run(query)), ElementsAre(near(5), near(5)));
}

TEST_F(MetricsTest, DrawsAnUpDownCounterAsAValueWithItsZeros) {
  add_series(1, "sum", "2", false, "{'path': '/a'}");
  add_series(2, "sum", "2", false, "{'path': '/b'}");
  const double first[] = {2, 0, 5};
  for (int i = 0; i < 3; ++i) {
    add_number(1, i * 10 + 1, 0, first[i], 1);
    add_number(2, i * 10 + 2, 0, 1, 1);
  }

  EXPECT_THAT(points(run(query_of(0, 30, 10))), ElementsAre(near(3), near(1), near(6)));

  MetricQuery by_path = query_of(0, 30, 10);
  by_path.group_by = {"path"};
  const auto answer = run(by_path);
  EXPECT_EQ(answer.at("series").at(0).at("labels").at("path"), "/a");
  EXPECT_THAT(points(answer, 0), ElementsAre(near(2), near(0), near(5)));
  EXPECT_THAT(points(answer, 1), ElementsAre(near(1), near(1), near(1)));
}

TEST_F(MetricsTest, AveragesAValueOnceHoweverOftenItWasSent) {
  add_series(1, "gauge", "0", false);
  for (int i = 0; i < 3; ++i) add_number(1, 0, 0, 5);
  add_number(1, 10, 0, 7);
  MetricQuery query = query_of(0, 20, 20);
  query.aggregations = {aggregations::kAvg};

  EXPECT_THAT(points(run(query)), ElementsAre(near(6)));
}

TEST_F(MetricsTest, HoldsAValueOverJitterButLeavesGaps) {
  add_series(1, "gauge", "0", false);
  for (const double time : {1.0, 9.9, 20.1, 31.0, 71.0, 81.0}) add_number(1, time, 0, time);

  const auto answer = run(query_of(0, 90, 10));

  EXPECT_EQ(answer.at("step_ns"), "10000000000");
  EXPECT_THAT(points(answer),
              ElementsAre(near((1.0 + 9.9) / 2), near(9.9), near(20.1), near(31), near(31),
                          Point(kNothing), Point(kNothing), near(71), near(81)));
}

TEST_F(MetricsTest, EndsAValueWhereItsSourceSaysSo) {
  add_series(1, "gauge", "0", false);
  add_number(1, 1, 0, 5);
  add_number(1, 11, 0, 0, 0);  // No recorded value.
  add_number(1, 21, 0, 6);

  EXPECT_THAT(points(run(query_of(0, 30, 10))), ElementsAre(near(5), Point(kNothing), near(6)));
}

TEST_F(MetricsTest, RefusesARateOfAValueThatGoesUpAndDown) {
  add_series(1, "gauge", "0", false);
  add_number(1, 1, 0, 5);
  MetricQuery query = query_of(0, 30, 10);
  query.aggregations = {aggregations::kRate};

  try {
    run(query);
    FAIL();
  } catch (const QueryError& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_EQ(error.parameter, "aggregation");
  }
}

TEST_F(MetricsTest, WidensAStepThatIsSmallerThanTheExportInterval) {
  add_series(1, "sum", "2", true);
  for (int i = 0; i <= 10; ++i) add_number(1, i * 30, -100, i * 30);

  const auto answer = run(query_of(0, 300, 1));

  EXPECT_EQ(answer.at("step_ns"), "30000000000");
  for (const Point& point : points(answer)) EXPECT_THAT(point, near(1));
}

TEST_F(MetricsTest, InterpolatesTheQuantilesOfAHistogram) {
  add_series(1, "histogram", "2", true);
  add_histogram(1, 10, 0, "[10, 20, 30]", "[50, 30, 20, 0]");

  MetricQuery query = query_of(0, 10, 10);
  query.aggregations = {aggregations::kP50, aggregations::kP90, aggregations::kP99};
  const auto answer = run(query);

  EXPECT_THAT(points(answer, 0), ElementsAre(near(10)));
  EXPECT_THAT(points(answer, 1), ElementsAre(near(25)));
  EXPECT_THAT(points(answer, 2), ElementsAre(near(29.5)));
  EXPECT_EQ(answer.at("aggregations").at(2).at("drawn"), "p99 of the measurements per 10 s");
}

TEST_F(MetricsTest, TakesTheIncreaseOfCumulativeHistogramsAndTheirRestarts) {
  add_series(1, "histogram", "2", true);
  add_histogram(1, 0, -900, "[10, 20]", "[1000, 0, 0]");
  add_histogram(1, 10, -900, "[10, 20]", "[1000, 100, 0]");  // Only (10, 20] since.
  add_histogram(1, 20, 11, "[10, 20]", "[100, 0, 0]");       // Restarted: only (0, 10].
  add_histogram(1, 30, 21, "[100, 200]", "[0, 100, 0]");     // And with other bounds.

  MetricQuery query = query_of(0, 30, 10);
  query.aggregations = {aggregations::kP50};

  EXPECT_THAT(points(run(query)), ElementsAre(near(15), near(5), near(150)));
}

TEST_F(MetricsTest, AnswersTheLastBoundIfOnlyTheLastBucketHasData) {
  add_series(1, "histogram", "1", true);
  add_histogram(1, 10, 0, "[10, 20]", "[0, 0, 4]");

  EXPECT_THAT(points(run(query_of(0, 10, 10))), ElementsAre(near(20)));
}

TEST_F(MetricsTest, UsesTheMaximumBeyondTheLastBound) {
  add_series(1, "histogram", "1", true);
  add_histogram(1, 10, 0, "[10, 20]", "[0, 0, 4]", "0", "25, 30");

  MetricQuery query = query_of(0, 10, 10);
  query.aggregations = {aggregations::kP50, aggregations::kP99};
  const auto answer = run(query);

  // Between 25 and 30, where all four are.
  EXPECT_THAT(points(answer, 0), ElementsAre(near(27.5)));
  EXPECT_THAT(points(answer, 1), ElementsAre(near(29.95)));
}

TEST_F(MetricsTest, TakesAMaximumFromBeforeTheIntervalForNoneOfItsOwn) {
  add_series(1, "histogram", "2", true);
  const std::string life = "0.25, 2701";
  add_histogram(1, 0, -900, "[1, 10]", "[50, 0, 1]", "0", life);
  add_histogram(1, 10, -900, "[1, 10]", "[50, 0, 5]", "0", life);
  add_histogram(1, 20, -900, "[1, 10]", "[51, 0, 5]", "0", life);
  add_histogram(1, 30, -900, "[1, 10]", "[51, 0, 9]", "0", "0.25, 4000");

  MetricQuery query = query_of(0, 30, 10);
  query.aggregations = {aggregations::kP50, aggregations::kP99};
  const auto answer = run(query);

  // Four beyond 10, how far is not known; one of at least 0.25; four up to 4,000.
  EXPECT_THAT(points(answer, 0), ElementsAre(near(10), near(0.625), near(2005)));
  EXPECT_THAT(points(answer, 1), ElementsAre(near(10), near(0.9925), near(3960.1)));
}

TEST_F(MetricsTest, KeepsQuantilesBetweenTheExtremesMeasured) {
  add_series(1, "histogram", "1", true);
  add_histogram(1, 10, 0, "[10, 20]", "[4, 0, 0]", "0", "1, 3");
  add_histogram(1, 20, 10, "[-5, 20]", "[4, 0, 0]", "0", "-9, -7");

  MetricQuery query = query_of(0, 20, 10);
  query.aggregations = {aggregations::kP50, aggregations::kP99};
  const auto answer = run(query);

  EXPECT_THAT(points(answer, 0), ElementsAre(near(2), near(-8)));
  EXPECT_THAT(points(answer, 1), ElementsAre(near(2.98), near(-7.02)));
}

TEST_F(MetricsTest, IgnoresABucketThatFallsThoughTheCountRises) {
  add_series(1, "histogram", "2", true);
  add_histogram(1, 0, -900, "[10, 20]", "[100, 100, 0]");
  add_histogram(1, 10, -900, "[10, 20]", "[90, 150, 0]");

  MetricQuery query = query_of(0, 10, 10);
  query.aggregations = {aggregations::kP50};

  EXPECT_THAT(points(run(query)), ElementsAre(near(15)));
}

TEST_F(MetricsTest, MergesHistogramsWithDifferentBounds) {
  add_series(1, "histogram", "1", true);
  add_series(2, "histogram", "1", true, "{'a': 'b'}");
  add_histogram(1, 10, 0, "[10, 20]", "[10, 10, 0]");
  add_histogram(2, 10, 0, "[5, 15]", "[10, 10, 0]");

  MetricQuery query = query_of(0, 10, 10);
  query.aggregations = {aggregations::kP50, aggregations::kP90};
  const auto answer = run(query);

  // At the bounds 5, 10, 15, 20: 5 + 10, 10 + 15, 15 + 20, 20 + 20 of 40.
  EXPECT_THAT(points(answer, 0), ElementsAre(near(5 + 5 * 5.0 / 10)));
  EXPECT_THAT(points(answer, 1), ElementsAre(near(15 + 5 * 1.0 / 5)));
}

TEST_F(MetricsTest, HasNoQuantileWhereNothingWasMeasured) {
  add_series(1, "histogram", "2", true);
  add_histogram(1, 0, -900, "[10]", "[5, 0]");
  add_histogram(1, 10, -900, "[10]", "[5, 0]");
  add_histogram(1, 20, -900, "[10]", "[9, 0]");

  EXPECT_THAT(points(run(query_of(0, 20, 10))), ElementsAre(Point(kNothing), near(9.9)));
}

TEST_F(MetricsTest, GroupsQuantilesByAttribute) {
  add_series(1, "histogram", "2", true, "{'url.path': '/a'}");
  add_series(2, "histogram", "2", true, "{'url.path': '/b'}");
  add_histogram(1, 10, 0, "[10, 20]", "[10, 0, 0]");
  add_histogram(2, 10, 0, "[10, 20]", "[0, 10, 0]");

  MetricQuery query = query_of(0, 10, 10);
  query.group_by = {"url.path"};
  const auto answer = run(query);

  EXPECT_EQ(answer.at("series").at(0).at("labels").at("url.path"), "/b");
  EXPECT_THAT(points(answer, 0), ElementsAre(near(19.9)));
  EXPECT_THAT(points(answer, 1), ElementsAre(near(9.9)));

  query.filter = parse_filter("url.path = '/a'");
  const auto filtered = run(query);
  ASSERT_EQ(filtered.at("series").as_array().size(), 1u);
  EXPECT_THAT(points(filtered), ElementsAre(near(9.9)));
}

TEST_F(MetricsTest, DrawsCountRateSumAndMeanOfAHistogram) {
  add_series(1, "histogram", "2", true);
  add_histogram(1, 10, 0, "[10]", "[4, 0]", "20");
  add_histogram(1, 20, 0, "[10]", "[4, 6]", "100");

  MetricQuery query = query_of(0, 20, 10);
  query.aggregations = {aggregations::kCount, aggregations::kRate, aggregations::kSum,
                        aggregations::kAvg};
  const auto answer = run(query);

  EXPECT_THAT(points(answer, 0), ElementsAre(near(4), near(6)));
  EXPECT_THAT(points(answer, 1), ElementsAre(near(0.4), near(0.6)));
  EXPECT_THAT(points(answer, 2), ElementsAre(near(20), near(80)));
  EXPECT_THAT(points(answer, 3), ElementsAre(near(5), near(80.0 / 6)));
}

TEST_F(MetricsTest, InterpolatesExponentialHistogramsOfDifferentScales) {
  add_series(1, "exponential_histogram", "2", true);
  const auto add = [&](double time_s, int scale, int offset, const std::string& counts,
                       const std::string& zeros, const std::string& negative) {
    insert(
        "metric_exponential_histogram_rows (metric_name, series_id, time, start_time, count, "
        "scale, "
        "zero_count, positive_offset, positive_counts, negative_offset, negative_counts)",
        "('m', 1, " + at_s(time_s) + ", " + at_s(0) + ", arraySum(" + counts + ") + " + zeros +
            " + arraySum(arrayConcat(" + negative + ", [0])), " + std::to_string(scale) + ", " +
            zeros + ", " + std::to_string(offset) + ", " + counts + ", 0, " + negative + ")");
  };
  add(10, 1, 2, "[10, 10]", "0", "[]");  // (2, 2.83] and (2.83, 4]
  add(20, 0, 1, "[20, 8]", "2", "[]");   // (2, 4] as before, 8 in (4, 8], two zeros
  add(30, 0, 1, "[20, 8]", "2", "[4]");  // 4 in [-2, -1)

  MetricQuery query = query_of(0, 30, 10);
  query.aggregations = {aggregations::kP50, aggregations::kP90};
  const auto answer = run(query);

  EXPECT_THAT(points(answer, 0), ElementsAre(near(std::exp2(1.5)), near(std::exp2(2 + 3.0 / 8)),
                                             near(-std::exp2(0.5))));
  EXPECT_THAT(points(answer, 1), ElementsAre(near(std::exp2(1.9)), near(std::exp2(2 + 7.0 / 8)),
                                             near(-std::exp2(0.1))));
}

TEST_F(MetricsTest, InterpolatesExponentialHistogramsOfOneScaleWhicheverItIs) {
  add_series(1, "exponential_histogram", "1", true);
  const auto p50 = [&](double time_s, int scale, int offset) {
    insert(
        "metric_exponential_histogram_rows (metric_name, series_id, time, start_time, count, "
        "scale, positive_offset, positive_counts)",
        "('m', 1, " + at_s(time_s) + ", " + at_s(time_s - 10) + ", 10, " + std::to_string(scale) +
            ", " + std::to_string(offset) + ", [10])");
    MetricQuery query =
        query_of(static_cast<std::int64_t>(time_s) - 10, static_cast<std::int64_t>(time_s), 10);
    query.aggregations = {aggregations::kP50};
    return points(run(query));
  };
  // All ten in bucket `offset`, from 2^(offset / 2^scale) on.
  EXPECT_THAT(p50(1010, 1, 1), ElementsAre(near(std::exp2(1.5 / 2))));
  EXPECT_THAT(p50(2010, 3, -20), ElementsAre(near(std::exp2(-19.5 / 8))));
  EXPECT_THAT(p50(3010, 20, 1'000'000), ElementsAre(near(std::exp2(1'000'000.5 / 1'048'576))));
  EXPECT_THAT(p50(4010, -2, 1), ElementsAre(near(std::exp2(1.5 * 4))));
  EXPECT_THAT(p50(5010, 1000, 7), ElementsAre(near(1)));
}

TEST_F(MetricsTest, DrawsTheNearestQuantileOfASummary) {
  add_series(1, "summary", "0", false);
  insert(
      "metric_summary_rows (metric_name, series_id, time, start_time, count, sum, quantiles, "
      "values)",
      "('m', 1, " + at_s(5) + ", " + at_s(0) + ", 10, 50, [0.5, 0.9], [4, 9])");

  MetricQuery query = query_of(0, 10, 10);
  query.aggregations = {aggregations::kP50, aggregations::kP99, aggregations::kAvg};
  const auto answer = run(query);

  EXPECT_THAT(points(answer, 0), ElementsAre(near(4)));
  EXPECT_THAT(points(answer, 1), ElementsAre(near(9)));
  EXPECT_THAT(points(answer, 2), ElementsAre(near(5)));
}

TEST_F(MetricsTest, ReturnsExemplarsThatLeadToTraces) {
  add_series(1, "histogram", "1", true, "{'a': 'b'}");
  add_histogram(1, 10, 0, "[1]", "[1, 0]");
  insert(
      "metric_exemplar_rows (metric_name, series_id, point_time, time, value, trace_id, span_id)",
      "('m', 1, " + at_s(10) + ", " + at_s(5) +
          ", 0.5, unhex('0102030405060708090a0b0c0d0e0f10'), unhex('0102030405060708'))");

  MetricQuery query = query_of(0, 20, 10);
  query.exemplars = true;
  query.group_by = {"a"};
  const auto answer = run(query);

  ASSERT_EQ(answer.at("exemplars").as_array().size(), 1u);
  const auto& exemplar = answer.at("exemplars").at(0);
  EXPECT_EQ(exemplar.at("trace_id"), "0102030405060708090a0b0c0d0e0f10");
  EXPECT_EQ(exemplar.at("span_id"), "0102030405060708");
  EXPECT_EQ(exemplar.at("time"), json_s(5));
  EXPECT_EQ(exemplar.at("labels").at("a"), "b");
}

TEST_F(MetricsTest, ListsMetricsThatHavePointsInTheRange) {
  add_series(1, "sum", "2", false, "{'url.path': '/a'}");
  add_series(2, "sum", "2", false, "{'url.path': '/b', 'x': 'y'}", "other");
  add_number(1, 10, 0, 1);
  add_number(2, 20, 0, 1);

  Session first = session();
  const auto all = parse(list_metrics(first, seconds_range(0, 100), std::nullopt));
  ASSERT_EQ(all.at("metrics").as_array().size(), 1u);
  const auto& metric = all.at("metrics").at(0);
  EXPECT_EQ(metric.at("name"), "m");
  EXPECT_EQ(metric.at("type"), "sum");
  EXPECT_EQ(metric.at("unit"), "s");
  EXPECT_EQ(metric.at("default_aggregation"), "sum");
  EXPECT_EQ(metric.at("series_count"), 2);
  EXPECT_EQ(metric.at("services"), (boost::json::array{"demo", "other"}));
  EXPECT_EQ(metric.at("attribute_keys"), (boost::json::array{"url.path", "x"}));
  EXPECT_EQ(metric.at("last_seen"), json_s(20));

  Session second = session();
  const auto of_service = parse(list_metrics(second, seconds_range(0, 100), "demo"));
  EXPECT_EQ(of_service.at("metrics").at(0).at("series_count"), 1);

  Session third = session();
  const auto later = parse(list_metrics(third, seconds_range(100, 200), std::nullopt));
  EXPECT_TRUE(later.at("metrics").as_array().empty());
}

/// Of a long range whole hours are known from the side table; what lies at its ends and what was
/// stored before there was the table is found by its points.
TEST_F(MetricsTest, ListsMetricsOfALongRange) {
  const auto at = [](std::int64_t hours, std::int64_t seconds = 0) {
    return (kT0 / kSecondNs / 3600 + hours) * 3600 + seconds;
  };
  const auto time = [](std::int64_t second) {
    return "fromUnixTimestamp64Nano(" + std::to_string(second * kSecondNs) + ")";
  };
  for (int series = 1; series <= 5; ++series) add_series(series, "sum", "2", false, "{}");
  const std::string points = "metric_number_rows (received, metric_name, series_id, time)";
  insert(points, "(now64(6), 'm', 1, " + time(at(1, 1800)) + ")");  // In the first hour, begun.
  insert(points, "(now64(6), 'm', 2, " + time(at(1, 1700)) + ")");  // Before the range.
  insert("metric_series_hour_rows (hour, metric_name, series_id)",
         "(" + time(at(3)) + ", 'm', 3), (" + time(at(1)) + ", 'm', 2)");
  insert(points, "(toDateTime64('2020-01-01', 6), 'm', 4, " + time(at(3, 7)) + ")");  // Long ago.
  insert(points, "(now64(6), 'm', 5, " + time(at(8, 900)) + ")");  // After the range.

  Session of_this_query = session();
  const auto answer =
      parse(list_metrics(of_this_query, {at(1, 1750) * kSecondNs, at(8, 800) * kSecondNs}, {}));

  ASSERT_EQ(answer.at("metrics").as_array().size(), 1u);
  EXPECT_EQ(answer.at("metrics").at(0).at("series_count"), 3);
  EXPECT_EQ(answer.at("metrics").at(0).at("last_seen"),
            boost::json::value(std::to_string(at(3, 7) * kSecondNs)));
}

}  // namespace
}  // namespace signalbox::server::query

#include "server/query/services/services.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <map>
#include <numeric>
#include <random>
#include <string>
#include <string_view>
#include <vector>

#include "server/query/fields/facets.h"
#include "server/query/plan/durations.h"
#include "server/query/plan/error.h"
#include "server/query/plan/operation_minutes.h"
#include "server/query/plan/query_test_fixture.h"
#include "server/query/traces/traces.h"
#include "server/store/columns/block.h"
#include "server/store/columns/durations.h"
#include "server/store/columns/side_tables.h"

namespace signalbox::server::query {
namespace {

class ServicesTest : public QueryTest {
 protected:
  /// `count` spans, one a second from `from_s` on, of 1 ms, 2 ms, …; the first `errors` failed.
  void add_spans(const std::string& service, int kind, bool is_root, int from_s, int count,
                 int errors, const std::string& name = "op") {
    engine_.execute(
        "INSERT INTO span_rows (service_name, name, start_time, duration_ns, trace_id, span_id, "
        "parent_span_id, kind, status_code, resource_id) SELECT '" +
        service + "', '" + name + "', " + at_s(from_s) +
        " + toIntervalSecond(number), (number + 1) * 1000000, unhex(lpad(hex(number + 1), 32, "
        "'0')), "
        "unhex(lpad(hex(number + 1), 16, '0')), unhex('" +
        (is_root ? "0000000000000000" : "0000000000000001") + "'), " + std::to_string(kind) +
        ", number < " + std::to_string(errors) + " ? 2 : 0, 7 FROM numbers(" +
        std::to_string(count) + ")");
  }

  boost::json::value list(std::int64_t from_s, std::int64_t until_s) {
    Session of_this_query = session();
    return parse(list_services(of_this_query, seconds_range(from_s, until_s)));
  }

  /// How many spans of the service are found by `is_entry_point = true` and `more`.
  std::int64_t entry_points(std::string_view service, const TimeRange& range,
                            const std::string& more = "") {
    TraceSearch search;
    search.range = range;
    search.filter = parse_filter("service.name = " + quote_filter_text(service) +
                                 " AND is_entry_point = true" + more);
    Session of_this_query = session();
    const auto answer = parse(search_traces(of_this_query, search));
    std::int64_t count = 0;
    for (const auto& bucket : answer.at("histogram").at("buckets").as_array()) {
      count += bucket.at("count").as_int64();
    }
    return count;
  }
};

TEST_F(ServicesTest, CountsServerSpansAsRequestsAndPutsTheWorstFirst) {
  add_spans("fine", 2, true, 0, 60, 0);
  add_spans("bad", 2, false, 0, 60, 6);
  add_spans("bad", 3, false, 0, 600, 0);  // Client spans are no requests.

  const auto services = list(0, 60).at("services");

  ASSERT_EQ(services.as_array().size(), 2u);
  const auto& bad = services.at(0);
  EXPECT_EQ(bad.at("name"), "bad");
  EXPECT_EQ(bad.at("span_count"), 60);
  EXPECT_EQ(bad.at("error_count"), 6);
  EXPECT_DOUBLE_EQ(bad.at("error_rate").as_double(), 0.1);
  EXPECT_EQ(bad.at("requests_per_second").to_number<double>(), 1);
  EXPECT_NEAR(bad.at("p50_ns").to_number<double>(), 30.5e6, 1e6);
  EXPECT_NEAR(bad.at("p99_ns").to_number<double>(), 59.5e6, 1e6);
  EXPECT_EQ(bad.at("last_seen"), json_s(59));
  const auto& requests = bad.at("sparklines").at("requests").as_array();
  ASSERT_EQ(requests.size(), 30u);
  for (const auto& bucket : requests) EXPECT_EQ(bucket, 2);
  EXPECT_EQ(bad.at("sparklines").at("errors").at(0), 2);
  EXPECT_EQ(bad.at("sparklines").at("errors").at(3), 0);
  EXPECT_EQ(services.at(1).at("name"), "fine");
}

TEST_F(ServicesTest, CountsRootSpansOfAServiceThatHasNoServerSpans) {
  add_spans("batch", 1, true, 0, 10, 1);
  add_spans("batch", 3, false, 0, 50, 0);

  const auto services = list(0, 60).at("services");

  EXPECT_EQ(services.at(0).at("span_count"), 10);
  EXPECT_EQ(services.at(0).at("error_count"), 1);
}

/// The pages of services lead to the spans behind their numbers by this field.
TEST_F(ServicesTest, CountsTheSpansThatAreFoundAsEntryPoints) {
  add_spans("shop", 2, false, 0, 60, 6);
  add_spans("shop", 5, true, 0, 12, 2);
  add_spans("shop", 1, true, 0, 20, 3);  // Work of its own, which is no request.
  add_spans("shop", 3, false, 0, 59, 5);
  add_spans("batch", 1, true, 0, 10, 1);
  add_spans("batch", 3, false, 0, 50, 4);
  add_spans("batch", 2, true, 300, 5, 0);  // Makes no difference to another time.
  add_spans("inner\\'s", 3, false, 0, 7, 1);
  const TimeRange range = seconds_range(0, 60);

  const auto services = list(0, 60).at("services");

  ASSERT_EQ(services.as_array().size(), 3u);
  for (const auto& service : services.as_array()) {
    const std::string name(service.at("name").as_string());
    EXPECT_EQ(service.at("span_count"), entry_points(name, range)) << name;
    EXPECT_EQ(service.at("error_count"), entry_points(name, range, " AND status = error")) << name;
  }
  EXPECT_EQ(entry_points("shop", range), 72);
  EXPECT_EQ(entry_points("batch", range), 10);
  EXPECT_EQ(entry_points("batch", seconds_range(0, 400)), 5);
  EXPECT_EQ(entry_points("inner's", range), 0);
}

TEST_F(ServicesTest, CountsEntryPointsAndOthersAsValuesOfTheirField) {
  add_spans("shop", 2, false, 0, 6, 0);
  add_spans("shop", 1, true, 0, 2, 0);
  add_spans("batch", 1, true, 0, 3, 0);
  FieldValuesRequest request;
  request.field = "is_entry_point";
  request.range = seconds_range(0, 60);

  Session of_this_query = session();
  const auto values = parse(list_field_values(of_this_query, request)).at("values");

  EXPECT_EQ(values, boost::json::parse(R"([{"value": "true", "count": 9},
                                           {"value": "false", "count": 2}])"));
}

TEST_F(ServicesTest, ShowsServicesThatSendOnlyLogsOrMetrics) {
  insert("log_rows (service_name, time, body)",
         "('logger', " + at_s(1) + ", 'a'), ('logger', " + at_s(2) + ", 'b')");
  insert("metric_series_rows (series_id, metric_name, service_name)", "(1, 'm', 'meter')");
  insert("metric_number_rows (series_id, metric_name, time, value)",
         "(1, 'm', " + at_s(3) + ", 1)");

  const auto services = list(0, 60).at("services");

  ASSERT_EQ(services.as_array().size(), 2u);
  const auto& logger = services.at(0);
  EXPECT_EQ(logger.at("name"), "logger");
  EXPECT_EQ(logger.at("log_count"), 2);
  EXPECT_EQ(logger.at("span_count"), 0);
  EXPECT_TRUE(logger.at("p99_ns").is_null());
  EXPECT_EQ(logger.at("last_seen"), json_s(2));
  EXPECT_EQ(services.at(1).at("name"), "meter");
  EXPECT_EQ(services.at(1).at("metric_count"), 1);
}

TEST_F(ServicesTest, ShowsNothingOutsideTheRange) {
  add_spans("demo", 2, true, 0, 10, 0);

  EXPECT_TRUE(list(20, 60).at("services").as_array().empty());
}

TEST_F(ServicesTest, DescribesOneServiceWithItsOperations) {
  add_spans("demo", 2, true, 0, 10, 1, "GET /a");
  add_spans("demo", 2, true, 0, 2, 0, "GET /b");
  add_spans("demo", 3, false, 0, 5, 0, "call");

  Session of_this_query = session();
  const auto answer = parse(get_service(of_this_query, "demo", seconds_range(0, 90)));

  EXPECT_EQ(answer.at("service").at("span_count"), 12);
  EXPECT_EQ(answer.at("times").as_array().size(), answer.at("requests").as_array().size());
  EXPECT_EQ(answer.at("times").at(0), json_s(0));
  EXPECT_EQ(answer.at("requests").at(0), 2);
  EXPECT_EQ(answer.at("errors").at(0), 1);
  ASSERT_EQ(answer.at("operations").as_array().size(), 2u);
  EXPECT_EQ(answer.at("operations").at(0).at("name"), "GET /a");
  EXPECT_EQ(answer.at("operations").at(0).at("span_count"), 10);
}

/// Of 1 ms, 2 ms, … 10 ms: 4 are satisfied with 4 ms, 6 tolerate up to 16 ms; of the errors nobody.
TEST_F(ServicesTest, TellsTheApdexOfServicesAndOperations) {
  add_spans("shop", 2, true, 0, 10, 0, "fine");
  add_spans("shop", 2, true, 0, 10, 2, "bad");
  add_spans("shop", 3, false, 0, 50, 0);  // Of requests only.
  insert("log_rows (service_name, time, body)", "('logger', " + at_s(1) + ", 'a')");

  Session of_list = session();
  const auto list = parse(list_services(of_list, seconds_range(0, 60), parse_apdex("4ms")));
  Session of_service = session();
  const auto answer =
      parse(get_service(of_service, "shop", seconds_range(0, 60), parse_apdex("4ms")));

  EXPECT_EQ(list.at("apdex_threshold_ns"), "4000000");
  EXPECT_EQ(list.at("services").at(0).at("name"), "shop");
  EXPECT_DOUBLE_EQ(list.at("services").at(0).at("apdex").to_number<double>(), (6 + 12 / 2.0) / 20);
  EXPECT_EQ(list.at("services").at(0).at("apdex_error").to_number<double>(), 0);
  EXPECT_TRUE(list.at("services").at(1).at("apdex").is_null());
  EXPECT_EQ(answer.at("service").at("apdex"), list.at("services").at(0).at("apdex"));
  for (const auto& operation : answer.at("operations").as_array()) {
    EXPECT_DOUBLE_EQ(operation.at("apdex").to_number<double>(),
                     operation.at("name") == "fine" ? 0.7 : 0.5);
  }
  EXPECT_DOUBLE_EQ(answer.at("apdex").at(0).to_number<double>(), 0.5);  // One of two failed.
}

TEST(Apdex, IsReadAsADuration) {
  EXPECT_EQ(parse_apdex("500ms").threshold_ns, 500'000'000);
  EXPECT_EQ(parse_apdex("1.5s").threshold_ns, 1'500'000'000);
  EXPECT_EQ(parse_apdex("7").threshold_ns, 7);
  for (const char* const wrong : {"", "0", "-1ms", "fast", "1s 2s", "1e300", "'1s'", "1ms)", "!"}) {
    try {
      static_cast<void>(parse_apdex(wrong));
      ADD_FAILURE() << wrong;
    } catch (const QueryError& error) {
      EXPECT_EQ(error.parameter, "apdex");
    }
  }
}

/// Of a long range whole minutes are counted from the side table, the rest from the spans, and all
/// of what was stored before there was the side table: nothing is left out or counted twice.
TEST_F(ServicesTest, CountsTheSameFromTheSideTableAndFromSpans) {
  store::Registry registry(100);
  store::Block block(registry);
  otlp::TraceSink& sink = block.sinks().traces;
  block.begin_request(kT0);
  std::mt19937 random(1);  // NOLINT(bugprone-random-generator-seed): equal runs.
  constexpr int kSeconds = 3600;
  int requests = 0;
  int failed = 0;
  int satisfied = 0;
  int tolerated = 0;
  constexpr std::uint64_t kApdexNs = 100'000'000;
  for (int i = -60; i < kSeconds + 60; ++i) {
    const bool is_bank = random() % 3 == 0;
    otlp::KeyValueView name;
    name.key = "service.name";
    name.value.type = otlp::ValueType::kString;
    name.value.text = is_bank ? "bank" : "shop";
    otlp::ResourceView resource;
    resource.attributes = {&name, 1};
    sink.on_resource(resource);
    sink.on_scope({});
    otlp::SpanView span;
    span.trace_id = "0123456789abcdef";
    span.span_id = "01234567";
    span.name = random() % 2 == 0 ? "GET /a" : "GET /b";
    span.kind = random() % 4 == 0 ? 3 : 2;
    span.status_code = random() % 5 == 0 ? 2 : 0;
    span.start_time_unix_nano = static_cast<std::uint64_t>(kT0 + i * kSecondNs);
    span.end_time_unix_nano = span.start_time_unix_nano + random() % 1'000'000'000;
    sink.on_span(span);
    const bool counts = !is_bank && span.kind == 2 && i >= 7 && i < kSeconds - 7;
    if (counts) ++requests;
    if (counts && span.status_code == 2) ++failed;
    const std::uint64_t duration = span.end_time_unix_nano - span.start_time_unix_nano;
    if (counts && span.status_code == 0 && duration <= kApdexNs) ++satisfied;
    if (counts && span.status_code == 0 && duration <= 4 * kApdexNs) ++tolerated;
  }
  const std::int64_t identity = std::chrono::duration_cast<std::chrono::microseconds>(
                                    std::chrono::system_clock::now().time_since_epoch())
                                    .count();
  store::SideTables side;
  const store::SealedBlock sealed = block.seal(identity);
  block.add_side_rows(identity, side);
  for (const auto& tables :
       {sealed.descriptions, sealed.data, store::write_side_tables(side, identity)}) {
    for (const store::TableRows& rows : tables) engine_.insert_native(rows.table, rows.native);
  }
  const TimeRange range = seconds_range(7, kSeconds - 7);
  ASSERT_TRUE(has_operation_minutes(range, 60 * kSecondNs));
  const auto answer = [&] {
    Session of_this_query = session();
    return parse(get_service(of_this_query, "shop", range, {.threshold_ns = kApdexNs}));
  };
  const auto from_minutes = answer();
  const std::int64_t found_by_minutes = entry_points("shop", range);
  // What the spans say: as if they were older than the side table.
  engine_.execute("TRUNCATE TABLE span_minute_rows");
  engine_.execute("INSERT INTO schema_versions SELECT 3, now64(9) + toIntervalDay(1)");
  const auto from_spans = answer();
  const std::int64_t found_by_spans = entry_points("shop", range);

  EXPECT_EQ(from_minutes.at("service").at("span_count"), requests);
  EXPECT_EQ(from_minutes.at("service").at("error_count"), failed);
  EXPECT_EQ(found_by_minutes, requests);
  EXPECT_EQ(found_by_spans, requests);
  for (const char* const key : {"requests", "errors", "times"}) {
    EXPECT_EQ(from_minutes.at(key), from_spans.at(key)) << key;
  }
  EXPECT_EQ(from_minutes.at("operations"), from_spans.at("operations"));
  EXPECT_EQ(from_minutes.at("service"), from_spans.at("service"));
  const double apdex_error = from_minutes.at("service").at("apdex_error").to_number<double>();
  EXPECT_NEAR(from_minutes.at("service").at("apdex").to_number<double>(),
              (satisfied + tolerated) / 2.0 / requests, apdex_error);
  EXPECT_LT(apdex_error, 0.03);
  // Uniform from 0 to 1 s.
  EXPECT_NEAR(from_minutes.at("service").at("p50_ns").to_number<double>(), 0.5e9, 0.05e9);
  EXPECT_NEAR(from_minutes.at("service").at("p99_ns").to_number<double>(), 0.99e9, 0.02e9);
}

/// As the engine hands them over.
Durations durations_of(const std::vector<std::int64_t>& values) {
  std::map<std::uint16_t, std::uint64_t> counts;
  for (const std::int64_t value : values) ++counts[store::duration_bucket(value)];
  std::string bytes;
  store::append_varint(bytes, counts.size());
  for (const auto& [bucket, count] : counts) {
    store::append_fixed(bytes, bucket);
    store::append_fixed(bytes, count);
  }
  RowReader row(bytes);
  return Durations::read(row);
}

TEST(Durations, TellQuantilesWithinASixteenthAndTheirRange) {
  for (const std::int64_t value : {1LL, 15LL, 16LL, 17LL, 1000LL, 123'456'789LL, 1LL << 47}) {
    const std::uint16_t bucket = store::duration_bucket(value);
    const auto next = static_cast<std::uint16_t>(bucket + 1);
    EXPECT_LE(store::duration_bucket_begin(bucket), static_cast<double>(value));
    EXPECT_GT(store::duration_bucket_begin(next), static_cast<double>(value));
    EXPECT_LE(store::duration_bucket_begin(next),
              std::max(store::duration_bucket_begin(bucket) * 17 / 16,
                       store::duration_bucket_begin(bucket) + 1));
  }
  Durations durations = durations_of(std::vector<std::int64_t>(5, 100'000));
  durations.set_range(99'000, 100'500);
  EXPECT_GE(durations.quantile(0.01), 99'000);
  EXPECT_LE(durations.quantile(1), 100'500);
}

TEST(Durations, SayHowFarACountAndAMeanAreOff) {
  std::mt19937 random(5);  // NOLINT(bugprone-random-generator-seed): equal runs.
  for (int round = 0; round < 200; ++round) {
    std::vector<std::int64_t> values(1 + random() % 30);
    for (std::int64_t& value : values) value = static_cast<std::int64_t>(random() >> random() % 32);
    const auto [least, most] = std::minmax_element(values.begin(), values.end());
    Durations durations = durations_of(values);
    durations.set_range(*least, *most);
    const auto limit = static_cast<std::int64_t>(random() >> random() % 32);
    const auto expected = static_cast<double>(std::count_if(
        values.begin(), values.end(), [&](std::int64_t value) { return value <= limit; }));

    const Durations::Count count = durations.at_most(limit);

    EXPECT_LE(std::abs(count.estimate - expected), count.error + 1e-9) << round;
    EXPECT_EQ(durations.at_most(*most).estimate, static_cast<double>(values.size()));
    EXPECT_EQ(durations.at_most(*most).error, 0);
    EXPECT_EQ(durations.at_most(*least - 1).estimate, 0);
    const double mean =
        std::accumulate(values.begin(), values.end(), 0.0) / static_cast<double>(values.size());
    EXPECT_NEAR(durations.mean(), mean, mean * 0.032 + 1e-9) << round;
  }
}

TEST_F(ServicesTest, DescribesTheServiceWithoutAName) {
  add_spans("", 2, true, 0, 10, 0);
  add_spans("demo", 2, true, 0, 5, 0);

  Session of_this_query = session();
  const auto answer = parse(get_service(of_this_query, "", seconds_range(0, 90)));

  EXPECT_EQ(answer.at("service").at("name"), "");
  EXPECT_EQ(answer.at("service").at("span_count"), 10);
}

TEST_F(ServicesTest, SaysThatAServiceSentNothing) {
  Session of_this_query = session();
  try {
    get_service(of_this_query, "absent", seconds_range(0, 60));
    FAIL();
  } catch (const QueryError& error) {
    EXPECT_EQ(error.code(), ErrorCode::kNotFound);
  }
}

}  // namespace
}  // namespace signalbox::server::query

#include "server/query/errors/errors.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

#include "server/query/logs/logs.h"
#include "server/query/plan/error.h"
#include "server/query/plan/query_test_fixture.h"
#include "server/query/traces/traces.h"
#include "server/store/columns/block.h"
#include "server/store/columns/error_groups.h"
#include "server/store/columns/side_tables.h"

namespace signalbox::server::query {
namespace {

/// A whole hour in the past, so that its side table has settled.
constexpr std::int64_t kHour0 = kT0 / 3'600'000'000'000 * 3'600'000'000'000;

otlp::KeyValueView text_attribute(std::string_view key, std::string_view value) {
  otlp::KeyValueView view;
  view.key = key;
  view.value.type = otlp::ValueType::kString;
  view.value.text = value;
  return view;
}

struct TestError {
  std::string service = "shop";
  std::string type = {};
  std::string message = {};
  std::int64_t time_ns = 0;
  enum class Kind : std::uint8_t {
    kException,
    kStatus,
    kLog,
    kExceptionInLog
  } kind = Kind::kException;

  [[nodiscard]] std::string signal() const {
    return kind == Kind::kException || kind == Kind::kStatus ? "traces" : "logs";
  }
};

class ErrorsTest : public QueryTest {
 protected:
  /// Each in a record of its own, received when it happened. Side tables are as old as 1970.
  void store(const std::vector<TestError>& errors) {
    engine_.execute("TRUNCATE TABLE schema_versions");
    engine_.execute(
        "INSERT INTO schema_versions SELECT number, toDateTime64(0, 9) FROM numbers(10)");
    std::map<std::int64_t, std::vector<const TestError*>> by_minute;
    for (const TestError& error : errors) {
      by_minute[error.time_ns / 60'000'000'000].push_back(&error);
    }
    store::Registry registry(10'000);
    store::SideTables side;
    store::Block block(registry);
    for (const auto& [minute, of_minute] : by_minute) {
      const std::int64_t received_us = minute * 60'000'000 + 1;
      block.begin_request(received_us * 1000);
      for (const TestError* const error : of_minute) write(*error, block);
      const store::SealedBlock sealed = block.seal(received_us);
      block.add_side_rows(received_us, side);
      block.descriptions_are_written();
      for (const auto& tables : {sealed.descriptions, sealed.data}) {
        for (const store::TableRows& rows : tables) engine_.insert_native(rows.table, rows.native);
      }
      last_received_us_ = received_us;
      block.clear();
    }
    for (const store::TableRows& rows : store::write_side_tables(side, last_received_us_)) {
      engine_.insert_native(rows.table, rows.native);
    }
  }

  void write(const TestError& error, store::Block& block) {
    using Kind = TestError::Kind;
    const std::array of_resource = {text_attribute("service.name", error.service)};
    const std::array exception = {text_attribute("exception.type", error.type),
                                  text_attribute("exception.message", error.message)};
    const std::array error_type = {text_attribute("error.type", error.type)};
    otlp::ResourceView resource;
    resource.attributes = of_resource;
    const std::string id = std::to_string(10'000'000 + ++last_id_);
    const std::string trace_id = id + id;
    if (error.signal() == "logs") {
      otlp::LogsSink& sink = block.sinks().logs;
      sink.on_resource(resource);
      sink.on_scope({});
      otlp::LogRecordView record;
      record.time_unix_nano = static_cast<std::uint64_t>(error.time_ns);
      record.trace_id = trace_id;
      record.span_id = id;
      if (error.kind == Kind::kExceptionInLog) {
        record.attributes = exception;
      } else {
        record.severity_number = 17;
        record.body.type = otlp::ValueType::kString;
        record.body.text = error.message;
      }
      sink.on_log_record(record);
      return;
    }
    otlp::TraceSink& sink = block.sinks().traces;
    sink.on_resource(resource);
    sink.on_scope({});
    otlp::SpanView span;
    span.trace_id = trace_id;
    span.span_id = id;
    span.name = "op";
    span.start_time_unix_nano = span.end_time_unix_nano = static_cast<std::uint64_t>(error.time_ns);
    otlp::EventView event;
    event.name = "exception";
    event.time_unix_nano = span.start_time_unix_nano;
    event.attributes = exception;
    if (error.kind == Kind::kException) {
      span.events = {&event, 1};
    } else {
      span.status_code = 2;
      span.status_message = error.message;
      span.attributes = error_type;
    }
    sink.on_span(span);
  }

  boost::json::value list(const ErrorSearch& search) {
    Session of_this_query = session();
    return parse(list_errors(of_this_query, search));
  }

  /// How many records the filter finds in the range.
  std::int64_t found(const std::string& signal, const std::string& filter, const TimeRange& range) {
    Session of_this_query = session();
    boost::json::value answer;
    if (signal == "traces") {
      TraceSearch search;
      search.range = range;
      search.filter = parse_filter(filter);
      answer = parse(search_traces(of_this_query, search));
    } else {
      LogSearch search;
      search.range = range;
      search.filter = parse_filter(filter);
      answer = parse(search_logs(of_this_query, search));
    }
    std::int64_t count = 0;
    for (const auto& bucket : answer.at("histogram").at("buckets").as_array()) {
      if (signal == "traces") {
        count += bucket.at("count").as_int64();
        continue;
      }
      for (const auto& severity : bucket.as_object()) {
        if (severity.value().is_int64()) count += severity.value().as_int64();
      }
    }
    return count;
  }

 private:
  int last_id_ = 0;
  std::int64_t last_received_us_ = 0;
};

TestError at_hour(double hour, TestError error) {
  error.time_ns = kHour0 + static_cast<std::int64_t>(hour * 3600e9);
  return error;
}
TimeRange hours(double from, double until) {
  return {kHour0 + static_cast<std::int64_t>(from * 3600e9),
          kHour0 + static_cast<std::int64_t>(until * 3600e9)};
}

TEST_F(ErrorsTest, AreGroupedByTheShapeOfTheirMessage) {
  store({at_hour(0.1, {.type = "Timeout", .message = "after 30 ms"}),
         at_hour(0.2, {.type = "Timeout", .message = "after 40 ms"}),
         at_hour(0.15, {.type = "Timeout", .message = "no answer"}),
         at_hour(0.3, {.service = "bank", .type = "Timeout", .message = "after 1 ms"})});

  const auto answer = list({.range = hours(0, 1)});

  ASSERT_EQ(answer.at("errors").as_array().size(), 3u);
  EXPECT_EQ(answer.at("group_count"), 3);
  const auto& first = answer.at("errors").at(0);
  EXPECT_EQ(first.at("shape"), "after # ms");
  EXPECT_EQ(first.at("message"), "after 40 ms");
  EXPECT_EQ(first.at("count"), 2);
  EXPECT_EQ(first.at("first_seen").as_string(), std::to_string(hours(0.1, 1).start_ns));
  EXPECT_EQ(first.at("last_seen").as_string(), std::to_string(hours(0.2, 1).start_ns));
  EXPECT_EQ(first.at("counts").as_array().size(), answer.at("times").as_array().size());
  const auto of_bank = list({.range = hours(0, 1), .service = "bank"});
  EXPECT_EQ(of_bank.at("errors").as_array().size(), 1u);
  EXPECT_EQ(list({.range = hours(0, 1), .contains = "NO ANSW"}).at("group_count"), 1);
  EXPECT_EQ(list({.range = hours(0, 1), .contains = "timeout"}).at("group_count"), 3);
  EXPECT_EQ(list({.range = hours(0, 1), .signal = Signal::kLogs}).at("group_count"), 0);
}

TEST_F(ErrorsTest, ComeInPagesOfTheOrderThatIsAskedFor) {
  std::vector<TestError> errors;
  for (int type = 0; type < 7; ++type) {
    for (int i = 0; i <= type % 3; ++i) {
      errors.push_back(at_hour(0.1 + type * 0.01 + i * 0.2,
                               {.type = "E" + std::string(1, static_cast<char>('a' + type))}));
    }
  }
  store(errors);
  for (const auto order :
       {ErrorSearch::Order::kFrequent, ErrorSearch::Order::kLatest, ErrorSearch::Order::kNew}) {
    ErrorSearch search{.range = hours(0, 1), .order = order};
    const auto all = list(search);
    search.limit = 2;
    std::vector<std::string> types;
    while (true) {
      const auto page = list(search);
      for (const auto& error : page.at("errors").as_array()) {
        types.emplace_back(error.at("type").as_string());
      }
      if (page.at("next_cursor").is_null()) break;
      search.cursor = page.at("next_cursor").as_string();
    }
    std::vector<std::string> expected;
    for (const auto& error : all.at("errors").as_array()) {
      expected.emplace_back(error.at("type").as_string());
    }
    EXPECT_EQ(types, expected);
    EXPECT_EQ(types.size(), 7u);
    if (order == ErrorSearch::Order::kNew) {
      EXPECT_EQ(types.front(), "Eg");
    } else {
      EXPECT_TRUE(types.front() == "Ef" || types.front() == "Ec") << types.front();
    }
  }
  for (const char* const wrong : {"x", "1", "1-", "1-x", "-1", "1-1 "}) {
    EXPECT_THROW(list({.range = hours(0, 1), .cursor = wrong}), QueryError) << wrong;
  }
}

/// Of a long range whole hours come from the side tables; the shapes of the rest are made of the
/// records. Each error is counted once, and its filter finds its records.
TEST_F(ErrorsTest, AreTheSameFromSideTablesAndRecords) {
  using Kind = TestError::Kind;
  std::mt19937 random(3);  // NOLINT(bugprone-random-generator-seed): equal runs.
  const std::vector<std::string> messages = {
      "timeout after 5000 ms",
      "timeout after 7 ms",
      "50% of \"the disk\" are used_up \\ gone",
      "it's refused: 10.0.0.7:5432",
      "line one\nline two",
      "",
      std::string(150, 'x') + " 17 " + std::string(150, 'y')};
  std::vector<TestError> errors;
  for (int i = 0; i < 300; ++i) {
    TestError error;
    error.service = random() % 2 == 0 ? "shop" : "bank";
    error.type = random() % 3 == 0 ? "io.Error" : "Timeout";
    error.message = messages.at(random() % messages.size());
    error.kind = static_cast<Kind>(random() % 4);
    if (error.kind == Kind::kLog) error.type.clear();
    errors.push_back(at_hour(static_cast<double>(random() % 12'000) / 1000, error));
  }
  store(errors);
  for (const auto& [from, until] : {std::pair(0.0, 12.0), {1.5, 10.25}, {3.0, 3.5}, {0.25, 5.0}}) {
    SCOPED_TRACE(std::to_string(from) + " to " + std::to_string(until));
    const TimeRange range = hours(from, until);
    using Key = std::tuple<std::string, std::string, std::string, std::string>;
    std::map<Key, std::vector<std::int64_t>> expected;
    for (const TestError& error : errors) {
      if (error.time_ns < range.start_ns || error.time_ns >= range.end_ns) continue;
      expected[{error.signal(), error.service, error.type, store::message_shape(error.message)}]
          .push_back(error.time_ns);
    }

    const auto answer = list({.range = range, .limit = 1000});

    EXPECT_EQ(answer.at("errors").as_array().size(), expected.size());
    for (const auto& error : answer.at("errors").as_array()) {
      const Key key = {error.at("signal").as_string().c_str(),
                       error.at("service_name").as_string().c_str(),
                       error.at("type").as_string().c_str(), error.at("shape").as_string().c_str()};
      ASSERT_TRUE(expected.contains(key)) << std::get<3>(key);
      const std::vector<std::int64_t>& times = expected[key];
      EXPECT_EQ(error.at("count"), static_cast<std::int64_t>(times.size()));
      EXPECT_EQ(error.at("first_seen").as_string(),
                std::to_string(*std::min_element(times.begin(), times.end())));
      EXPECT_EQ(error.at("last_seen").as_string(),
                std::to_string(*std::max_element(times.begin(), times.end())));
      std::int64_t in_buckets = 0;
      for (const auto& count : error.at("counts").as_array()) in_buckets += count.as_int64();
      EXPECT_EQ(error.at("count"), in_buckets);
      const std::string filter(error.at("filter").as_string());
      const bool has_text = !std::get<3>(key).empty();  // Else others are found too.
      if (has_text) {
        EXPECT_EQ(found(std::get<0>(key), filter, range), in_buckets) << filter;
      } else {
        EXPECT_GE(found(std::get<0>(key), filter, range), in_buckets) << filter;
      }
    }
  }
}

}  // namespace
}  // namespace signalbox::server::query

#include "server/query/traces/span_distribution.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "server/query/plan/error.h"
#include "server/query/plan/query_test_fixture.h"

namespace signalbox::server::query {
namespace {

constexpr const char* kTraceId = "000000000000000000000000000000aa";
constexpr const char* kSpanId = "00000000000000a1";

class SpanDistributionTest : public QueryTest {
 protected:
  void add(std::int64_t duration_ns, double start_s = 0, const std::string& span_id = "",
           const std::string& service = "shop", const std::string& name = "GET /", int status = 0,
           int kind = 2) {
    const std::string id =
        span_id.empty() ? "00000000000" + std::to_string(10'000 + next_++) : span_id;
    rows_ += (rows_.empty() ? "('" : ", ('") + service + "', '" + name + "', " + at_s(start_s) +
             ", " + std::to_string(duration_ns) + ", unhex('" + kTraceId + "'), unhex('" + id +
             "'), toFixedString('', 8), " + std::to_string(kind) + ", " + std::to_string(status) +
             ", 1, 1)";
  }

  boost::json::value distribution(const std::optional<TimeRange>& range = std::nullopt,
                                  const char* span_id = kSpanId) {
    if (!rows_.empty()) {
      insert(
          "span_rows (service_name, name, start_time, duration_ns, trace_id, span_id, "
          "parent_span_id, kind, status_code, resource_id, scope_id)",
          rows_);
      rows_.clear();
    }
    Session of_this_query = session();
    return parse(get_span_distribution(of_this_query, kTraceId, span_id, range));
  }

 private:
  std::string rows_;
  int next_ = 0;
};

TEST_F(SpanDistributionTest, SaysWhereASpanLiesAmongThoseOfItsOperation) {
  add(700, 0, kSpanId);
  for (const std::int64_t duration : {100, 200, 300, 700}) add(duration, 60);
  add(5000, 60, "", "shop", "GET /", 2);
  add(1, 60, "", "shop", "other");
  add(1, 60, "", "bank");
  add(1, 60, "", "shop", "GET /", 0, 3);
  add(1, 1801);
  add(1, -1801);

  const auto answer = distribution();

  EXPECT_EQ(answer.at("service_name"), "shop");
  EXPECT_EQ(answer.at("name"), "GET /");
  EXPECT_EQ(answer.at("kind"), "server");
  EXPECT_EQ(answer.at("start"), json_s(-1800));
  EXPECT_EQ(answer.at("end"), json_s(1800));
  EXPECT_EQ(answer.at("duration_ns"), "700");
  EXPECT_EQ(answer.at("span_count"), 6);
  EXPECT_EQ(answer.at("error_count"), 1);
  EXPECT_EQ(answer.at("faster_count"), 3);
  EXPECT_EQ(answer.at("equal_count"), 2);
  EXPECT_DOUBLE_EQ(answer.at("percentile").to_number<double>(), 100 * 4 / 6.0);
  EXPECT_EQ(answer.at("min_ns"), "100");
  EXPECT_EQ(answer.at("max_ns"), "5000");
}

TEST_F(SpanDistributionTest, CountsDurationsInBucketsThatHoldThem) {
  std::mt19937_64 random(7);  // NOLINT: the same numbers each time.
  std::vector<std::int64_t> durations = {0, -3, 1, 2, 4, 1024};
  for (int i = 0; i < 300; ++i)
    durations.push_back(static_cast<std::int64_t>(random() >> (random() % 60)) / 4);
  add(1, 0, kSpanId);
  for (const std::int64_t duration : durations) add(duration);
  durations.push_back(1);

  const auto answer = distribution();

  std::int64_t total = 0;
  std::int64_t until = 0;
  for (const auto& bucket : answer.at("histogram").as_array()) {
    const std::int64_t from = std::stoll(std::string(bucket.at("from_ns").as_string()));
    const std::int64_t to = std::stoll(std::string(bucket.at("to_ns").as_string()));
    EXPECT_LE(until, from);
    EXPECT_LT(from, to);
    until = to;
    const auto inside = std::ranges::count_if(
        durations, [&](std::int64_t d) { return (from <= d || (from == 0 && d < 0)) && d < to; });
    EXPECT_EQ(bucket.at("count").as_int64(), inside) << from;
    EXPECT_LE(static_cast<double>(to - from), std::max(1.0, static_cast<double>(from) / 4)) << from;
    total += inside;
  }
  EXPECT_EQ(total, std::ssize(durations));
}

TEST_F(SpanDistributionTest, LooksAtTheTimeThatIsAskedFor) {
  add(700, 0, kSpanId);
  add(100, 7200);

  EXPECT_EQ(distribution(seconds_range(7000, 8000)).at("faster_count"), 1);
  EXPECT_EQ(distribution(seconds_range(7000, 8000)).at("percentile").to_number<double>(), 100);
  const auto none = distribution(seconds_range(9000, 9001));
  EXPECT_EQ(none.at("span_count"), 0);
  EXPECT_TRUE(none.at("percentile").is_null());
  EXPECT_EQ(none.at("p99_ns"), "0");
}

TEST_F(SpanDistributionTest, SaysThatThereIsNoSuchSpan) {
  add(700, 0, kSpanId);
  try {
    distribution(std::nullopt, "00000000000000ff");
    FAIL();
  } catch (const QueryError& error) {
    EXPECT_EQ(error.code(), ErrorCode::kNotFound);
    EXPECT_THAT(error.what(), testing::HasSubstr("00000000000000ff"));
  }
}

}  // namespace
}  // namespace signalbox::server::query

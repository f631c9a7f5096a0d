#include "server/query/logs/patterns.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <map>
#include <random>
#include <string>

#include "server/query/plan/query_test_fixture.h"
#include "server/store/columns/error_groups.h"

namespace signalbox::server::query {
namespace {

class LogPatternsTest : public QueryTest {
 protected:
  void add(const std::string& body, double at = 0, int severity = 9,
           const std::string& service = "shop") {
    rows_ += std::string(rows_.empty() ? "" : ", ") + "('" + service + "', " + at_s(at) +
             ", fromUnixTimestamp64Micro(5, 'UTC'), " + std::to_string(next_++) + ", " +
             std::to_string(severity) + ", '" + body + "')";
  }
  boost::json::value patterns(const std::string& filter = "", std::uint32_t limit = 100) {
    if (!rows_.empty()) {
      insert("log_rows (service_name, time, received, row, severity_number, body)", rows_);
      rows_.clear();
    }
    Session of_this_query = session();
    return parse(get_log_patterns(
        of_this_query, {Signal::kLogs, seconds_range(0, 300), parse_filter(filter)}, limit));
  }
  static boost::json::value json(const char* text) { return boost::json::parse(text); }

 private:
  std::string rows_;
  int next_ = 0;
};

TEST_F(LogPatternsTest, CountsLinesOfOneShape) {
  add("took 17 ms", 10);
  add("took 3 ms", 20, 13);
  add("took 250 ms", 30, 9, "bank");
  add("user \"ada\" came", 40);
  add("out of range", 1000);

  const auto answer = patterns();

  EXPECT_EQ(answer.at("record_count"), 4);
  EXPECT_EQ(answer.at("sampled_count"), 4);
  EXPECT_EQ(answer.at("pattern_count"), 2);
  EXPECT_EQ(answer.at("start"), json_s(0));
  EXPECT_EQ(answer.at("step_ns"), "10000000000");
  auto first = answer.at("patterns").at(0).as_object();
  EXPECT_EQ(first.at("counts").as_array().size(), 30U);
  EXPECT_EQ(first.at("counts").at(1), 1);
  EXPECT_EQ(first.at("counts").at(4), 0);
  first.erase("counts");
  EXPECT_EQ(boost::json::value(first), json(R"({"pattern": "took # ms", "count": 3, "share": 0.75,
    "severities": [{"name": "info", "count": 2}, {"name": "warn", "count": 1}],
    "services": [{"name": "shop", "count": 2}, {"name": "bank", "count": 1}], "service_count": 2,
    "first_seen": "1699999990000000000", "last_seen": "1700000010000000000",
    "example": {"id": "5-2", "time": "1700000010000000000", "body": "took 250 ms"},
    "filter": "body LIKE 'took % ms'"})"));
  EXPECT_EQ(answer.at("patterns").at(1).at("pattern"), "user \"…\" came");
}

TEST_F(LogPatternsTest, TakesTheFilterAndTheLimit) {
  add("one 1");
  add("two 2", 0, 17);
  add("two 3", 0, 17);

  EXPECT_EQ(patterns("severity >= error").at("record_count"), 2);
  const auto few = patterns("", 1);
  EXPECT_EQ(few.at("pattern_count"), 2);
  ASSERT_EQ(few.at("patterns").as_array().size(), 1U);
  EXPECT_EQ(few.at("patterns").at(0).at("pattern"), "two #");
  const auto none = patterns("nothing.known = 1");
  EXPECT_EQ(none.at("record_count"), 0);
  EXPECT_TRUE(none.at("patterns").as_array().empty());
  EXPECT_EQ(none.at("warnings").as_array().size(), 1U);
}

TEST_F(LogPatternsTest, EstimatesFromASample) {
  constexpr int kRecords = 350'000;
  engine_.execute(
      "INSERT INTO log_rows (service_name, time, received, row, body) SELECT 'shop', " + at_s(1) +
      ", fromUnixTimestamp64Micro(7, 'UTC'), number, if(number % 10 = 0, 'rare 1', 'usual 2') "
      "FROM numbers(" +
      std::to_string(kRecords) + ")");

  const auto answer = patterns();

  EXPECT_EQ(answer.at("record_count"), kRecords);
  EXPECT_NEAR(answer.at("sampled_count").as_int64(), 87'500, 3'500);
  EXPECT_EQ(answer.at("patterns").at(0).at("pattern"), "usual #");
  EXPECT_NEAR(answer.at("patterns").at(1).at("count").as_int64(), 35'000, 1'750);
}

/// What a pattern counts, its filter finds; all together are all records.
TEST_F(LogPatternsTest, HasFiltersThatFindItsRecords) {
  std::mt19937 random(5);  // NOLINT: the same records each time.
  const std::array<std::string, 8> pieces = {"user ",    "id-77af ", "100% ",        "\\\\d ",
                                             "\"q 1\" ", "ü ",       "10.0.0.1:80 ", "x_y "};
  std::map<std::string, std::int64_t> expected;
  for (int i = 0; i < 300; ++i) {
    std::string body;
    const int length = static_cast<int>(random() % 3) + 1;
    for (int piece = 0; piece < length; ++piece) body += pieces.at(random() % pieces.size());
    if (i % 50 == 0) body += std::string(1000, 'z');
    add(body);
    std::string stored = body;
    for (std::size_t at = 0; (at = stored.find("\\\\", at)) != std::string::npos; ++at) {
      stored.erase(at, 1);
    }
    ++expected[store::message_shape(stored.substr(0, 800))];
  }

  const auto answer = patterns("", 1000);

  EXPECT_EQ(answer.at("pattern_count"), expected.size());
  std::int64_t all = 0;
  for (const auto& pattern : answer.at("patterns").as_array()) {
    const std::string shape(pattern.at("pattern").as_string());
    EXPECT_EQ(pattern.at("count"), expected[shape]) << shape;
    all += pattern.at("count").as_int64();
    const auto found = patterns(std::string(pattern.at("filter").as_string()), 1000);
    EXPECT_GE(found.at("record_count").as_int64(), expected[shape]) << pattern.at("filter");
    const auto& shapes = found.at("patterns").as_array();
    EXPECT_TRUE(std::ranges::any_of(shapes, [&](const auto& other) {
      return other.at("pattern") == pattern.at("pattern") &&
             other.at("count") == pattern.at("count");
    })) << pattern.at("filter");
  }
  EXPECT_EQ(all, 300);
}

}  // namespace
}  // namespace signalbox::server::query

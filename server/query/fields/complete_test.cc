#include "server/query/fields/complete.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "server/query/plan/query_test_fixture.h"

namespace signalbox::server::query {
namespace {

using ::testing::AllOf;
using ::testing::Contains;
using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::IsSupersetOf;
using ::testing::Not;

class CompleteTest : public QueryTest {
 protected:
  CompleteTest() {
    insert("span_value_rows (hour, key, type, is_rest, value, records)",
           "(toStartOfHour(" + at_s(0) + "), 'http.route', 's', 0, '/pay', 7), (toStartOfHour(" +
               at_s(0) + "), 'http.route', 's', 0, '/it\\'s', 9), (toStartOfHour(" + at_s(0) +
               "), 'http.route', 's', 1, '', 3), (toStartOfHour(" + at_s(0) +
               "), 'http.status', 'i', 0, '200', 5), (toStartOfHour(" + at_s(0) +
               "), 'cached', 'b', 0, 'true', 5), (toStartOfHour(" + at_s(0) +
               "), 'my key', 's', 0, 'x', 1), (toStartOfHour(" + at_s(0) +
               "), 'city', 's', 0, 'Ulm', 1), (toStartOfHour(" + at_s(0) +
               "), 'city', 's', 0, 'Neu-Ulm', 50), (toStartOfHour(" + at_s(0) +
               "), 'name', 's', 0, 'x', 1)");
    insert("resource_rows (resource_id, service_name, attributes)",
           "(1, 'shop', {'host.name': 'web-1', 'service.name': 'shop'}), (2, 'cart', {})");
    insert("scope_rows (scope_id, name, attributes)", "(1, 'lib', {'team': 'blue'})");
    insert("span_rows (service_name, name, start_time, duration_ns, overflow, resource_id, rest)",
           "('shop', 'GET /pay', " + at_s(1) +
               ", 1, map('new', 'sfresh'), 1, '{\"e\":[[0,\"retry\"," +
               "[\"exception.type\"],[\"IOError\"],\"s\",0]]}'), ('cart', 'add', " + at_s(2) +
               ", 1, map(), 2, '')");
    insert("log_rows (service_name, time, body, severity_text, overflow)",
           "('shop', " + at_s(1) + ", '{\"user\": {\"id\": 5}}', 'WARN', map())");
    insert("metric_series_rows (series_id, metric_name, attributes)",
           "(1, 'm', {'route': '/a'}), (2, 'other', {'route': '/b'})");
  }

  /// At "|" in `text`, which is not part of the filter.
  boost::json::value complete(std::string text, Signal signal = Signal::kTraces,
                              std::uint32_t limit = kMaxSuggestions,
                              const std::string& metric = "") {
    CompletionRequest request;
    request.signal = signal;
    request.position = text.find('|');
    request.filter = text.erase(request.position, 1);
    request.range = seconds_range(0, 600);
    request.limit = limit;
    request.metric = metric;
    Session of_this_query = session();
    return parse(complete_filter(of_this_query, request));
  }

  static std::vector<std::string> texts(const boost::json::value& answer) {
    std::vector<std::string> all;
    for (const auto& suggestion : answer.at("suggestions").as_array()) {
      all.emplace_back(suggestion.at("text").as_string());
    }
    return all;
  }
  std::vector<std::string> suggested(const std::string& text, Signal signal = Signal::kTraces) {
    return texts(complete(text, signal));
  }
};

TEST_F(CompleteTest, SuggestsFieldsAsTheyAreWritten) {
  const std::vector<std::string> all = suggested("|");
  EXPECT_THAT(all, IsSupersetOf({"service.name", "duration", "http.route", "`my key`",
                                 "attribute.name", "host.name", "scope.team", "NOT", "("}));
  EXPECT_THAT(all, Not(Contains("root")));
  EXPECT_EQ(std::count(all.begin(), all.end(), "service.name"), 1);
  EXPECT_THAT(suggested("a = 1 AND dur|"), ElementsAre("duration"));
  // What begins so comes first, and any case will do.
  EXPECT_THAT(suggested("NA|"), AllOf(Contains("service.name"), Contains("host.name")));
  EXPECT_EQ(suggested("NA|").front(), "name");
  EXPECT_THAT(suggested("`my|"), ElementsAre("`my key`"));
  EXPECT_THAT(suggested("'serv|"), IsEmpty());
  EXPECT_THAT(suggested("sev|", Signal::kLogs), ElementsAre("severity", "severity_text"));
  EXPECT_THAT(suggested("ro|", Signal::kMetrics), ElementsAre("route"));
  EXPECT_THAT(texts(complete("ro|", Signal::kMetrics, 10, "absent")), IsEmpty());
  EXPECT_THAT(texts(complete("ro|", Signal::kMetrics, 10, "m")), ElementsAre("route"));
}

TEST_F(CompleteTest, SaysWhatIsReplaced) {
  const auto answer = complete("a = 1 AND serv|ice = 'x'");
  EXPECT_EQ(answer.at("replace").at("start"), 10);
  EXPECT_EQ(answer.at("replace").at("end"), 17);
  const auto& first = answer.at("suggestions").at(0);
  EXPECT_EQ(first.at("text"), "service.name");
  EXPECT_EQ(first.at("kind"), "field");
  EXPECT_EQ(first.at("detail"), "Name of the service");
  EXPECT_FALSE(first.as_object().contains("count"));
}

TEST_F(CompleteTest, SuggestsOperatorsThatFitTheField) {
  EXPECT_THAT(suggested("http.route |"),
              IsSupersetOf({"=", "<", "IN", "NOT IN", "REGEXP", "NOT REGEXP", "EXISTS", "AND"}));
  EXPECT_THAT(suggested("duration |"),
              AllOf(IsSupersetOf({"=", "<", "BETWEEN", "NOT BETWEEN"}), Not(Contains("LIKE"))));
  EXPECT_THAT(suggested("`is_root` |"),
              ElementsAre("=", "!=", "IN", "NOT IN", "EXISTS", "NOT EXISTS"));
  EXPECT_THAT(suggested("name NOT |"),
              ElementsAre("IN", "CONTAINS", "LIKE", "ILIKE", "REGEXP", "BETWEEN", "EXISTS"));
  EXPECT_THAT(suggested("name !|"), ElementsAre("!="));
  EXPECT_THAT(suggested("name not|"), IsSupersetOf({"NOT IN", "NOT LIKE"}));
  EXPECT_THAT(suggested("name b|"), ElementsAre("BETWEEN"));
}

TEST_F(CompleteTest, SuggestsValuesWithTheirNumbers) {
  const auto answer = complete("http.route = |");
  EXPECT_THAT(texts(answer), ElementsAre("'/it\\'s'", "'/pay'"));
  EXPECT_EQ(answer.at("suggestions").at(0).at("kind"), "value");
  EXPECT_EQ(answer.at("suggestions").at(0).at("count"), 9);
  EXPECT_THAT(suggested("http.route = 'P|'"), ElementsAre("'/pay'"));
  EXPECT_THAT(suggested("attribute.http.route = \"/p|"), ElementsAre("'/pay'"));
  EXPECT_THAT(suggested("http.route IN ('/pay', |"), ElementsAre("'/it\\'s'"));
  EXPECT_THAT(suggested("city = 'ulm|"), ElementsAre("'Ulm'", "'Neu-Ulm'"));
  EXPECT_THAT(suggested("http.status = |"), ElementsAre("200"));
  EXPECT_THAT(suggested("cached = |"), ElementsAre("true"));
  // Of resources and scopes, and what the side table does not have yet.
  EXPECT_THAT(suggested("host.name = |"), ElementsAre("'web-1'"));
  EXPECT_THAT(suggested("scope.team = |"), ElementsAre("'blue'"));
  EXPECT_THAT(suggested("scope.name = |"), ElementsAre("'lib'"));
  EXPECT_THAT(suggested("new = |"), ElementsAre("'fresh'"));
}

TEST_F(CompleteTest, SuggestsValuesOfFields) {
  EXPECT_THAT(suggested("service.name = |"), ElementsAre("'cart'", "'shop'"));
  EXPECT_THAT(suggested("service.name = |", Signal::kLogs), ElementsAre("'cart'", "'shop'"));
  EXPECT_THAT(suggested("name = ad|"), ElementsAre("'add'"));
  EXPECT_THAT(suggested("event.name = |"), ElementsAre("'retry'"));
  EXPECT_THAT(suggested("exception.type != |"), ElementsAre("'IOError'"));
  EXPECT_THAT(suggested("kind = |"), IsSupersetOf({"server", "client"}));
  EXPECT_THAT(suggested("kind IN (server, |"), AllOf(Contains("client"), Not(Contains("server"))));
  EXPECT_THAT(suggested("severity >= w|", Signal::kLogs), ElementsAre("warn"));
  EXPECT_THAT(suggested("severity_text = |", Signal::kLogs), ElementsAre("'WARN'"));
  EXPECT_THAT(suggested("body.user.id = |", Signal::kLogs), ElementsAre("'5'"));
  EXPECT_THAT(suggested("is_root = |"), ElementsAre("true", "false"));
  EXPECT_THAT(suggested("duration > 10|"),
              ElementsAre("10ns", "10us", "10ms", "10s", "10m", "10h", "10d"));
  EXPECT_THAT(suggested("duration > !|"), IsEmpty());
  EXPECT_THAT(suggested("trace_id = |"), IsEmpty());
  EXPECT_THAT(suggested("name REGEXP |"), IsEmpty());
  EXPECT_THAT(suggested("route = |", Signal::kMetrics), ElementsAre("'/a'", "'/b'"));
  EXPECT_THAT(texts(complete("route = |", Signal::kMetrics, 10, "m")), ElementsAre("'/a'"));
  EXPECT_THAT(suggested("metric.name = |", Signal::kMetrics), ElementsAre("'m'", "'other'"));
}

TEST_F(CompleteTest, SuggestsWhatJoins) {
  EXPECT_THAT(suggested("(name = 'x' |"), ElementsAre("AND", "OR", ")"));
  EXPECT_THAT(suggested("name = 'x' a|"), Contains("AND"));
  EXPECT_THAT(suggested("name IN |"), ElementsAre("("));
  EXPECT_THAT(suggested("duration BETWEEN 1 |"), ElementsAre("AND"));
}

TEST_F(CompleteTest, WorksInAWrongFilter) {
  EXPECT_THAT(suggested("two words ; AND http.route = '/p|' AND ((("), ElementsAre("'/pay'"));
  EXPECT_THAT(suggested("name REGEXP '(' AND dur|"), ElementsAre("duration"));
}

TEST_F(CompleteTest, HoldsItsLimit) {
  const auto answer = complete("|", Signal::kTraces, 3);
  EXPECT_EQ(answer.at("suggestions").as_array().size(), 3U);
  EXPECT_EQ(answer.at("truncated"), true);
  EXPECT_EQ(complete("dur|", Signal::kTraces, 1).at("truncated"), false);
  EXPECT_EQ(complete("http.route = |", Signal::kTraces, 1).at("truncated"), true);
}

}  // namespace
}  // namespace signalbox::server::query

#include "server/query/traces/trace_profile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "server/query/plan/query_test_fixture.h"

namespace signalbox::server::query {
namespace {

/// `value` as so many hexadecimal digits.
std::string hex(std::uint64_t value, std::size_t digits) {
  std::string text;
  for (; text.size() < digits; value /= 16) text.insert(0, 1, "0123456789abcdef"[value % 16]);
  return text;
}

class TraceProfileTest : public QueryTest {
 protected:
  void add(std::uint64_t trace, std::uint64_t span, std::uint64_t parent, std::int64_t start_ns,
           std::int64_t duration_ns, const std::string& service, const std::string& name,
           int status = 0) {
    rows_ += std::string(rows_.empty() ? "" : ", ") + "('" + service + "', '" + name +
             "', fromUnixTimestamp64Nano(" + std::to_string(kT0 + start_ns) + "), " +
             std::to_string(duration_ns) + ", unhex('" + hex(trace, 32) + "'), unhex('" +
             hex(span, 16) + "'), unhex('" + hex(parent, 16) + "'), 2, " + std::to_string(status) +
             ", 1, 1)";
  }

  boost::json::value profile(const std::string& filter = "", std::uint32_t limit = 1000) {
    if (!rows_.empty()) {
      insert(
          "span_rows (service_name, name, start_time, duration_ns, trace_id, span_id, "
          "parent_span_id, kind, status_code, resource_id, scope_id)",
          rows_);
      rows_.clear();
    }
    Session of_this_query = session();
    const Selection selection{Signal::kTraces, seconds_range(-10, 10), parse_filter(filter)};
    return parse(get_trace_profile(of_this_query, selection, limit));
  }

  static boost::json::value json(const char* text) { return boost::json::parse(text); }

 private:
  std::string rows_;
};

TEST_F(TraceProfileTest, SumsWhatTheOperationsOfManyTracesTook) {
  add(1, 1, 0, 0, 100, "shop", "GET /");
  add(1, 2, 1, 10, 60, "db", "query", 2);
  add(1, 2, 1, 10, 60, "db", "query", 2);  // Sent twice.
  add(1, 3, 1, 20, 20, "db", "query");
  add(2, 1, 0, 0, 50, "shop", "GET /");
  add(3, 1, 0, 0, 7, "bank", "pay");

  const auto answer = profile("service.name = 'shop'");

  EXPECT_EQ(answer.at("matched_trace_count"), 2);
  EXPECT_EQ(answer.at("truncated"), false);
  EXPECT_EQ(answer.at("totals"), json(R"({"trace_count": 2, "span_count": 4, "error_count": 1,
    "duration_ns": "230", "self_ns": "170", "critical_ns": "150"})"));
  EXPECT_EQ(answer.at("services"), json(R"([
    {"name": "shop", "totals": {"trace_count": 2, "span_count": 2, "error_count": 0,
     "duration_ns": "150", "self_ns": "90", "critical_ns": "90"}},
    {"name": "db", "totals": {"trace_count": 1, "span_count": 2, "error_count": 1,
     "duration_ns": "80", "self_ns": "80", "critical_ns": "60"}}])"));
  EXPECT_EQ(answer.at("operation_count"), 2);
  EXPECT_EQ(answer.at("operations").at(1), json(R"({"service_name": "db", "name": "query",
    "kind": "server", "totals": {"trace_count": 1, "span_count": 2, "error_count": 1,
    "duration_ns": "80", "self_ns": "80", "critical_ns": "60"}, "p50_ns": "20", "p99_ns": "60"})"));
}

TEST_F(TraceProfileTest, LooksAtSoManyTracesTheSameEachTime) {
  for (std::uint64_t trace = 1; trace <= 30; ++trace)
    add(trace, trace, 0, 0, 1, "shop", hex(trace, 4));

  const auto some = profile("", 10);
  EXPECT_EQ(some.at("matched_trace_count"), 30);
  EXPECT_EQ(some.at("totals").at("trace_count"), 10);
  EXPECT_EQ(profile("", 10).at("operations"), some.at("operations"));
  EXPECT_EQ(profile("", 1000).at("totals").at("trace_count"), 30);
}

TEST_F(TraceProfileTest, OfNothingIsEmptyAndWarnsOfUnknownFields) {
  const auto answer = profile("nothing.known = 1");
  EXPECT_EQ(answer.at("matched_trace_count"), 0);
  EXPECT_EQ(answer.at("totals").at("span_count"), 0);
  EXPECT_TRUE(answer.at("operations").as_array().empty());
  EXPECT_EQ(answer.at("warnings").as_array().size(), 1u);
}

TEST_F(TraceProfileTest, LeavesOutTheTraceThatIsTooMuch) {
  const auto many = [this](const std::string& trace, std::uint32_t count) {
    engine_.execute(
        "INSERT INTO span_rows (service_name, name, start_time, duration_ns, trace_id, span_id, "
        "parent_span_id) SELECT 'shop', 'op', " +
        at_s(0) + " + toIntervalNanosecond(number), 1, unhex('" + trace +
        "'), reinterpretAsFixedString(number + 1), toFixedString('', 8) FROM numbers(" +
        std::to_string(count) + ")");
  };
  many(hex(1, 32), kMaxProfileSpans - 10);
  many(hex(2, 32), 20);

  const auto answer = profile();

  EXPECT_EQ(answer.at("matched_trace_count"), 2);
  EXPECT_EQ(answer.at("truncated"), true);
  EXPECT_EQ(answer.at("totals").at("trace_count"), 1);
  EXPECT_EQ(answer.at("totals").at("span_count"), kMaxProfileSpans - 10);
}

/// Of random traces each nanosecond of a root is on the path of exactly one span, and the sums over
/// services, over operations and over all spans are the same.
TEST_F(TraceProfileTest, AddsUpForRandomTraces) {
  std::mt19937 random(11);  // NOLINT: the same traces each time.
  const auto below = [&random](int n) {
    return static_cast<int>(random() % static_cast<unsigned>(n));
  };
  std::int64_t roots_ns = 0;
  std::map<std::string, std::set<std::uint64_t>> traces_of_service;
  std::map<std::string, std::uint64_t> spans_of_service;
  for (std::uint64_t trace = 1; trace <= 20; ++trace) {
    const int count = 1 + below(20);
    for (int span = 1; span <= count; ++span) {
      const std::int64_t duration = below(1000);
      const std::string service = "s" + std::to_string(below(3));
      if (span == 1) roots_ns += duration;
      add(trace, static_cast<std::uint64_t>(span),
          static_cast<std::uint64_t>(span == 1 ? 0 : 1 + below(span - 1)),
          span == 1 ? 0 : below(1000), duration, service, "op" + std::to_string(below(3)));
      traces_of_service[service].insert(trace);
      ++spans_of_service[service];
    }
  }

  const auto answer = profile();

  EXPECT_EQ(answer.at("totals").at("critical_ns").as_string(), std::to_string(roots_ns));
  const auto sum = [&](const char* list, const char* key) {
    std::int64_t of_all = 0;
    for (const auto& part : answer.at(list).as_array()) {
      of_all += std::stoll(std::string(part.at("totals").at(key).as_string()));
    }
    return std::to_string(of_all);
  };
  for (const char* key : {"critical_ns", "self_ns", "duration_ns"}) {
    EXPECT_EQ(answer.at("totals").at(key).as_string(), sum("services", key)) << key;
    EXPECT_EQ(answer.at("totals").at(key).as_string(), sum("operations", key)) << key;
  }
  for (const auto& service : answer.at("services").as_array()) {
    const std::string name(service.at("name").as_string());
    EXPECT_EQ(service.at("totals").at("trace_count"), traces_of_service[name].size()) << name;
    EXPECT_EQ(service.at("totals").at("span_count"), spans_of_service[name]) << name;
  }
}

}  // namespace
}  // namespace signalbox::server::query

#include "server/query/logs/context.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <string>
#include <tuple>
#include <vector>

#include "server/query/plan/error.h"
#include "server/query/plan/query_test_fixture.h"

namespace signalbox::server::query {
namespace {

using Scope = LogContextRequest::Scope;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

LogContextRequest request_of(const LogId& id, Scope scope = Scope::kInstance,
                             const char* filter = "") {
  LogContextRequest request;
  request.id = id;
  request.scope = scope;
  request.filter = parse_filter(filter);
  return request;
}

LogContextRequest request_of(const LogId& id, std::uint32_t before, std::uint32_t after) {
  LogContextRequest request = request_of(id);
  request.before = before;
  request.after = after;
  return request;
}

LogContextRequest request_at(const LogId& id, std::int64_t time_ns) {
  LogContextRequest request = request_of(id);
  request.time_ns = time_ns;
  return request;
}

class LogContextTest : public QueryTest {
 protected:
  /// Its body is `name`.
  void add(const std::string& name, double at, std::uint32_t row,
           const std::string& service = "shop", int resource = 1, const std::string& trace = "",
           std::int64_t received_us = 5) {
    rows_ += std::string(rows_.empty() ? "" : ", ") + "('" + service + "', " + at_s(at) +
             ", fromUnixTimestamp64Micro(" + std::to_string(received_us) + ", 'UTC'), " +
             std::to_string(row) + ", unhex('" + std::string(32 - trace.size(), '0') + trace +
             "'), 9, '" + name + "', " + std::to_string(resource) + ", 1)";
  }
  void store() {
    insert(
        "log_rows (service_name, time, received, row, trace_id, severity_number, body, "
        "resource_id, scope_id)",
        rows_);
    rows_.clear();
  }

  boost::json::value context(const LogContextRequest& request) {
    if (!rows_.empty()) store();
    Session of_this_query = session();
    return parse(get_log_context(of_this_query, request));
  }
  static std::vector<std::string> bodies(const boost::json::value& records) {
    std::vector<std::string> texts;
    for (const auto& record : records.as_array()) {
      texts.emplace_back(record.at("body").at("value").as_string());
    }
    return texts;
  }
  template <typename Ask>
  static QueryError error_of(Ask ask) {
    try {
      ask();
    } catch (const QueryError& error) {
      return error;
    }
    ADD_FAILURE() << "no error";
    return {ErrorCode::kInternal, ""};
  }

 private:
  std::string rows_;
};

TEST_F(LogContextTest, ShowsWhatTheSameInstanceSaidBeforeAndBehind) {
  add("far before", -200'000, 1);
  add("before", -1, 2);
  add("other instance", -0.5, 3, "shop", 2);
  add("other service", -0.5, 4, "bank");
  add("the one", 0, 5);
  add("same time", 0, 6);
  add("behind", 3000, 7);

  const auto answer = context(request_of({5, 5}));

  EXPECT_EQ(answer.at("log").at("id"), "5-5");
  EXPECT_THAT(bodies(answer.at("before")), ElementsAre("far before", "before"));
  EXPECT_THAT(bodies(answer.at("after")), ElementsAre("same time", "behind"));
  EXPECT_TRUE(answer.at("resources").as_object().empty());  // The table of them is empty here.
  const auto fewer = context(request_of({5, 5}, 1, 0));
  EXPECT_THAT(bodies(fewer.at("before")), ElementsAre("before"));
  EXPECT_THAT(bodies(fewer.at("after")), IsEmpty());
}

TEST_F(LogContextTest, ShowsThoseOfTheScopeThatMatchTheFilter) {
  add("one", 0, 1, "shop", 1, "aa");
  add("two", 1, 2, "shop", 2);
  add("three", 2, 3, "bank", 3, "aa");
  add("four", 3, 4, "bank", 3);
  const auto after = [&](Scope scope, const char* filter = "") {
    return bodies(context(request_of({5, 1}, scope, filter)).at("after"));
  };

  EXPECT_THAT(after(Scope::kInstance), IsEmpty());
  EXPECT_THAT(after(Scope::kService), ElementsAre("two"));
  EXPECT_THAT(after(Scope::kTrace), ElementsAre("three"));
  EXPECT_THAT(after(Scope::kAll), ElementsAre("two", "three", "four"));
  EXPECT_THAT(after(Scope::kAll, "service.name = bank"), ElementsAre("three", "four"));
  EXPECT_EQ(context(request_of({5, 1}, Scope::kInstance, "nothing.known = 1"))
                .at("warnings")
                .as_array()
                .size(),
            1U);
}

TEST_F(LogContextTest, FindsTheRecordByItsTimeToo) {
  add("the one", 7, 5);
  EXPECT_EQ(context(request_at({5, 5}, kT0 + 7 * kSecondNs)).at("log").at("id"), "5-5");
  EXPECT_EQ(error_of([&] { context(request_at({5, 5}, kT0)); }).code(), ErrorCode::kNotFound);
}

TEST_F(LogContextTest, RefusesWhatIsNotThere) {
  add("the one", 0, 5);
  const QueryError absent = error_of([&] { context(request_of({5, 6})); });
  EXPECT_EQ(absent.code(), ErrorCode::kNotFound);
  EXPECT_THAT(absent.what(), HasSubstr("5-6"));
  EXPECT_EQ(error_of([&] { context(request_of({5, 5}, Scope::kTrace)); }).code(),
            ErrorCode::kInvalidArgument);
  for (const char* text : {"", "5", "5-", "-5", "5-6-7", "x-1", "5-1x", "5-99999999999"}) {
    EXPECT_THROW(LogId::parse(text, "id"), QueryError) << text;
  }
}

TEST_F(LogContextTest, OfOneRecordIsTheRecordAlone) {
  add("the one", 0, 5);
  store();
  Session of_this_query = session();
  const auto answer = parse(get_log(of_this_query, {5, 5}, std::nullopt));
  EXPECT_EQ(answer.at("log").at("body").at("value"), "the one");
  EXPECT_THROW(get_log(of_this_query, {6, 5}, std::nullopt), QueryError);
}

/// Walking from record to record by contexts of one neighbour visits all of them once, in their
/// order, whatever of their times are equal.
TEST_F(LogContextTest, IsAWalkThroughAllRecordsInBothDirections) {
  std::mt19937 random(3);  // NOLINT: the same records each time.
  std::vector<std::tuple<int, std::int64_t, std::uint32_t>> order;
  for (std::uint32_t i = 0; i < 60; ++i) {
    const int at = static_cast<int>(random() % 8) * 1000;
    const std::int64_t received = 1 + static_cast<std::int64_t>(random() % 3);
    add(std::to_string(i), at, i, "shop", 1, "", received);
    order.emplace_back(at, received, i);
  }
  std::ranges::sort(order);
  const auto id = [](const auto& place) {
    return std::to_string(std::get<1>(place)) + "-" + std::to_string(std::get<2>(place));
  };

  for (std::size_t i = 0; i < order.size(); ++i) {
    const auto answer = context(request_of(LogId::parse(id(order[i]), "id"), 1, 2));
    const auto& before = answer.at("before").as_array();
    const auto& after = answer.at("after").as_array();
    ASSERT_EQ(before.size(), std::min<std::size_t>(i, 1));
    ASSERT_EQ(after.size(), std::min<std::size_t>(order.size() - 1 - i, 2));
    if (i > 0) {
      EXPECT_EQ(before[0].at("id").as_string(), id(order[i - 1]));
    }
    for (std::size_t k = 0; k < after.size(); ++k) {
      EXPECT_EQ(after[k].at("id").as_string(), id(order[i + 1 + k]));
    }
  }
}

}  // namespace
}  // namespace signalbox::server::query

#include "server/query/traces/skeleton.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "server/query/plan/error.h"
#include "server/query/plan/query_test_fixture.h"
#include "server/query/traces/trace.h"

namespace signalbox::server::query {
namespace {

constexpr const char* kTraceId = "000000000000000000000000000000aa";

class SkeletonTest : public QueryTest {
 protected:
  /// `rest` as a span has it in the table.
  void add(const std::string& span_id, const std::string& parent, double start_s,
           std::int64_t duration_ns, const std::string& service = "shop",
           const std::string& name = "op", int status = 0, const std::string& rest = "") {
    insert(
        "span_rows (service_name, name, start_time, duration_ns, trace_id, span_id, "
        "parent_span_id, kind, status_code, rest, resource_id, scope_id)",
        "('" + service + "', '" + name + "', " + at_s(start_s) + ", " +
            std::to_string(duration_ns) + ", unhex('" + kTraceId + "'), unhex('" + full(span_id) +
            "'), unhex('" + full(parent) + "'), 3, " + std::to_string(status) + ", '" + rest +
            "', 1, 1)");
  }

  boost::json::value skeleton() {
    Session of_this_query = session();
    return parse(get_skeleton(of_this_query, kTraceId));
  }
  boost::json::value spans(const std::vector<std::string>& ids) {
    Session of_this_query = session();
    std::vector<std::string> full_ids;
    full_ids.reserve(ids.size());
    for (const std::string& id : ids) full_ids.push_back(full(id));
    return parse(get_spans(of_this_query, kTraceId, full_ids));
  }

  static std::string full(const std::string& id) { return std::string(16 - id.size(), '0') + id; }
  static boost::json::value json(const char* text) { return boost::json::parse(text); }
};

TEST_F(SkeletonTest, ShowsATraceAsColumnsByStartTime) {
  add("1", "", 0, 100, "shop", "GET /");
  add("2", "1", 20e-9, 50, "db", "query", 2,
      R"({"e":[[1,"exception",[],[],"",0]],"l":[["aa","bb","",0,[],[],"",0]]})");
  add("3", "9", 40e-9, -5, "shop", "op", 1);

  const auto answer = skeleton();

  EXPECT_EQ(answer.at("trace_id"), kTraceId);
  EXPECT_EQ(answer.at("start_time"), json_s(0));
  EXPECT_EQ(answer.at("duration_ns"), "100");
  EXPECT_EQ(answer.at("truncated"), false);
  EXPECT_EQ(answer.at("names"), json(R"(["GET /", "query", "op"])"));
  EXPECT_EQ(answer.at("services"), json(R"([
    {"name": "shop", "span_count": 2, "error_count": 0, "self_ns": "50", "critical_ns": "50"},
    {"name": "db", "span_count": 1, "error_count": 1, "self_ns": "50", "critical_ns": "50"}])"));
  EXPECT_EQ(answer.at("columns"), json(R"({
    "span_id": ["0000000000000001", "0000000000000002", "0000000000000003"],
    "parent": [-1, 0, -1], "start_ns": [0, 20, 40], "duration_ns": [100, 50, -5],
    "service": [0, 1, 0], "name": [0, 1, 2], "kind": [3, 3, 3], "status": [0, 2, 1],
    "flags": [0, 3, 8], "self_ns": [50, 50, 0], "critical_ns": [50, 50, 0]})"));
}

TEST_F(SkeletonTest, ShowsCopiesOnceAndMarksSpansOfOneIdThatDiffer) {
  add("1", "", 0, 100);
  add("1", "", 0, 100);
  add("2", "1", 1e-9, 10);
  add("2", "1", 1e-9, 10, "shop", "op", 0, R"({"m":"not in the small columns"})");
  add("3", "1", 2e-9, 10);
  add("3", "1", 2e-9, 11);

  const auto columns = skeleton().at("columns");

  EXPECT_EQ(columns.at("span_id"),
            json(R"(["0000000000000001", "0000000000000002", "0000000000000002",
                     "0000000000000003", "0000000000000003"])"));
  EXPECT_EQ(columns.at("duration_ns"), json("[100, 10, 10, 10, 11]"));
  EXPECT_EQ(columns.at("flags"), json("[0, 4, 4, 4, 4]"));
}

TEST_F(SkeletonTest, AnswersSpansByTheirIdsAsTheTraceShowsThem) {
  add("1", "", 0, 100);
  add("2", "1", 1e-9, 10, "db", "query", 2, R"({"m":"no"})");
  add("2", "1", 1e-9, 11, "db", "query", 2, R"({"m":"other"})");
  Session of_this_query = session();
  const auto trace = parse(get_trace(of_this_query, kTraceId));

  const auto answer = spans({"2", "77"});

  ASSERT_EQ(answer.at("spans").as_array().size(), 2u);
  EXPECT_EQ(answer.at("spans").at(0), trace.at("spans").at(1));
  EXPECT_EQ(answer.at("spans").at(1), trace.at("spans").at(2));
  EXPECT_EQ(answer.at("spans").at(0).at("same_id_count"), 2);
  EXPECT_EQ(answer.at("resources"), trace.at("resources"));
}

TEST_F(SkeletonTest, SaysThatATraceIsCut) {
  engine_.execute(
      "INSERT INTO span_rows (service_name, name, start_time, duration_ns, trace_id, span_id, "
      "parent_span_id) SELECT 'shop', 'op', " +
      at_s(0) + " + toIntervalNanosecond(number), 1, unhex('" + kTraceId +
      "'), reinterpretAsFixedString(number + 1), toFixedString('', 8) FROM numbers(" +
      std::to_string(kMaxTraceSpans + 2) + ")");

  const auto answer = skeleton();

  EXPECT_EQ(answer.at("truncated"), true);
  EXPECT_EQ(answer.at("columns").at("span_id").as_array().size(), kMaxTraceSpans);
  EXPECT_EQ(answer.at("services").at(0).at("span_count"), kMaxTraceSpans);
}

TEST_F(SkeletonTest, SaysThatThereIsNoSuchTrace) {
  try {
    skeleton();
    FAIL();
  } catch (const QueryError& error) {
    EXPECT_EQ(error.code(), ErrorCode::kNotFound);
  }
}

}  // namespace
}  // namespace signalbox::server::query

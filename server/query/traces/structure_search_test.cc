#include "server/query/traces/structure_search.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdint>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "server/query/plan/error.h"
#include "server/query/plan/query_test_fixture.h"
#include "server/query/traces/traces.h"

namespace signalbox::server::query {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

std::string padded(std::uint64_t number, std::size_t digits) {
  const std::string text = std::to_string(number);
  return std::string(digits - text.size(), '0') + text;
}

class StructureSearchTest : public QueryTest {
 protected:
  struct Span {
    int trace = 1;
    int span = 1;
    int parent = 0;
    std::string name = "op";
    double start_s = 0;
    int status = 0;
    std::string service = "shop";
  };

  void add(const std::vector<Span>& spans) {
    std::string values;
    for (const Span& span : spans) {
      values += std::string(values.empty() ? "" : ", ") + "('" + span.service + "', '" + span.name +
                "', " + at_s(span.start_s) + ", 1000000000, unhex('" + padded(span.trace, 32) +
                "'), unhex('" + padded(span.span, 16) + "'), unhex('" + padded(span.parent, 16) +
                "'), " + std::to_string(span.status) + ")";
    }
    insert(
        "span_rows (service_name, name, start_time, duration_ns, trace_id, span_id, "
        "parent_span_id, status_code)",
        values);
  }

  boost::json::value search(const std::string& structure, std::uint32_t limit = 100,
                            const std::string& cursor = "", const std::string& filter = "") {
    TraceSearch request;
    request.range = seconds_range(0, 600);
    request.filter = parse_filter(filter);
    request.limit = limit;
    request.cursor = cursor;
    request.structure = parse_structure(structure);
    request.parts = {.rows = true, .histogram = false, .facets = false};
    Session of_this_query = session();
    return parse(search_traces(of_this_query, request));
  }

  /// "trace/span count" of each.
  static std::vector<std::string> found(const boost::json::value& answer) {
    std::vector<std::string> texts;
    for (const auto& trace : answer.at("traces").as_array()) {
      const auto last = [](const boost::json::value& id) {
        const std::string text(id.as_string());
        return text.substr(text.find_first_not_of('0'));
      };
      texts.push_back(last(trace.at("trace_id")) + "/" +
                      last(trace.at("matched_span").at("span_id")) + " " +
                      std::to_string(trace.at("matched_span_count").as_int64()));
    }
    return texts;
  }
};

TEST_F(StructureSearchTest, FindsTracesByTheRelationsOfTheirSpans) {
  add({{.trace = 1, .span = 1, .name = "a"},
       {.trace = 1, .span = 2, .parent = 1, .name = "x", .start_s = 1},
       {.trace = 1, .span = 3, .parent = 2, .name = "b", .start_s = 2},
       {.trace = 1, .span = 4, .parent = 1, .name = "b", .start_s = 3},
       {.trace = 1, .span = 4, .parent = 1, .name = "b", .start_s = 3},  // Sent twice.
       {.trace = 2, .span = 5, .name = "b", .start_s = 10},
       {.trace = 2, .span = 6, .parent = 5, .name = "a", .start_s = 11},
       {.trace = 3, .span = 7, .name = "a", .start_s = 20}});

  EXPECT_THAT(found(search("{name = a} >> {name = b}")), ElementsAre("1/4 2"));
  EXPECT_THAT(found(search("{name = a} > {name = b}")), ElementsAre("1/4 1"));
  EXPECT_THAT(found(search("{name = x} ~ {name = b}")), ElementsAre("1/4 1"));
  EXPECT_THAT(found(search("{name = a} !>> {name = b}")), ElementsAre("3/7 1", "2/6 1"));
  EXPECT_THAT(found(search("{name = b} !> {name = a}")), ElementsAre("1/4 2"));
  EXPECT_THAT(found(search("{name = a}")), ElementsAre("3/7 1", "2/6 1", "1/1 1"));
  EXPECT_THAT(found(search("{name = a} >> {name = nowhere}")), IsEmpty());
  EXPECT_THAT(found(search("{name = nowhere} >> {name = b}")), IsEmpty());
  EXPECT_THAT(found(search("{name = a} >> {name = b}", 100, "", "span_id = 0000000000000003")),
              ElementsAre("1/3 1"));
}

TEST_F(StructureSearchTest, LooksAtAllSpansOfATraceButFindsThoseOfTheTimeRange) {
  add({{.trace = 1, .span = 1, .name = "a", .start_s = -30},
       {.trace = 1, .span = 2, .parent = 1, .name = "b", .start_s = -20},
       {.trace = 1, .span = 3, .parent = 1, .name = "b", .start_s = 20}});

  EXPECT_THAT(found(search("{name = a} >> {name = b}")), ElementsAre("1/3 1"));
  EXPECT_THAT(found(search("{name = b}")), ElementsAre("1/3 1"));
  EXPECT_THAT(found(search("{name = a}")), IsEmpty());
}

TEST_F(StructureSearchTest, TakesConditionsOnTheTrace) {
  add({{.trace = 1, .span = 1, .name = "a"},
       {.trace = 1, .span = 2, .parent = 1, .name = "b", .start_s = 4, .status = 2},
       {.trace = 1, .span = 2, .parent = 1, .name = "b", .start_s = 4, .status = 2},
       {.trace = 2, .span = 3, .name = "c", .start_s = 10},
       {.trace = 2, .span = 4, .parent = 3, .name = "b", .start_s = 10, .service = "db"}});

  EXPECT_THAT(found(search("{} | trace.duration = 5s")), ElementsAre("1/2 2"));
  EXPECT_THAT(found(search("{} | trace.duration < 5s")), ElementsAre("2/4 2"));
  EXPECT_THAT(found(search("{} | trace.span_count > 2")), IsEmpty());
  EXPECT_THAT(found(search("{} | trace.errors = 1")), ElementsAre("1/2 2"));
  EXPECT_THAT(found(search("{} | trace.services BETWEEN 2 AND 9")), ElementsAre("2/4 2"));
  EXPECT_THAT(found(search("{name = b} | trace.root = a OR trace.root IN ('x')")),
              ElementsAre("1/2 1"));
  EXPECT_THAT(found(search("{} | trace.root_service ILIKE 'SH%' AND NOT trace.root CONTAINS 'A'")),
              ElementsAre("2/4 2"));
}

TEST_F(StructureSearchTest, ShowsEachTraceOnOnePageOnly) {
  std::vector<Span> spans;
  for (int trace = 1; trace <= 30; ++trace) {
    const int root = trace * 10;
    spans.push_back({.trace = trace, .span = root, .name = "a", .start_s = trace * 1.0});
    spans.push_back(
        {.trace = trace, .span = root + 1, .parent = root, .name = "b", .start_s = trace + 0.5});
    // Another one, beside the traces that come later.
    spans.push_back({.trace = trace,
                     .span = root + 2,
                     .parent = trace % 2 == 0 ? root : 0,
                     .name = "b",
                     .start_s = trace + 100.5});
  }
  add(spans);
  std::multiset<std::string> traces;
  std::string cursor;
  do {
    const auto answer = search("{name = a} > {name = b}", 7, cursor);
    for (const auto& trace : answer.at("traces").as_array()) {
      traces.emplace(trace.at("trace_id").as_string());
    }
    EXPECT_EQ(answer.at("structure").at("is_complete"), true);
    const auto& next = answer.at("next_cursor");
    cursor = next.is_null() ? "" : std::string(next.as_string());
  } while (!cursor.empty());

  EXPECT_EQ(traces.size(), 30u);
  EXPECT_EQ(std::set(traces.begin(), traces.end()).size(), 30u);
}

TEST_F(StructureSearchTest, SaysThatItHasNotLookedAtEverything) {
  engine_.execute(
      "INSERT INTO span_rows (service_name, name, start_time, duration_ns, trace_id, span_id, "
      "parent_span_id) SELECT 'shop', 'a', " +
      at_s(1) +
      " + toIntervalNanosecond(number), 1, toFixedString(reinterpretAsFixedString(number + 1), "
      "16), reinterpretAsFixedString(number + 1), toFixedString('', 8) FROM numbers(10000)");

  constexpr int kExamined = 4 + 16 + 64 + 256 + 1024 + 3 * 2000;
  auto answer = search("{name = a} | trace.span_count > 1", 1);
  EXPECT_THAT(found(answer), IsEmpty());
  EXPECT_EQ(answer.at("structure").at("is_complete"), false);
  EXPECT_EQ(answer.at("structure").at("examined_trace_count"), kExamined);

  answer = search("{name = a} | trace.span_count > 1", 1,
                  std::string(answer.at("next_cursor").as_string()));
  EXPECT_EQ(answer.at("structure").at("is_complete"), true);
  EXPECT_EQ(answer.at("structure").at("examined_trace_count"), 10'000 - kExamined);
  EXPECT_TRUE(answer.at("next_cursor").is_null());
}

TEST_F(StructureSearchTest, PassesOverTracesThatAreTooLarge) {
  engine_.execute(
      "INSERT INTO span_rows (service_name, name, start_time, duration_ns, trace_id, span_id, "
      "parent_span_id) SELECT 'shop', 'a', " +
      at_s(1) + " + toIntervalNanosecond(number), 1, unhex('" + padded(9, 32) +
      "'), reinterpretAsFixedString(number + 1), toFixedString('', 8) FROM numbers(100001)");
  add({{.trace = 1, .span = 1, .name = "a"}});

  const auto answer = search("{name = a}", 5);

  EXPECT_EQ(answer.at("structure").at("too_large_trace_count"), 1);
  EXPECT_EQ(answer.at("structure").at("is_complete"), false);
}

/// The engine's part: random traces, found by SQL and C++ as by C++ alone.
TEST_F(StructureSearchTest, FindsWhatIsFoundInEachTraceByItself) {
  const std::uint64_t seed = std::random_device{}();
  std::mt19937_64 random(seed);
  constexpr int kTraces = 60;
  std::vector<Span> spans;
  for (int trace = 1; trace <= kTraces; ++trace) {
    for (int i = 0; i < 6; ++i) {
      spans.push_back({.trace = trace,
                       .span = trace * 10 + i,
                       .parent = i == 0 ? 0 : trace * 10 + static_cast<int>(random() % i),
                       .name = std::string(1, static_cast<char>('a' + random() % 3)),
                       .start_s = static_cast<double>(random() % 500)});
    }
  }
  add(spans);
  for (const std::string relation : {">>", ">", "~", "!>>", "!>", "!~"}) {
    const std::string text = "{name = a} " + relation + " {name = b} >> {name = c}";
    const Structure structure = parse_structure(text);
    std::set<int> expected;
    for (int trace = 1; trace <= kTraces; ++trace) {
      std::vector<StructureSpan> of_trace;
      for (const Span& span : spans) {
        if (span.trace != trace) continue;
        of_trace.push_back(
            {{static_cast<std::uint64_t>(span.span), static_cast<std::uint64_t>(span.parent)},
             static_cast<std::uint8_t>(1U << (span.name[0] - 'a'))});
      }
      const std::vector<bool> is_found = find_structure(structure, of_trace);
      if (std::find(is_found.begin(), is_found.end(), true) != is_found.end()) {
        expected.insert(trace);
      }
    }
    std::set<int> traces;
    for (const std::string& trace : found(search(text))) traces.insert(std::stoi(trace));
    EXPECT_EQ(traces, expected) << text << ", seed " << seed;
  }
}

}  // namespace
}  // namespace signalbox::server::query

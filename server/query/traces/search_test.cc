#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <string>
#include <vector>

#include "server/query/fields/facets.h"
#include "server/query/logs/logs.h"
#include "server/query/plan/error.h"
#include "server/query/plan/query_test_fixture.h"
#include "server/query/plan/unknown_fields.h"
#include "server/query/services/status.h"
#include "server/query/traces/trace.h"
#include "server/query/traces/traces.h"
#include "server/store/columns/block.h"

namespace signalbox::server::query {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::UnorderedElementsAre;

/// An id of `digits` hexadecimal digits that ends in `number`.
std::string id(int number, std::size_t digits) {
  const std::string text = std::to_string(number);
  return std::string(digits - text.size(), '0') + text;
}
std::string trace_id(int number) {
  return id(number, 32);
}
std::string unhex(const std::string& hex) {
  return "unhex('" + hex + "')";
}

class TraceTest : public QueryTest {
 protected:
  struct Span {
    int trace = 1;
    int span = 1;
    int parent = 0;
    std::string service = "demo";
    std::string name = "op";
    double start_s = 0;
    double duration_ms = 1;
    int kind = 1;
    int status = 0;
    std::string attributes = "{}";
    std::string types = "";
    int resource = 1;
  };

  void add(const Span& span) {
    insert(
        "span_rows (service_name, name, start_time, duration_ns, trace_id, span_id, "
        "parent_span_id, kind, status_code, overflow, resource_id, scope_id)",
        "('" + span.service + "', '" + span.name + "', " + at_s(span.start_s) + ", " +
            std::to_string(static_cast<std::int64_t>(span.duration_ms * 1e6)) + ", " +
            unhex(trace_id(span.trace)) + ", " + unhex(id(span.span, 16)) + ", " +
            unhex(id(span.parent, 16)) + ", " + std::to_string(span.kind) + ", " +
            std::to_string(span.status) + ", " + overflow_sql(span.attributes, span.types) + ", " +
            std::to_string(span.resource) + ", 1)");
  }

  boost::json::value search(const std::string& filter, std::uint32_t limit = 100,
                            const std::string& cursor = "",
                            TraceSearch::Order order = TraceSearch::Order::kNewest) {
    TraceSearch request;
    request.range = seconds_range(0, 600);
    request.filter = parse_filter(filter);
    request.limit = limit;
    request.cursor = cursor;
    request.order = order;
    Session of_this_query = session();
    return parse(search_traces(of_this_query, request));
  }

  static std::vector<std::string> trace_ids(const boost::json::value& answer) {
    std::vector<std::string> ids;
    for (const auto& trace : answer.at("traces").as_array()) {
      ids.emplace_back(trace.at("trace_id").as_string());
    }
    return ids;
  }
  std::vector<std::string> found(const std::string& filter) { return trace_ids(search(filter)); }
  /// "value count" of a facet.
  std::vector<std::string> facet_of(const std::string& filter, std::string_view field) {
    std::vector<std::string> values;
    const auto answer = search(filter);
    for (const auto& facet : answer.at("facets").as_array()) {
      if (facet.at("field").as_string() != field) continue;
      for (const auto& value : facet.at("values").as_array()) {
        values.push_back(std::string(value.at("value").as_string()) + " " +
                         std::to_string(value.at("count").as_int64()));
      }
    }
    return values;
  }
};

TEST_F(TraceTest, FindsTracesOfMatchingSpansWithTheirTotals) {
  add({.trace = 1,
       .span = 1,
       .service = "front",
       .name = "GET /",
       .start_s = 10,
       .duration_ms = 500,
       .kind = 2});
  add({.trace = 1,
       .span = 2,
       .parent = 1,
       .service = "back",
       .name = "query",
       .start_s = 10.1,
       .duration_ms = 700,
       .kind = 3,
       .status = 2});
  add({.trace = 1, .span = 3, .parent = 1, .service = "back", .start_s = 10.2});
  add({.trace = 2, .span = 4, .service = "front", .name = "GET /", .start_s = 20});

  const auto answer = search("name = 'query'");

  ASSERT_THAT(trace_ids(answer), ElementsAre(trace_id(1)));
  const auto& trace = answer.at("traces").at(0);
  EXPECT_EQ(trace.at("root_service"), "front");
  EXPECT_EQ(trace.at("root_name"), "GET /");
  EXPECT_EQ(trace.at("root_missing"), false);
  EXPECT_EQ(trace.at("start_time"), json_s(10));
  EXPECT_EQ(trace.at("duration_ns"), "800000000");
  EXPECT_EQ(trace.at("span_count"), 3);
  EXPECT_EQ(trace.at("error_count"), 1);
  EXPECT_EQ(trace.at("matched_span_count"), 1);
  EXPECT_EQ(trace.at("services").at(0).at("name"), "back");
  EXPECT_EQ(trace.at("services").at(0).at("span_count"), 2);
  EXPECT_EQ(trace.at("matched_span").at("span_id"), id(2, 16).c_str());
  EXPECT_EQ(trace.at("matched_span").at("kind"), "client");
  EXPECT_EQ(trace.at("matched_span").at("status"), "error");
  EXPECT_TRUE(answer.at("next_cursor").is_null());
}

TEST_F(TraceTest, CountsMatchesOverTimeAndByField) {
  add({.trace = 1, .span = 1, .start_s = 0, .kind = 2, .status = 2});
  add({.trace = 2, .span = 2, .start_s = 0.5, .kind = 2});
  add({.trace = 3,
       .span = 3,
       .service = "other",
       .start_s = 599,
       .kind = 2,
       .attributes = "{'http.request.method': 'GET'}",
       .types = "s"});

  const auto answer = search("kind = server");

  const auto& buckets = answer.at("histogram").at("buckets").as_array();
  ASSERT_EQ(buckets.size(), 60u);
  EXPECT_EQ(answer.at("histogram").at("step_ns"), "10000000000");
  EXPECT_EQ(buckets[0].at("time"), json_s(0));
  EXPECT_EQ(buckets[0].at("count"), 2);
  EXPECT_EQ(buckets[0].at("error_count"), 1);
  EXPECT_EQ(buckets[59].at("count"), 1);
  const auto& facets = answer.at("facets").as_array();
  EXPECT_EQ(facets[0].at("field"), "service.name");
  EXPECT_EQ(facets[0].at("values").at(0).at("value"), "demo");
  EXPECT_EQ(facets[0].at("values").at(0).at("count"), 2);
  EXPECT_EQ(facets[0].at("values").at(1).at("value"), "other");
  EXPECT_EQ(facets[2].at("field"), "status");
  EXPECT_EQ(facets[2].at("values").at(0).at("value"), "unset");
  EXPECT_EQ(facets[3].at("values").at(0).at("value"), "server");
  EXPECT_EQ(facets[4].at("field"), "attribute.http.request.method");
  EXPECT_EQ(facets[4].at("values").at(0).at("count"), 1);
}

TEST_F(TraceTest, CountsEachFacetWithoutTheChoiceOfItsOwnValues) {
  const std::string get = "{'http.request.method': 'GET'}";
  const std::string post = "{'http.request.method': 'POST'}";
  add({.trace = 1, .span = 1, .service = "a", .kind = 2, .attributes = get, .types = "s"});
  add({.trace = 2, .span = 2, .service = "a", .kind = 3, .attributes = post, .types = "s"});
  add({.trace = 3, .span = 3, .service = "b", .kind = 2, .attributes = post, .types = "s"});
  add({.trace = 4, .span = 4, .service = "c", .kind = 3, .status = 2});
  const std::string method = "attribute.http.request.method";

  const std::string two = "service.name IN ('a', b) AND kind = 'server'";
  EXPECT_THAT(found(two), UnorderedElementsAre(trace_id(1), trace_id(3)));
  EXPECT_THAT(facet_of(two, "service.name"), ElementsAre("a 1", "b 1"));
  EXPECT_THAT(facet_of(two, "kind"), ElementsAre("server 2", "client 1"));
  EXPECT_THAT(facet_of(two, "status"), ElementsAre("unset 2"));
  EXPECT_THAT(facet_of(two, method), ElementsAre("GET 1", "POST 1"));
  EXPECT_THAT(facet_of("kind = client", "service.name"), ElementsAre("a 1", "c 1"));
  EXPECT_THAT(facet_of("kind = client", "kind"), ElementsAre("client 2", "server 2"));
  // What is ruled out can be let in again.
  EXPECT_THAT(facet_of("kind != client", "kind"), ElementsAre("client 2", "server 2"));
  EXPECT_THAT(facet_of("NOT kind IN (client)", "kind"), ElementsAre("client 2", "server 2"));
  // With or without the prefix it is the same attribute.
  EXPECT_THAT(facet_of("http.request.method = 'GET'", method), ElementsAre("POST 2", "GET 1"));
  EXPECT_THAT(facet_of(method + " = 'GET'", method), ElementsAre("POST 2", "GET 1"));
  // Other terms narrow each facet.
  EXPECT_THAT(facet_of("service.name LIKE 'a%'", "service.name"), ElementsAre("a 2"));
  EXPECT_THAT(facet_of("kind = client OR service.name = 'b'", "kind"),
              ElementsAre("client 2", "server 1"));
  EXPECT_THAT(facet_of("(kind = client AND duration > 0) AND service.name = 'a'", "kind"),
              ElementsAre("client 1", "server 1"));
}

TEST_F(TraceTest, CountsAChosenValueHoweverRare) {
  for (int i = 0; i < 12; ++i) {
    const std::string service = "frequent" + std::to_string(i);
    add({.trace = 1, .span = 10 + i, .service = service});
    add({.trace = 1, .span = 30 + i, .service = service});
  }
  add({.trace = 2, .span = 50, .service = "rare"});
  add({.trace = 3, .span = 51, .service = "unchosen"});

  const auto services = facet_of("service.name IN ('rare', 'absent')", "service.name");

  EXPECT_EQ(services.size(), 12U);
  EXPECT_EQ(services.back(), "rare 1");
  EXPECT_EQ(facet_of("", "service.name").size(), 10U);
}

TEST_F(TraceTest, UnderstandsEveryKindOfTest) {
  add({.trace = 1,
       .span = 1,
       .service = "demo",
       .name = "GET /health",
       .start_s = 1,
       .duration_ms = 50,
       .kind = 2,
       .attributes = "{'http.response.status_code': '200', 'user': 'Ann', 'cached': 'true'}",
       .types = "isb"});
  add({.trace = 2,
       .span = 2,
       .parent = 9,
       .service = "it\\'s",
       .name = "GET /pay",
       .start_s = 2,
       .duration_ms = 150,
       .kind = 7,
       .status = 2,
       .attributes = "{'http.response.status_code': '503', 'user': ''}",
       .types = "is",
       .resource = 2});
  insert("resource_rows (resource_id, service_name, attributes)",
         "(1, 'demo', {'host.name': 'a', 'zone': 'z1'}), (2, 'x', {'host.name': 'b'})");
  insert("scope_rows (scope_id, name, attributes)", "(1, 'lib', {'k': 'v'})");

  const std::string one = trace_id(1);
  const std::string two = trace_id(2);
  EXPECT_THAT(found("service.name = demo AND duration < 100ms"), ElementsAre(one));
  EXPECT_THAT(found("service.name = 'it\\'s'"), ElementsAre(two));
  EXPECT_THAT(found("duration > 100ms"), ElementsAre(two));
  EXPECT_THAT(found("duration = 50000000"), ElementsAre(one));
  EXPECT_THAT(found("status = error"), ElementsAre(two));
  EXPECT_THAT(found("status != ERROR"), ElementsAre(one));
  EXPECT_THAT(found("kind IN (server, client)"), ElementsAre(one));
  EXPECT_THAT(found("kind = 7"), ElementsAre(two));
  EXPECT_THAT(found("root = true"), ElementsAre(one));
  EXPECT_THAT(found("root = false"), ElementsAre(two));
  EXPECT_THAT(found("name LIKE 'GET /h%'"), ElementsAre(one));
  EXPECT_THAT(found("name NOT LIKE 'GET /h%'"), ElementsAre(two));
  EXPECT_THAT(found("name CONTAINS 'HEALTH'"), ElementsAre(one));
  EXPECT_THAT(found("'/PAY'"), ElementsAre(two));
  EXPECT_THAT(found("health"), ElementsAre(one));
  EXPECT_THAT(found("trace_id = " + two), ElementsAre(two));
  EXPECT_THAT(found("span_id IN ('" + id(1, 16) + "')"), ElementsAre(one));
  EXPECT_THAT(found("http.response.status_code >= 400"), ElementsAre(two));
  EXPECT_THAT(found("http.response.status_code < 1000"), UnorderedElementsAre(one, two));
  EXPECT_THAT(found("http.response.status_code = '200'"), ElementsAre(one));
  EXPECT_THAT(found("http.response.status_code = 200.0"), ElementsAre(one));
  EXPECT_THAT(found("http.response.status_code IN (503, 504)"), ElementsAre(two));
  EXPECT_THAT(found("http.response.status_code NOT IN (503, 504)"), ElementsAre(one));
  EXPECT_THAT(found("cached = true"), ElementsAre(one));
  EXPECT_THAT(found("cached EXISTS"), ElementsAre(one));
  EXPECT_THAT(found("cached NOT EXISTS"), ElementsAre(two));
  EXPECT_THAT(found("user = ''"), ElementsAre(two));
  EXPECT_THAT(found("absent = ''"), IsEmpty());
  EXPECT_THAT(found("absent != 'x'"), UnorderedElementsAre(one, two));
  EXPECT_THAT(found("absent > 5"), IsEmpty());
  EXPECT_THAT(found("NOT absent > 5"), UnorderedElementsAre(one, two));
  EXPECT_THAT(found("resource.host.name = 'b'"), ElementsAre(two));
  EXPECT_THAT(found("host.name = 'a'"), ElementsAre(one));
  EXPECT_THAT(found("zone NOT EXISTS"), ElementsAre(two));
  EXPECT_THAT(found("attribute.host.name EXISTS"), IsEmpty());
  EXPECT_THAT(found("scope.name = lib AND scope.k = 'v'"), UnorderedElementsAre(one, two));
  EXPECT_THAT(found("user = 'Ann' OR status = error"), UnorderedElementsAre(one, two));
  EXPECT_THAT(found("NOT (user = 'Ann' OR status = error)"), IsEmpty());
}

TEST_F(TraceTest, TakesEveryByteOfAValueAsItIs) {
  const std::string nasty = "a'b\\c\"d\ne\tf;{p0:String}--%\r/*`";
  std::string sql = "unhex('";
  for (const char c : nasty) {
    constexpr char kDigits[] = "0123456789ABCDEF";
    sql += kDigits[static_cast<unsigned char>(c) >> 4];
    sql += kDigits[static_cast<unsigned char>(c) & 15];
  }
  sql += "')";
  add({.attributes = "map('k', " + sql + ")", .types = "s"});

  EXPECT_THAT(found("k = " + quote_filter_text(nasty)), ElementsAre(trace_id(1)));
  EXPECT_THAT(found("k CONTAINS " + quote_filter_text(nasty)), ElementsAre(trace_id(1)));
  EXPECT_THAT(found("k = " + quote_filter_text(nasty + "x")), IsEmpty());
}

TEST_F(TraceTest, PagesThroughTracesWithoutRepeatingOrMissingAny) {
  for (int i = 0; i < 40; ++i) {
    // Each trace has an old span and a new one, so that it matches on every page.
    add({.trace = 1 + i, .span = 100 + i, .start_s = 100.0 + i});
    add({.trace = 1 + i, .span = 200 + i, .parent = 100 + i, .start_s = 10.0 + (i % 5)});
  }
  for (const auto order :
       {TraceSearch::Order::kNewest, TraceSearch::Order::kOldest, TraceSearch::Order::kSlowest}) {
    std::vector<std::string> all;
    std::string cursor;
    for (int page = 0; page < 20; ++page) {
      const auto answer = search("", 7, cursor, order);
      for (const std::string& found_id : trace_ids(answer)) all.push_back(found_id);
      if (answer.at("next_cursor").is_null()) break;
      cursor = answer.at("next_cursor").as_string().c_str();
    }
    EXPECT_EQ(all.size(), 40u);
    EXPECT_EQ(std::set<std::string>(all.begin(), all.end()).size(), 40u);
  }
}

TEST_F(TraceTest, OrdersByDuration) {
  add({.trace = 1, .span = 1, .duration_ms = 5});
  add({.trace = 2, .span = 2, .duration_ms = 50});
  add({.trace = 3, .span = 3, .duration_ms = 20});

  EXPECT_THAT(trace_ids(search("", 2, "", TraceSearch::Order::kSlowest)),
              ElementsAre(trace_id(2), trace_id(3)));
}

TEST_F(TraceTest, RefusesACursorThatIsNone) {
  try {
    search("", 10, "1'; DROP TABLE spans");
    FAIL();
  } catch (const QueryError& error) {
    EXPECT_EQ(error.parameter, "cursor");
  }
}

TEST_F(TraceTest, ReturnsATraceWithEverythingThatWasSent) {
  insert(
      "resource_rows (resource_id, service_name, attributes, attribute_types, "
      "dropped_attributes_count, schema_url)",
      "(4294967295, 'demo', {'service.name': 'demo', 'n': '9223372036854775807'}, "
      "'si', 3, 'https://schema')");
  insert("scope_rows (scope_id, name, version, attributes, attribute_types)",
         "(5, 'lib', '1.0', {'b': 'true'}, 'b')");
  insert(
      "span_rows (service_name, name, start_time, duration_ns, trace_id, span_id, parent_span_id, "
      "flags, kind, status_code, resource_id, scope_id, overflow, rest)",
      "('demo', 'GET /', " + at_s(1) + ", -5, " + unhex(trace_id(1)) + ", " + unhex(id(2, 16)) +
          ", " + unhex(id(1, 16)) + ", 4294967295, 99, 7, 4294967295, 5, " +
          overflow_sql("{'a': '[1,2]', 'e': '', 'y': 'AAE='}", "aey") + ", '" +
          R"({"m":"no \\"luck\\"","w":"a=b","d":[1,3,5],"e":[[)" +
          std::to_string(kT0 + kSecondNs + 1) +
          R"(,"exception",["exception.type","d"],["E","0.1"],"sd",2]],"l":[[")" + trace_id(9) +
          R"(",")" + id(8, 16) + R"(","c=d",257,["l"],["m"],"s",4]]}')" + ")");

  Session of_this_query = session();
  const auto trace = parse(get_trace(of_this_query, trace_id(1)));

  EXPECT_EQ(trace.at("trace_id"), trace_id(1).c_str());
  EXPECT_EQ(trace.at("truncated"), false);
  ASSERT_EQ(trace.at("spans").as_array().size(), 1u);
  boost::json::value expected = boost::json::parse(R"({
    "same_id_count": 1, "span_id": "0000000000000002", "parent_span_id": "0000000000000001", "service_name": "demo",
    "name": "GET /", "kind": "unknown", "kind_number": 99,
    "start_time": "1699999981000000000", "end_time": "1699999980999999995", "duration_ns": "-5",
    "status": {"code": "unknown", "code_number": 7, "message": "no \"luck\""},
    "trace_state": "a=b", "flags": 4294967295,
    "resource_id": "4294967295", "scope_id": "5",
    "attributes": [{"key": "a", "type": "array", "value": "[1,2]"},
                   {"key": "e", "type": "empty", "value": ""},
                   {"key": "y", "type": "bytes", "value": "AAE="}],
    "dropped_attributes_count": 1,
    "events": [{"time": "1699999981000000001", "name": "exception",
                "attributes": [{"key": "exception.type", "type": "string", "value": "E"},
                               {"key": "d", "type": "double", "value": "0.1"}],
                "dropped_attributes_count": 2}],
    "dropped_events_count": 3,
    "links": [{"trace_id": "00000000000000000000000000000009", "span_id": "0000000000000008",
               "trace_state": "c=d", "flags": 257,
               "attributes": [{"key": "l", "type": "string", "value": "m"}],
               "dropped_attributes_count": 4}],
    "dropped_links_count": 5})");
  EXPECT_EQ(trace.at("spans").at(0), expected);
  EXPECT_EQ(trace.at("resources").at("4294967295"), boost::json::parse(R"({
    "service_name": "demo",
    "attributes": [{"key": "service.name", "type": "string", "value": "demo"},
                   {"key": "n", "type": "int", "value": "9223372036854775807"}],
    "dropped_attributes_count": 3, "schema_url": "https://schema"})"));
  EXPECT_EQ(trace.at("scopes").at("5"), boost::json::parse(R"({
    "name": "lib", "version": "1.0", "attributes": [{"key": "b", "type": "bool", "value": "true"}],
    "dropped_attributes_count": 0, "schema_url": ""})"));
}

TEST_F(TraceTest, SaysThatATraceDoesNotExist) {
  Session of_this_query = session();
  try {
    get_trace(of_this_query, trace_id(404));
    FAIL();
  } catch (const QueryError& error) {
    EXPECT_EQ(error.code(), ErrorCode::kNotFound);
  }
}

TEST_F(TraceTest, TellsTheWholeOfATraceThatLastsForHours) {
  // Its root starts two hours earlier; of the second one a span outlasts the hour behind it.
  add({.trace = 1, .span = 1, .name = "nightly", .start_s = -7200, .duration_ms = 7'300'000});
  add({.trace = 1, .span = 2, .parent = 1, .name = "match", .start_s = 10});
  add({.trace = 2, .span = 1, .name = "match", .start_s = 20, .duration_ms = 9'000'000});
  add({.trace = 2, .span = 2, .parent = 1, .start_s = 8000});

  const auto found = search("name = 'match'").at("traces");

  EXPECT_EQ(found.at(0).at("span_count"), 2);
  EXPECT_EQ(found.at(0).at("duration_ns"), "9000000000000");
  EXPECT_EQ(found.at(1).at("root_name"), "nightly");
  EXPECT_EQ(found.at(1).at("span_count"), 2);
}

TEST_F(TraceTest, ShowsASpanOnceThatWasSentTwiceAndMarksThoseThatDiffer) {
  const Span root = {.trace = 1, .span = 1, .attributes = "{'a': 'x'}", .types = "s"};
  add(root);
  add(root);
  Span failed = {.trace = 1, .span = 2, .parent = 1, .start_s = 1, .status = 2};
  add(failed);
  add(failed);
  failed.attributes = "{'a': 'sent again with more'}";
  failed.types = "s";
  add(failed);

  Session of_this_query = session();
  const auto trace = parse(get_trace(of_this_query, trace_id(1)));
  std::vector<std::string> spans;
  for (const auto& span : trace.at("spans").as_array()) {
    spans.push_back(std::string(span.at("span_id").as_string().subview(15)) + " of " +
                    std::to_string(span.at("same_id_count").as_int64()));
  }
  EXPECT_THAT(spans, ElementsAre("1 of 1", "2 of 2", "2 of 2"));

  const auto found = search("a = 'x'").at("traces").at(0);
  EXPECT_EQ(found.at("span_count"), 2);
  EXPECT_EQ(found.at("error_count"), 1);
  EXPECT_EQ(found.at("matched_span_count"), 1);
  EXPECT_EQ(found.at("services").at(0).at("span_count"), 2);
}

TEST_F(TraceTest, WarnsOfAttributesThatNoSpanHas) {
  insert("span_value_rows (hour, key, type, value, records)",
         "(toStartOfHour(" + at_s(0) + "), 'http.route', 's', '/a', 1), (toStartOfHour(" + at_s(0) +
             "), 'kind', 's', 'x', 1)");
  insert("resource_rows (resource_id, service_name, attributes, attribute_types)",
         "(1, 'demo', {'service.name': 'demo', 'host.name': 'a'}, 'ss')");
  insert("scope_rows (scope_id, attributes)", "(1, {'team': 'x'})");

  const auto warnings = [&](const std::string& filter) {
    std::vector<std::string> texts;
    const auto answer = search(filter);
    for (const auto& warning : answer.at("warnings").as_array()) {
      texts.push_back(std::to_string(warning.at("position").as_int64()) + " " +
                      boost::json::serialize(warning.at("suggestions")));
    }
    return texts;
  };
  EXPECT_THAT(warnings("http.route = '/a' AND resource.host.name = 'a' AND attribute.kind = 'x' "
                       "AND scope.team = 'x' AND name = 'x' AND event.x = 1"),
              IsEmpty());
  EXPECT_THAT(warnings("status = error AND (servce.name = 'shop' OR NOT servce.name = 'x')"),
              ElementsAre("20 [\"service.name\"]"));
  EXPECT_THAT(warnings("span.http.route = 'x'"), ElementsAre("0 [\"http.route\"]"));
  EXPECT_THAT(warnings("route = 'x' AND attribute.host.nmae = 'a'"),
              ElementsAre("0 [\"http.route\"]", "16 [\"host.name\"]"));
  EXPECT_THAT(warnings("attribute.kidn EXISTS"), ElementsAre("0 [\"kind\",\"attribute.kind\"]"));
  EXPECT_THAT(warnings("scope.taem = 'x' AND resource.zzzz = 'a'"),
              ElementsAre("0 [\"scope.team\"]", "21 []"));

  // Received just now: the side table does not have it yet.
  add({.attributes = "{'fresh': 'x'}", .types = "s"});
  EXPECT_THAT(warnings("fresh = 'x'"), ElementsAre("0 []"));
  engine_.execute("INSERT INTO span_rows (received, start_time, overflow) SELECT now64(6), " +
                  at_s(1) + ", map('fresh', 'sx')");
  EXPECT_THAT(warnings("fresh = 'x'"), IsEmpty());

  // A block had more keys than are listed of one.
  insert("span_value_rows (hour, key, records)", "(toStartOfHour(" + at_s(0) + "), '', 1)");
  EXPECT_THAT(warnings("zzzz = 1"), IsEmpty());
  EXPECT_THAT(warnings("resource.zzzz = 1"), ElementsAre("0 []"));
}

TEST_F(TraceTest, ListsKeysOfUsualRecordsThoughOneHasAHundredThousand) {
  add({.trace = 1, .span = 1, .attributes = "{'zone': 'a'}", .types = "s"});
  engine_.execute("INSERT INTO span_rows (service_name, start_time, overflow) SELECT 'demo', " +
                  at_s(1) +
                  ", mapFromArrays(arrayMap(n -> concat('a', toString(n)), range(100000)), "
                  "arrayMap(n -> 'sx', range(100000)))");

  Session first = session();
  const auto fields = parse(list_fields(first, {.range = seconds_range(0, 10)}));

  std::set<std::string> names;
  for (const auto& field : fields.at("fields").as_array()) {
    names.insert(std::string(field.at("name").as_string()));
  }
  EXPECT_TRUE(names.contains("zone"));
}

TEST_F(TraceTest, ListsLongValuesByHowTheyBegin) {
  std::string longest;
  for (int i = 0; i < 1024; ++i) longest += "é";
  add({.trace = 1, .span = 1, .attributes = "{'v': '" + longest + "'}", .types = "s"});
  for (int i = 2; i < 5; ++i) {
    const std::string text = longest + std::string(static_cast<std::size_t>(i) * 10'000, 'y');
    add({.trace = i, .span = i, .attributes = "{'v': '" + text + "'}", .types = "s"});
  }
  add({.trace = 5, .span = 5, .attributes = "{'v': 'short'}", .types = "s"});
  FieldValuesRequest request;
  request.field = "v";
  request.range = seconds_range(0, 10);

  Session first = session();
  const auto all = parse(list_field_values(first, request));
  ASSERT_EQ(all.at("values").as_array().size(), 3u);
  EXPECT_EQ(all.at("values").at(0).at("value").as_string(), longest);
  EXPECT_EQ(all.at("values").at(0).at("count"), 3);
  EXPECT_EQ(all.at("values").at(0).at("truncated"), true);
  EXPECT_EQ(all.at("values").at(2).at("value").as_string(), longest);
  EXPECT_FALSE(all.at("values").at(2).as_object().contains("truncated"));
  EXPECT_EQ(all.at("truncated"), false);

  request.limit = 2;
  Session second = session();
  const auto some = parse(list_field_values(second, request));
  EXPECT_EQ(some.at("values").as_array().size(), 2u);
  EXPECT_EQ(some.at("truncated"), true);
}

TEST_F(TraceTest, ListsFieldsAndTheirValues) {
  add({.trace = 1,
       .span = 1,
       .kind = 2,
       .attributes = "{'http.route': '/a', 'n': '1'}",
       .types = "si"});
  add({.trace = 2,
       .span = 2,
       .kind = 2,
       .attributes = "{'http.route': '/b', 'kind': 'x'}",
       .types = "ss"});
  add({.trace = 3, .span = 3, .kind = 3, .attributes = "{'http.route': '/b'}", .types = "s"});
  insert("resource_rows (resource_id, service_name, attributes, attribute_types)",
         "(1, 'demo', {'service.name': 'demo', 'host.name': 'a'}, 'ss')");

  Session first = session();
  const auto fields = parse(list_fields(first, {.range = seconds_range(0, 10)}));
  std::set<std::string> names;
  for (const auto& field : fields.at("fields").as_array()) {
    names.insert(std::string(field.at("kind").as_string()) + " " +
                 std::string(field.at("type").as_string()) + " " +
                 std::string(field.at("name").as_string()));
  }
  EXPECT_TRUE(names.contains("intrinsic duration duration"));
  EXPECT_TRUE(names.contains("attribute string http.route"));
  EXPECT_TRUE(names.contains("attribute number n"));
  EXPECT_TRUE(names.contains("attribute string attribute.kind"));
  EXPECT_TRUE(names.contains("resource string resource.host.name"));

  const auto values = [&](const std::string& field, const std::string& contains = "") {
    FieldValuesRequest request;
    request.field = field;
    request.range = seconds_range(0, 10);
    request.contains = contains;
    Session of_this_query = session();
    std::vector<std::string> found_values;
    const auto answer = parse(list_field_values(of_this_query, request));
    for (const auto& value : answer.at("values").as_array()) {
      found_values.push_back(std::string(value.at("value").as_string()) + " " +
                             std::to_string(value.at("count").as_int64()));
    }
    return found_values;
  };
  EXPECT_THAT(values("http.route"), ElementsAre("/b 2", "/a 1"));
  EXPECT_THAT(values("http.route", "A"), ElementsAre("/a 1"));
  EXPECT_THAT(values("kind"), ElementsAre("server 2", "client 1"));
  EXPECT_THAT(values("host.name"), ElementsAre("a 3"));
  EXPECT_THAT(values("resource.host.name"), ElementsAre("a 3"));
}

/// One record with very many keys must not hide those of all others.
TEST_F(TraceTest, ListsTheKeysOfAllRecordsAndTheMostFrequentFirst) {
  insert("span_value_rows (hour, key, type, value, records)",
         "(" + at_s(0) + ", 'rare', 's', 'a', 3), (" + at_s(0) + ", 'rare', 'i', '7', 1), (" +
             at_s(86'400) + ", 'later', 's', 'a', 9)");
  engine_.execute(
      "INSERT INTO span_rows (service_name, name, start_time, span_id, overflow) SELECT 'demo', "
      "'op', " +
      at_s(1) +
      ", unhex('01'), CAST((arrayMap(i -> 'key' || toString(i), range(2000)), "
      "arrayResize(['sx'], 2000, 'sx')), 'Map(String, String)')");

  Session of_this_query = session();
  const auto fields = parse(list_fields(of_this_query, {.range = seconds_range(0, 10)}));

  int of_keys = 0;
  std::string type;
  for (const auto& field : fields.at("fields").as_array()) {
    const std::string name(field.at("name").as_string());
    if (name.starts_with("key")) ++of_keys;
    if (name == "rare") type = field.at("type").as_string();
    EXPECT_NE(name, "later");
  }
  EXPECT_EQ(of_keys, 999);
  EXPECT_EQ(type, "string");
  EXPECT_EQ(fields.at("truncated"), true);

  Session another = session();
  const auto found =
      parse(list_fields(another, {.range = seconds_range(0, 10), .contains = "KEY1234"}));
  ASSERT_EQ(found.at("fields").as_array().size(), 1u);
  EXPECT_EQ(found.at("fields").at(0).at("name"), "key1234");
  EXPECT_EQ(found.at("truncated"), false);
}

TEST_F(TraceTest, FindsFieldsOfAllKindsByAPartOfTheirName) {
  add({.trace = 1,
       .span = 1,
       .attributes = "{'kind': 'x', 'mankind': 'y', 'z': ''}",
       .types = "sss"});
  insert("resource_rows (resource_id, service_name, attributes, attribute_types)",
         "(1, 'demo', {'kind': 'a', 'zone': 'b'}, 'ss')");
  const auto names = [&](const std::string& part) {
    Session of_this_query = session();
    const auto answer =
        parse(list_fields(of_this_query, {.range = seconds_range(0, 10), .contains = part}));
    std::vector<std::string> found;
    for (const auto& field : answer.at("fields").as_array()) {
      found.emplace_back(field.at("name").as_string());
    }
    return found;
  };

  EXPECT_THAT(names("Kind"), ElementsAre("kind", "attribute.kind", "mankind", "resource.kind"));
  EXPECT_THAT(names("resource.z"), ElementsAre("resource.zone"));
}

/// Two traces in slots, and the same values before their keys had any.
TEST_F(TraceTest, FiltersAttributesAlikeInSlotsAndBesideThem) {
  store::Registry registry(100, engine_);
  store::Block block(registry);
  constexpr int kSpans = 40;
  block.begin_request(kT0);
  store::Sinks sinks = block.sinks();
  sinks.traces.on_resource({});
  sinks.traces.on_scope({});
  for (int i = 0; i < kSpans; ++i) {
    using otlp::ValueType;
    const std::string user = i % 2 == 0 ? "Ann" : "Bob";
    const otlp::KeyValueView attributes[] = {
        {"user", {.type = ValueType::kString, .text = user}},
        {"size", {.type = ValueType::kInt, .int_value = 9'007'199'254'740'992 + i % 2, .text = {}}},
        {"ratio", {.type = ValueType::kDouble, .double_value = i % 2 + 0.25, .text = {}}},
        {"user", {.type = ValueType::kString, .text = "twice"}}};
    const otlp::KeyValueView of_event[] = {
        {"exception.type", {.type = ValueType::kString, .text = user}}};
    const otlp::EventView events[] = {{.name = "exception", .attributes = of_event}};
    const std::string trace(16, static_cast<char>(i + 1));
    const otlp::LinkView links[] = {
        {.trace_id = trace, .span_id = "12345678", .trace_state = {}, .attributes = of_event}};
    otlp::SpanView span;
    span.trace_id = trace;
    span.span_id = "01234567";
    span.start_time_unix_nano = static_cast<std::uint64_t>(kT0 + i);
    span.end_time_unix_nano = span.start_time_unix_nano;
    span.attributes = attributes;
    span.events = events;
    span.links = links;
    sinks.traces.on_span(span);
  }
  const store::SealedBlock sealed = block.seal(kT0 / 1000);
  for (const auto* tables : {&sealed.descriptions, &sealed.data}) {
    for (const auto& rows : *tables) engine_.insert_native(rows.table, rows.native);
  }

  const std::size_t half = kSpans / 2;
  EXPECT_EQ(found("user = 'Ann'").size(), half);
  EXPECT_EQ(found("user IN ('Ann', 'Bob')").size(), 2 * half);
  EXPECT_EQ(found("user != 'Ann'").size(), half);
  EXPECT_EQ(found("user CONTAINS 'OB'").size(), half);
  EXPECT_EQ(found("user EXISTS").size(), 2 * half);
  EXPECT_EQ(found("size = 9007199254740993").size(), half);
  EXPECT_EQ(found("size = '9007199254740993'").size(), half);
  EXPECT_EQ(found("size > 5").size(), 2 * half);
  EXPECT_EQ(found("size LIKE '%93'").size(), half);
  EXPECT_EQ(found("ratio < 1").size(), half);
  EXPECT_EQ(found("ratio = '0.25'").size(), half);
  EXPECT_EQ(found("event.exception.type = 'Bob'").size(), half);
  EXPECT_EQ(found("link.exception.type = 'Ann'").size(), half);
  EXPECT_EQ(found("event.name = 'exception' AND link.span_id = '3132333435363738'").size(),
            2 * half);
  EXPECT_EQ(found("event.absent EXISTS").size(), 0U);
  FieldValuesRequest request;
  request.field = "size";
  request.range = seconds_range(0, 10);
  Session of_this_query = session();
  const auto values = parse(list_field_values(of_this_query, request)).at("values").as_array();
  ASSERT_EQ(values.size(), 2U);
  EXPECT_EQ(values[0].at("value"), "9007199254740992");
  EXPECT_EQ(values[0].at("count"), 20);
  EXPECT_NE(engine_.query("SELECT countIf(shape != '') FROM span_rows FORMAT TSV").data, "0\n");
  EXPECT_NE(engine_.query("SELECT countIf(shape = '') FROM span_rows FORMAT TSV").data, "0\n");
}

class LogTest : public QueryTest {
 protected:
  void add(double time_s, int severity, const std::string& body, int trace = 0, int span = 0,
           const std::string& service = "demo") {
    insert(
        "log_rows (received, row, service_name, time, observed_delta_ns, trace_id, span_id, "
        "severity_number, severity_text, body, overflow, resource_id, scope_id)",
        "(" + std::to_string(added_ / 5) + ", " + std::to_string(added_ % 5) + ", '" + service +
            "', " + at_s(time_s) + ", 2, " + unhex(trace_id(trace)) + ", " + unhex(id(span, 16)) +
            ", " + std::to_string(severity) + ", 'S', '" + body + "', {'k': 'i1'}, 1, 1)");
    ++added_;
  }

  boost::json::value search(const std::string& filter, std::uint32_t limit = 100,
                            const std::string& cursor = "",
                            LogSearch::Order order = LogSearch::Order::kNewest) {
    LogSearch request;
    request.range = seconds_range(0, 60);
    request.filter = parse_filter(filter);
    request.limit = limit;
    request.cursor = cursor;
    request.order = order;
    Session of_this_query = session();
    return parse(search_logs(of_this_query, request));
  }

  std::vector<std::string> found(const std::string& filter) {
    std::vector<std::string> bodies;
    const auto answer = search(filter);
    for (const auto& record : answer.at("logs").as_array()) {
      bodies.emplace_back(record.at("body").at("value").as_string());
    }
    return bodies;
  }

  int added_ = 0;
};

TEST_F(LogTest, FindsRecordsByTextSeverityTraceAndAttribute) {
  add(1, 9, "all fine");
  add(2, 17, "Timeout of 50%", 1, 2);
  add(3, 14, "slow", 1, 3, "other");

  EXPECT_THAT(found(""), ElementsAre("slow", "Timeout of 50%", "all fine"));
  EXPECT_THAT(found("'timeout'"), ElementsAre("Timeout of 50%"));
  EXPECT_THAT(found("'50%'"), ElementsAre("Timeout of 50%"));
  EXPECT_THAT(found("body LIKE 'all%'"), ElementsAre("all fine"));
  EXPECT_THAT(found("severity = warn"), ElementsAre("slow"));
  EXPECT_THAT(found("severity >= warn"), ElementsAre("slow", "Timeout of 50%"));
  EXPECT_THAT(found("severity > warn"), ElementsAre("Timeout of 50%"));
  EXPECT_THAT(found("severity < warn"), ElementsAre("all fine"));
  EXPECT_THAT(found("severity = 14"), ElementsAre("slow"));
  EXPECT_THAT(found("trace_id = " + trace_id(1) + " AND span_id = '" + id(2, 16) + "'"),
              ElementsAre("Timeout of 50%"));
  EXPECT_THAT(found("trace_id EXISTS AND service.name = other"), ElementsAre("slow"));
  EXPECT_THAT(found("trace_id NOT EXISTS"), ElementsAre("all fine"));
  EXPECT_THAT(found("k = 1 AND NOT 'timeout' AND NOT 'slow'"), ElementsAre("all fine"));
}

TEST_F(LogTest, ReturnsRecordsAsTheyWereSent) {
  add(1, 17, "broken");
  insert("resource_rows (resource_id, service_name)", "(1, 'demo')");

  const auto answer = search("");

  const auto& record = answer.at("logs").at(0);
  EXPECT_EQ(record.at("time"), json_s(1));
  EXPECT_EQ(record.at("id"), "0-0");
  EXPECT_EQ(record.at("time_unix_nano"), json_s(1));
  EXPECT_EQ(record.at("observed_time_unix_nano"), json_s(1.000000002));
  EXPECT_TRUE(record.at("trace_id").is_null());
  EXPECT_EQ(record.at("severity"), "error");
  EXPECT_EQ(record.at("severity_number"), 17);
  EXPECT_EQ(record.at("body").at("type"), "string");
  EXPECT_EQ(record.at("attributes").at(0).at("type"), "int");
  EXPECT_EQ(answer.at("resources").at("1").at("service_name"), "demo");
}

TEST_F(LogTest, CountsBySeverityOverTime) {
  add(0, 9, "a");
  add(0.5, 17, "b");
  add(59, 0, "c");

  const auto answer = search("");
  const auto& buckets = answer.at("histogram").at("buckets").as_array();

  ASSERT_EQ(buckets.size(), 60u);
  EXPECT_EQ(buckets[0].at("info"), 1);
  EXPECT_EQ(buckets[0].at("error"), 1);
  EXPECT_EQ(buckets[59].at("unspecified"), 1);
  EXPECT_EQ(answer.at("facets").at(1).at("field"), "severity");
  EXPECT_EQ(answer.at("facets").at(1).at("values").as_array().size(), 3u);
}

TEST_F(LogTest, PagesThroughRecordsOfTheSameTime) {
  for (int i = 0; i < 25; ++i) add(i < 20 ? 5 : 6, 9, "line " + std::to_string(i));

  for (const auto order : {LogSearch::Order::kNewest, LogSearch::Order::kOldest}) {
    std::vector<std::string> all;
    std::string cursor;
    for (int page = 0; page < 10; ++page) {
      const auto answer = search("", 6, cursor, order);
      for (const auto& record : answer.at("logs").as_array()) {
        all.emplace_back(record.at("body").at("value").as_string());
      }
      if (answer.at("next_cursor").is_null()) break;
      cursor = answer.at("next_cursor").as_string().c_str();
    }
    EXPECT_EQ(all.size(), 25u);
    EXPECT_EQ(std::set<std::string>(all.begin(), all.end()).size(), 25u);
  }
}

TEST_F(LogTest, LooksAroundATrace) {
  insert("span_rows (trace_id, start_time, duration_ns)",
         "(" + unhex(trace_id(1)) + ", " + at_s(100) + ", 10000000000)");

  Session of_this_query = session();
  const auto range = range_around_trace(of_this_query, trace_id(1));
  const auto none = range_around_trace(of_this_query, trace_id(2));

  ASSERT_TRUE(range);
  EXPECT_EQ(range->start_ns, kT0 - 200 * kSecondNs);
  EXPECT_GE(range->end_ns, kT0 + 410 * kSecondNs);
  EXPECT_FALSE(none);
}

TEST_F(LogTest, TellsHowMuchIsStored) {
  add(0, 9, "a");

  Session of_this_query = session();
  const auto status = parse(get_status(of_this_query, {.version = "1.2.3", .uptime_s = 4.5}));

  EXPECT_EQ(status.at("version"), "1.2.3");
  bool found_logs = false;
  for (const auto& table : status.at("tables").as_array()) {
    if (table.at("name") == "log_rows") found_logs = table.at("rows") == "1";
  }
  EXPECT_TRUE(found_logs);
}

TEST(EditDistance, CountsChangesOfOneCharacter) {
  EXPECT_EQ(edit_distance("", ""), 0U);
  EXPECT_EQ(edit_distance("name", "name"), 0U);
  EXPECT_EQ(edit_distance("", "abc"), 3U);
  EXPECT_EQ(edit_distance("servce", "service"), 1U);
  EXPECT_EQ(edit_distance("nmae", "name"), 1U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
}

}  // namespace
}  // namespace signalbox::server::query

#include "server/query/language/filter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "server/query/plan/error.h"
#include "server/query/plan/filter_sql.h"

namespace signalbox::server::query {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

std::string_view name_of(FilterOperator op) {
  constexpr std::string_view kNames[] = {"=",      "!=",      "<",     "<=",    ">",
                                         ">=",     "IN",      "LIKE",  "ILIKE", "CONTAINS",
                                         "EXISTS", "BETWEEN", "REGEXP"};
  return kNames[static_cast<std::size_t>(op)];
}

/// The tree in a form that can be read: every group in parentheses.
std::string show(const FilterNode& node) {
  const auto children = [&](const std::string& word) {
    std::string text = "(" + word;
    for (const FilterNode& child : node.children) text += " " + show(child);
    return text + ")";
  };
  std::string values;
  for (const FilterValue& value : node.values) {
    constexpr char kKinds[] = {'s', 'w', 'n', 'd', 'b'};
    values += std::string(" ") + kKinds[static_cast<std::size_t>(value.kind)] + ":" + value.text;
  }
  switch (node.kind) {
    case FilterNode::Kind::kAll:
      return "all";
    case FilterNode::Kind::kAnd:
      return children("and");
    case FilterNode::Kind::kOr:
      return children("or");
    case FilterNode::Kind::kNot:
      return children("not");
    case FilterNode::Kind::kText:
      return "text" + values;
    case FilterNode::Kind::kTest:
      break;
  }
  return "[" + node.field + " " + std::string(name_of(node.op)) + values + "]";
}

std::string parsed(std::string_view text) {
  return show(parse_filter(text));
}

TEST(Filter, BindsAndMoreThanOr) {
  EXPECT_EQ(parsed("a = 1 OR b = 2 AND c = 3"), "(or [a = n:1] (and [b = n:2] [c = n:3]))");
  EXPECT_EQ(parsed("(a = 1 OR b = 2) AND c = 3"), "(and (or [a = n:1] [b = n:2]) [c = n:3])");
  EXPECT_EQ(parsed("NOT a = 1 AND b = 2"), "(and (not [a = n:1]) [b = n:2])");
  EXPECT_EQ(parsed("not (a = 1 or b = 2)"), "(not (or [a = n:1] [b = n:2]))");
}

TEST(Filter, ReadsEveryOperator) {
  EXPECT_EQ(parsed("a = 1"), "[a = n:1]");
  EXPECT_EQ(parsed("a == 1"), "[a = n:1]");
  EXPECT_EQ(parsed("a != 1"), "[a != n:1]");
  EXPECT_EQ(parsed("a <> 1"), "[a != n:1]");
  EXPECT_EQ(parsed("a<1"), "[a < n:1]");
  EXPECT_EQ(parsed("a<=1"), "[a <= n:1]");
  EXPECT_EQ(parsed("a>1"), "[a > n:1]");
  EXPECT_EQ(parsed("a>=-1.5e3"), "[a >= n:-1.5e3]");
  EXPECT_EQ(parsed("a in ('x', y, 3)"), "[a IN s:x w:y n:3]");
  EXPECT_EQ(parsed("a NOT IN (1)"), "(not [a IN n:1])");
  EXPECT_EQ(parsed("a LIKE 'x%'"), "[a LIKE s:x%]");
  EXPECT_EQ(parsed("a not ilike 'x%'"), "(not [a ILIKE s:x%])");
  EXPECT_EQ(parsed("a CONTAINS \"x\""), "[a CONTAINS s:x]");
  EXPECT_EQ(parsed("a BETWEEN 1 AND 2ms"), "[a BETWEEN n:1 d:2ms]");
  EXPECT_EQ(parsed("a NOT BETWEEN b AND 'c'"), "(not [a BETWEEN w:b s:c])");
  EXPECT_EQ(parsed("a REGEXP '^x\\\\d'"), "[a REGEXP s:^x\\d]");
  EXPECT_EQ(parsed("a not regexp x"), "(not [a REGEXP w:x])");
  EXPECT_EQ(parsed("a EXISTS"), "[a EXISTS]");
  EXPECT_EQ(parsed("a NOT EXISTS"), "(not [a EXISTS])");
}

TEST(Filter, ReadsEveryKindOfValue) {
  EXPECT_EQ(parsed("a = 'it\\'s \\\\ \"x\"'"), "[a = s:it's \\ \"x\"]");
  EXPECT_EQ(parsed("a = true"), "[a = b:true]");
  EXPECT_EQ(parsed("a = FALSE"), "[a = b:false]");
  EXPECT_EQ(parsed("a = error"), "[a = w:error]");
  EXPECT_EQ(parsed("a = 4bf92f3577b34da6a3ce929d0e0e4736"),
            "[a = w:4bf92f3577b34da6a3ce929d0e0e4736]");
  EXPECT_EQ(parsed("a = 12e99999"), "[a = w:12e99999]");
  EXPECT_EQ(parsed("a = 2026-11-22"), "[a = w:2026-11-22]");
  EXPECT_EQ(parsed("a = +7"), "[a = n:7]");
  EXPECT_EQ(parsed("url.path = /api/v1"), "[url.path = w:/api/v1]");
}

TEST(Filter, ReadsDurations) {
  const auto ns = [](std::string_view text) {
    return parse_filter("duration > " + std::string(text)).values.at(0).number;
  };
  EXPECT_EQ(ns("100ms"), 100e6);
  EXPECT_EQ(ns("1.5s"), 1.5e9);
  EXPECT_EQ(ns("3us"), 3e3);
  EXPECT_EQ(ns("3µs"), 3e3);
  EXPECT_EQ(ns("2m"), 120e9);
  EXPECT_EQ(ns("2min"), 120e9);
  EXPECT_EQ(ns("1h"), 3600e9);
  EXPECT_EQ(ns("1d"), 86400e9);
  EXPECT_EQ(ns("7ns"), 7);
}

TEST(Filter, ReadsTextWithoutAnOperatorAsFullText) {
  EXPECT_EQ(parsed("'connection refused'"), "text s:connection refused");
  EXPECT_EQ(parsed("timeout"), "text s:timeout");
  EXPECT_EQ(parsed("a = 1 'x' timeout"), "(and [a = n:1] text s:x text s:timeout)");
  EXPECT_EQ(parsed("(a) and not b"), "(and text s:a (not text s:b))");
}

TEST(Filter, TakesAnyNameInBackticks) {
  EXPECT_EQ(parsed("`my key` = 1"), "[my key = n:1]");
  EXPECT_EQ(parsed("`and` EXISTS"), "[and EXISTS]");
}

TEST(Filter, TakesNothingAsEverything) {
  EXPECT_EQ(parsed(""), "all");
  EXPECT_EQ(parsed(" \t\n"), "all");
}

struct Refused {
  const char* text;
  std::size_t position;
  const char* message;
};

class FilterRefuses : public ::testing::TestWithParam<Refused> {};

TEST_P(FilterRefuses, WithPositionAndHint) {
  try {
    parse_filter(GetParam().text);
    FAIL() << GetParam().text;
  } catch (const QueryError& error) {
    EXPECT_EQ(error.code(), ErrorCode::kInvalidArgument);
    EXPECT_EQ(error.parameter, "q");
    EXPECT_EQ(error.position, GetParam().position) << error.what();
    EXPECT_THAT(error.what(), HasSubstr(GetParam().message));
    EXPECT_FALSE(error.hint.empty());
  }
}

INSTANTIATE_TEST_SUITE_P(
    Texts, FilterRefuses,
    ::testing::Values(Refused{"a =", 3, "Expected a value"}, Refused{"a = 1 AND", 9, "condition"},
                      Refused{"a = 'x", 4, "not closed"}, Refused{"(a = 1", 6, "Expected ')'"},
                      Refused{"a = 1)", 5, "Unexpected ')'"}, Refused{"= 1", 0, "Expected a field"},
                      Refused{"a ! b", 2, "Unexpected '!'"}, Refused{"a IN 1", 5, "Expected '('"},
                      Refused{"a IN (1", 7, "Expected ',' or ')'"}, Refused{"a IN ()", 6, "value"},
                      Refused{"AND a = 1", 0, "Expected a condition"}, Refused{"''", 0, "empty"},
                      Refused{"'a' = 1", 0, "Expected a field"}, Refused{"`a`", 3, "operator"},
                      Refused{"a = 1 ; b", 6, "Unexpected ';'"}, Refused{"()", 1, "field"},
                      Refused{"5 = a", 0, "Expected a field"},
                      Refused{"name MATCHES 'o.'", 5, "operator, AND or OR after 'name'"},
                      Refused{"a BETWEEN 1 OR 2", 12, "Expected AND after"},
                      Refused{"a REGEXP '('", 9, "missing"},
                      Refused{"a = 1 AND b REGEXP '[z-a]'", 19, "invalid character class range"},
                      Refused{"a REGEXP '(?=x)'", 9, "(?="},
                      Refused{"a REGEXP '(a)\\\\1'", 9, "escape"},
                      Refused{"a REGEXP 'x{1001}'", 9, "repetition"},
                      Refused{"a REGEXP '((x{100}){100}){100}'", 9, "repetition"},
                      Refused{"connection refused", 11, "after 'connection'"},
                      Refused{"timeout a = 1", 8, "after 'timeout'"},
                      Refused{"a NOT b", 2, "after 'a'"}, Refused{"count(a)", 5, "after 'count'"}));

TEST(Filter, RefusesWhatIsTooLargeOrTooDeep) {
  EXPECT_THROW(parse_filter(std::string(kMaxFilterBytes + 1, ' ')), QueryError);
  EXPECT_NO_THROW(parse_filter(std::string(kMaxFilterBytes, ' ')));
  EXPECT_THROW(parse_filter(std::string(kMaxFilterDepth + 1, '(') + "a"), QueryError);
  std::string many;
  for (std::size_t i = 0; i < kMaxFilterTests; ++i) many += "'a' ";
  EXPECT_NO_THROW(parse_filter(many));
  EXPECT_THROW(parse_filter(many + "'a'"), QueryError);
  std::string list = "a IN (1";
  for (std::size_t i = 1; i < kMaxFilterListValues; ++i) list += ",1";
  EXPECT_NO_THROW(parse_filter(list + ")"));
  EXPECT_THROW(parse_filter(list + ",1)"), QueryError);
}

/// The SQL, with its parameters written behind it.
std::string sql_of(std::string_view text, Signal signal = Signal::kTraces,
                   const AttributeSlots& slots = {}) {
  Parameters parameters;
  std::string sql = filter_sql(parse_filter(text), signal, slots, parameters);
  for (const store::Parameter& parameter : parameters.values()) {
    sql += " | " + parameter.name + "=" + parameter.value;
  }
  return sql;
}

// The statements are pinned: a change of the storage of attributes shows here what it changes.
TEST(FilterSql, NeverHoldsAValue) {
  EXPECT_EQ(sql_of("service.name = 'demo'"), "((service_name = {p0:String})) | p0=demo");
  EXPECT_EQ(sql_of("duration > 1.5ms"), "((duration_ns > {p0:Float64})) | p0=1500000");
  EXPECT_EQ(sql_of("name = 'x' OR name LIKE 'a\\\\%'"),
            "(((name = {p0:String})) OR ((name LIKE {p1:String}))) | p0=x | p1=a\\\\%");
  EXPECT_EQ(sql_of("attribute.k = 'v'"),
            "((substring(overflow[{p0:String}], 2) = {p1:String})) | p0=k | p1=v");
  EXPECT_EQ(sql_of("k >= 400"),
            "(((ifNull(toFloat64OrNull(substring(overflow[{p0:String}], 2)) >= {p1:Float64}, "
            "false)) OR resource_id IN (SELECT resource_id FROM resource_rows WHERE "
            "ifNull(toFloat64OrNull(attributes[{p2:String}]) >= {p3:Float64}, false)))) | p0=k | "
            "p1=400 | p2=k | p3=400");
  EXPECT_EQ(sql_of("metric.name = 'm' AND attribute.k = 'v'", Signal::kMetrics),
            "(((metric_name = {p0:String})) AND ((attributes[{p1:String}] = {p2:String}))) | p0=m "
            "| p1=k | p2=v");
  EXPECT_EQ(
      sql_of("resource.k != 'v'"),
      "(NOT (resource_id IN (SELECT resource_id FROM resource_rows WHERE attributes[{p0:String}] "
      "= {p1:String}))) | p0=k | p1=v");
  EXPECT_EQ(sql_of("'it''s'", Signal::kLogs),
            "((positionCaseInsensitive(body, {p0:String}) > 0) AND "
            "(positionCaseInsensitive(body, {p1:String}) > 0)) | p0=it | p1=s");
}

TEST(FilterSql, AsksForBothBoundsOfTheSameValue) {
  EXPECT_EQ(
      sql_of("duration BETWEEN 1ms AND 2ms"),
      "(((duration_ns >= {p0:Float64} AND duration_ns <= {p1:Float64}))) | p0=1e+06 | p1=2e+06");
  EXPECT_EQ(sql_of("event.name BETWEEN 'a' AND 'b'"),
            "((arrayExists(x -> (x >= {p0:String} AND x <= {p1:String}), `events.name`))) | p0=a | "
            "p1=b");
  EXPECT_EQ(sql_of("severity BETWEEN warn AND error", Signal::kLogs),
            "(((severity_number >= 13 AND severity_number <= 20)))");
  EXPECT_EQ(sql_of("resource.k NOT BETWEEN 1 AND 2"),
            "(NOT ((resource_id IN (SELECT resource_id FROM resource_rows WHERE "
            "(ifNull(toFloat64OrNull(attributes[{p0:String}]) >= {p1:Float64}, false) AND "
            "ifNull(toFloat64OrNull(attributes[{p0:String}]) <= {p2:Float64}, false)))))) | p0=k | "
            "p1=1 | p2=2");
}

TEST(FilterSql, MatchesARegularExpression) {
  EXPECT_EQ(sql_of("name REGEXP '^a|b'"), "((match(name, {p0:String}))) | p0=^a|b");
  EXPECT_EQ(sql_of("scope.k REGEXP 'x'"),
            "((scope_id IN (SELECT scope_id FROM scope_rows WHERE match(attributes[{p0:String}], "
            "{p1:String}) AND mapContains(attributes, {p0:String})))) | p0=k | p1=x");
}

TEST(FilterSql, LooksIntoTheSlotsThatTheKeyHasHad) {
  const AttributeSlots slots(
      [] { return AttributeSlots::Known{{{"spans", "k"}, {3, 21}}, {{"logs", "k"}, {4}}}; });
  const std::string in_3 = "(position(shape, concat('\\x1E', {p0:String}, '\\x1F03')) > 0 AND ";
  const std::string in_21 = "(position(shape, concat('\\x1E', {p0:String}, '\\x1F21')) > 0 AND ";
  EXPECT_EQ(
      sql_of("attribute.k = '7'", Signal::kTraces, slots),
      "(((" + in_3 + "d03 = {p1:String}) OR " + in_21 +
          "i21 = {p2:Int64}) OR substring(overflow[{p0:String}], 2) = {p3:String}))) | p0=k | "
          "p1=7 | p2=7 | p3=7");
  EXPECT_EQ(
      sql_of("attribute.k = 'seven'", Signal::kTraces, slots),
      "(((" + in_3 + "d03 = {p1:String}) OR " + in_21 +
          "false) OR substring(overflow[{p0:String}], 2) = {p2:String}))) | p0=k | p1=seven | "
          "p2=seven");
}

TEST(FilterSql, LooksInsideOfAttributesUnlessTheKeyHasHadSlots) {
  const AttributeSlots slots([] { return AttributeSlots::Known{{{"spans", "a.b"}, {3}}}; });
  EXPECT_THAT(sql_of("attribute.a.c = 'x'", Signal::kTraces, slots), HasSubstr("JSONExtract"));
  EXPECT_THAT(sql_of("attribute.a.b = 'x'", Signal::kTraces, slots), Not(HasSubstr("JSONExtract")));
  EXPECT_THAT(sql_of("a.c = 'x'", Signal::kTraces, slots), Not(HasSubstr("JSONExtract")));
}

TEST(FilterSql, AsksForTheTypeThatWasSent) {
  EXPECT_EQ(sql_of("attribute.k::number = 5"),
            "(((substring(overflow[{p0:String}], 1, 1) IN ('i', 'd') AND "
            "ifNull(toFloat64OrNull(substring(overflow[{p0:String}], 2)) = {p1:Float64}, false)))) "
            "| p0=k | p1=5");
  EXPECT_EQ(
      sql_of("resource.k::string EXISTS"),
      "((resource_id IN (SELECT resource_id FROM resource_rows WHERE "
      "(substring(attribute_types, indexOf(mapKeys(attributes), {p0:String}), 1) IN ('s') AND "
      "mapContains(attributes, {p0:String}))))) | p0=k");
}

TEST(FilterSql, LooksIntoEachEventAndLink) {
  EXPECT_EQ(sql_of("event.exception.type = 'E'"),
            "((arrayExists(m -> m[{p0:String}] = {p1:String}, `events.attributes`))) | "
            "p0=exception.type | p1=E");
  EXPECT_EQ(sql_of("link.k EXISTS"),
            "((arrayExists(m -> mapContains(m, {p0:String}), `links.attributes`))) | p0=k");
}

TEST(FilterSql, AsksForEntryPointsWhichServicesTakeRequestsInTheRange) {
  EXPECT_THAT(
      sql_of("is_entry_point = true"),
      HasSubstr(
          "(kind IN (2, 5) OR ((parent_span_id = unhex('0000000000000000')) AND service_name "
          "NOT IN (SELECT service_name FROM span_rows WHERE kind IN (2, 5) AND start_time >= "));
}

TEST(FilterSql, ComparesLargeIntegersExactly) {
  EXPECT_EQ(
      sql_of("attribute.k = 9007199254740993"),
      "((ifNull(toInt64OrNull(substring(overflow[{p0:String}], 2)) = toInt64OrNull({p2:String}), "
      "ifNull(toFloat64OrNull(substring(overflow[{p0:String}], 2)) = {p1:Float64}, false))))"
      " | p0=k | p1=9007199254740992 | p2=9007199254740993");
}

TEST(FilterSql, RefusesValuesThatDoNotFitTheirField) {
  for (const char* text : {"duration = 'long'",
                           "kind = sideways",
                           "status = 1.5",
                           "root = 1",
                           "trace_id = 12",
                           "span_id = 'zz00000000000000'",
                           "trace_id > 00000000000000000000000000000001",
                           "kind LIKE 'a'",
                           "k = 5ms",
                           "root < true",
                           "duration REGEXP '1'",
                           "root BETWEEN true AND true",
                           "kind REGEXP 's'",
                           "k BETWEEN 1 AND 'x'",
                           "duration BETWEEN 1 AND x",
                           "trace_id BETWEEN a AND b",
                           "k BETWEEN 1ms AND 2ms",
                           "duration::number > 5",
                           "event.k::string = 'x'",
                           "exception.type::string EXISTS"}) {
    EXPECT_THROW(sql_of(text), QueryError) << text;
  }
  EXPECT_THROW(sql_of("severity = loud", Signal::kLogs), QueryError);
}

TEST(FilterSql, NamesTheChoicesOfAnEnum) {
  try {
    sql_of("kind = sideways");
    FAIL();
  } catch (const QueryError& error) {
    EXPECT_EQ(error.position, 7u);
    EXPECT_THAT(error.hint, HasSubstr("server, client"));
  }
}

}  // namespace
}  // namespace signalbox::server::query

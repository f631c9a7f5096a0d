#include "server/cli/query_view.h"

#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "server/cli/sql_view.h"

namespace signalbox::server::cli {
namespace {

const boost::json::value& answer() {
  static const boost::json::value parsed = boost::json::parse(R"json({"results": {"query": {
      "group_by": ["service.name"],
      "aggregations": [{"name": "count", "unit": ""}, {"name": "p99(duration)", "unit": "ns"}],
      "buckets": {"start": "1764597600000000000", "step_ns": "60000000000", "count": 4},
      "group_count": 12,
      "groups": [
        {"labels": ["shop"], "is_rest": false, "values": [1234, 3.2e8],
         "series": [[0, 1, 2, 4], [null, 1e8, 2e8, 3.2e8]]},
        {"labels": ["a,\u001b[2Jb"], "is_rest": false, "values": [3, null], "series": [[1, 1, 0, 1]]},
        {"labels": [""], "is_rest": true, "values": [7, 850], "series": [[7, 0, 0, 0], []]}]
}
}
})json");
  return parsed;
}

TEST(QueryView, IsATableOfGroups) {
  EXPECT_EQ(query_view(answer(), {}),
            "SERVICE.NAME  COUNT  OVER TIME  P99(DURATION)  OVER TIME\n"
            "shop          1.23k  ▁▃▅█              320 ms   ▃▅█\n"
            "a,␛[2Jb           3  ██▁█                   –\n"
            "(all others)      7  █▁▁▁              850 ns\n"
            "… 9 more groups; --limit shows more\n");
}

TEST(QueryView, DrawsEachAggregation) {
  const std::string charts = query_charts(answer(), {.has_color = false, .width = 60});

  EXPECT_NE(charts.find("count\n"), std::string::npos);
  EXPECT_NE(charts.find("p99(duration)\n"), std::string::npos);
  EXPECT_NE(charts.find("● (all others)"), std::string::npos);
}

TEST(QueryView, IsCommaSeparatedARowForEachMoment) {
  const std::string rows = query_csv(answer());
  EXPECT_TRUE(
      rows.starts_with("time_unix_nano,service.name,count,p99(duration)\r\n"
                       "1764597600000000000,shop,0,\r\n"
                       "1764597660000000000,shop,1,100000000\r\n"))
      << rows;
  EXPECT_TRUE(rows.ends_with("1764597780000000000,(all others),0,\r\n")) << rows;
  EXPECT_NE(rows.find("1764597780000000000,\"a,␛[2Jb\",1,\r\n"), std::string::npos) << rows;

  boost::json::value whole = answer();
  for (auto& [name, result] : whole.at("results").as_object()) result.as_object().erase("buckets");
  EXPECT_EQ(query_csv(whole),
            "service.name,count,p99(duration)\r\nshop,1234,320000000\r\n\"a,␛[2Jb\",3,\r\n"
            "(all others),7,850\r\n");
}

TEST(QueryView, ShowsAHistogramBetweenItsBounds) {
  const auto histogram = boost::json::parse(R"json({"results": {"h": {"group_by": [],
      "aggregations": [{"name": "histogram(duration)", "unit": "ns"}], "group_count": 1,
      "groups": [{"labels": [], "values": [[[1000, 2000, 1], [2000, 4000, 8]]]}]
}
}
})json");

  EXPECT_EQ(query_view(histogram, {}), "HISTOGRAM(DURATION)\n       1 µs ▂█ 4 µs\n");
  EXPECT_EQ(count_groups(histogram), 1U);
}

TEST(SqlView, AlignsNumbersAndTurnsWideRowsIntoLists) {
  const auto rows = boost::json::parse(R"json({"columns": [{"name": "name", "type": "String"},
      {"name": "n", "type": "UInt64"}, {"name": "tags", "type": "Map(String, String)"}],
      "rows": [["GET /", "12", {"a": "b"}], [null, "3", {}]], "truncated": false
})json");

  EXPECT_EQ(sql_view(rows, {}),
            "name    n  tags\n"
            "GET /  12  {\"a\":\"b\"}\n"
            "NULL    3  {}\n");
  EXPECT_EQ(sql_view(rows, {.has_color = false, .width = 12}),
            "── 1 ──\nname  GET /\nn     12\ntags  {\"a\":…\n"
            "── 2 ──\nname  NULL\nn     3\ntags  {}\n");
  EXPECT_EQ(sql_csv(rows), "name,n,tags\r\nGET /,12,\"{\"\"a\"\":\"\"b\"\"}\"\r\n,3,{}\r\n");
}

}  // namespace
}  // namespace signalbox::server::cli

#include "server/cli/views.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cstdlib>
#include <ctime>
#include <functional>
#include <memory>
#include <sstream>
#include <string>
#include <utility>

#include "server/cli/errors_view.h"
#include "server/cli/golden.h"
#include "server/cli/json.h"
#include "server/cli/services_view.h"
#include "server/cli/text.h"
#include "server/cli/trace_tree.h"
#include "server/cli/waterfall.h"

namespace signalbox::server::cli {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

constexpr std::int64_t kNow = 1'764'597'600'000'000'000;  // 2025-12-01T14:00:00Z

boost::json::value parsed(const std::string& name) {
  return boost::json::parse(read_golden(name));
}

std::unique_ptr<TraceTree> failed_checkout() {
  auto tree = std::make_unique<TraceTree>(parsed("trace.json"));
  tree->add_messages(parsed("trace_errors.json"));
  return tree;
}

class Views : public ::testing::Test {
 protected:
  Views() {
    setenv("TZ", "UTC", 1);
    tzset();
  }
};

/// Each screen as a pipe, a narrow and a wide terminal get it, and once in colour.
void expect_screens(const std::string& name, const std::function<std::string(const Style&)>& view) {
  expect_golden(name + "_pipe.txt", view({}));
  expect_golden(name + "_80.txt", view({.has_color = false, .width = 80}));
  expect_golden(name + "_160.txt", view({.has_color = false, .width = 160}));
  expect_golden(name + "_color.txt", view({.has_color = true, .width = 80}));
  for (const std::size_t width : {80, 160}) {
    std::istringstream lines(view({.has_color = false, .width = width}));
    for (std::string line; std::getline(lines, line);) {
      // Log lines are not cut: the terminal goes on in the next line.
      if (name != "logs") {
        EXPECT_LE(columns(line), width) << line;
      }
      EXPECT_EQ(line.find('\x1b'), std::string::npos) << line;
    }
  }
}

TEST_F(Views, ShowServices) {
  expect_screens("services", [answer = parsed("services.json")](const Style& style) {
    return services_view(answer, kNow, style);
  });
}

TEST_F(Views, ShowTheVersionsOfAService) {
  expect_screens("versions", [answer = parsed("versions.json")](const Style& style) {
    return versions_view(answer, style);
  });
}

TEST_F(Views, ShowWhatAServiceCalls) {
  expect_screens("calls", [answer = parsed("calls.json")](const Style& style) {
    return calls_view(answer, style);
  });
}

TEST_F(Views, ShowTheGraphOfServices) {
  expect_screens("graph", [answer = parsed("graph.json")](const Style& style) {
    return graph_view(answer, style);
  });
}

TEST_F(Views, ShowErrors) {
  expect_screens("errors", [answer = parsed("errors.json")](const Style& style) {
    return errors_view(answer, kNow, style);
  });
}

TEST_F(Views, ShowTraces) {
  expect_screens("traces", [answer = parsed("traces.json")](const Style& style) {
    return traces_view(answer, kNow, style);
  });
}

TEST_F(Views, ShowLogs) {
  expect_screens("logs", [answer = parsed("logs.json")](const Style& style) {
    return logs_view(items(answer, "logs"), kNow, style);
  });
}

TEST_F(Views, ShowMetrics) {
  expect_screens("metrics", [answer = parsed("metrics.json")](const Style& style) {
    return metrics_view(answer, kNow, style);
  });
}

TEST_F(Views, DrawAMetric) {
  expect_screens("metric", [answer = parsed("metric.json")](const Style& style) {
    return metric_view(answer, style);
  });
}

TEST_F(Views, ShowATraceFolded) {
  const auto tree = failed_checkout();
  expect_screens("waterfall", [&](const Style& style) { return waterfall(*tree, {}, style); });
}

TEST_F(Views, PutLogLinesBelowTheirSpans) {
  const boost::json::value logs = parsed("logs.json");
  const auto tree = failed_checkout();
  WaterfallOptions options;
  for (const boost::json::value& record : items(logs, "logs")) {
    options.logs[text(record, "span_id")].push_back(&record);
  }
  expect_screens("waterfall_logs",
                 [&](const Style& style) { return waterfall(*tree, options, style); });
}

TEST_F(Views, UnfoldAWholeTrace) {
  const auto tree = failed_checkout();
  expect_golden("waterfall_all.txt",
                waterfall(*tree, {.all = true}, {.has_color = false, .width = 80}));
}

TEST_F(Views, SurviveAnswersOfAnotherShape) {
  for (const char* const text :
       {"{}", "[]", "null", "3",
        R"({"services":3,"versions":[2],"operations":[{}],"calls":[3],"callers":[{}],
      "nodes":[1],"edges":[null,{"client":2}],"errors":[{"counts":3}],"traces":{},"logs":[1],
      "metrics":[null],"columns":{"span_id":[1,null],"parent":{}},"series":[{"points":[1]}]})"}) {
    const boost::json::value answer = boost::json::parse(text);
    const Style style{.has_color = false, .width = 80};
    services_view(answer, kNow, style);
    operations_view(answer, style);
    versions_view(answer, style);
    calls_view(answer, style);
    graph_view(answer, style);
    errors_view(answer, kNow, style);
    traces_view(answer, kNow, style);
    logs_view(items(answer, "logs"), kNow, style);
    metrics_view(answer, kNow, style);
    metric_view(answer, style);
    waterfall(TraceTree(answer), {}, style);
  }
}

TEST(TraceTree, TakesATraceAsDeepAsItIsLong) {
  boost::json::object columns;
  for (const char* const name :
       {"span_id", "parent", "start_ns", "duration_ns", "service", "name"}) {
    columns[name] = boost::json::array();
  }
  for (int i = 0; i < 20'000; ++i) {
    columns["span_id"].as_array().emplace_back(std::to_string(i));
    columns["parent"].as_array().emplace_back(i - 1);
    columns["start_ns"].as_array().emplace_back(i);
    columns["duration_ns"].as_array().emplace_back(50'000);
    columns["service"].as_array().emplace_back(0);
    columns["name"].as_array().emplace_back(0);
  }
  const boost::json::value answer = {{"columns", std::move(columns)}, {"names", {"step"}}};
  const TraceTree tree(answer);

  EXPECT_EQ(tree.roots().front()->descendants, 19'999U);
  EXPECT_THAT(waterfall(tree, {}, {}), HasSubstr("more spans below"));
  EXPECT_THAT(waterfall(tree, {.all = true}, {}), Not(HasSubstr("more spans below")));
}

TEST(Waterfall, ShowsFewerLevelsOfATraceThatBranchesALot) {
  boost::json::array ids;
  boost::json::array parents;
  boost::json::array names;
  boost::json::array name_of;
  for (int i = 0; i < 5'000; ++i) {
    ids.emplace_back(std::to_string(i));
    parents.emplace_back(i == 0 ? -1 : (i - 1) / 4);
    names.emplace_back("step " + std::to_string(i));
    name_of.emplace_back(i);
  }
  const boost::json::value answer = {{"names", std::move(names)},
                                     {"columns",
                                      {{"span_id", std::move(ids)},
                                       {"parent", std::move(parents)},
                                       {"name", std::move(name_of)}}}};
  const TraceTree tree(answer);

  const std::string text = waterfall(tree, {}, {.has_color = false, .width = 80});
  EXPECT_LT(std::count(text.begin(), text.end(), '\n'), 550);
  EXPECT_THAT(text, HasSubstr("more spans below"));
}

TEST(TraceTree, IsMadeOfParentsThatCannotBe) {
  const boost::json::value answer = {
      {"columns", {{"span_id", {"a", "b", "c", 4}}, {"parent", {-7, 99, 3, 2}}}}};
  const TraceTree tree(answer);

  EXPECT_EQ(tree.nodes().size(), 4U);
  EXPECT_EQ(tree.roots().size(), 2U);  // Nobody comes to the two that are below each other.
  waterfall(tree, {.all = true}, {});
}

TEST(Waterfall, DrawsABarToAnEighthOfAColumn) {
  EXPECT_EQ(bar(0, 1, 4), "████");
  EXPECT_EQ(bar(0, 0.5, 4), "██");
  EXPECT_EQ(bar(0.5, 1, 4), "  ██");
  EXPECT_EQ(bar(0, 0.28125, 4), "█▏");
  EXPECT_EQ(bar(0.625, 1, 4), "  ▐█");
  EXPECT_EQ(bar(0, 0, 4), "▏");
  EXPECT_EQ(bar(1, 1, 4), "   ▏");
  EXPECT_EQ(bar(0.3, 0.3, 4), " ▏");
}

}  // namespace
}  // namespace signalbox::server::cli

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <fstream>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "server/query/aggregate/request.h"
#include "server/query/json/document_examples.h"
#include "server/query/language/filter.h"
#include "server/query/plan/error.h"

namespace signalbox::server::query {
namespace {

namespace json = boost::json;

/// The tree as the cases have it: arrays that begin with an operator, values by their kind.
json::value outline(const FilterNode& node) {
  constexpr std::string_view kOperators[] = {"=",      "!=",      "<",     "<=",    ">",
                                             ">=",     "IN",      "LIKE",  "ILIKE", "CONTAINS",
                                             "EXISTS", "BETWEEN", "REGEXP"};
  constexpr std::string_view kValueKinds[] = {"string", "word", "number", "duration", "bool"};
  json::array parts;
  const auto with_children = [&](std::string_view word) {
    parts.emplace_back(word);
    for (const FilterNode& child : node.children) parts.push_back(outline(child));
    return parts;
  };
  switch (node.kind) {
    case FilterNode::Kind::kAll:
      return with_children("all");
    case FilterNode::Kind::kAnd:
      return with_children("and");
    case FilterNode::Kind::kOr:
      return with_children("or");
    case FilterNode::Kind::kNot:
      return with_children("not");
    case FilterNode::Kind::kText:
      parts.emplace_back("text");
      parts.emplace_back(node.values.at(0).text);
      return parts;
    case FilterNode::Kind::kTest:
      break;
  }
  parts.emplace_back(kOperators[static_cast<std::size_t>(node.op)]);
  parts.emplace_back(node.field);
  constexpr std::string_view kTypes[] = {"", "string", "number", "bool"};
  if (node.type != SentType::kAny) {
    parts.push_back(json::object{{"type", kTypes[static_cast<std::size_t>(node.type)]}});
  }
  for (const FilterValue& value : node.values) {
    parts.push_back(json::object{{kValueKinds[static_cast<std::size_t>(value.kind)], value.text}});
  }
  return parts;
}

/// The browser has a parser of its own, which passes the same cases: web/src/lib/filterSyntax.ts.
TEST(FilterCases, AreReadAsInTheBrowser) {
  std::ifstream file(SIGNALBOX_FILTER_CASES);
  std::stringstream text;
  text << file.rdbuf();
  const json::value cases = json::parse(text.str());
  ASSERT_GT(cases.as_array().size(), 100u);

  for (const json::value& expected : cases.as_array()) {
    const std::string filter(expected.at("filter").as_string());
    const json::value* const error_at = expected.as_object().if_contains("error_at");
    try {
      const json::value tree = outline(parse_filter(filter));
      ASSERT_EQ(error_at, nullptr) << filter << " was read as " << tree;
      EXPECT_EQ(tree, expected.at("tree")) << filter;
    } catch (const QueryError& error) {
      ASSERT_NE(error_at, nullptr) << filter << ": " << error.what();
      EXPECT_EQ(error.position, error_at->to_number<std::size_t>()) << filter;
    }
  }
}

TEST(QueryDocument, HasFiltersThatAreRead) {
  std::stringstream filters(document_examples(SIGNALBOX_QUERY_DOCUMENT, "filter").at(0));
  std::size_t count = 0;
  for (std::string line; std::getline(filters, line); ++count) EXPECT_NO_THROW(parse_filter(line));
  EXPECT_GT(count, 5U);
}

TEST(QueryDocument, HasRequestsThatAreRead) {
  const std::vector<std::string> requests = document_examples(SIGNALBOX_QUERY_DOCUMENT, "json");
  EXPECT_GT(requests.size(), 3U);
  for (const std::string& request : requests) {
    EXPECT_NO_THROW(parse_aggregate_request(request, 1'700'000'000'000'000'000)) << request;
  }
}

}  // namespace
}  // namespace signalbox::server::query

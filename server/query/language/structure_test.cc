#include "server/query/language/structure.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstddef>
#include <cstdint>
#include <random>
#include <sstream>
#include <string>
#include <vector>

#include "server/query/json/document_examples.h"
#include "server/query/plan/error.h"
#include "server/query/traces/structure_search.h"

namespace signalbox::server::query {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

/// "position: message" of what is wrong with `text`; or "".
std::string fault(const std::string& text) {
  try {
    check_structure(parse_structure(text));
    return "";
  } catch (const QueryError& error) {
    EXPECT_EQ(error.parameter, "structure") << text;
    EXPECT_FALSE(error.hint.empty()) << text;
    return std::to_string(error.position.value_or(999)) + ": " + error.what();
  }
}

TEST(Structure, IsReadFromTheLeft) {
  const Structure structure = parse_structure(
      "{ name = '}' AND `a}b` = \"\\\"}\" }>>{}!~{kind = server}\n| trace.span_count > 3");

  ASSERT_EQ(structure.filters.size(), 3u);
  EXPECT_EQ(structure.filters[0].children.at(0).values.at(0).text, "}");
  EXPECT_EQ(structure.filters[0].children.at(1).field, "a}b");
  EXPECT_EQ(structure.filters[0].children.at(1).values.at(0).text, "\"}");
  EXPECT_EQ(structure.filters[1].kind, FilterNode::Kind::kAll);
  ASSERT_EQ(structure.steps.size(), 2u);
  EXPECT_EQ(structure.steps[0].relation, Relation::kDescendant);
  EXPECT_FALSE(structure.steps[0].is_negated);
  EXPECT_EQ(structure.steps[1].relation, Relation::kSibling);
  EXPECT_TRUE(structure.steps[1].is_negated);
  EXPECT_EQ(structure.conditions.field, "trace.span_count");
  EXPECT_EQ(structure.found_filter(), 1u);
  EXPECT_TRUE(structure.is_required(0));
  EXPECT_FALSE(structure.is_required(2));
}

TEST(Structure, SaysWhereAndWhatIsWrong) {
  EXPECT_THAT(fault(""), HasSubstr("0: Expected a filter in braces"));
  EXPECT_THAT(fault("name = 'x'"), HasSubstr("0: Expected a filter in braces"));
  EXPECT_THAT(fault("{a = 1} >> "), HasSubstr("11: Expected a filter in braces"));
  EXPECT_THAT(fault("{a = 1} << {}"), HasSubstr("8: Expected a relation"));
  EXPECT_THAT(fault("{a = 1} ! {}"), HasSubstr("8: Expected a relation"));
  EXPECT_THAT(fault("{a = 1} > {b = '}"), HasSubstr("10: The brace that opens here is not closed"));
  EXPECT_THAT(fault("{a = 1} > {b = }"), HasSubstr("15: "));
  EXPECT_THAT(fault("{a = 1} > {b = }"), HasSubstr("at position 15."));
  EXPECT_THAT(fault("{} > {duration > 'x'}"), HasSubstr("17: "));
  EXPECT_THAT(fault("{} |"), HasSubstr("3: Nothing follows the |"));
  EXPECT_THAT(fault("{} | trace.depth = 1"), HasSubstr("5: A trace has no field 'trace.depth'"));
  EXPECT_THAT(fault("{} | trace.errors > many"), HasSubstr("20: 'trace.errors' is a number"));
  EXPECT_THAT(fault("{} | trace.errors LIKE '1'"), HasSubstr("5: 'trace.errors' cannot be asked"));
  EXPECT_THAT(fault("{}>{}>{}>{}>{}>{}>{}>{}>{}"), HasSubstr("24: There are more than 8 filters"));
  EXPECT_THAT(fault("{}" + std::string(9000, ' ')), HasSubstr("8192: "));
  EXPECT_EQ(fault("{} | (trace.duration > 1s OR NOT trace.root IN ('a', 'b')) AND "
                  "trace.root_service LIKE 'web%' AND trace.services BETWEEN 2 AND 3"),
            "");
}

TEST(Structure, ReadsTheExamplesOfTheDocument) {
  std::stringstream examples(document_examples(SIGNALBOX_QUERY_DOCUMENT, "structure").at(0));
  std::size_t count = 0;
  for (std::string line; std::getline(examples, line); ++count) EXPECT_EQ(fault(line), "") << line;
  EXPECT_EQ(count, 7u);
}

/// Spans 0 to 5:  0 ─ 1 ─ 2 ─ 3
///                └ 4     └ 5
std::vector<StructureSpan> tree(const std::vector<std::uint8_t>& matches) {
  const std::vector<std::uint64_t> parents = {0, 1, 2, 3, 1, 3};
  std::vector<StructureSpan> spans;
  spans.reserve(parents.size());
  for (std::size_t i = 0; i < parents.size(); ++i) {
    spans.push_back({{i + 1, parents[i]}, matches.at(i)});
  }
  return spans;
}

std::vector<std::size_t> found(const std::string& structure,
                               const std::vector<StructureSpan>& spans) {
  std::vector<std::size_t> indexes;
  const std::vector<bool> is_found = find_structure(parse_structure(structure), spans);
  for (std::size_t i = 0; i < is_found.size(); ++i) {
    if (is_found[i]) indexes.push_back(i);
  }
  return indexes;
}

TEST(Structure, FindsTheLastSpansOfAChain) {
  //                                 0  1  2  3  4  5
  EXPECT_THAT(found("{} >> {}", tree({1, 0, 2, 2, 0, 0})), ElementsAre(2, 3));
  EXPECT_THAT(found("{} > {}", tree({1, 2, 2, 0, 2, 0})), ElementsAre(1, 4));
  EXPECT_THAT(found("{} ~ {}", tree({0, 3, 0, 0, 3, 2})), ElementsAre(1, 4));
  EXPECT_THAT(found("{} ~ {}", tree({0, 3, 0, 0, 0, 0})), ElementsAre());
  EXPECT_THAT(found("{} >> {} > {}", tree({1, 0, 2, 4, 4, 0})), ElementsAre(3));
}

TEST(Structure, KeepsTheSpansWithoutWhatIsNegated) {
  EXPECT_THAT(found("{} !>> {}", tree({1, 1, 0, 1, 1, 2})), ElementsAre(3, 4));
  EXPECT_THAT(found("{} !> {}", tree({1, 1, 1, 0, 0, 2})), ElementsAre(0, 1));
  EXPECT_THAT(found("{} !~ {}", tree({1, 1, 0, 2, 2, 1})), ElementsAre(0));
  EXPECT_THAT(found("{} > {} !> {}", tree({1, 2, 4, 0, 2, 0})), ElementsAre(4));
}

/// Found by the definition, one span at a time.
class Naive {
 public:
  Naive(const Structure& structure, const std::vector<StructureSpan>& spans)
      : structure_(structure), spans_(spans) {
    std::vector<SpanLink> links;
    links.reserve(spans.size());
    for (const StructureSpan& span : spans) links.push_back(span.link);
    parents_ = parent_indexes(links);
  }

  /// Whether `span` is in the set after the first `steps`.
  bool is_found(std::size_t span, std::size_t steps) {
    if (steps == 0) return matches(span, 0);
    const StructureStep& step = structure_.steps[steps - 1];
    if (!step.is_negated && !matches(span, step.filter)) return false;
    if (step.is_negated && !is_found(span, steps - 1)) return false;
    for (std::size_t other = 0; other < spans_.size(); ++other) {
      if (step.is_negated && matches(other, step.filter) && related(step.relation, span, other)) {
        return false;
      }
      if (!step.is_negated && is_found(other, steps - 1) && related(step.relation, other, span)) {
        return true;
      }
    }
    return step.is_negated;
  }

 private:
  [[nodiscard]] bool matches(std::size_t span, std::size_t filter) const {
    return (spans_[span].matches >> filter & 1) != 0;
  }

  /// Whether `b` is below, a child of, or beside `a`.
  [[nodiscard]] bool related(Relation relation, std::size_t a, std::size_t b) const {
    if (relation == Relation::kSibling) {
      const std::uint64_t parent = spans_[a].link.parent_span_id;
      return a != b && parent != 0 && parent == spans_[b].link.parent_span_id;
    }
    std::int32_t at = parents_[b];
    while (relation == Relation::kDescendant && at != kNoParent &&
           at != static_cast<std::int32_t>(a)) {
      at = parents_[static_cast<std::size_t>(at)];
    }
    return at == static_cast<std::int32_t>(a);
  }

  const Structure& structure_;
  const std::vector<StructureSpan>& spans_;
  std::vector<std::int32_t> parents_;
};

TEST(Structure, FindsWhatTheDefinitionSays) {
  const std::uint64_t seed = std::random_device{}();
  std::mt19937_64 random(seed);
  for (int trace = 0; trace < 20'000; ++trace) {
    Structure structure;
    structure.filters.resize(1 + random() % 3);
    for (std::size_t i = 1; i < structure.filters.size(); ++i) {
      structure.steps.push_back({static_cast<Relation>(random() % 3), random() % 2 == 0, i});
    }
    // Parents that are missing, twice there, or in loops.
    std::vector<StructureSpan> spans(1 + random() % 9);
    for (StructureSpan& span : spans) {
      span = {{1 + random() % 9, random() % 10}, static_cast<std::uint8_t>(random() % 8)};
    }
    const std::vector<bool> is_found = find_structure(structure, spans);
    Naive naive(structure, spans);
    for (std::size_t i = 0; i < spans.size(); ++i) {
      ASSERT_EQ(is_found[i], naive.is_found(i, structure.steps.size()))
          << "seed " << seed << ", trace " << trace << ", span " << i;
    }
  }
}

}  // namespace
}  // namespace signalbox::server::query

#include "server/query/traces/trace_comparison.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <vector>

namespace signalbox::server::query {
namespace {

using ::testing::ElementsAre;

SkeletonSpan span(std::uint64_t id, std::uint64_t parent, std::string_view name,
                  std::int64_t start_ns, std::int64_t duration_ns, int status = 0) {
  return {.link = {id, parent},
          .start_ns = start_ns,
          .duration_ns = duration_ns,
          .service_name = "shop",
          .name = name,
          .status_code = status};
}

std::string text_of(const SpanPath& path) {
  std::string text;
  for (const auto& [service_name, name] : path) text += "/" + std::string(name);
  return text;
}

/// "path: spans and self time of each, difference"
std::vector<std::string> compared(const std::vector<SkeletonSpan>& first,
                                  const std::vector<SkeletonSpan>& second) {
  std::vector<std::string> texts;
  for (const ComparedPath& path : compare_paths(first, second)) {
    texts.push_back(
        text_of(path.path) + ": " + std::to_string(path.traces[0].spans) + " " +
        std::to_string(path.traces[0].self_ns) + ", " + std::to_string(path.traces[1].spans) + " " +
        std::to_string(path.traces[1].self_ns) + ", " + std::to_string(path.difference_ns()));
  }
  return texts;
}

TEST(TraceComparison, RanksThePathsByTheDifferenceOfTheirSelfTimes) {
  EXPECT_THAT(compared({span(1, 0, "get", 0, 100), span(2, 1, "query", 10, 20),
                        span(3, 1, "query", 40, 20), span(4, 1, "cache", 70, 5)},
                       {span(7, 0, "get", 500, 100), span(8, 7, "query", 510, 80),
                        span(9, 8, "query", 520, 10)}),
              ElementsAre("/get: 1 55, 1 20, -35", "/get/query: 2 40, 1 70, 30",
                          "/get/query/query: 0 0, 1 10, 10", "/get/cache: 1 5, 0 0, -5"));
}

TEST(TraceComparison, CountsDurationsAndErrors) {
  const auto paths = compare_paths({span(1, 0, "get", 0, 100, 2), span(2, 0, "get", 0, 50)},
                                   {span(1, 0, "get", 0, -5)});

  ASSERT_EQ(paths.size(), 1u);
  EXPECT_EQ(paths[0].traces[0].errors, 1u);
  EXPECT_EQ(paths[0].traces[0].duration_ns, 150);
  EXPECT_EQ(paths[0].traces[1].spans, 1u);
  EXPECT_EQ(paths[0].traces[1].duration_ns, 0);
}

TEST(TraceComparison, EndsPathsAtALimit) {
  std::vector<SkeletonSpan> deep;
  for (std::uint64_t i = 1; i <= 100; ++i) deep.push_back(span(i, i - 1, "call", 0, 1));

  std::size_t longest = 0;
  std::uint64_t spans = 0;
  for (const ComparedPath& path : compare_paths(deep, deep)) {
    longest = std::max(longest, path.path.size());
    spans += path.traces[0].spans;
  }
  EXPECT_EQ(longest, kMaxPathDepth);
  EXPECT_EQ(spans, 100u);
}

/// The path of each span by itself, up through its parents.
TEST(TraceComparison, CountsEachSpanAtItsOwnPath) {
  const std::uint64_t seed = std::random_device{}();
  std::mt19937_64 random(seed);
  const std::vector<std::string> names = {"a", "b"};
  for (int round = 0; round < 5'000; ++round) {
    std::array<std::vector<SkeletonSpan>, 2> traces;
    std::map<std::string, std::array<std::uint64_t, 2>> expected;
    for (std::size_t trace = 0; trace < 2; ++trace) {
      std::vector<SkeletonSpan>& spans = traces.at(trace);
      std::map<std::uint64_t, std::string> path_of;
      const std::uint64_t count = 1 + random() % 8;
      for (std::uint64_t id = 1; id <= count; ++id) {
        const std::uint64_t parent = random() % id;
        const std::string& name = names[random() % names.size()];
        spans.push_back(span(id, parent, name, static_cast<std::int64_t>(random() % 9), 5));
        path_of[id] = path_of[parent] + "/" + name;
        ++expected[path_of[id]].at(trace);
      }
      std::ranges::shuffle(spans, random);
    }
    std::map<std::string, std::array<std::uint64_t, 2>> counted;
    for (const ComparedPath& path : compare_paths(traces[0], traces[1])) {
      counted[text_of(path.path)] = {path.traces[0].spans, path.traces[1].spans};
    }
    ASSERT_EQ(counted, expected) << "seed " << seed << ", round " << round;
  }
}

}  // namespace
}  // namespace signalbox::server::query

#include "server/query/traces/trace_path.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <ostream>
#include <random>
#include <set>
#include <vector>

#include "server/query/traces/trace_tree.h"

namespace signalbox::server::query {

bool operator==(const SpanTimes& a, const SpanTimes& b) {
  return a.self_ns == b.self_ns && a.critical_ns == b.critical_ns;
}
std::ostream& operator<<(std::ostream& out, const SpanTimes& times) {
  return out << "self " << times.self_ns << " critical " << times.critical_ns;
}

namespace {

using ::testing::ElementsAre;

constexpr int kTraces = 20'000;

/// Times by the definition, moment by moment between all starts and ends.
class Moments {
 public:
  explicit Moments(const std::vector<TimedSpan>& spans) : spans_(spans), times_(spans.size()) {}

  std::vector<SpanTimes> run() {
    std::set<std::int64_t> bounds;
    for (const TimedSpan& span : spans_) bounds.insert({span.start_ns, end_of(span)});
    for (auto at = bounds.begin(); at != bounds.end() && std::next(at) != bounds.end(); ++at) {
      add_moment(*at, *std::next(at));
    }
    return times_;
  }

 private:
  static std::int64_t end_of(const TimedSpan& span) { return std::max(span.start_ns, span.end_ns); }

  [[nodiscard]] bool runs(std::size_t span, std::int64_t start, std::int64_t end) const {
    return spans_[span].start_ns <= start && end_of(spans_[span]) >= end;
  }

  /// Of the children that run then, the one that ends last; of these the first to begin.
  [[nodiscard]] std::optional<std::size_t> awaited(std::size_t parent, std::int64_t start,
                                                   std::int64_t end) const {
    std::optional<std::size_t> best;
    for (std::size_t i = 0; i < spans_.size(); ++i) {
      if (spans_[i].parent != static_cast<std::int32_t>(parent) || !runs(i, start, end)) continue;
      const auto is_later = [&](const TimedSpan& a, const TimedSpan& b) {
        return end_of(a) != end_of(b) ? end_of(a) > end_of(b) : a.start_ns < b.start_ns;
      };
      if (!best || is_later(spans_[i], spans_[*best])) best = i;
    }
    return best;
  }

  void add_moment(std::int64_t start, std::int64_t end) {
    for (std::size_t i = 0; i < spans_.size(); ++i) {
      if (!runs(i, start, end)) continue;
      if (!awaited(i, start, end)) times_[i].self_ns += end - start;
      if (spans_[i].parent != kNoParent) continue;
      std::size_t at = i;
      while (const auto next = awaited(at, start, end)) at = *next;
      times_[at].critical_ns += end - start;
    }
  }

  const std::vector<TimedSpan>& spans_;
  std::vector<SpanTimes> times_;
};

/// Children may begin before their parents, outlive them, or be elsewhere.
std::vector<TimedSpan> random_trace(std::mt19937_64& random) {
  std::vector<TimedSpan> spans(1 + random() % 9);
  for (std::size_t i = 0; i < spans.size(); ++i) {
    spans[i].start_ns = static_cast<std::int64_t>(random() % 20);
    spans[i].end_ns = spans[i].start_ns + static_cast<std::int64_t>(random() % 20) - 2;
    spans[i].parent = static_cast<std::int32_t>(random() % (i + 1)) - 1;
  }
  return spans;
}

TEST(TracePath, IsWhatASweepOverAllMomentsFinds) {
  const std::uint64_t seed = std::random_device{}();
  std::mt19937_64 random(seed);
  for (int i = 0; i < kTraces; ++i) {
    const std::vector<TimedSpan> spans = random_trace(random);
    ASSERT_EQ(times_of_spans(spans), Moments(spans).run()) << "seed " << seed << ", trace " << i;
  }
}

TEST(TracePath, LeadsThroughTheChildThatEndedLastAndThenTheOneBefore) {
  EXPECT_THAT(
      times_of_spans(std::vector<TimedSpan>{{.start_ns = 0, .end_ns = 100},
                                            {.start_ns = 10, .end_ns = 60, .parent = 0},
                                            {.start_ns = 40, .end_ns = 90, .parent = 0},
                                            {.start_ns = 45, .end_ns = 50, .parent = 0}}),
      ElementsAre(SpanTimes{20, 20}, SpanTimes{50, 30}, SpanTimes{50, 50}, SpanTimes{5, 0}));
}

TEST(TracePath, CutsOffWhatAChildDoesBeyondItsParent) {
  EXPECT_THAT(times_of_spans(std::vector<TimedSpan>{{.start_ns = 10, .end_ns = 20},
                                                    {.start_ns = 5, .end_ns = 12, .parent = 0},
                                                    {.start_ns = 18, .end_ns = 90, .parent = 0}}),
              ElementsAre(SpanTimes{6, 6}, SpanTimes{7, 2}, SpanTimes{72, 2}));
}

TEST(TracePath, TakesSpansThatEndBeforeTheyBeginAsMoments) {
  EXPECT_THAT(times_of_spans(std::vector<TimedSpan>{{.start_ns = 10, .end_ns = 20},
                                                    {.start_ns = 15, .end_ns = 3, .parent = 0}}),
              ElementsAre(SpanTimes{10, 10}, SpanTimes{0, 0}));
}

TEST(TraceTree, TakesTheFirstSpanOfAnIdAsTheParent) {
  EXPECT_THAT(parent_indexes(std::vector<SpanLink>{{1, 0}, {2, 1}, {2, 1}, {3, 2}, {4, 9}}),
              ElementsAre(kNoParent, 0, 0, 1, kNoParent));
}

TEST(TraceTree, CutsEveryLoopOnce) {
  EXPECT_THAT(parent_indexes(std::vector<SpanLink>{{7, 7}}), ElementsAre(kNoParent));
  EXPECT_THAT(parent_indexes(std::vector<SpanLink>{{1, 3}, {2, 1}, {3, 2}, {4, 1}}),
              ElementsAre(2, kNoParent, 1, 0));
}

TEST(TraceTree, EndsAtARootFromEverySpanWhateverTheParentsAre) {
  const std::uint64_t seed = std::random_device{}();
  std::mt19937_64 random(seed);
  for (int trace = 0; trace < kTraces; ++trace) {
    std::vector<SpanLink> spans(1 + random() % 8);
    for (SpanLink& span : spans) span = {1 + random() % 8, random() % 9};
    const std::vector<std::int32_t> parents = parent_indexes(spans);
    const std::vector<std::int32_t> order = parents_first(parents);
    ASSERT_EQ(std::set(order.begin(), order.end()).size(), spans.size()) << "seed " << seed;
    for (std::size_t i = 0; i < order.size(); ++i) {
      const std::int32_t parent = parents[static_cast<std::size_t>(order[i])];
      ASSERT_TRUE(parent == kNoParent ||
                  std::find(order.begin(), order.begin() + i, parent) != order.begin() + i)
          << "seed " << seed << ", trace " << trace;
    }
  }
}

}  // namespace
}  // namespace signalbox::server::query

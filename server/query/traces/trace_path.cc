#include "server/query/traces/trace_path.h"

#include <algorithm>
#include <cstddef>

#include "server/query/traces/trace_tree.h"

namespace signalbox::server::query {
namespace {

struct Window {
  std::int64_t start_ns = 0;
  std::int64_t end_ns = 0;
};

class PathFinder {
 public:
  explicit PathFinder(std::span<const TimedSpan> spans) : spans_(spans), times_(spans.size()) {
    group_children();
  }

  std::vector<SpanTimes> run() {
    std::vector<Step> steps;
    for (std::size_t i = 0; i < spans_.size(); ++i) {
      times_[i].self_ns = self_ns(i);
      if (spans_[i].parent == kNoParent) steps.push_back({i, window_of(i)});
    }
    while (!steps.empty()) {
      const Step step = steps.back();
      steps.pop_back();
      walk_back(step, steps);
    }
    return std::move(times_);
  }

 private:
  /// The part of a span that is on the path.
  struct Step {
    std::size_t span = 0;
    Window window;
  };

  [[nodiscard]] Window window_of(std::size_t span) const {
    const TimedSpan& timed = spans_[span];
    return {timed.start_ns, std::max(timed.start_ns, timed.end_ns)};
  }

  /// Puts the children of each span side by side: those that end last first, of these the one that
  /// began first.
  void group_children() {
    first_child_.assign(spans_.size() + 1, 0);
    for (const TimedSpan& span : spans_) {
      if (span.parent != kNoParent) ++first_child_[static_cast<std::size_t>(span.parent) + 1];
    }
    for (std::size_t i = 1; i < first_child_.size(); ++i) first_child_[i] += first_child_[i - 1];
    children_.resize(first_child_.back());
    std::vector<std::size_t> next(first_child_.begin(), first_child_.end() - 1);
    for (std::size_t i = 0; i < spans_.size(); ++i) {
      const std::int32_t parent = spans_[i].parent;
      if (parent != kNoParent) children_[next[static_cast<std::size_t>(parent)]++] = i;
    }
    for (std::size_t i = 0; i < spans_.size(); ++i) {
      std::ranges::sort(children_of(i), [this](std::size_t a, std::size_t b) {
        const Window first = window_of(a);
        const Window second = window_of(b);
        if (first.end_ns != second.end_ns) return first.end_ns > second.end_ns;
        return first.start_ns != second.start_ns ? first.start_ns < second.start_ns : a < b;
      });
    }
  }

  std::span<std::size_t> children_of(std::size_t span) {
    return std::span(children_).subspan(first_child_[span],
                                        first_child_[span + 1] - first_child_[span]);
  }

  /// From the end to the start: what lies behind the children seen so far is covered or counted.
  std::int64_t self_ns(std::size_t span) {
    const Window own = window_of(span);
    std::int64_t self = 0;
    std::int64_t at = own.end_ns;
    for (const std::size_t child : children_of(span)) {
      const Window window = window_of(child);
      if (window.end_ns <= own.start_ns) break;
      if (window.end_ns < at) self += at - window.end_ns;
      at = std::min(at, std::max(window.start_ns, own.start_ns));
    }
    return self + (at - own.start_ns);
  }

  void walk_back(const Step& step, std::vector<Step>& steps) {
    std::int64_t own_ns = 0;
    std::int64_t at = step.window.end_ns;
    for (const std::size_t child : children_of(step.span)) {
      const Window window = window_of(child);
      const std::int64_t start = std::max(window.start_ns, step.window.start_ns);
      const std::int64_t end = std::min(window.end_ns, at);
      if (window.end_ns <= step.window.start_ns) break;
      if (end <= start) continue;
      own_ns += at - end;
      steps.push_back({child, {start, end}});
      at = start;
    }
    times_[step.span].critical_ns = own_ns + (at - step.window.start_ns);
  }

  std::span<const TimedSpan> spans_;
  std::vector<std::size_t> first_child_;  ///< Of each span, in children_; one more at the end.
  std::vector<std::size_t> children_;
  std::vector<SpanTimes> times_;
};

}  // namespace

std::vector<SpanTimes> times_of_spans(std::span<const TimedSpan> spans) {
  return PathFinder(spans).run();
}

}  // namespace signalbox::server::query

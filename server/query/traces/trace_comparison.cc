#include "server/query/traces/trace_comparison.h"

#include <algorithm>
#include <map>
#include <tuple>

#include "server/query/json/json.h"
#include "server/query/traces/trace_tree.h"

namespace signalbox::server::query {
namespace {

/// The paths of both traces as one tree.
class PathTree {
 public:
  void add_trace(const std::vector<SkeletonSpan>& spans, std::size_t trace) {
    const SkeletonTree tree = arrange(spans);
    std::vector<std::size_t> node_of(spans.size());
    for (const std::int32_t index : parents_first(tree.parents)) {
      const auto span = static_cast<std::size_t>(index);
      const std::int32_t parent = tree.parents[span];
      const std::size_t above =
          parent == kNoParent ? kTop : node_of[static_cast<std::size_t>(parent)];
      node_of[span] = node_below(above, spans[span]);
      count(spans[span], tree.times[span], nodes_[node_of[span]].traces.at(trace));
    }
  }

  [[nodiscard]] std::vector<ComparedPath> ranked() const {
    std::vector<std::size_t> order(nodes_.size() - 1);
    for (std::size_t i = 0; i < order.size(); ++i) order[i] = i + 1;
    std::vector<ComparedPath> paths;
    paths.reserve(order.size());
    for (const std::size_t node : order) paths.push_back({path_of(node), nodes_[node].traces});
    std::ranges::sort(paths, [](const ComparedPath& a, const ComparedPath& b) {
      const std::int64_t first = magnitude(a);
      const std::int64_t second = magnitude(b);
      return first != second ? first > second : a.path < b.path;
    });
    return paths;
  }

 private:
  static constexpr std::size_t kTop = 0;

  struct Node {
    std::size_t above = kTop;
    std::size_t depth = 0;
    std::string_view service_name;
    std::string_view name;
    std::array<PathTotals, 2> traces;
  };

  std::size_t node_below(std::size_t above, const SkeletonSpan& span) {
    if (nodes_[above].depth == kMaxPathDepth) return above;
    const auto [at, is_new] =
        by_place_.try_emplace(std::tuple(above, span.service_name, span.name), nodes_.size());
    if (is_new) {
      nodes_.push_back({above, nodes_[above].depth + 1, span.service_name, span.name, {}});
    }
    return at->second;
  }

  static void count(const SkeletonSpan& span, const SpanTimes& times, PathTotals& totals) {
    ++totals.spans;
    if (span.is_error()) ++totals.errors;
    add_up(totals.duration_ns, span.end_ns() - span.start_ns);
    add_up(totals.self_ns, times.self_ns);
  }

  static std::int64_t magnitude(const ComparedPath& path) {
    const std::int64_t difference = path.difference_ns();
    return difference < 0 ? -difference : difference;
  }

  [[nodiscard]] SpanPath path_of(std::size_t node) const {
    SpanPath path;
    for (; node != kTop; node = nodes_[node].above) {
      path.emplace_back(nodes_[node].service_name, nodes_[node].name);
    }
    std::ranges::reverse(path);
    return path;
  }

  std::vector<Node> nodes_{1};
  std::map<std::tuple<std::size_t, std::string_view, std::string_view>, std::size_t> by_place_;
};

void write_totals(const PathTotals& totals, JsonWriter& json) {
  json.begin_object();
  json.key("span_count").number(totals.spans);
  json.key("error_count").number(totals.errors);
  json.key("duration_ns").digits(totals.duration_ns);
  json.key("self_ns").digits(totals.self_ns);
  json.end_object();
}

void write_path(const ComparedPath& path, JsonWriter& json) {
  json.begin_object();
  json.key("path").begin_array();
  for (const auto& [service_name, name] : path.path) {
    json.begin_object();
    json.key("service_name").string(service_name);
    json.key("name").string(name);
    json.end_object();
  }
  json.end_array();
  json.key("a");
  write_totals(path.traces[0], json);
  json.key("b");
  write_totals(path.traces[1], json);
  json.key("self_difference_ns").digits(path.difference_ns());
  json.end_object();
}

void write_trace(std::string_view trace_id, const std::vector<SkeletonSpan>& spans,
                 bool is_truncated, JsonWriter& json) {
  json.begin_object();
  json.key("trace_id").string(trace_id);
  json.key("start_time").digits(spans.front().start_ns);
  json.key("duration_ns").digits(duration_ns_of(spans));
  json.key("span_count").number(spans.size());
  json.key("truncated").boolean(is_truncated);
  json.end_object();
}

}  // namespace

std::vector<ComparedPath> compare_paths(const std::vector<SkeletonSpan>& first,
                                        const std::vector<SkeletonSpan>& second) {
  PathTree tree;
  tree.add_trace(first, 0);
  tree.add_trace(second, 1);
  return tree.ranked();
}

std::string compare_traces(Session& session, std::string_view first, std::string_view second,
                           std::uint32_t limit) {
  SkeletonReader first_reader(session, first);
  SkeletonReader second_reader(session, second);
  const std::vector<SkeletonSpan> first_spans = first_reader.run();
  const std::vector<SkeletonSpan> second_spans = second_reader.run();
  const std::vector<ComparedPath> paths = compare_paths(first_spans, second_spans);
  JsonWriter json;
  json.begin_object();
  json.key("a");
  write_trace(first, first_spans, first_reader.is_truncated(), json);
  json.key("b");
  write_trace(second, second_spans, second_reader.is_truncated(), json);
  json.key("path_count").number(paths.size());
  json.key("paths").begin_array();
  for (std::size_t i = 0; i < std::min<std::size_t>(paths.size(), limit); ++i) {
    write_path(paths[i], json);
  }
  json.end_array();
  session.write_stats(json);
  json.end_object();
  return json.take();
}

}  // namespace signalbox::server::query

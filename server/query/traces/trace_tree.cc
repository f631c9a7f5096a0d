#include "server/query/traces/trace_tree.h"

#include <cstddef>
#include <unordered_map>

namespace signalbox::server::query {

std::vector<std::int32_t> parent_indexes(std::span<const SpanLink> spans) {
  std::unordered_map<std::uint64_t, std::int32_t> by_id;
  by_id.reserve(spans.size());
  for (std::size_t i = 0; i < spans.size(); ++i) {
    by_id.try_emplace(spans[i].span_id, static_cast<std::int32_t>(i));
  }
  std::vector<std::int32_t> parents;
  parents.reserve(spans.size());
  for (const SpanLink& span : spans) {
    const auto at = span.parent_span_id == 0 ? by_id.end() : by_id.find(span.parent_span_id);
    parents.push_back(at == by_id.end() ? kNoParent : at->second);
  }

  // Which walk came by a span first. A walk that meets its own way has found a loop.
  std::vector<std::int32_t> walk_of(spans.size(), kNoParent);
  for (std::size_t i = 0; i < spans.size(); ++i) {
    const auto walk = static_cast<std::int32_t>(i);
    std::int32_t last = kNoParent;
    std::int32_t at = walk;
    while (at != kNoParent && walk_of[static_cast<std::size_t>(at)] == kNoParent) {
      walk_of[static_cast<std::size_t>(at)] = walk;
      last = at;
      at = parents[static_cast<std::size_t>(at)];
    }
    const bool is_loop =
        at != kNoParent && last != kNoParent && walk_of[static_cast<std::size_t>(at)] == walk;
    if (is_loop) parents[static_cast<std::size_t>(last)] = kNoParent;
  }
  return parents;
}

std::vector<std::int32_t> parents_first(std::span<const std::int32_t> parents) {
  std::vector<std::int32_t> order;
  order.reserve(parents.size());
  std::vector<bool> is_placed(parents.size(), false);
  std::vector<std::int32_t> chain;
  for (std::size_t i = 0; i < parents.size(); ++i) {
    for (auto at = static_cast<std::int32_t>(i);
         at != kNoParent && !is_placed[static_cast<std::size_t>(at)];
         at = parents[static_cast<std::size_t>(at)]) {
      is_placed[static_cast<std::size_t>(at)] = true;
      chain.push_back(at);
    }
    order.insert(order.end(), chain.rbegin(), chain.rend());
    chain.clear();
  }
  return order;
}

}  // namespace signalbox::server::query

#include "server/cli/trace_tree.h"

#include <algorithm>
#include <boost/json.hpp>
#include <string_view>
#include <unordered_map>

#include "server/cli/json.h"
#include "server/cli/text.h"

namespace signalbox::server::cli {
namespace {

std::string attribute(const boost::json::value& record, std::string_view key) {
  for (const boost::json::value& item : items(record, "attributes")) {
    if (text(item, "key") == key) return text(item, "value");
  }
  return {};
}

/// Of the status, or of the first exception that was recorded.
std::string message_of(const boost::json::value& span) {
  std::string message = text(member(span, "status"), "message");
  if (!message.empty()) return message;
  for (const boost::json::value& event : items(span, "events")) {
    const std::string type = attribute(event, "exception.type");
    message = attribute(event, "exception.message");
    if (type.empty() && message.empty()) continue;
    return type.empty() || message.empty() ? type + message : type + ": " + message;
  }
  return {};
}

/// Owned nodes are linked as const; only the tree writes to them.
SpanNode& writable(const SpanNode* node) {
  return const_cast<SpanNode&>(*node);  // NOLINT(cppcoreguidelines-pro-type-const-cast)
}

}  // namespace

std::int64_t SpanNode::critical_ns() const noexcept {
  std::int64_t sum = 0;
  for (const auto& [from, to] : critical) sum += to - from;
  return sum;
}

TraceTree::TraceTree(const boost::json::value& trace) {
  read(trace);
  put_in_order();
  mark_critical();
}

void TraceTree::read(const boost::json::value& trace) {
  std::vector<const boost::json::value*> spans;
  for (const boost::json::value& span : items(trace, "spans")) spans.push_back(&span);
  std::stable_sort(spans.begin(), spans.end(), [](const auto* a, const auto* b) {
    return integer(*a, "start_time") < integer(*b, "start_time");
  });
  if (!spans.empty()) start_ns_ = integer(*spans.front(), "start_time");
  std::vector<std::string> parent_ids;
  for (const boost::json::value* const span : spans) {
    auto node = std::make_unique<SpanNode>();
    node->span_id = text(*span, "span_id");
    node->service = printable(text(*span, "service_name"));
    node->name = printable(text(*span, "name"));
    node->start = integer(*span, "start_time") - start_ns_;
    node->end = std::max(node->start, integer(*span, "end_time") - start_ns_);
    node->has_error = text(member(*span, "status"), "code") == "error";
    if (node->has_error) node->message = printable(message_of(*span));
    parent_ids.push_back(text(*span, "parent_span_id"));
    duration_ns_ = std::max(duration_ns_, node->end);
    errors_ += node->has_error ? 1 : 0;
    owned_.push_back(std::move(node));
  }
  link(parent_ids);
}

void TraceTree::link(const std::vector<std::string>& parent_ids) {
  std::unordered_map<std::string_view, const SpanNode*> by_id;
  for (const auto& node : owned_) by_id.emplace(node->span_id, node.get());
  for (std::size_t i = 0; i < owned_.size(); ++i) {
    const auto parent = by_id.find(parent_ids[i]);
    if (parent != by_id.end() && parent->second != owned_[i].get()) {
      owned_[i]->parent = parent->second;
    } else {
      owned_[i]->is_parent_missing = !parent_ids[i].empty();
    }
  }
  open_loops();
  for (const auto& node : owned_) {
    if (node->parent == nullptr) {
      roots_.push_back(node.get());
    } else {
      writable(node->parent).children.push_back(node.get());
    }
  }
}

void TraceTree::open_loops() {
  std::unordered_map<const SpanNode*, std::size_t> walk_of;  // In which walk it was met first.
  for (std::size_t walk = 0; walk < owned_.size(); ++walk) {
    SpanNode* last = nullptr;
    for (const SpanNode* at = owned_[walk].get(); at != nullptr; at = at->parent) {
      const auto [entry, is_new] = walk_of.emplace(at, walk);
      if (!is_new) {
        if (entry->second == walk && last != nullptr) {
          last->parent = nullptr;
          last->is_parent_missing = true;
        }
        break;
      }
      last = &writable(at);
    }
  }
}

void TraceTree::put_in_order() {
  std::vector<const SpanNode*> stack(roots_.rbegin(), roots_.rend());
  while (!stack.empty()) {
    const SpanNode* const node = stack.back();
    stack.pop_back();
    order_.push_back(node);
    stack.insert(stack.end(), node->children.rbegin(), node->children.rend());
  }
  for (auto at = order_.rbegin(); at != order_.rend(); ++at) {
    if ((*at)->parent == nullptr) continue;
    SpanNode& parent = writable((*at)->parent);
    parent.descendants += (*at)->descendants + 1;
    parent.errors_below += (*at)->errors_below + ((*at)->has_error ? 1 : 0);
  }
}

/// Back from the end of each root: at any moment the span that ended last is what everything above
/// it waited for.
void TraceTree::mark_critical() {
  std::vector<std::pair<const SpanNode*, std::int64_t>> stack;
  for (const SpanNode* const root : roots_) stack.emplace_back(root, root->end);
  while (!stack.empty()) {
    const auto [node, until] = stack.back();
    stack.pop_back();
    std::vector<const SpanNode*> by_end = node->children;
    std::stable_sort(by_end.begin(), by_end.end(),
                     [](const auto* a, const auto* b) { return a->end > b->end; });
    SpanNode& marked = writable(node);
    std::int64_t at = until;
    for (const SpanNode* const child : by_end) {
      const std::int64_t child_end = std::min(child->end, at);
      const std::int64_t child_start = std::max(child->start, node->start);
      if (child_end <= child_start || child->start >= at) continue;
      if (child_end < at) marked.critical.emplace_back(child_end, at);
      stack.emplace_back(child, child_end);
      at = child_start;
      if (at <= node->start) break;
    }
    if (at > node->start) marked.critical.emplace_back(node->start, at);
    std::reverse(marked.critical.begin(), marked.critical.end());
  }
}

}  // namespace signalbox::server::cli

#include "server/cli/trace_tree.h"

#include <algorithm>
#include <boost/json.hpp>
#include <string>
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
    std::string type = attribute(event, "exception.type");
    message = attribute(event, "exception.message");
    if (type.empty() && message.empty()) continue;
    return type.empty() ? message : message.empty() ? type : type.append(": ").append(message);
  }
  return {};
}

/// The nth element; null where the answer has none.
const boost::json::value& at(const boost::json::array& column, std::size_t n) {
  static const boost::json::value null;
  return n < column.size() ? column[n] : null;
}

}  // namespace

TraceTree::TraceTree(const boost::json::value& skeleton)
    : start_ns_(integer(skeleton, "start_time")), duration_ns_(integer(skeleton, "duration_ns")) {
  constexpr std::int64_t kError = 2;
  constexpr std::int64_t kParentMissing = 8;
  for (const boost::json::value& service : items(skeleton, "services")) {
    services_.emplace_back(printable(text(service, "name")), integer(service, "critical_ns"));
  }
  const boost::json::array& names = items(skeleton, "names");
  const boost::json::value& columns = member(skeleton, "columns");
  const boost::json::array& ids = items(columns, "span_id");
  const auto value = [&](const char* column, std::size_t n) {
    return integer(at(items(columns, column), n));
  };
  nodes_.resize(ids.size());
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    SpanNode& node = nodes_[i];
    if (ids[i].is_string()) node.span_id = ids[i].get_string();
    const auto service = static_cast<std::size_t>(value("service", i));
    if (service < services_.size()) node.service = services_[service].first;
    const boost::json::value& name = at(names, static_cast<std::size_t>(value("name", i)));
    if (name.is_string()) node.name = printable(std::string_view(name.get_string()));
    node.start = value("start_ns", i);
    node.duration = std::max<std::int64_t>(0, value("duration_ns", i));
    node.critical_ns = value("critical_ns", i);
    node.has_error = value("status", i) == kError;
    node.is_parent_missing = (value("flags", i) & kParentMissing) != 0;
    errors_ += node.has_error ? 1 : 0;
  }
  link(items(columns, "parent"));
  count_below();
}

void TraceTree::link(const boost::json::array& parents) {
  for (std::size_t i = 0; i < nodes_.size(); ++i) {
    const std::int64_t parent = i < parents.size() ? integer(parents[i]) : -1;
    if (parent < 0 || parent >= static_cast<std::int64_t>(nodes_.size())) {
      roots_.push_back(&nodes_[i]);
      continue;
    }
    SpanNode& above = nodes_[static_cast<std::size_t>(parent)];
    nodes_[i].parent = &above;
    above.children.push_back(&nodes_[i]);
  }
}

void TraceTree::count_below() {
  const auto own = [this](const SpanNode* node) -> SpanNode& {
    return nodes_[static_cast<std::size_t>(node - nodes_.data())];
  };
  std::vector<const SpanNode*> order = roots_;  // A parent before its children.
  for (std::size_t i = 0; i < order.size(); ++i) {
    order.insert(order.end(), order[i]->children.begin(), order[i]->children.end());
  }
  for (auto at = order.rbegin(); at != order.rend(); ++at) {
    if ((*at)->parent == nullptr) continue;
    SpanNode& parent = own((*at)->parent);
    parent.descendants += (*at)->descendants + 1;
    parent.errors_below += (*at)->errors_below + ((*at)->has_error ? 1 : 0);
  }
}

void TraceTree::add_messages(const boost::json::value& spans) {
  std::unordered_map<std::string, std::string> messages;
  for (const boost::json::value& span : items(spans, "spans")) {
    messages.emplace(text(span, "span_id"), printable(message_of(span)));
  }
  for (SpanNode& node : nodes_) {
    const auto found = messages.find(node.span_id);
    if (node.has_error && found != messages.end()) node.message = found->second;
  }
}

}  // namespace signalbox::server::cli

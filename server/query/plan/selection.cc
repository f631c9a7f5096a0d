#include "server/query/plan/selection.h"

#include <utility>

#include "server/query/plan/filter_sql.h"

namespace signalbox::server::query {

std::string Selection::table() const {
  return signal == Signal::kTraces ? "span_rows" : "log_rows";
}

std::string Selection::time_column() const {
  return signal == Signal::kTraces ? "start_time" : "time";
}

std::string Selection::condition(const AttributeSlots& slots, Parameters& parameters) const {
  std::string sql = in_range(time_column(), range, parameters);
  if (filter.kind != FilterNode::Kind::kAll) {
    sql += " AND " + filter_sql(filter, signal, slots, parameters, range);
  }
  return sql;
}

FilterNode both(FilterNode first, FilterNode second) {
  if (first.kind == FilterNode::Kind::kAll) return second;
  if (second.kind == FilterNode::Kind::kAll) return first;
  FilterNode node;
  node.kind = FilterNode::Kind::kAnd;
  node.children.push_back(std::move(first));
  node.children.push_back(std::move(second));
  return node;
}

FilterNode field_equals(std::string field, std::string value) {
  FilterNode node;
  node.kind = FilterNode::Kind::kTest;
  node.field = std::move(field);
  node.values.emplace_back();
  node.values.back().text = std::move(value);
  return node;
}

}  // namespace signalbox::server::query

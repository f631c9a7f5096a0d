#pragma once

#include <boost/json/value.hpp>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace signalbox::server::cli {

/// A span in its place. Times are nanoseconds, the start from that of the trace.
struct SpanNode {
  std::string span_id;
  std::string service;  ///< Printable; so are the next two.
  std::string name;
  std::string message;  ///< Why it failed, if it said so.
  std::int64_t start = 0;
  std::int64_t duration = 0;     ///< >= 0
  std::int64_t critical_ns = 0;  ///< For so long everything above it waited for this very span.
  bool has_error = false;
  bool is_parent_missing = false;
  const SpanNode* parent = nullptr;
  std::vector<const SpanNode*> children;  ///< By start.
  std::size_t descendants = 0;
  std::size_t errors_below = 0;
};

/// The spans of a trace as a tree.
///
/// Not thread-safe; nodes live as long as it. Whatever the answer is like, a tree is made of it.
class TraceTree {
 public:
  /// `skeleton`: as /api/v1/traces/{trace_id}/skeleton answers.
  explicit TraceTree(const boost::json::value& skeleton);
  TraceTree(const TraceTree&) = delete;
  TraceTree& operator=(const TraceTree&) = delete;

  /// Takes why spans failed from `spans`, as /api/v1/traces/{trace_id}/spans answers.
  void add_messages(const boost::json::value& spans);

  [[nodiscard]] const std::vector<const SpanNode*>& roots() const noexcept { return roots_; }
  /// By start.
  [[nodiscard]] const std::vector<SpanNode>& nodes() const noexcept { return nodes_; }
  [[nodiscard]] std::int64_t start_ns() const noexcept { return start_ns_; }  ///< Since 1970.
  [[nodiscard]] std::int64_t duration_ns() const noexcept { return duration_ns_; }
  [[nodiscard]] std::size_t errors() const noexcept { return errors_; }
  /// Each service, by first appearance, and its part of the critical path.
  [[nodiscard]] const std::vector<std::pair<std::string, std::int64_t>>& services() const noexcept {
    return services_;
  }

 private:
  void link(const boost::json::array& parents);
  void count_below();

  std::vector<SpanNode> nodes_;
  std::vector<const SpanNode*> roots_;
  std::vector<std::pair<std::string, std::int64_t>> services_;
  std::int64_t start_ns_ = 0;
  std::int64_t duration_ns_ = 0;
  std::size_t errors_ = 0;
};

}  // namespace signalbox::server::cli

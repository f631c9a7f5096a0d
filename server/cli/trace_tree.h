#pragma once

#include <boost/json/value.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace signalbox::server::cli {

/// A span in its place. Times are nanoseconds from the trace's first start.
struct SpanNode {
  std::string span_id;
  std::string service;  ///< Printable; so are the next two.
  std::string name;
  std::string message;  ///< Why it failed, if it said so.
  std::int64_t start = 0;
  std::int64_t end = 0;  ///< >= start
  bool has_error = false;
  bool is_parent_missing = false;
  const SpanNode* parent = nullptr;
  std::vector<const SpanNode*> children;  ///< By start.
  std::size_t descendants = 0;
  std::size_t errors_below = 0;
  /// When everything above it waited for this span itself, and not for one below it.
  std::vector<std::pair<std::int64_t, std::int64_t>> critical;

  [[nodiscard]] std::int64_t duration() const noexcept { return end - start; }
  [[nodiscard]] std::int64_t critical_ns() const noexcept;
};

/// The spans of a trace as a tree. Any answer yields one: a span whose parent is not there is a
/// root, and a loop of parents is opened somewhere.
///
/// Not thread-safe; nodes live as long as it.
class TraceTree {
 public:
  /// `trace`: as /api/v1/traces/{trace_id} answers.
  explicit TraceTree(const boost::json::value& trace);

  [[nodiscard]] const std::vector<const SpanNode*>& roots() const noexcept { return roots_; }
  /// A parent before its children.
  [[nodiscard]] const std::vector<const SpanNode*>& nodes() const noexcept { return order_; }
  [[nodiscard]] std::int64_t start_ns() const noexcept { return start_ns_; }  ///< Since 1970.
  [[nodiscard]] std::int64_t duration_ns() const noexcept { return duration_ns_; }
  [[nodiscard]] std::size_t errors() const noexcept { return errors_; }

 private:
  void read(const boost::json::value& trace);
  void link(const std::vector<std::string>& parent_ids);
  void open_loops();
  void put_in_order();
  void mark_critical();

  std::vector<std::unique_ptr<SpanNode>> owned_;  // By start.
  std::vector<const SpanNode*> roots_;
  std::vector<const SpanNode*> order_;
  std::int64_t start_ns_ = 0;
  std::int64_t duration_ns_ = 0;
  std::size_t errors_ = 0;
};

}  // namespace signalbox::server::cli

#include "server/cli/waterfall.h"

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cmath>
#include <limits>
#include <optional>
#include <unordered_map>

#include "server/cli/json.h"
#include "server/cli/log_line.h"
#include "server/cli/text.h"
#include "server/cli/times.h"
#include "server/cli/units.h"

namespace signalbox::server::cli {
namespace {

constexpr std::size_t kMostAlike = 5;  // Children of one service and name that stay.
constexpr std::size_t kMostAlikeErrors = 20;
constexpr std::size_t kMostChildren = 60;
constexpr std::array<std::size_t, 7> kDeepest = {24, 12, 8, 5, 3, 2, 1};
constexpr std::size_t kMostRows = 500;  // If need be, less deep levels are shown.
constexpr std::size_t kDurationWidth = 9;
constexpr std::size_t kGap = 2;
constexpr std::size_t kLeastBar = 16;
constexpr std::size_t kPipeBar = 40;     // Where there is no terminal's width.
constexpr std::size_t kMostLevels = 12;  // Of the tree's lines; further ones are left out.
constexpr std::string_view kCriticalPath = "Critical path: ";
constexpr std::string_view kSeparator = " · ";

/// Spans that are not shown one by one.
struct Fold {
  std::string what;
  std::size_t count = 0;
  std::size_t errors = 0;
  std::int64_t longest = 0;
};

/// A child that is shown, or a fold.
struct Item {
  const SpanNode* node = nullptr;
  Fold fold;
};

bool has_errors(const SpanNode& node) {
  return node.has_error || node.errors_below > 0;
}

void add_to(Fold& fold, const SpanNode& node) {
  fold.count += node.descendants + 1;
  fold.errors += node.errors_below + (node.has_error ? 1 : 0);
  fold.longest = std::max(fold.longest, node.duration);
}

/// Of children that look alike, the longest stay.
class Folding {
 public:
  explicit Folding(const std::vector<const SpanNode*>& children) {
    for (const SpanNode* const child : children) {
      groups_[key_of(*child)].push_back(child);
    }
    for (auto& [key, group] : groups_) {
      const std::size_t most = has_errors(*group.front()) ? kMostAlikeErrors : kMostAlike;
      if (group.size() <= most + 1) continue;
      std::sort(group.begin(), group.end(), [](const SpanNode* a, const SpanNode* b) {
        return a->duration != b->duration ? a->duration > b->duration : a < b;
      });
      Fold& fold = folds_[key];
      fold.what = "× " + group.front()->name;
      for (std::size_t i = most; i < group.size(); ++i) {
        add_to(fold, *group[i]);
        folded_[group[i]] = true;
      }
    }
  }

  [[nodiscard]] bool is_folded(const SpanNode* node) const { return folded_.contains(node); }

  [[nodiscard]] std::vector<Fold> folds() const {
    std::vector<Fold> all;
    all.reserve(folds_.size());
    for (const auto& [key, fold] : folds_) all.push_back(fold);
    return all;
  }

 private:
  static std::string key_of(const SpanNode& node) {
    return node.service + '\0' + node.name + '\0' + (has_errors(node) ? '1' : '0');
  }

  std::map<std::string, std::vector<const SpanNode*>> groups_;
  std::map<std::string, Fold> folds_;
  std::unordered_map<const SpanNode*, bool> folded_;
};

std::vector<Item> unfolded(const std::vector<const SpanNode*>& children) {
  std::vector<Item> shown;
  shown.reserve(children.size());
  for (const SpanNode* const child : children) shown.push_back({.node = child, .fold = {}});
  return shown;
}

/// What is shown of spans that are `levels` above the deepest ones.
std::vector<Item> items_below(const std::vector<const SpanNode*>& children, std::size_t levels) {
  if (levels == 0 && !children.empty()) {
    Item deep;
    deep.fold.what = "spans below";
    for (const SpanNode* const child : children) add_to(deep.fold, *child);
    return {deep};
  }
  const Folding folding(children);
  std::vector<Item> shown;
  Item rest;
  rest.fold.what = "other spans";
  for (const SpanNode* const child : children) {
    if (folding.is_folded(child)) continue;
    if (shown.size() < kMostChildren || has_errors(*child)) {
      shown.push_back({.node = child, .fold = {}});
    } else {
      add_to(rest.fold, *child);
    }
  }
  for (Fold& fold : folding.folds()) shown.push_back({.node = nullptr, .fold = std::move(fold)});
  if (rest.fold.count > 0) shown.push_back(rest);
  return shown;
}

struct Row {
  std::string tree;   ///< The lines in front of it.
  std::string below;  ///< The lines in front of what belongs to it.
  Item item;
};

/// The lines of the innermost levels; `has_more` says of each level whether a sibling follows.
std::string lines(const std::vector<bool>& has_more, bool is_row) {
  if (has_more.size() <= 1) return {};
  const std::size_t first = has_more.size() > kMostLevels ? has_more.size() - kMostLevels : 1;
  std::string text = first > 1 ? "⋯" : "";
  for (std::size_t i = first; i + 1 < has_more.size(); ++i) text += has_more[i] ? "│ " : "  ";
  if (!is_row) return text + (has_more.back() ? "│ " : "  ");
  return text + (has_more.back() ? "├─" : "└─");
}

/// Rows from top to bottom, the spans' children as `items` gives them: (parents, level). Without
/// recursion, for a trace may be as deep as it is long. Nothing if there are more than `most` rows.
template <typename Items>
std::optional<std::vector<Row>> rows_of(const TraceTree& tree, std::size_t most, Items items) {
  struct Level {
    std::vector<Item> shown;
    std::size_t next = 0;
  };
  std::vector<Row> rows;
  std::vector<Level> levels;
  std::vector<bool> has_more;
  levels.push_back({.shown = items(tree.roots(), levels.size())});
  has_more.push_back(false);
  while (!levels.empty()) {
    Level& level = levels.back();
    if (level.next == level.shown.size()) {
      levels.pop_back();
      has_more.pop_back();
      continue;
    }
    const Item item = level.shown[level.next++];
    has_more.back() = level.next < level.shown.size();
    const bool has_children = item.node != nullptr && !item.node->children.empty();
    std::string below = lines(has_more, false) + (has_children ? "│ " : "  ");
    rows.push_back({.tree = lines(has_more, true), .below = std::move(below), .item = item});
    if (rows.size() > most) return std::nullopt;
    if (!has_children) continue;
    levels.push_back({.shown = items(item.node->children, levels.size())});
    has_more.push_back(true);
  }
  return rows;
}

/// As deep as leaves it readable; at least one level.
std::vector<Row> rows_of(const TraceTree& tree, bool all) {
  constexpr std::size_t kNoLimit = std::numeric_limits<std::size_t>::max();
  if (all) {
    return *rows_of(tree, kNoLimit,
                    [](const auto& children, std::size_t /*level*/) { return unfolded(children); });
  }
  for (const std::size_t deepest : kDeepest) {
    const std::size_t most = deepest == kDeepest.back() ? kNoLimit : kMostRows;
    auto rows = rows_of(tree, most, [deepest](const auto& children, std::size_t level) {
      return items_below(children, deepest - level);
    });
    if (rows) return *std::move(rows);
  }
  return {};
}

/// Each service's colour, by its first appearance, so that neighbours differ.
class ServiceColors {
 public:
  explicit ServiceColors(const TraceTree& tree) {
    for (const auto& [service, critical_ns] : tree.services()) {
      colors_.emplace(service, color_at(colors_.size()));
    }
  }
  [[nodiscard]] std::string_view of(const std::string& service) const {
    const auto at = colors_.find(service);
    return at == colors_.end() ? color::kNone : at->second;
  }

 private:
  std::unordered_map<std::string, std::string_view> colors_;
};

/// A row's label in front of the bars, in pieces of one colour each.
struct Label {
  std::string text;
  std::string service;  ///< A part of `text` that has the service's colour; or empty.
};

std::string fold_text(const Fold& fold) {
  std::string text = "… " + std::to_string(fold.count) + " more " + fold.what;
  if (fold.errors > 0) text += ", " + std::to_string(fold.errors) + " with errors";
  return text;
}

class Painter {
 public:
  Painter(const TraceTree& tree, const WaterfallOptions& options, const Style& style)
      : tree_(tree),
        options_(options),
        style_(style),
        colors_(tree),
        rows_(rows_of(tree, options.all)) {
    std::size_t longest = 0;
    for (const Row& row : rows_) longest = std::max(longest, columns(row.tree + label(row)));
    const std::size_t numbers = 2 * (kDurationWidth + kGap) + kGap;
    if (style.width == 0) {
      label_width_ = longest;
      bar_width_ = kPipeBar;
      return;
    }
    const std::size_t most = std::max(style.width * 9 / 20, std::size_t{20});
    label_width_ = std::min(longest, most);
    const std::size_t used = label_width_ + numbers;
    bar_width_ = style.width > used + kLeastBar ? style.width - used : kLeastBar;
  }

  std::string paint() const {
    std::string text = axis();
    for (const Row& row : rows_) text += row.item.node != nullptr ? span(row) : fold(row);
    text += stray_logs();
    return text;
  }

 private:
  /// Services stand where they change.
  static std::string service_of(const Row& row) {
    const SpanNode& node = *row.item.node;
    if (node.parent != nullptr && node.parent->service == node.service) return {};
    return node.service.empty() ? "(no service)" : node.service;
  }

  static std::string label(const Row& row) {
    if (row.item.node == nullptr) return fold_text(row.item.fold);
    const SpanNode& node = *row.item.node;
    const std::string service = service_of(row);
    std::string text = row.tree.empty() ? "" : " ";
    if (node.has_error) text += "✗ ";
    if (node.is_parent_missing) text += "⁇ ";
    return text + service + (service.empty() ? "" : " ") + node.name;
  }

  /// "0        171 ms      342 ms", as far as there is room.
  std::string scale() const {
    const std::string total = duration_text(static_cast<double>(tree_.duration_ns()));
    const std::string half = duration_text(static_cast<double>(tree_.duration_ns()) / 2);
    const std::size_t half_at = bar_width_ / 2;
    const std::size_t total_at = bar_width_ - columns(total);
    std::string text = "0";
    if (half_at + columns(half) + 1 < total_at) text = pad_right(text, half_at) + half;
    return pad_right(text, total_at) + total;
  }

  std::string axis() const {
    const std::string line = pad_right("SPAN", label_width_ + kGap) +
                             pad_left("DURATION", kDurationWidth) + std::string(kGap, ' ') +
                             pad_left("CRITICAL", kDurationWidth) + std::string(kGap, ' ') +
                             scale();
    return style_.paint(color::kDim, line) + "\n";
  }

  std::string span(const Row& row) const {
    const SpanNode& node = *row.item.node;
    const std::string duration = duration_text(static_cast<double>(node.duration));
    const std::string critical =
        node.critical_ns > 0 ? duration_text(static_cast<double>(node.critical_ns)) : "";
    std::string text = painted_label(row) + std::string(kGap, ' ') +
                       pad_left(duration, kDurationWidth) + std::string(kGap, ' ') +
                       style_.paint(color::kBold, pad_left(critical, kDurationWidth)) +
                       std::string(kGap, ' ') + painted_bar(node);
    while (text.ends_with(' ')) text.pop_back();
    text += '\n';
    const std::string before = style_.paint(color::kDim, row.below) + "  ";
    if (!node.message.empty()) {
      const std::size_t room = style_.width == 0 ? 0 : style_.width - columns(row.below) - 2;
      text += before + style_.paint(color::kRed, cut(node.message, room)) + "\n";
    }
    const auto logs = options_.logs.find(node.span_id);
    if (logs == options_.logs.end()) return text;
    for (const boost::json::value* const record : logs->second) {
      text += before + log(*record, columns(row.below) + 2);
    }
    return text;
  }

  std::string painted_label(const Row& row) const {
    const SpanNode& node = *row.item.node;
    const std::string tree = cut(row.tree, label_width_);
    const std::size_t room = label_width_ - columns(tree);
    const std::string plain = pad_right(room == 0 ? "" : cut(label(row), room), room);
    const std::string service = service_of(row);
    const std::size_t at = service.empty() ? std::string::npos : plain.find(service);
    std::string painted = style_.paint(color::kDim, tree);
    if (node.has_error) return painted + style_.paint(color::kRed, plain);
    if (at == std::string::npos) return painted + plain;
    return painted + plain.substr(0, at) + style_.paint(colors_.of(node.service), service) +
           plain.substr(at + service.size());
  }

  /// What does not lie on the critical path is dim.
  std::string painted_bar(const SpanNode& node) const {
    const double total = std::max<double>(1, static_cast<double>(tree_.duration_ns()));
    std::string text = bar(static_cast<double>(node.start) / total,
                           static_cast<double>(node.start + node.duration) / total, bar_width_);
    const std::string_view service_color = colors_.of(node.service);
    if (!style_.has_color) return text;
    const std::string sgr = node.has_error          ? std::string(color::kRed)
                            : node.critical_ns == 0 ? "2;" + std::string(service_color)
                                                    : std::string(service_color);
    return style_.paint(sgr, text);
  }

  std::string fold(const Row& row) const {
    const Fold& fold = row.item.fold;
    const std::string space = row.tree.empty() ? "" : " ";
    const std::string text = space + fold_text(fold) + ", the longest " +
                             duration_text(static_cast<double>(fold.longest));
    const std::size_t room = style_.width == 0 ? 0 : style_.width - columns(row.tree);
    return style_.paint(color::kDim, row.tree) +
           style_.paint(fold.errors > 0 ? color::kRed : color::kDim, cut(text, room)) + "\n";
  }

  std::string log(const boost::json::value& record, std::size_t used) const {
    const std::string time = clock_text(integer(record, "time"));
    const std::string severity = severity_text(record);
    const std::size_t head = columns(time) + columns(severity) + 2;
    const std::size_t room =
        style_.width == 0 ? 0 : style_.width - std::min(style_.width - 1, used + head);
    const std::string body = cut(printable(log_text(record)), room);
    return style_.paint(color::kDim, time) + " " +
           style_.paint(color_of_severity(text(record, "severity")), severity) + " " + body + "\n";
  }

  /// Of the trace, but of no span that is shown here.
  std::string stray_logs() const {
    std::map<std::string, bool> shown;
    for (const Row& row : rows_) {
      if (row.item.node != nullptr) shown[row.item.node->span_id] = true;
    }
    std::string text;
    for (const auto& [span_id, records] : options_.logs) {
      if (shown.contains(span_id)) continue;
      for (const boost::json::value* const record : records) text += "  " + log(*record, 2);
    }
    if (text.empty()) return text;
    return style_.paint(color::kDim, "Log lines of no span shown here:") + "\n" + text;
  }

  const TraceTree& tree_;
  const WaterfallOptions& options_;
  const Style& style_;
  const ServiceColors colors_;
  const std::vector<Row> rows_;
  std::size_t label_width_ = 0;
  std::size_t bar_width_ = 0;
};

/// "shop 61 % · cart 20 %": whom the trace waited for.
std::string critical_shares(const TraceTree& tree, const Style& style) {
  std::vector<std::pair<std::string, std::int64_t>> shares = tree.services();
  std::int64_t total = 0;
  for (const auto& [service, critical_ns] : shares) total += critical_ns;
  std::sort(shares.begin(), shares.end(), [](const auto& a, const auto& b) {
    return a.second != b.second ? a.second > b.second : a.first < b.first;
  });
  if (total == 0 || shares.size() < 2) return {};
  const ServiceColors colors(tree);
  std::string text;
  std::size_t used = columns(kCriticalPath);
  for (const auto& [service, critical_ns] : shares) {
    const double share = static_cast<double>(critical_ns) / static_cast<double>(total);
    const std::string percent = " " + std::to_string(std::lround(share * 100)) + " %";
    used += columns(service) + columns(percent) + columns(kSeparator);
    if (style.width > 0 && used > style.width) {
      text += "…";
      break;
    }
    text += style.paint(colors.of(service), service) + percent;
    if (service != shares.back().first) text += kSeparator;
  }
  return std::string(kCriticalPath) + text + "\n";
}

std::string head(const TraceTree& tree, const Style& style) {
  const auto plural = [](std::size_t count, const char* what) {
    return std::to_string(count) + " " + what + (count == 1 ? "" : "s");
  };
  std::string text = date_time_text(tree.start_ns()) + " · " +
                     duration_text(static_cast<double>(tree.duration_ns())) + " · " +
                     plural(tree.nodes().size(), "span") + " · ";
  const std::string errors = plural(tree.errors(), "error");
  return text + (tree.errors() > 0 ? style.paint(color::kError, errors) : errors) + "\n";
}

}  // namespace

std::string bar(double from, double to, std::size_t width) {
  constexpr std::array<std::string_view, 9> kLeft = {" ", "▏", "▎", "▍", "▌", "▋", "▊", "▉", "█"};
  constexpr long kEighths = 8;
  const auto last = static_cast<long>(width) * kEighths;
  long begin = std::clamp(std::lround(from * static_cast<double>(last)), 0L, last - 1);
  const long end = std::clamp(std::lround(to * static_cast<double>(last)), begin + 1, last);
  std::string text = repeated(" ", static_cast<std::size_t>(begin / kEighths));
  // Within one column only its left part can be drawn: the length tells more than the place.
  if (begin / kEighths == (end - 1) / kEighths) {
    return text.append(kLeft.at(static_cast<std::size_t>(end - begin)));
  }
  if (begin % kEighths >= kEighths / 2) {
    text += "▐";
    begin += kEighths - begin % kEighths;
  }
  begin -= begin % kEighths;
  text += repeated("█", static_cast<std::size_t>((end - begin) / kEighths));
  if (end % kEighths != 0) text += kLeft.at(static_cast<std::size_t>(end % kEighths));
  return text;
}

std::string waterfall(const TraceTree& tree, const WaterfallOptions& options, const Style& style) {
  return head(tree, style) + critical_shares(tree, style) + Painter(tree, options, style).paint();
}

}  // namespace signalbox::server::cli

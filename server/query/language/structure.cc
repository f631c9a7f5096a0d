#include "server/query/language/structure.h"

#include <algorithm>
#include <ranges>
#include <string>
#include <unordered_map>
#include <utility>

#include "server/query/plan/error.h"

namespace signalbox::server::query {
namespace {

[[noreturn]] void fail(std::size_t position, const std::string& message, std::string hint) {
  throw QueryError::invalid_at("structure", position, message, std::move(hint));
}

/// The part of `text` in [begin, end) as a filter, whose positions are those in `text`.
FilterNode parse_part(std::string_view text, std::size_t begin, std::size_t end) {
  std::string part(begin, ' ');
  part += text.substr(begin, end - begin);
  try {
    return parse_filter(part);
  } catch (QueryError& error) {
    error.parameter = "structure";
    throw;
  }
}

class StructureParser {
 public:
  explicit StructureParser(std::string_view text) : text_(text) {}

  Structure parse() {
    if (text_.size() > kMaxFilterBytes) {
      fail(kMaxFilterBytes,
           "The structure is longer than " + std::to_string(kMaxFilterBytes) + " bytes",
           "Leave conditions out.");
    }
    spans();
    while (!at_end() && text_[at_] != '|') {
      StructureStep step = relation();
      step.filter = structure_.filters.size();
      structure_.steps.push_back(step);
      spans();
    }
    if (!at_end()) conditions();
    return std::move(structure_);
  }

 private:
  bool at_end() {
    at_ = std::min(text_.find_first_not_of(" \t\r\n", at_), text_.size());
    return at_ == text_.size();
  }

  bool take(std::string_view token) {
    if (at_end() || !text_.substr(at_).starts_with(token)) return false;
    at_ += token.size();
    return true;
  }

  void spans() {
    if (at_end() || text_[at_] != '{') {
      fail(at_, "Expected a filter in braces", "Write { service.name = 'shop' }.");
    }
    if (structure_.filters.size() == kMaxStructureFilters) {
      fail(at_, "There are more than " + std::to_string(kMaxStructureFilters) + " filters",
           "Leave some out.");
    }
    const std::size_t begin = at_ + 1;
    const std::size_t end = closing_brace(begin);
    structure_.filters.push_back(parse_part(text_, begin, end));
    at_ = end + 1;
  }

  /// Of the filter that begins at `begin`: a brace in quotes is text.
  [[nodiscard]] std::size_t closing_brace(std::size_t begin) const {
    for (std::size_t at = begin; at < text_.size(); ++at) {
      const char c = text_[at];
      if (c == '}') return at;
      if (c != '\'' && c != '"' && c != '`') continue;
      for (++at; at < text_.size() && text_[at] != c; ++at) {
        if (text_[at] == '\\') ++at;
      }
    }
    fail(begin - 1, "The brace that opens here is not closed",
         "Add a } behind the filter, and close each quote in it.");
  }

  StructureStep relation() {
    StructureStep step;
    const std::size_t begin = at_;
    step.is_negated = take("!");
    if (take(">>")) {
      step.relation = Relation::kDescendant;
    } else if (take(">")) {
      step.relation = Relation::kChild;
    } else if (take("~")) {
      step.relation = Relation::kSibling;
    } else {
      fail(begin, "Expected a relation",
           "There are >> (below), > (child), ~ (sibling), and each of these behind a !, for none.");
    }
    return step;
  }

  void conditions() {
    const std::size_t bar = at_++;
    structure_.conditions = parse_part(text_, at_, text_.size());
    if (structure_.conditions.kind == FilterNode::Kind::kAll) {
      fail(bar, "Nothing follows the |", "Write | trace.duration > 1s, or leave the | out.");
    }
  }

  std::string_view text_;
  std::size_t at_ = 0;
  Structure structure_;
};

using Spans = std::vector<bool>;

/// One trace, and the steps from one set of its spans to the next.
class StructureTrace {
 public:
  explicit StructureTrace(std::span<const StructureSpan> spans) : spans_(spans) {
    std::vector<SpanLink> links;
    links.reserve(spans.size());
    for (const StructureSpan& span : spans) links.push_back(span.link);
    parents_ = parent_indexes(links);
    order_ = parents_first(parents_);
  }

  [[nodiscard]] Spans matching(std::size_t filter) const {
    Spans spans(spans_.size());
    for (std::size_t i = 0; i < spans.size(); ++i)
      spans[i] = (spans_[i].matches >> filter & 1) != 0;
    return spans;
  }

  /// Spans with one of `above` over them: directly, or at any distance.
  [[nodiscard]] Spans below(const Spans& above, bool at_any_depth) const {
    Spans spans(spans_.size());
    for (const std::int32_t index : order_) {
      const auto span = static_cast<std::size_t>(index);
      if (parents_[span] == kNoParent) continue;
      const auto parent = static_cast<std::size_t>(parents_[span]);
      spans[span] = above[parent] || (at_any_depth && spans[parent]);
    }
    return spans;
  }

  /// Spans with one of `below` under them.
  [[nodiscard]] Spans above(const Spans& below, bool at_any_depth) const {
    Spans spans(spans_.size());
    for (const std::int32_t index : std::views::reverse(order_)) {
      const auto span = static_cast<std::size_t>(index);
      if (parents_[span] == kNoParent) continue;
      if (below[span] || (at_any_depth && spans[span])) {
        spans[static_cast<std::size_t>(parents_[span])] = true;
      }
    }
    return spans;
  }

  /// Spans that share a parent with another one, of `others`.
  [[nodiscard]] Spans beside(const Spans& others) const {
    std::unordered_map<std::uint64_t, std::size_t> counts;
    for (std::size_t i = 0; i < spans_.size(); ++i) {
      if (others[i]) ++counts[spans_[i].link.parent_span_id];
    }
    Spans spans(spans_.size());
    for (std::size_t i = 0; i < spans.size(); ++i) {
      const std::uint64_t parent = spans_[i].link.parent_span_id;
      const auto at = counts.find(parent);
      spans[i] = parent != 0 && at != counts.end() && at->second > (others[i] ? 1 : 0);
    }
    return spans;
  }

 private:
  std::span<const StructureSpan> spans_;
  std::vector<std::int32_t> parents_;
  std::vector<std::int32_t> order_;  ///< Parents first.
};

void keep(Spans& spans, const Spans& others, bool wanted) {
  for (std::size_t i = 0; i < spans.size(); ++i) spans[i] = spans[i] && others[i] == wanted;
}

Spans take_step(const StructureTrace& trace, const StructureStep& step, Spans spans) {
  Spans matching = trace.matching(step.filter);
  const bool at_any_depth = step.relation == Relation::kDescendant;
  const bool is_sibling = step.relation == Relation::kSibling;
  if (step.is_negated) {
    keep(spans, is_sibling ? trace.beside(matching) : trace.above(matching, at_any_depth), false);
    return spans;
  }
  keep(matching, is_sibling ? trace.beside(spans) : trace.below(spans, at_any_depth), true);
  return matching;
}

}  // namespace

std::size_t Structure::found_filter() const {
  std::size_t filter = 0;
  for (const StructureStep& step : steps) {
    if (!step.is_negated) filter = step.filter;
  }
  return filter;
}

bool Structure::is_required(std::size_t filter) const {
  return std::ranges::none_of(steps, [filter](const StructureStep& step) {
    return step.filter == filter && step.is_negated;
  });
}

Structure parse_structure(std::string_view text) {
  return StructureParser(text).parse();
}

std::vector<bool> find_structure(const Structure& structure, std::span<const StructureSpan> spans) {
  const StructureTrace trace(spans);
  Spans found = trace.matching(0);
  for (const StructureStep& step : structure.steps)
    found = take_step(trace, step, std::move(found));
  return found;
}

}  // namespace signalbox::server::query

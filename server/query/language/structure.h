#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "server/query/language/filter.h"
#include "server/query/traces/trace_tree.h"

/// Which spans of a trace are meant by their relations to others:
///
///     structure  = spans { relation spans } [ "|" conditions ]
///     spans      = "{" filter "}"
///     relation   = [ "!" ] ( ">>" | ">" | "~" )
///     conditions = a filter with the fields of trace_conditions.h
///
/// It is read from the left, as a set of spans that each relation changes:
///
///     A >> B   the spans of B that are below one of A, at any depth
///     A > B    the spans of B that are children of one of A
///     A ~ B    the spans of B that have the parent of another span, of A
///     A !>> B  the spans of A that have none of B below them; likewise !> and !~
namespace signalbox::server::query {

enum class Relation : std::uint8_t { kDescendant, kChild, kSibling };

struct StructureStep {
  Relation relation = Relation::kDescendant;
  bool is_negated = false;
  std::size_t filter = 0;  ///< Index.
};

struct Structure {
  std::vector<FilterNode> filters;  ///< 1 to kMaxStructureFilters.
  std::vector<StructureStep> steps;
  FilterNode conditions;  ///< On the trace; kAll if there are none.

  /// Index of the filter that all spans which are found match.
  [[nodiscard]] std::size_t found_filter() const;
  /// Whether a trace in which no span matches this filter has nothing to be found.
  [[nodiscard]] bool is_required(std::size_t filter) const;
};

inline constexpr std::size_t kMaxStructureFilters = 8;

/// Parses `text` (kMaxFilterBytes at most). Throws QueryError about parameter "structure", with
/// position and hint.
Structure parse_structure(std::string_view text);

/// A span of a trace, and which filters of a structure it matches: bit i for filter i.
struct StructureSpan {
  SpanLink link;
  std::uint8_t matches = 0;
};

/// Which of a trace's spans are found. O(n) for each step; parents as by parent_indexes, siblings
/// by the parent's id, which need not be there.
std::vector<bool> find_structure(const Structure& structure, std::span<const StructureSpan> spans);

}  // namespace signalbox::server::query

#include "server/query/user_sql/syntax_tree.h"

#include <charconv>
#include <cstddef>
#include <optional>
#include <stdexcept>
#include <utility>

namespace signalbox::server::query {
namespace {

constexpr std::string_view kChildren = " (children ";
constexpr std::string_view kAlias = " (alias ";

struct Line {
  std::size_t depth = 0;
  std::size_t children = 0;
  SyntaxNode node;
};

/// Takes " (children 3)" off the end of `text`.
std::size_t take_child_count(std::string_view& text) {
  const std::size_t at = text.rfind(kChildren);
  if (at == std::string_view::npos || !text.ends_with(')')) return 0;
  const std::string_view digits = text.substr(at + kChildren.size());
  std::size_t count = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), count);
  if (error != std::errc{} || end != digits.data() + digits.size() - 1) return 0;
  text = text.substr(0, at);
  return count;
}

Line parse_line(std::string_view text) {
  Line line;
  line.depth = text.find_first_not_of(' ');
  text.remove_prefix(line.depth);
  line.children = take_child_count(text);
  text = text.substr(0, text.find(kAlias));
  const std::size_t space = text.find(' ');
  line.node.kind = text.substr(0, space);
  if (space != std::string_view::npos) line.node.name = text.substr(space + 1);
  return line;
}

/// The lines of a tree, from front to back.
class Lines {
 public:
  explicit Lines(std::string_view rest) : rest_(rest) {}

  std::optional<Line> next() {
    while (!rest_.empty()) {
      const std::size_t end = rest_.find('\n');
      const std::string_view text = rest_.substr(0, end);
      rest_.remove_prefix(end == std::string_view::npos ? rest_.size() : end + 1);
      if (text.find_first_not_of(' ') != std::string_view::npos) return parse_line(text);
    }
    return std::nullopt;
  }

 private:
  std::string_view rest_;
};

[[noreturn]] void fail() {
  throw std::runtime_error("the engine's syntax tree cannot be read");
}

SyntaxNode parse_node(Lines& lines, std::size_t depth, std::size_t nesting_left) {
  std::optional<Line> line = lines.next();
  if (!line || line->depth != depth || nesting_left == 0) fail();
  for (std::size_t i = 0; i < line->children; ++i) {
    line->node.children.push_back(parse_node(lines, depth + 1, nesting_left - 1));
  }
  return std::move(line->node);
}

}  // namespace

SyntaxNode parse_syntax_tree(std::string_view text) {
  constexpr std::size_t kDeepest = 2000;  // The engine parses no deeper than 1000.
  Lines lines(text);
  SyntaxNode tree = parse_node(lines, 0, kDeepest);
  if (lines.next()) fail();
  return tree;
}

}  // namespace signalbox::server::query

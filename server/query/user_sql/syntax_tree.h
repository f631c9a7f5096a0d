#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace signalbox::server::query {

/// One node of what ClickHouse's `EXPLAIN AST` prints: a line each, children one space further in.
struct SyntaxNode {
  std::string kind;  ///< "Function", "Identifier", "TableIdentifier", "Literal", …
  std::string name;  ///< What follows it, without the alias; "" if nothing does.
  std::vector<SyntaxNode> children;
};

/// The tree that `text` shows. Throws std::runtime_error if it is not one tree, or a node has other
/// children than it says: a name with a line feed in it could otherwise look like nodes.
SyntaxNode parse_syntax_tree(std::string_view text);

}  // namespace signalbox::server::query

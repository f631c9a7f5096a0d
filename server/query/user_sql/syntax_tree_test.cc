#include "server/query/user_sql/syntax_tree.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace signalbox::server::query {
namespace {

TEST(SyntaxTree, HasKindsNamesAndChildren) {
  const SyntaxNode tree = parse_syntax_tree(
      "SelectQuery (children 2)\n"
      " Function plus (alias total) (children 1)\n"
      "  Identifier a b\n"
      " Literal 'x (children 7)'\n\n");
  EXPECT_EQ(tree.kind, "SelectQuery");
  ASSERT_EQ(tree.children.size(), 2U);
  EXPECT_EQ(tree.children[0].kind, "Function");
  EXPECT_EQ(tree.children[0].name, "plus");
  ASSERT_EQ(tree.children[0].children.size(), 1U);
  EXPECT_EQ(tree.children[0].children[0].name, "a b");
  EXPECT_EQ(tree.children[1].name, "'x (children 7)'");
}

TEST(SyntaxTree, IsRefusedIfItsLinesDoNotAddUp) {
  for (const char* text : {"", "A (children 1)\n", "A\nB\n", "A (children 1)\n  B\n",
                           "A (children 1)\n B\n B\n", " A\n"}) {
    EXPECT_THROW(parse_syntax_tree(text), std::runtime_error) << text;
  }
}

}  // namespace
}  // namespace signalbox::server::query

#include "server/query/user_sql/check.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <utility>

#include "server/ascii.h"
#include "server/query/plan/error.h"

namespace signalbox::server::query {
namespace {

constexpr std::array<std::string_view, 26> kHarmless = {"ArrayJoin",
                                                        "Asterisk",
                                                        "ColumnsExceptTransformer",
                                                        "ColumnsListMatcher",
                                                        "ColumnsRegexpMatcher",
                                                        "ColumnsReplaceTransformer",
                                                        "ColumnsReplaceTransformer::Replacement",
                                                        "ColumnsTransformerList",
                                                        "ExpressionList",
                                                        "Function",
                                                        "Identifier",
                                                        "InterpolateElement",
                                                        "Literal",
                                                        "OrderByElement",
                                                        "QualifiedAsterisk",
                                                        "SelectIntersectExceptQuery",
                                                        "SelectQuery",
                                                        "SelectWithUnionQuery",
                                                        "Subquery",
                                                        "TableExpression",
                                                        "TableIdentifier",
                                                        "TableJoin",
                                                        "TablesInSelectQuery",
                                                        "TablesInSelectQueryElement",
                                                        "WindowDefinition",
                                                        "WithElement"};
constexpr std::array<std::string_view, 8> kTableFunctions = {
    "numbers", "numbers_mt", "generateSeries", "generate_series",
    "values",  "VALUES",     "zeros",          "null"};

/// Typographic quotes, which the engine reads as quotes too.
constexpr std::array<std::string_view, 4> kFancyQuotes = {"‘", "’", "“", "”"};

[[noreturn]] void refuse(const std::string& message) {
  throw QueryError::invalid("sql", message);
}

/// The end of what is quoted from `at` on; its size if it has none.
std::size_t end_of_quoted(std::string_view sql, std::size_t at) {
  const char quote = sql[at];
  for (++at; at < sql.size(); ++at) {
    if (sql[at] == '\\') {
      ++at;
    } else if (sql[at] == quote) {
      return at + 1;
    }
  }
  return sql.size();
}

void check_name(std::string_view name) {
  const bool is_plain = std::all_of(name.begin(), name.end(), [](char c) {
    return static_cast<unsigned char>(c) >= ' ' && c != '\\' && c != '\x7F';
  });
  if (!is_plain) {
    refuse("A quoted name may have no backslash and no line feed: rename it, or use AS.");
  }
}

bool begins_comment(std::string_view rest) {
  return rest.starts_with("--") || rest.starts_with("/*") || rest.starts_with('#') ||
         rest.starts_with('$');
}

bool is_one_of_in(std::string_view function) {
  const std::string name = to_lower(function);
  return name.ends_with("in") || name.ends_with("inignoreset");
}

void check_table_name(const std::string& name) {
  const bool is_bare = std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
  });
  if (!is_bare) {
    refuse("'" + name + "' cannot be read here: GET /api/v1/sql/tables lists what can.");
  }
}

const SyntaxNode* only_child(const SyntaxNode& node, std::string_view kind) {
  return node.children.size() == 1 && node.children[0].kind == kind ? node.children.data()
                                                                    : nullptr;
}

/// Whether the tree is that of SELECT * FROM (…) LIMIT 1 FORMAT …, without anything beside these.
bool is_whole_subquery(const SyntaxNode& tree) {
  if (tree.children.size() != 2 || tree.children[1].kind != "Identifier") return false;
  const SyntaxNode* const select = only_child(tree.children[0], "SelectQuery");
  if (select == nullptr || select->children.size() != 3) return false;
  const SyntaxNode& tables = select->children[1];
  const SyntaxNode* const element = only_child(tables, "TablesInSelectQueryElement");
  const SyntaxNode* const table =
      element == nullptr ? nullptr : only_child(*element, "TableExpression");
  return table != nullptr && only_child(*table, "Subquery") != nullptr;
}

class Walk {
 public:
  void visit(const SyntaxNode& node) {
    check_kind(node);
    if (node.kind == "TableIdentifier") {
      check_table_name(node.name);
      found_.tables.insert(node.name);
    } else if (node.kind == "Function") {
      found_.functions.insert(node.name);
      if (is_one_of_in(node.name)) visit_in(node);
    } else if (node.kind == "Identifier") {
      // A function can be passed to another one by its name.
      if (node.name.find('.') == std::string::npos) found_.functions.insert(node.name);
    } else if (node.kind == "TableExpression") {
      visit_table(node);
    }
    for (const SyntaxNode& child : node.children) visit(child);
  }

  [[nodiscard]] SqlReferences take() { return std::move(found_); }

 private:
  static void check_kind(const SyntaxNode& node) {
    if (node.kind == "Set") refuse("SETTINGS cannot be changed here.");
    if (node.kind == "ColumnsApplyTransformer") {
      refuse("APPLY cannot be used here: write the columns out.");
    }
    if (std::find(kHarmless.begin(), kHarmless.end(), node.kind) == kHarmless.end()) {
      refuse("The query has a part that cannot be used here (" + node.kind +
             "): ask by a plain SELECT.");
    }
  }

  static void visit_table(const SyntaxNode& expression) {
    for (const SyntaxNode& child : expression.children) {
      if (child.kind != "Function" || std::find(kTableFunctions.begin(), kTableFunctions.end(),
                                                child.name) != kTableFunctions.end()) {
        continue;
      }
      refuse("The table function '" + child.name +
             "' cannot be used here: read tables, or numbers(…).");
    }
  }

  /// The right side of IN may be the bare name of a table.
  void visit_in(const SyntaxNode& function) {
    if (function.children.empty() || function.children[0].children.size() < 2) return;
    const SyntaxNode& right = function.children[0].children[1];
    if (right.kind != "Identifier") return;
    check_table_name(right.name);
    found_.tables.insert(right.name);
  }

  SqlReferences found_;
};

}  // namespace

void check_text(std::string_view sql) {
  const bool has_names = sql.find_first_of("`\"") != std::string_view::npos;
  for (std::size_t at = 0; at < sql.size();) {
    const std::string_view rest = sql.substr(at);
    if (rest[0] == '\'' || rest[0] == '`' || rest[0] == '"') {
      const std::size_t end = end_of_quoted(sql, at);
      if (rest[0] != '\'') check_name(sql.substr(at, end - at));
      at = end;
      continue;
    }
    if (begins_comment(rest)) {
      // What follows may be anything: a quote in it means nothing.
      if (has_names) refuse("Comments and quoted names do not go together: leave one out.");
      if (rest.find(';') != std::string_view::npos) {
        refuse("There may be no ';' in or behind a comment: send one statement.");
      }
      return;
    }
    if (rest[0] == ';') refuse("Send one statement, without a ';' at its end.");
    const auto is_here = [&](std::string_view quote) { return rest.starts_with(quote); };
    if (std::any_of(kFancyQuotes.begin(), kFancyQuotes.end(), is_here)) {
      refuse("Write quotes as ' or \", not as typographic ones.");
    }
    ++at;
  }
}

SqlReferences check_tree(const SyntaxNode& tree) {
  if (!is_whole_subquery(tree))
    refuse("Only one SELECT, with its parentheses in pairs, can be asked.");
  Walk walk;
  walk.visit(tree.children[0]);
  return walk.take();
}

}  // namespace signalbox::server::query

#pragma once

#include <set>
#include <string>
#include <string_view>

#include "server/query/user_sql/syntax_tree.h"

namespace signalbox::server::query {

/// Refuses, by QueryError, text that is more than one statement, or whose quoted names could
/// pretend to be something else in a syntax tree.
void check_text(std::string_view sql);

/// What a statement refers to, to be looked up in the engine.
struct SqlReferences {
  std::set<std::string> tables;     ///< Without a database; names of WITH clauses too.
  std::set<std::string> functions;  ///< As written; names that may be passed as a function too.
};

/// Walks the tree of `SELECT * FROM (statement) LIMIT 1 FORMAT …` and refuses, by QueryError, a
/// statement that reaches out of these parentheses, could change settings, or reads anything but
/// tables of the current database by their bare names: all kinds of nodes and all table functions
/// that are not known to be harmless.
SqlReferences check_tree(const SyntaxNode& tree);

}  // namespace signalbox::server::query

#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "server/query/plan/session.h"

namespace signalbox::server::query {

/// A statement of a client's own.
struct UserSql {
  std::string sql;             ///< One SELECT, at most 32 KiB, that has passed `check_text`.
  std::uint32_t limit = 1000;  ///< Rows; 1 to 10,000.
};

/// Reads the body of POST /api/v1/sql. Throws QueryError.
UserSql parse_user_sql(std::string_view body);

/// The answer to POST /api/v1/sql, as JSON. It is asked through a connection that can only read,
/// and only of the views that `list_sql_tables` lists; see docs/adr/0024-sql.md. Errors:
/// QueryError.
std::string run_user_sql(Session& session, const UserSql& query);

/// The answer to GET /api/v1/sql/tables, as JSON: the views with their columns.
std::string list_sql_tables(Session& session);

}  // namespace signalbox::server::query

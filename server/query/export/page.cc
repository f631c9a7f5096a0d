#include "server/query/export/page.h"

#include <utility>

namespace signalbox::server::query {
namespace {

/// By how much a page gets smaller that the engine has no memory for.
constexpr std::uint32_t kShrink = 16;

}  // namespace

std::string page_sql(const PageTable& table, const std::string& condition, const Cursor& from,
                     std::uint32_t limit, Parameters& parameters) {
  std::string select;
  for (const KeyColumn& column : table.key) select += key_select(column) + ", ";
  std::string sql = "SELECT " + select + table.columns + "\nFROM " + table.name + " WHERE " +
                    condition + " AND " + from.condition(table.key, parameters) + "\nORDER BY " +
                    table.order_by + "\nLIMIT " + std::to_string(limit);
  if (from.skip != 0) sql += " OFFSET " + std::to_string(from.skip);
  return sql;
}

Session::Piece read_rows(Session& session, const PageTable& table, const ConditionSql& condition,
                         const Cursor& from, std::uint32_t& limit) {
  while (true) {
    Parameters parameters;
    const std::string sql = page_sql(table, condition(parameters), from, limit, parameters);
    // A row alone is read to its end, however long it is.
    const std::size_t max_bytes = limit == 1 ? SIZE_MAX : kMaxPageBytes;
    try {
      return session.rows_up_to(max_bytes, sql, parameters);
    } catch (const QueryError& error) {
      if (error.code() != ErrorCode::kResourceExhausted || limit == 1) throw;
      limit = std::max(limit / kShrink, 1U);
    }
  }
}

}  // namespace signalbox::server::query

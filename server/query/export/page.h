#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <stdexcept>
#include <string>
#include <vector>

#include "otlp/arena.h"
#include "server/query/export/cursor.h"
#include "server/query/plan/error.h"
#include "server/query/plan/session.h"

/// Reads the rows of a table a page at a time.
namespace signalbox::server::query {

/// How a table is read.
struct PageTable {
  std::string name;
  std::vector<KeyColumn> key;
  /// Begins as the table is sorted, so that the engine reads on instead of sorting; then in the
  /// order of `key`, then by all else.
  std::string order_by;
  std::string columns;  ///< What is read besides the key.
};

/// Rows of a page. `Record` has a member `KeyValues key`, which is set, and `read(RowReader&,
/// Arena&)` for the other columns.
template <typename Record>
struct Page {
  std::string data;             ///< What the records refer to.
  otlp::internal::Arena arena;  ///< The same.
  std::deque<Record> records;   ///< They stay where they are.
  Cursor next;                  ///< Behind the last record.
  bool has_more = false;        ///< Or may have.
};

/// SQL of a condition; binds its values.
using ConditionSql = std::function<std::string(Parameters&)>;

/// A page ends with the row that goes beyond; the rows of one page are in memory.
inline constexpr std::size_t kMaxPageBytes = std::size_t{8} << 20;

std::string page_sql(const PageTable& table, const std::string& condition, const Cursor& from,
                     std::uint32_t limit, Parameters& parameters);

/// Rows read so far, as bytes; runs the statement with ever fewer rows while they do not fit into
/// memory. `limit` becomes the number of rows that was asked for.
Session::Piece read_rows(Session& session, const PageTable& table, const ConditionSql& condition,
                         const Cursor& from, std::uint32_t& limit);

template <typename Record>
Page<Record> read_page(Session& session, const PageTable& table, const ConditionSql& condition,
                       const Cursor& from, std::uint32_t limit) {
  Page<Record> page;
  page.next = from;
  Session::Piece piece = read_rows(session, table, condition, from, limit);
  page.data = std::move(piece.data);
  for (RowReader row(page.data); !row.at_end();) {
    Record& record = page.records.emplace_back();
    try {
      for (const KeyColumn& column : table.key) record.key.push_back(read_key(column, row));
      record.read(row, page.arena);
    } catch (const EndOfRows&) {
      if (piece.is_whole) throw;
      page.records.pop_back();
      break;
    }
    page.next.pass(record.key, table.key);
    // A piece may be larger than was asked for.
    if (page.data.size() - row.rest().size() >= kMaxPageBytes && !row.at_end()) {
      piece.is_whole = false;
      break;
    }
  }
  page.has_more = !piece.is_whole || page.records.size() == limit;
  return page;
}

}  // namespace signalbox::server::query

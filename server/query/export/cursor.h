#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "server/query/plan/rows.h"
#include "server/query/plan/sql.h"

/// Where in the order of a table a page ends, and how the next one finds that place again.
namespace signalbox::server::query {

/// One of the columns by which pages are ordered.
struct KeyColumn {
  enum class Type : std::uint8_t { kText, kId, kHash, kNumber, kMinute, kTime, kReceived };
  std::string_view name;  ///< SQL. kHash: UInt64, kNumber: UInt32, kMinute: DateTime.
  Type type = Type::kText;
  std::size_t id_bytes = 0;  ///< Of kId.
};

/// A value of it: raw bytes of kText and kId, digits of the others.
using KeyValues = std::vector<std::string>;

/// SQL of the column as `read_key` reads it.
std::string key_select(const KeyColumn& column);

/// Reads one value.
std::string read_key(const KeyColumn& column, RowReader& row);

/// Where a page begins: at the key `values`, behind the `skip` rows that have been there already.
struct Cursor {
  std::uint8_t table = 0;  ///< Of several that are read one after another.
  /// Of the first columns. Empty: the table's beginning.
  KeyValues values = {};
  /// The last value is only how a long text begins; rows are those whose text is behind that, and
  /// there are no further values.
  bool is_cut = false;
  std::uint64_t skip = 0;

  [[nodiscard]] std::string to_text() const;
  /// Throws QueryError about "cursor" if it is none of those that `to_text` made.
  static Cursor from_text(std::string_view text);

  /// Moves on behind a row of this key, the next in order.
  void pass(const KeyValues& key, const std::vector<KeyColumn>& columns);

  /// SQL that holds for the rows from `values` on, or "1". Throws as `from_text`.
  [[nodiscard]] std::string condition(const std::vector<KeyColumn>& columns,
                                      Parameters& parameters) const;

  friend bool operator==(const Cursor&, const Cursor&) = default;
};

}  // namespace signalbox::server::query

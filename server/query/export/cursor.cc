#include "server/query/export/cursor.h"

#include <charconv>
#include <stdexcept>
#include <utility>

#include "otlp/arena.h"
#include "otlp/parse_text.h"
#include "server/query/plan/error.h"
#include "server/query/plan/ids.h"
#include "server/store/columns/native.h"

namespace signalbox::server::query {
namespace {

/// A cursor travels in a header and in a parameter: a text of a megabyte must not.
constexpr std::size_t kMaxTextBytes = 256;

using Type = KeyColumn::Type;

QueryError no_cursor() {
  return QueryError::invalid(
      "cursor", "'cursor' must be the signalbox-next-cursor of an answer to the same request.");
}

template <typename Number>
Number parse_digits(const std::string& text) {
  Number number = 0;
  const char* const end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data(), end, number);
  if (parsed.ec != std::errc() || parsed.ptr != end) throw no_cursor();
  return number;
}

/// SQL for a value of the column.
std::string key_literal(const KeyColumn& column, const std::string& value, Parameters& parameters) {
  switch (column.type) {
    case Type::kText:
      return parameters.bind(value);
    case Type::kId:
      if (value.size() != column.id_bytes) throw no_cursor();
      return id_literal(value);
    case Type::kHash:
      return "toUInt64(" + parameters.bind(std::to_string(parse_digits<std::uint64_t>(value))) +
             ")";
    case Type::kNumber:
      return parameters.bind_int(parse_digits<std::int64_t>(value));
    case Type::kMinute:
      return "toDateTime(" + parameters.bind_int(parse_digits<std::int64_t>(value)) + ", 'UTC')";
    case Type::kTime:
      return "fromUnixTimestamp64Nano(" + parameters.bind_int(parse_digits<std::int64_t>(value)) +
             ")";
    case Type::kReceived:
      break;
  }
  return "fromUnixTimestamp64Micro(" + parameters.bind_int(parse_digits<std::int64_t>(value)) +
         ", 'UTC')";
}

}  // namespace

std::string key_select(const KeyColumn& column) {
  std::string name(column.name);
  if (column.type == Type::kMinute) return "toUnixTimestamp(" + name + ")";
  if (column.type == Type::kTime) return "toUnixTimestamp64Nano(" + name + ")";
  if (column.type == Type::kReceived) return "toUnixTimestamp64Micro(" + name + ")";
  return name;
}

std::string read_key(const KeyColumn& column, RowReader& row) {
  switch (column.type) {
    case Type::kText:
      return std::string(row.string());
    case Type::kId:
      return std::string(row.bytes(column.id_bytes));
    case Type::kHash:
      return std::to_string(row.u64());
    case Type::kNumber:
    case Type::kMinute:
      return std::to_string(row.u32());
    case Type::kTime:
    case Type::kReceived:
      break;
  }
  return std::to_string(row.i64());
}

std::string Cursor::to_text() const {
  std::string bytes;
  store::append_fixed(bytes, table);
  store::append_fixed(bytes, static_cast<std::uint8_t>(is_cut ? 1 : 0));
  store::append_fixed(bytes, skip);
  for (const std::string& value : values) store::append_string(bytes, value);
  return to_hex(bytes);
}

Cursor Cursor::from_text(std::string_view text) {
  otlp::internal::Arena arena;
  std::string_view bytes;
  if (!otlp::internal::decode_hex(text, arena, bytes)) throw no_cursor();
  try {
    RowReader row(bytes);
    Cursor cursor;
    cursor.table = row.u8();
    cursor.is_cut = row.boolean();
    cursor.skip = row.u64();
    while (!row.at_end()) cursor.values.emplace_back(row.string());
    return cursor;
  } catch (const std::runtime_error&) {
    throw no_cursor();  // It ends within a value.
  }
}

void Cursor::pass(const KeyValues& key, const std::vector<KeyColumn>& columns) {
  KeyValues kept;
  bool cut = false;
  for (std::size_t i = 0; i < key.size() && !cut; ++i) {
    cut = columns[i].type == Type::kText && key[i].size() > kMaxTextBytes;
    kept.push_back(cut ? key[i].substr(0, kMaxTextBytes) : key[i]);
  }
  if (cut == is_cut && kept == values) {
    ++skip;
    return;
  }
  values = std::move(kept);
  is_cut = cut;
  skip = 1;
}

std::string Cursor::condition(const std::vector<KeyColumn>& columns, Parameters& parameters) const {
  const bool fits = is_cut ? !values.empty() && values.size() <= columns.size()
                           : values.empty() || values.size() == columns.size();
  if (!fits) throw no_cursor();
  std::string sql;
  // From the innermost: a > x OR (a = x AND (b > y OR (b = y AND c >= z))).
  for (std::size_t i = values.size(); i-- > 0;) {
    const std::string value = key_literal(columns[i], values[i], parameters);
    std::string outer = "(";
    outer += columns[i].name;
    if (sql.empty()) {
      outer.append(is_cut ? " > " : " >= ").append(value).append(")");
    } else {
      outer.append(" > ").append(value).append(" OR (").append(columns[i].name);
      outer.append(" = ").append(value).append(" AND ").append(sql).append("))");
    }
    sql = std::move(outer);
  }
  return sql.empty() ? "1" : sql;
}

}  // namespace signalbox::server::query

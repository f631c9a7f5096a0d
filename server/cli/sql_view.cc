#include "server/cli/sql_view.h"

#include <algorithm>
#include <boost/json.hpp>
#include <string_view>
#include <vector>

#include "server/cli/json.h"
#include "server/cli/table.h"
#include "server/cli/text.h"
#include "server/cli/units.h"

namespace signalbox::server::cli {
namespace {

constexpr std::size_t kReadable = 10;  // Columns of the terminal that a shrunken one needs.
constexpr std::size_t kGap = 2;

/// A text as it is, a number without an exponent where that is readable, all else as JSON.
std::string value_of(const boost::json::value& value) {
  if (value.is_null()) return {};
  if (value.is_string()) return std::string(value.get_string());
  if (value.is_double()) return digits_of(value.get_double());
  return boost::json::serialize(value);
}

Cell cell(const boost::json::value& value) {
  if (value.is_null()) return {.text = "NULL", .sgr = color::kDim};
  return {.text = printable(value_of(value))};
}

bool is_numeric(const std::string& type) {
  for (const std::string_view part : {"Int", "Float", "Decimal"}) {
    if (type.find(part) != std::string::npos && type.find('(') == std::string::npos) return true;
  }
  return type.starts_with("Nullable(Int") || type.starts_with("Nullable(UInt") ||
         type.starts_with("Nullable(Float");
}

struct Result {
  std::vector<Column> columns;
  std::vector<std::vector<Cell>> rows;
};

Result result_of(const boost::json::value& answer) {
  Result result;
  for (const boost::json::value& column : items(answer, "columns")) {
    result.columns.push_back({.title = printable(text(column, "name")),
                              .is_number = is_numeric(text(column, "type")),
                              .can_shrink = !is_numeric(text(column, "type"))});
  }
  for (const boost::json::value& row : items(answer, "rows")) {
    std::vector<Cell>& cells = result.rows.emplace_back();
    if (const boost::json::array* const values = row.if_array()) {
      for (const boost::json::value& value : *values) cells.push_back(cell(value));
    }
    cells.resize(result.columns.size());
  }
  return result;
}

bool fits(const Result& result, std::size_t width) {
  std::size_t needed = 0;
  for (std::size_t i = 0; i < result.columns.size(); ++i) {
    std::size_t widest = columns(result.columns[i].title);
    for (const auto& row : result.rows) widest = std::max(widest, columns(row[i].text));
    needed += kGap + (result.columns[i].can_shrink ? std::min(widest, kReadable) : widest);
  }
  return needed <= width + kGap;
}

std::string as_lists(const Result& result, const Style& style) {
  std::size_t margin = 0;
  for (const Column& column : result.columns) margin = std::max(margin, columns(column.title));
  const std::size_t room = style.width > margin + kGap ? style.width - margin - kGap : 1;
  std::string text;
  for (std::size_t i = 0; i < result.rows.size(); ++i) {
    text += style.paint(color::kDim, "── " + std::to_string(i + 1) + " ──") + "\n";
    for (std::size_t at = 0; at < result.columns.size(); ++at) {
      text += style.paint(color::kDim, pad_right(result.columns[at].title, margin + kGap)) +
              style.paint(result.rows[i][at].sgr, cut(result.rows[i][at].text, room)) + "\n";
    }
  }
  return text;
}

}  // namespace

std::string sql_view(const boost::json::value& answer, const Style& style) {
  const Result result = result_of(answer);
  if (style.width > 0 && !fits(result, style.width)) return as_lists(result, style);
  return table(result.columns, result.rows, style);
}

std::string sql_csv(const boost::json::value& answer) {
  std::vector<std::string> titles;
  for (const boost::json::value& column : items(answer, "columns")) {
    titles.push_back(text(column, "name"));
  }
  std::vector<std::vector<std::string>> rows;
  for (const boost::json::value& row : items(answer, "rows")) {
    std::vector<std::string>& fields = rows.emplace_back();
    const boost::json::array* const values = row.if_array();
    if (values == nullptr) continue;
    for (const boost::json::value& value : *values) fields.push_back(value_of(value));
  }
  return csv(titles, rows);
}

std::string sql_tables_view(const boost::json::value& answer, const Style& style) {
  std::string shown;
  for (const boost::json::value& view : items(answer, "tables")) {
    shown += style.paint(color::kBold, printable(text(view, "name"))) + "\n";
    std::vector<std::vector<Cell>> rows;
    for (const boost::json::value& column : items(view, "columns")) {
      rows.push_back({{.text = "  " + printable(text(column, "name"))},
                      {.text = printable(text(column, "type")), .sgr = color::kDim}});
    }
    shown += table({{.title = "  COLUMN"}, {.title = "TYPE", .can_shrink = true}}, rows, style);
  }
  return shown;
}

}  // namespace signalbox::server::cli

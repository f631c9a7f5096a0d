#include "server/cli/table.h"

#include <algorithm>
#include <numeric>

#include "server/cli/text.h"

namespace signalbox::server::cli {
namespace {

constexpr std::size_t kGap = 2;
constexpr std::size_t kLeastColumn = 6;

/// Takes from the widest columns that can shrink until all fit.
void shrink(std::vector<std::size_t>& widths, const std::vector<Column>& columns,
            std::size_t most) {
  std::size_t used = std::accumulate(widths.begin(), widths.end(), kGap * (widths.size() - 1));
  while (used > most) {
    std::size_t widest = widths.size();
    for (std::size_t i = 0; i < widths.size(); ++i) {
      if (!columns[i].can_shrink || widths[i] <= kLeastColumn) continue;
      if (widest == widths.size() || widths[i] > widths[widest]) widest = i;
    }
    if (widest == widths.size()) return;
    --widths[widest];
    --used;
  }
}

std::string line(const std::vector<Cell>& cells, const std::vector<Column>& columns,
                 const std::vector<std::size_t>& widths, const Style& style) {
  std::string result;
  for (std::size_t i = 0; i < columns.size(); ++i) {
    const std::string shown = cut(cells[i].text, widths[i]);
    const std::string space(widths[i] - std::min(widths[i], cli::columns(shown)), ' ');
    if (columns[i].is_number) result += space;
    result += style.paint(cells[i].sgr, shown);
    if (i + 1 == columns.size()) break;
    if (!columns[i].is_number) result += space;
    result.append(kGap, ' ');
  }
  while (result.ends_with(' ')) result.pop_back();
  return result + '\n';
}

std::string csv_field(const std::string& text) {
  if (text.find_first_of(",\"\r\n") == std::string::npos) return text;
  std::string quoted = "\"";
  for (const char c : text) {
    if (c == '"') quoted += '"';
    quoted += c;
  }
  return quoted + '"';
}

std::string csv_line(const std::vector<std::string>& fields) {
  std::string result;
  for (std::size_t i = 0; i < fields.size(); ++i) {
    if (i > 0) result += ',';
    result += csv_field(fields[i]);
  }
  return result + "\r\n";
}

}  // namespace

std::string table(const std::vector<Column>& columns, const std::vector<std::vector<Cell>>& rows,
                  const Style& style) {
  std::vector<Cell> titles;
  std::vector<std::size_t> widths;
  for (const Column& column : columns) {
    titles.push_back({.text = column.title, .sgr = color::kDim});
    widths.push_back(std::max<std::size_t>(1, cli::columns(column.title)));
  }
  for (const auto& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], cli::columns(row[i].text));
    }
  }
  if (style.width > 0 && !columns.empty()) shrink(widths, columns, style.width);
  std::string result = line(titles, columns, widths, style);
  for (const auto& row : rows) result += line(row, columns, widths, style);
  return result;
}

std::string csv(const std::vector<std::string>& titles,
                const std::vector<std::vector<std::string>>& rows) {
  std::string result = csv_line(titles);
  for (const auto& row : rows) result += csv_line(row);
  return result;
}

}  // namespace signalbox::server::cli

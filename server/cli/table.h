#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "server/cli/style.h"

namespace signalbox::server::cli {

struct Cell {
  std::string text = {};  ///< Printable.
  std::string_view sgr = {};
};

struct Column {
  std::string title;
  bool is_number = false;   ///< Aligned right.
  bool can_shrink = false;  ///< Is cut where the table is wider than the terminal.
};

/// Rows of cells, one for each column, below their titles; a line each.
std::string table(const std::vector<Column>& columns, const std::vector<std::vector<Cell>>& rows,
                  const Style& style);

/// The same as comma-separated values (RFC 4180), titles first.
std::string csv(const std::vector<std::string>& titles,
                const std::vector<std::vector<std::string>>& rows);

}  // namespace signalbox::server::cli

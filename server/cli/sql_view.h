#pragma once

#include <boost/json/value.hpp>
#include <string>

#include "server/cli/style.h"

namespace signalbox::server::cli {

/// Of POST /api/v1/sql: a table, or, where its columns do not fit the terminal, each row as a list.
std::string sql_view(const boost::json::value& answer, const Style& style);

/// The same as comma-separated values.
std::string sql_csv(const boost::json::value& answer);

/// Of GET /api/v1/sql/tables: each view and its columns.
std::string sql_tables_view(const boost::json::value& answer, const Style& style);

}  // namespace signalbox::server::cli

#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <string_view>

#include "server/cli/style.h"

/// Answers of POST /api/v1/query.
namespace signalbox::server::cli {

/// A table for each result: its groups, their values, and these over time where that was asked for.
std::string query_view(const boost::json::value& answer, const Style& style);

/// A chart for each aggregation of each result that has values over time.
std::string query_charts(const boost::json::value& answer, const Style& style);

/// The values of the whole range as comma-separated values; of several results with their names.
std::string query_csv(const boost::json::value& answer);

/// How many groups all results have.
std::size_t count_groups(const boost::json::value& answer);

}  // namespace signalbox::server::cli

#pragma once

#include <boost/json/array.hpp>
#include <boost/json/value.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "server/cli/style.h"
#include "server/cli/table.h"

/// Members of the API's answers as cells of tables.
namespace signalbox::server::cli {

/// Whether there is room for what is nice to know.
bool has_room(const Style& style);

/// A member's text, printable.
std::string shown(const boost::json::value& object, std::string_view name);
/// `name`, or that there is none.
std::string named(const std::string& name);

/// Nanoseconds; "–" of null.
Cell duration_cell(const boost::json::value& object, std::string_view name);
/// The member `error_rate`; "–" if the member `count`, of what it would be, is 0.
Cell error_cell(const boost::json::value& object, std::string_view count = "span_count");
Cell rate_cell(const boost::json::value& object, std::string_view name = "requests_per_second");
/// The member `apdex`, as the Apdex specification writes it: with two decimals.
Cell apdex_cell(const boost::json::value& object);

/// Numbers, and where they are null nothing: as charts take them.
std::vector<std::optional<double>> values_of(const boost::json::array& array);

}  // namespace signalbox::server::cli

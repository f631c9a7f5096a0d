#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <string_view>

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
/// The member `error_rate`; "–" if there are no spans of which it would be.
Cell error_cell(const boost::json::value& object);
/// The member `requests_per_second`.
Cell rate_cell(const boost::json::value& object);
/// The member `apdex`, as the Apdex specification writes it: with two decimals.
Cell apdex_cell(const boost::json::value& object);

}  // namespace signalbox::server::cli

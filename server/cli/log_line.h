#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <string_view>

#include "server/cli/style.h"

namespace signalbox::server::cli {

/// The colour of a severity as the API names it ("warn"); none if it needs none.
std::string_view color_of_severity(std::string_view severity);

/// What the record says, as it was sent: its body, behind the name of the event that it is.
std::string log_text(const boost::json::value& record);

/// "WARN ": five columns.
std::string severity_text(const boost::json::value& record);

struct LogLineOptions {
  bool with_date = false;
  std::size_t service_width = 0;  ///< Columns to which the service's name is filled.
};

/// A log record on a line, with the further lines of its body (a stack trace) below, indented:
/// time, severity, service, body, and what of its attributes fits into the terminal's width.
std::string log_line(const boost::json::value& record, const LogLineOptions& options,
                     const Style& style);

}  // namespace signalbox::server::cli

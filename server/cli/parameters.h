#pragma once

#include <string>
#include <utility>
#include <vector>

#include "server/config/client_options.h"

/// What was typed, as the API wants it. Errors: Failure.
namespace signalbox::server::cli {

using Parameters = std::vector<std::pair<std::string, std::string>>;

/// `start` and `end`.
void add_range(Parameters& parameters, const config::Times& times);

/// Time range, filter and service.
Parameters selection_of(const config::Selection& selection);

/// Filter and service as one filter.
std::string filter_with_service(const config::Selection& selection);

/// A trace's id as people paste it: in capitals, with dashes or a traceparent around it.
std::string trace_id_of(const std::string& typed);

/// "30s" in nanoseconds.
std::string step_ns(const std::string& step);

/// What the file of --file says; "-" is the standard input.
std::string read_file(const std::string& name);

}  // namespace signalbox::server::cli

#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <string>

#include "server/cli/style.h"

/// Answers of the API as text for people.
namespace signalbox::server::cli {

/// Of GET /api/v1/traces. `now_ns`: what "today" means.
std::string traces_view(const boost::json::value& answer, std::int64_t now_ns, const Style& style);
/// Of the records of GET /api/v1/logs, the newest first; the text has it last.
std::string logs_view(const boost::json::array& records, std::int64_t now_ns, const Style& style);
/// Of GET /api/v1/logs/patterns.
std::string log_patterns_view(const boost::json::value& answer, std::int64_t now_ns,
                              const Style& style);
/// Of GET /api/v1/logs/{id}/context: the record is marked with "> ".
std::string log_context_view(const boost::json::value& answer, std::int64_t now_ns,
                             const Style& style);
/// Of GET /api/v1/metrics.
std::string metrics_view(const boost::json::value& answer, std::int64_t now_ns, const Style& style);
/// Of GET /api/v1/metrics/query: a chart.
std::string metric_view(const boost::json::value& answer, const Style& style);

/// The sentences of an answer's `warnings`, a line each.
std::string warnings_view(const boost::json::value& answer);

}  // namespace signalbox::server::cli

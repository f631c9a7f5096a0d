#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <string>

#include "server/cli/style.h"

namespace signalbox::server::cli {

/// Of GET /api/v1/errors. `now_ns`: what "ago" means.
std::string errors_view(const boost::json::value& answer, std::int64_t now_ns, const Style& style);

}  // namespace signalbox::server::cli

#pragma once

#include <string>

#include "server/query/errors/error_groups.h"

namespace signalbox::server::query {

/// The filter that finds the spans or log records of a group; it may find others whose messages are
/// like these.
[[nodiscard]] std::string error_filter(const ErrorKey& key);

}  // namespace signalbox::server::query

#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace signalbox::server::query {

/// 99.9 of "p99.9": from 0 to 100; nothing if it is no percentile.
std::optional<double> parse_percentile(std::string_view name);

/// "p99.9" of 99.9.
std::string percentile_name(double percentile);

}  // namespace signalbox::server::query

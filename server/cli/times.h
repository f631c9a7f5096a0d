#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "server/config/client_options.h"

/// Points in time, as nanoseconds since 1970, as people write and read them: in local time.
namespace signalbox::server::cli {

/// From `start_ns` inclusive to `end_ns` exclusive.
struct Range {
  std::int64_t start_ns = 0;
  std::int64_t end_ns = 0;
};

/// "2026-12-01T14:00:00.5Z", "2026-12-01 14:00", "2026-12-01", "14:00", "yesterday", "yesterday
/// 14:00", "now", or an age such as "15m": so long before `now_ns`. Nothing if it is none of these.
std::optional<std::int64_t> parse_time(std::string_view text, std::int64_t now_ns);

/// The range of --since, --from and --to. Errors: Failure.
Range parse_range(const config::Times& times, std::int64_t now_ns);

/// "2026-12-01 14:00:00.123".
std::string date_time_text(std::int64_t ns);
/// "14:00:00.123".
std::string clock_text(std::int64_t ns);
/// "12-01 14:00".
std::string day_time_text(std::int64_t ns);
/// "14:00" or, if a chart of `length_ns` needs it, "14:00:05", or "12-01 14:00".
std::string axis_text(std::int64_t ns, std::int64_t length_ns);
/// "12 s ago".
std::string age_text(std::int64_t ns, std::int64_t now_ns);
/// Whether both are on one local day.
bool is_same_day(std::int64_t a_ns, std::int64_t b_ns);

std::int64_t now();

}  // namespace signalbox::server::cli

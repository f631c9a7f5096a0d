#pragma once

#include <cstdint>
#include <string>

#include "server/query/json/json.h"
#include "server/query/plan/sql.h"

namespace signalbox::server::query {

/// From `start_ns` inclusive to `end_ns` exclusive, nanoseconds since 1970; start < end.
struct TimeRange {
  std::int64_t start_ns = 0;
  std::int64_t end_ns = 0;

  [[nodiscard]] std::int64_t length_ns() const noexcept { return end_ns - start_ns; }
};

/// So much longer at each end, as far as there are times: from 0 to 2^63 - 1.
TimeRange widened(const TimeRange& range, std::int64_t by_ns);

/// Equal buckets that cover a range; the first starts at a multiple of the step.
struct Buckets {
  std::int64_t first_ns = 0;  ///< Start of the first.
  std::int64_t step_ns = 1;   ///< > 0
  std::int64_t count = 0;     ///< > 0

  [[nodiscard]] std::int64_t time_ns(std::int64_t index) const noexcept {
    return first_ns + index * step_ns;
  }
  [[nodiscard]] std::int64_t end_ns() const noexcept { return time_ns(count); }
};

/// The smallest round step (1, 2, 5, 10, 15, 30 … of ms, s, min, h, d) not under `at_least_ns`.
std::int64_t round_step_ns(std::int64_t at_least_ns);

/// Buckets of `step_ns` (> 0) that cover `range`.
Buckets buckets_of(const TimeRange& range, std::int64_t step_ns);

/// About `target` buckets of a round step that cover `range`.
Buckets round_buckets(const TimeRange& range, std::int64_t target);

/// "column >= … AND column < …" for a DateTime64(9) column.
std::string in_range(const std::string& column, const TimeRange& range, Parameters& parameters);

/// SQL for the index (from 0) of the bucket that `column`, DateTime64(9), falls into.
std::string bucket_index(const std::string& column, const Buckets& buckets, Parameters& parameters);

/// Writes "times", when each bucket begins, into an open object.
void write_times(const Buckets& buckets, JsonWriter& json);

/// "30 s", "5 min": for people.
std::string format_step(std::int64_t step_ns);

}  // namespace signalbox::server::query

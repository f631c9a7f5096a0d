#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "server/query/plan/rows.h"

namespace signalbox::server::query {

/// How many spans have which duration, by the buckets that 003_side_tables.sql describes.
class Durations {
 public:
  /// How many there are, and how far that is off at most.
  struct Count {
    double estimate = 0;
    double error = 0;
  };

  /// Of an Array(Tuple(UInt16, UInt64)): buckets and numbers.
  static Durations read(RowReader& row);

  /// No duration is outside of this.
  void set_range(std::int64_t min_ns, std::int64_t max_ns) noexcept;

  /// Within the range; off by at most a sixteenth. NaN if there are none.
  [[nodiscard]] double quantile(double q) const;
  /// Off by at most 3.2 %. NaN if there are none.
  [[nodiscard]] double mean() const;
  /// Of `limit_ns` (>= 0) or less; exact where no duration shares its bucket.
  [[nodiscard]] Count at_most(std::int64_t limit_ns) const;
  [[nodiscard]] std::uint64_t count() const noexcept { return count_; }

 private:
  struct Bounds {
    double begin, end;
  };
  /// Where the durations of the bucket can be.
  [[nodiscard]] Bounds bounds(std::uint16_t bucket) const;

  std::vector<std::pair<std::uint16_t, std::uint64_t>> buckets_;  // By bucket.
  std::uint64_t count_ = 0;
  double min_ = 0;
  double max_ = 9.3e18;  // More than an Int64.
};

/// SQL (UInt16) for the bucket of `duration_ns`, which is SQL too (Int64).
[[nodiscard]] std::string duration_bucket_sql(const std::string& duration_ns);

}  // namespace signalbox::server::query

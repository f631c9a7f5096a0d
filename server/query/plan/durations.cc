#include "server/query/plan/durations.h"

#include <algorithm>
#include <limits>

#include "server/store/columns/durations.h"

namespace signalbox::server::query {

Durations Durations::read(RowReader& row) {
  Durations durations;
  for (std::size_t left = row.size(); left > 0; --left) {
    const std::uint16_t bucket = row.u16();
    durations.buckets_.emplace_back(bucket, row.u64());
    durations.count_ += durations.buckets_.back().second;
  }
  std::sort(durations.buckets_.begin(), durations.buckets_.end());
  return durations;
}

void Durations::set_range(std::int64_t min_ns, std::int64_t max_ns) noexcept {
  min_ = static_cast<double>(min_ns);
  max_ = static_cast<double>(max_ns);
}

double Durations::quantile(double q) const {
  if (count_ == 0) return std::numeric_limits<double>::quiet_NaN();
  const double rank = q * static_cast<double>(count_);
  double below = 0;
  for (const auto& [bucket, count] : buckets_) {
    const auto in_bucket = static_cast<double>(count);
    if (below + in_bucket >= rank) {
      const double begin = store::duration_bucket_begin(bucket);
      const double end = store::duration_bucket_begin(static_cast<std::uint16_t>(bucket + 1));
      const double value = begin + (end - begin) * (rank - below) / in_bucket;
      return std::clamp(value, min_, max_);
    }
    below += in_bucket;
  }
  return max_;
}

Durations::Bounds Durations::bounds(std::uint16_t bucket) const {
  const double begin = store::duration_bucket_begin(bucket);
  const double end = store::duration_bucket_begin(static_cast<std::uint16_t>(bucket + 1));
  // Durations are whole numbers, and the end is none of them.
  return {std::clamp(begin, min_, max_), std::clamp(end, min_, max_ + 1)};
}

double Durations::mean() const {
  double sum = 0;
  for (const auto& [bucket, count] : buckets_) {
    const auto [begin, end] = bounds(bucket);
    sum += (begin + std::max(begin, end - 1)) / 2 * static_cast<double>(count);
  }
  return sum / static_cast<double>(count_);
}

Durations::Count Durations::at_most(std::int64_t limit_ns) const {
  const double limit = static_cast<double>(limit_ns) + 1;
  Count result;
  for (const auto& [bucket, count] : buckets_) {
    const auto in_bucket = static_cast<double>(count);
    const auto [begin, end] = bounds(bucket);
    if (end <= limit) {
      result.estimate += in_bucket;
    } else if (begin < limit) {
      const double share = (limit - begin) / (end - begin);
      result.estimate += share * in_bucket;
      result.error = std::max(share, 1 - share) * in_bucket;
    }
  }
  return result;
}

std::string duration_bucket_sql(const std::string& duration_ns) {
  const std::string positive = "greatest(" + duration_ns + ", 1)";
  const std::string rounded = "toInt64(floor(log2(" + positive + ")))";
  // The logarithm of a large number may be rounded up to the next whole one.
  const std::string exponent =
      "(" + rounded + " - (bitShiftLeft(toInt64(1), " + rounded + ") > " + positive + "))";
  return "toUInt16(multiIf(" + duration_ns + " < 0, 0, " + duration_ns + " < 16, " + duration_ns +
         ", (" + exponent + " - 3) * 16 + bitShiftRight(" + duration_ns + ", " + exponent +
         " - 4) - 16))";
}

}  // namespace signalbox::server::query

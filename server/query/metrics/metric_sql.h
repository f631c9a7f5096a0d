#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "server/query/plan/sql.h"
#include "server/query/plan/time_range.h"

/// The SQL behind a metric's chart.
///
/// A point of a sum or histogram tells what happened in an interval: since its start time if it is
/// delta or the first of a cumulative stream, else since the point before. A stream is a series
/// with one start time, so a restart begins a new one and two processes that share a series do not
/// disturb each other; a count that falls within a stream is a restart too. The first point of a
/// stream that began long ago is counted, as of the last interval, only if its process was heard of
/// before by another series of the metric: the first error of a process is an increase, the totals
/// of one that begins to send after days are none. What happened in an interval is spread evenly
/// over the buckets it overlaps, and rates divide by the time covered, so neither steps that are no
/// multiple of the export interval nor jitter make a chart ragged.
///
/// Points that were sent several times count once: those of one series, start time and time.
///
/// Values (gauges, up-down counters) hold until the next point, at most one and a half intervals.
namespace signalbox::server::query {

inline constexpr int kMaxGroups = 100;

/// What all statements about one metric share; the strings are SQL.
struct MetricSource {
  std::string table;
  std::string name;    ///< Placeholder of the metric's name.
  std::string series;  ///< SELECT of series_id, temporality, resource_id and labels, a row each.
  Buckets buckets;
  std::int64_t interval_ns = 0;  ///< Between two points of a series; > 0.
  int max_groups = kMaxGroups;
};

/// How the series of a group become one.
enum class Across : std::uint8_t { kSum, kAvg, kMin, kMax, kLast, kCount };

/// What is drawn of what happened per interval.
enum class OfIncrease : std::uint8_t {
  kRate,      ///< Per second, of the first value.
  kIncrease,  ///< Of the first value.
  kSum,       ///< Increase of the second value.
  kMean,      ///< Increase of the second value by that of the first.
};

/// Each statement yields rows (labels Array(String), buckets Array(Int64), values Array(Float64),
/// groups UInt64), the group with the largest latest values first; `groups` is the number of groups
/// before the limit of `max_groups`.
/// `first` and `second` are SQL over a row of the table, Float64: a monotonic count, and what is
/// summed beside it ("0." if nothing is).
std::string increase_sql(const MetricSource& source, const std::string& first,
                         const std::string& second, OfIncrease what, Across across);

/// `value` is SQL over a row of the table; `is_recorded` tells whether the row has one.
std::string value_sql(const MetricSource& source, const std::string& value,
                      const std::string& is_recorded, Across across);

/// Quantiles of histograms with explicit bounds; `values` is Array(Array(Float64)), one inner array
/// a bucket, in the order of `quantiles`.
std::string histogram_quantiles_sql(const MetricSource& source,
                                    const std::vector<double>& quantiles);

/// The same of exponential histograms, at `scale`: the smallest that occurs.
std::string exponential_quantiles_sql(const MetricSource& source, std::int32_t scale,
                                      const std::vector<double>& quantiles);

/// One Int32: that scale.
std::string smallest_scale_sql(const MetricSource& source);

}  // namespace signalbox::server::query

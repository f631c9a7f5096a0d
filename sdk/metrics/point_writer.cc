#include "sdk/metrics/point_writer.h"

#include <bit>
#include <utility>

#include "otlp/wire.h"

namespace signalbox::metrics::detail {
namespace {

namespace wire = otlp::wire;

// Field numbers of opentelemetry.proto.metrics.v1 and its collector service.
constexpr std::uint32_t kRequestResourceMetrics = 1;
constexpr std::uint32_t kResourceMetricsResource = 1;
constexpr std::uint32_t kResourceMetricsScopeMetrics = 2;
constexpr std::uint32_t kResourceMetricsSchemaUrl = 3;
constexpr std::uint32_t kScopeMetricsScope = 1;
constexpr std::uint32_t kScopeMetricsMetrics = 2;
constexpr std::uint32_t kScopeMetricsSchemaUrl = 3;
constexpr std::uint32_t kMetricName = 1;
constexpr std::uint32_t kMetricDescription = 2;
constexpr std::uint32_t kMetricUnit = 3;
constexpr std::uint32_t kMetricGauge = 5;
constexpr std::uint32_t kMetricSum = 7;
constexpr std::uint32_t kMetricHistogram = 9;
constexpr std::uint32_t kDataPoints = 1;
constexpr std::uint32_t kDataTemporality = 2;
constexpr std::uint32_t kSumIsMonotonic = 3;
constexpr std::uint32_t kPointStart = 2;
constexpr std::uint32_t kPointTime = 3;
constexpr std::uint32_t kNumberDouble = 4;
constexpr std::uint32_t kNumberInt = 6;
constexpr std::uint32_t kHistogramCount = 4;
constexpr std::uint32_t kHistogramSum = 5;
constexpr std::uint32_t kHistogramBucketCounts = 6;
constexpr std::uint32_t kHistogramBounds = 7;
constexpr std::uint32_t kHistogramMin = 11;
constexpr std::uint32_t kHistogramMax = 12;

void append_time(std::string& out, std::uint32_t field, Timestamp time) {
  wire::append_fixed64_field(out, field,
                             static_cast<std::uint64_t>(time.time_since_epoch().count()));
}

template <typename T>
void append_packed(std::string& out, std::uint32_t field, std::span<const T> values) {
  static_assert(sizeof(T) == 8);
  if (values.empty()) {
    return;
  }
  wire::append_length_prefix(out, field, values.size_bytes());
  for (const T value : values) {
    char scratch[8];
    out.append(scratch, wire::write_fixed64(scratch, std::bit_cast<std::uint64_t>(value)));
  }
}

void append_text(std::string& out, std::uint32_t field, std::string_view text) {
  if (!text.empty()) {
    wire::append_bytes_field(out, field, text);
  }
}

}  // namespace

PointWriter::PointWriter(std::string resource, std::string_view resource_schema_url,
                         std::size_t max_bytes)
    : resource_(std::move(resource)),
      resource_schema_url_(resource_schema_url),
      max_bytes_(max_bytes) {}

void PointWriter::begin_scope(std::string_view scope, std::string_view schema_url) {
  end_scope();
  scope_ = scope;
  scope_schema_url_ = schema_url;
}

void PointWriter::begin_metric(const Metric& metric) {
  end_metric();
  metric_ = metric;
}

void PointWriter::add(std::string_view attributes, Times times, std::int64_t value) {
  point_.clear();
  if (metric_.type != Type::kGauge) {
    append_time(point_, kPointStart, times.start);
  }
  append_time(point_, kPointTime, times.time);
  wire::append_fixed64_field(point_, kNumberInt, static_cast<std::uint64_t>(value));
  point_ += attributes;
  add_point(point_);
}

void PointWriter::add(std::string_view attributes, Times times, double value) {
  point_.clear();
  if (metric_.type != Type::kGauge) {
    append_time(point_, kPointStart, times.start);
  }
  append_time(point_, kPointTime, times.time);
  wire::append_double_field(point_, kNumberDouble, value);
  point_ += attributes;
  add_point(point_);
}

void PointWriter::add(std::string_view attributes, Times times, const Distribution& distribution) {
  point_.clear();
  append_time(point_, kPointStart, times.start);
  append_time(point_, kPointTime, times.time);
  wire::append_fixed64_field(point_, kHistogramCount, distribution.count);
  wire::append_double_field(point_, kHistogramSum, distribution.sum);
  append_packed(point_, kHistogramBucketCounts, distribution.buckets);
  append_packed(point_, kHistogramBounds, distribution.boundaries);
  point_ += attributes;
  if (distribution.has_extremes) {
    wire::append_double_field(point_, kHistogramMin, distribution.min);
    wire::append_double_field(point_, kHistogramMax, distribution.max);
  }
  add_point(point_);
}

void PointWriter::add_point(std::string_view point) {
  const std::size_t open_bytes = resource_.size() + scopes_.size() + metrics_.size() +
                                 points_.size() + scope_.size() + metric_.description.size();
  if (request_points_ != 0 && open_bytes + point.size() > max_bytes_) {
    end_scope();
    end_request();
  }
  wire::append_bytes_field(points_, kDataPoints, point);
  ++request_points_;
}

void PointWriter::end_metric() {
  if (points_.empty()) {
    return;
  }
  std::uint32_t data_field = kMetricGauge;
  if (metric_.type != Type::kGauge) {
    wire::append_varint_field(points_, kDataTemporality,
                              static_cast<std::uint64_t>(metric_.temporality));
    data_field = kMetricHistogram;
  }
  if (metric_.type == Type::kSum) {
    data_field = kMetricSum;
    if (metric_.is_monotonic) {
      wire::append_varint_field(points_, kSumIsMonotonic, 1);
    }
  }
  std::string metric;
  wire::append_bytes_field(metric, kMetricName, metric_.name);
  append_text(metric, kMetricDescription, metric_.description);
  append_text(metric, kMetricUnit, metric_.unit);
  wire::append_bytes_field(metric, data_field, points_);
  wire::append_bytes_field(metrics_, kScopeMetricsMetrics, metric);
  points_.clear();
}

void PointWriter::end_scope() {
  end_metric();
  if (metrics_.empty()) {
    return;
  }
  std::string scope;
  wire::append_bytes_field(scope, kScopeMetricsScope, scope_);
  scope += metrics_;
  append_text(scope, kScopeMetricsSchemaUrl, scope_schema_url_);
  wire::append_bytes_field(scopes_, kResourceMetricsScopeMetrics, scope);
  metrics_.clear();
}

void PointWriter::end_request() {
  if (scopes_.empty()) {
    return;
  }
  std::string resource_metrics;
  wire::append_bytes_field(resource_metrics, kResourceMetricsResource, resource_);
  resource_metrics += scopes_;
  append_text(resource_metrics, kResourceMetricsSchemaUrl, resource_schema_url_);
  Request request{.bytes = {}, .points = request_points_};
  wire::append_bytes_field(request.bytes, kRequestResourceMetrics, resource_metrics);
  requests_.push_back(std::move(request));
  scopes_.clear();
  request_points_ = 0;
}

std::vector<PointWriter::Request> PointWriter::finish() {
  end_scope();
  end_request();
  return std::exchange(requests_, {});
}

}  // namespace signalbox::metrics::detail

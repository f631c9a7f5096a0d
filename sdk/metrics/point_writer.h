#pragma once

#include <signalbox/common/timestamp.h>

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace signalbox::metrics::detail {

enum class Temporality : std::uint8_t { kNone = 0, kDelta = 1, kCumulative = 2 };

/// Writes data points as ExportMetricsServiceRequests: resource, then scopes, their metrics and
/// points, in that order. A request that grows too long is closed and the same metric goes on in
/// the next. Not thread-safe.
class PointWriter {
 public:
  enum class Type : std::uint8_t { kGauge, kSum, kHistogram };
  struct Metric {
    std::string_view name;
    std::string_view description;
    std::string_view unit;
    Type type = Type::kGauge;
    Temporality temporality = Temporality::kNone;
    bool is_monotonic = false;
  };
  struct Times {
    Timestamp start;  ///< Not written for gauges.
    Timestamp time;
  };
  struct Distribution {
    std::uint64_t count = 0;
    double sum = 0;
    bool has_extremes = false;
    double min = 0;
    double max = 0;
    std::span<const std::uint64_t> buckets;
    std::span<const double> boundaries;
  };

  /// `resource`: the encoded Resource message.
  PointWriter(std::string resource, std::string_view resource_schema_url, std::size_t max_bytes);

  /// `scope`: the encoded InstrumentationScope message. Both must stay valid until the next.
  void begin_scope(std::string_view scope, std::string_view schema_url);
  /// Number of the field that holds the attributes of a point.
  [[nodiscard]] static constexpr std::uint32_t attributes_field(Type type) noexcept {
    return type == Type::kHistogram ? 9 : 7;
  }
  /// What `metric` refers to must stay valid until the next. The attributes of a point are encoded,
  /// as repeated field number `attributes_field` of its type.
  void begin_metric(const Metric& metric);
  void add(std::string_view attributes, Times times, std::int64_t value);
  void add(std::string_view attributes, Times times, double value);
  void add(std::string_view attributes, Times times, const Distribution& distribution);

  struct Request {
    std::string bytes;
    std::uint64_t points = 0;
  };
  /// All that was written.
  [[nodiscard]] std::vector<Request> finish();

 private:
  void add_point(std::string_view point);
  void end_metric();
  void end_scope();
  void end_request();

  const std::string resource_;
  const std::string resource_schema_url_;
  const std::size_t max_bytes_;

  std::string_view scope_;
  std::string_view scope_schema_url_;
  Metric metric_;
  std::string point_;    // Scratch.
  std::string points_;   // Of the open metric, each a field of its data.
  std::string metrics_;  // Of the open scope, each a field of ScopeMetrics.
  std::string scopes_;   // Of the open request, each a field of ResourceMetrics.
  std::uint64_t request_points_ = 0;
  std::vector<Request> requests_;
};

}  // namespace signalbox::metrics::detail

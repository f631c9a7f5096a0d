#include "otlp/json_reader.h"

namespace signalbox::otlp {
namespace internal {
namespace {

using simdjson::dom::element;

constexpr std::array kTemporalities{EnumName{"AGGREGATION_TEMPORALITY_UNSPECIFIED", 0},
                                    EnumName{"AGGREGATION_TEMPORALITY_DELTA", 1},
                                    EnumName{"AGGREGATION_TEMPORALITY_CUMULATIVE", 2}};

/// Replaces `items` by the numbers of an array, as far as there is room.
template <typename T, typename ReadNumber>
void read_numbers(std::string_view key, element value, JsonParts& parts, ReadNumber read_number,
                  std::vector<T>& items) {
  items.clear();
  for (const element item : json_array(key, value)) {
    if (!parts.checks().more_numbers(items.size(), 1, nullptr)) {
      parts.scratch().dropped_numbers = true;
      return;
    }
    items.push_back(read_number(key, item));
  }
}

/// Reads the data points of one metric.
class PointReader {
 public:
  PointReader(JsonParts& parts, MetricsSink& sink, bool metric_has_name)
      : parts_(parts), scratch_(parts.scratch()), sink_(sink), metric_has_name_(metric_has_name) {}

  void read(MetricType type, element point) {
    const Arena::Mark mark = scratch_.arena.mark();
    scratch_.clear_record();
    attributes_.dropped = 0;
    parts_.checks().one_more_record(nullptr);
    switch (type) {
      case MetricType::kGauge:
      case MetricType::kSum:
        number(point);
        break;
      case MetricType::kHistogram:
        histogram(point);
        break;
      case MetricType::kExponentialHistogram:
        exponential_histogram(point);
        break;
      case MetricType::kSummary:
        summary(point);
        break;
    }
    scratch_.arena.rewind(mark);
  }

 private:
  enum CommonField : std::size_t { kAttributes, kStartTimeUnixNano, kTimeUnixNano, kFlags };

  /// Reads a field that points of all types have; false if it is another.
  template <typename Point>
  bool read_common(std::size_t index, std::string_view key, element value, Point& point) {
    switch (index) {
      case kAttributes:
        parts_.attributes(key, value, attributes_);
        return true;
      case kStartTimeUnixNano:
        point.start_time_unix_nano = json_uint64(key, value);
        return true;
      case kTimeUnixNano:
        point.time_unix_nano = json_uint64(key, value);
        return true;
      case kFlags:
        point.flags = json_uint32(key, value);
        return true;
      default:
        return false;
    }
  }

  void number(element value) {
    enum : std::size_t { kAsDouble = 4, kAsInt, kExemplars };
    static constexpr std::array<std::string_view, 7> kNames{
        "attributes", "startTimeUnixNano", "timeUnixNano", "flags", "asDouble",
        "asInt",      "exemplars"};
    NumberPointView point;
    for_each_field(json_object("dataPoints", value), kNames,
                   [&](std::size_t index, std::string_view key, element field) {
                     if (read_common(index, key, field, point)) return;
                     switch (index) {
                       case kAsDouble:
                         point.kind = NumberPointView::Kind::kDouble;
                         point.double_value = json_double(key, field);
                         point.int_value = 0;
                         break;
                       case kAsInt:
                         point.kind = NumberPointView::Kind::kInt;
                         point.int_value = json_int64(key, field);
                         point.double_value = 0;
                         break;
                       case kExemplars:
                         parts_.exemplars(key, field);
                         break;
                       default:
                         break;
                     }
                   });
    hand_on(point);
  }

  void histogram(element value) {
    enum : std::size_t { kCount = 4, kSum, kBucketCounts, kExplicitBounds, kExemplars, kMin, kMax };
    static constexpr std::array<std::string_view, 11> kNames{
        "attributes",   "startTimeUnixNano", "timeUnixNano", "flags", "count", "sum",
        "bucketCounts", "explicitBounds",    "exemplars",    "min",   "max"};
    HistogramPointView point;
    for_each_field(json_object("dataPoints", value), kNames,
                   [&](std::size_t index, std::string_view key, element field) {
                     if (read_common(index, key, field, point)) return;
                     switch (index) {
                       case kCount:
                         point.count = json_uint64(key, field);
                         break;
                       case kSum:
                         point.has_sum = true;
                         point.sum = json_double(key, field);
                         break;
                       case kBucketCounts:
                         read_numbers(key, field, parts_, json_uint64, scratch_.counts);
                         break;
                       case kExplicitBounds:
                         read_numbers(key, field, parts_, json_double, scratch_.bounds);
                         break;
                       case kExemplars:
                         parts_.exemplars(key, field);
                         break;
                       case kMin:
                         point.has_min = true;
                         point.min = json_double(key, field);
                         break;
                       case kMax:
                         point.has_max = true;
                         point.max = json_double(key, field);
                         break;
                       default:
                         break;
                     }
                   });
    point.bucket_counts = scratch_.counts;
    point.explicit_bounds = scratch_.bounds;
    hand_on(point);
  }

  void exponential_histogram(element value) {
    enum : std::size_t {
      kCount = 4,
      kSum,
      kScale,
      kZeroCount,
      kPositive,
      kNegative,
      kExemplars,
      kMin,
      kMax,
      kZeroThreshold
    };
    static constexpr std::array<std::string_view, 14> kNames{
        "attributes", "startTimeUnixNano", "timeUnixNano", "flags",    "count",     "sum",
        "scale",      "zeroCount",         "positive",     "negative", "exemplars", "min",
        "max",        "zeroThreshold"};
    ExponentialHistogramPointView point;
    for_each_field(json_object("dataPoints", value), kNames,
                   [&](std::size_t index, std::string_view key, element field) {
                     if (read_common(index, key, field, point)) return;
                     switch (index) {
                       case kCount:
                         point.count = json_uint64(key, field);
                         break;
                       case kSum:
                         point.has_sum = true;
                         point.sum = json_double(key, field);
                         break;
                       case kScale:
                         point.scale = json_int32(key, field);
                         break;
                       case kZeroCount:
                         point.zero_count = json_uint64(key, field);
                         break;
                       case kPositive:
                         read_buckets(key, field, point.positive_offset, scratch_.counts);
                         break;
                       case kNegative:
                         read_buckets(key, field, point.negative_offset, scratch_.negative_counts);
                         break;
                       case kExemplars:
                         parts_.exemplars(key, field);
                         break;
                       case kMin:
                         point.has_min = true;
                         point.min = json_double(key, field);
                         break;
                       case kMax:
                         point.has_max = true;
                         point.max = json_double(key, field);
                         break;
                       case kZeroThreshold:
                         point.zero_threshold = json_double(key, field);
                         break;
                       default:
                         break;
                     }
                   });
    point.positive_counts = scratch_.counts;
    point.negative_counts = scratch_.negative_counts;
    hand_on(point);
  }

  void read_buckets(std::string_view field, element value, std::int32_t& offset,
                    std::vector<std::uint64_t>& counts) {
    static constexpr std::array<std::string_view, 2> kNames{"offset", "bucketCounts"};
    offset = 0;
    counts.clear();
    for_each_field(json_object(field, value), kNames,
                   [&](std::size_t index, std::string_view key, element part) {
                     if (index == 0) {
                       offset = json_int32(key, part);
                     } else {
                       read_numbers(key, part, parts_, json_uint64, counts);
                     }
                   });
  }

  void summary(element value) {
    enum : std::size_t { kCount = 4, kSum, kQuantileValues };
    static constexpr std::array<std::string_view, 7> kNames{
        "attributes", "startTimeUnixNano", "timeUnixNano", "flags", "count",
        "sum",        "quantileValues"};
    SummaryPointView point;
    for_each_field(json_object("dataPoints", value), kNames,
                   [&](std::size_t index, std::string_view key, element field) {
                     if (read_common(index, key, field, point)) return;
                     switch (index) {
                       case kCount:
                         point.count = json_uint64(key, field);
                         break;
                       case kSum:
                         point.sum = json_double(key, field);
                         break;
                       case kQuantileValues:
                         read_quantiles(key, field);
                         break;
                       default:
                         break;
                     }
                   });
    point.quantiles = scratch_.bounds;
    point.values = scratch_.values;
    hand_on(point);
  }

  void read_quantiles(std::string_view field, element value) {
    static constexpr std::array<std::string_view, 2> kNames{"quantile", "value"};
    scratch_.bounds.clear();
    scratch_.values.clear();
    for (const element item : json_array(field, value)) {
      if (!parts_.checks().more_numbers(scratch_.values.size(), 1, nullptr)) {
        scratch_.dropped_numbers = true;
        return;
      }
      std::array<double, 2> pair{};
      for_each_field(json_object(field, item), kNames,
                     [&](std::size_t index, std::string_view key, element part) {
                       pair[index] = json_double(key, part);
                     });
      scratch_.bounds.push_back(pair[0]);
      scratch_.values.push_back(pair[1]);
    }
  }

  template <typename Point>
  void hand_on(Point& point) {
    DecodeResult& result = parts_.result();
    const char* const objection = metric_has_name_
                                      ? settle(point, attributes_, scratch_, result.altered)
                                      : "a metric has no name";
    if (admit(objection, result)) sink_.on_point(point);
  }

  JsonParts& parts_;
  Scratch& scratch_;
  MetricsSink& sink_;
  bool metric_has_name_;
  AttributeList attributes_{scratch_.attributes};
};

/// Reads a metric's data up to its points, which it returns.
std::optional<element> read_data(std::string_view field, element value, JsonParts& parts,
                                 MetricView& metric) {
  enum : std::size_t { kDataPoints, kAggregationTemporality, kIsMonotonic };
  static constexpr std::array<std::string_view, 3> kNames{"dataPoints", "aggregationTemporality",
                                                          "isMonotonic"};
  const bool has_temporality =
      metric.type != MetricType::kGauge && metric.type != MetricType::kSummary;
  std::optional<element> points;
  for_each_field(json_object(field, value), kNames,
                 [&](std::size_t index, std::string_view key, element part) {
                   if (index == kDataPoints) points = part;
                   if (index == kAggregationTemporality && has_temporality) {
                     metric.temporality = parts.enumerator(key, part, kTemporalities);
                   }
                   if (index == kIsMonotonic && metric.type == MetricType::kSum) {
                     metric.is_monotonic = json_bool(key, part);
                   }
                 });
  return points;
}

void read_metric(element value, JsonParts& parts, MetricsSink& sink) {
  enum : std::size_t { kName = 5, kDescription, kUnit, kMetadata };
  // The names of the data come first, in the order of MetricType.
  static constexpr std::array<std::string_view, 9> kNames{
      "gauge",       "sum",  "histogram", "exponentialHistogram", "summary", "name",
      "description", "unit", "metadata"};
  Scratch& scratch = parts.scratch();
  scratch.metric_metadata.clear();
  AttributeList metadata{scratch.metric_metadata};
  MetricView metric;
  std::optional<element> data;
  for_each_field(json_object("metrics", value), kNames,
                 [&](std::size_t index, std::string_view key, element field) {
                   switch (index) {
                     case kName:
                       metric.name = json_string(key, field);
                       break;
                     case kDescription:
                       metric.description = json_string(key, field);
                       break;
                     case kUnit:
                       metric.unit = json_string(key, field);
                       break;
                     case kMetadata:
                       parts.attributes(key, field, metadata);
                       break;
                     default:
                       metric.type = static_cast<MetricType>(index);
                       data = field;
                       break;
                   }
                 });
  if (!data) return;
  const auto data_points =
      read_data(kNames[static_cast<std::size_t>(metric.type)], *data, parts, metric);
  parts.result().altered.dropped_attributes += metadata.dropped;
  if (!metric.name.empty()) {
    metric.metadata = scratch.metric_metadata;
    sink.on_metric(metric);
  }
  if (!data_points) return;
  PointReader points(parts, sink, !metric.name.empty());
  for (const element point : json_array("dataPoints", *data_points)) {
    points.read(metric.type, point);
  }
}

}  // namespace
}  // namespace internal

DecodeResult decode_metrics_json(std::string_view text, MetricsSink& sink,
                                 const DecodeLimits& limits) {
  using namespace internal;
  static constexpr JsonLevelNames kNames{"resourceMetrics", "scopeMetrics", "metrics"};
  return run_json_decoder(text, limits, [&](simdjson::dom::object root, JsonParts& parts) {
    walk_json_resources(root, kNames, parts, sink,
                        [&](element metric) { read_metric(metric, parts, sink); });
  });
}

}  // namespace signalbox::otlp

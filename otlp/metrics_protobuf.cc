#include <optional>

#include "otlp/protobuf_reader.h"
#include "otlp/protobuf_resource.h"

namespace signalbox::otlp {
namespace internal {
namespace {

enum MetricField : std::uint32_t {
  kName = 1,
  kDescription = 2,
  kUnit = 3,
  kGauge = 5,
  kSum = 7,
  kHistogram = 9,
  kExponentialHistogram = 10,
  kSummary = 11,
  kMetadata = 12
};
constexpr std::uint32_t kKnownOfMetric =
    known_fields(kName, kDescription, kUnit, kGauge, kSum, kHistogram, kExponentialHistogram,
                 kSummary, kMetadata);

std::optional<MetricType> data_type(std::uint32_t tag) {
  switch (tag) {
    case bytes_field(kGauge):
      return MetricType::kGauge;
    case bytes_field(kSum):
      return MetricType::kSum;
    case bytes_field(kHistogram):
      return MetricType::kHistogram;
    case bytes_field(kExponentialHistogram):
      return MetricType::kExponentialHistogram;
    case bytes_field(kSummary):
      return MetricType::kSummary;
    default:
      return std::nullopt;
  }
}

/// Appends what a packed field of eight-byte numbers holds; none of them if there is no room.
template <typename T>
void append_packed(FieldReader& reader, ProtobufParts& parts, std::vector<T>& items) {
  static_assert(sizeof(T) == 8);
  const char* const position = reader.field_begin();
  const std::string_view packed = reader.bytes();
  if (packed.size() % sizeof(T) != 0) reader.fail("a packed field ends within a number");
  if (packed.empty()) return;
  const std::size_t count = packed.size() / sizeof(T);
  const std::size_t have = items.size();
  if (!parts.checks().more_numbers(have, count, position)) {
    parts.scratch().dropped_numbers = true;
    return;
  }
  items.resize(have + count);
  std::memcpy(items.data() + have, packed.data(), packed.size());
}

template <typename T>
void append_one(FieldReader& reader, ProtobufParts& parts, T item, std::vector<T>& items) {
  if (parts.checks().more_numbers(items.size(), 1, reader.field_begin())) {
    items.push_back(item);
  } else {
    parts.scratch().dropped_numbers = true;
  }
}

/// Appends what a packed field of varints holds, as far as there is room.
void append_packed_varints(FieldReader& reader, ProtobufParts& parts,
                           std::vector<std::uint64_t>& items) {
  const std::string_view packed = reader.bytes();
  const char* at = packed.data();
  const char* const end = at + packed.size();
  while (at != end) {
    try {
      append_one(reader, parts, protozero::decode_varint(&at, end), items);
    } catch (const protozero::exception&) {
      reader.fail("a packed field ends within a number");
    }
  }
}

/// Reads the data points of one metric.
class PointReader {
 public:
  PointReader(ProtobufParts& parts, MetricsSink& sink, bool metric_has_name)
      : parts_(parts), scratch_(parts.scratch()), sink_(sink), metric_has_name_(metric_has_name) {}

  void read(MetricType type, std::string_view message) {
    const Arena::Mark mark = scratch_.arena.mark();
    scratch_.clear_record();
    attributes_.dropped = 0;
    parts_.checks().one_more_record(start_of(message));
    switch (type) {
      case MetricType::kGauge:
      case MetricType::kSum:
        number(message);
        break;
      case MetricType::kHistogram:
        histogram(message);
        break;
      case MetricType::kExponentialHistogram:
        exponential_histogram(message);
        break;
      case MetricType::kSummary:
        summary(message);
        break;
    }
    scratch_.arena.rewind(mark);
  }

 private:
  void number(std::string_view message) {
    enum : std::uint32_t {
      kStartTimeUnixNano = 2,
      kTimeUnixNano = 3,
      kAsDouble = 4,
      kExemplars = 5,
      kAsInt = 6,
      kAttributes = 7,
      kFlags = 8
    };
    NumberPointView point;
    for (FieldReader reader(message); reader.next();) {
      switch (reader.tag()) {
        case fixed64_field(kStartTimeUnixNano):
          point.start_time_unix_nano = reader.fixed64();
          break;
        case fixed64_field(kTimeUnixNano):
          point.time_unix_nano = reader.fixed64();
          break;
        case fixed64_field(kAsDouble):
          point.kind = NumberPointView::Kind::kDouble;
          point.double_value = reader.float64();
          point.int_value = 0;
          break;
        case fixed64_field(kAsInt):
          point.kind = NumberPointView::Kind::kInt;
          point.int_value = reader.sfixed64();
          point.double_value = 0;
          break;
        case bytes_field(kExemplars):
          parts_.exemplar(reader.bytes());
          break;
        case bytes_field(kAttributes):
          parts_.attribute(reader.bytes(), attributes_);
          break;
        case varint_field(kFlags):
          point.flags = reader.uint32();
          break;
        default:
          reader.skip(known_fields(kStartTimeUnixNano, kTimeUnixNano, kAsDouble, kExemplars, kAsInt,
                                   kAttributes, kFlags));
      }
    }
    hand_on(point);
  }

  void histogram(std::string_view message) {
    enum : std::uint32_t {
      kStartTimeUnixNano = 2,
      kTimeUnixNano = 3,
      kCount = 4,
      kSumOfValues = 5,
      kBucketCounts = 6,
      kExplicitBounds = 7,
      kExemplars = 8,
      kAttributes = 9,
      kFlags = 10,
      kMin = 11,
      kMax = 12
    };
    HistogramPointView point;
    for (FieldReader reader(message); reader.next();) {
      switch (reader.tag()) {
        case fixed64_field(kStartTimeUnixNano):
          point.start_time_unix_nano = reader.fixed64();
          break;
        case fixed64_field(kTimeUnixNano):
          point.time_unix_nano = reader.fixed64();
          break;
        case fixed64_field(kCount):
          point.count = reader.fixed64();
          break;
        case fixed64_field(kSumOfValues):
          point.has_sum = true;
          point.sum = reader.float64();
          break;
        case bytes_field(kBucketCounts):
          append_packed(reader, parts_, scratch_.counts);
          break;
        case fixed64_field(kBucketCounts):
          append_one(reader, parts_, reader.fixed64(), scratch_.counts);
          break;
        case bytes_field(kExplicitBounds):
          append_packed(reader, parts_, scratch_.bounds);
          break;
        case fixed64_field(kExplicitBounds):
          append_one(reader, parts_, reader.float64(), scratch_.bounds);
          break;
        case bytes_field(kExemplars):
          parts_.exemplar(reader.bytes());
          break;
        case bytes_field(kAttributes):
          parts_.attribute(reader.bytes(), attributes_);
          break;
        case varint_field(kFlags):
          point.flags = reader.uint32();
          break;
        case fixed64_field(kMin):
          point.has_min = true;
          point.min = reader.float64();
          break;
        case fixed64_field(kMax):
          point.has_max = true;
          point.max = reader.float64();
          break;
        default:
          reader.skip(known_fields(kStartTimeUnixNano, kTimeUnixNano, kCount, kSumOfValues,
                                   kBucketCounts, kExplicitBounds, kExemplars, kAttributes, kFlags,
                                   kMin, kMax));
      }
    }
    point.bucket_counts = scratch_.counts;
    point.explicit_bounds = scratch_.bounds;
    hand_on(point);
  }

  void exponential_histogram(std::string_view message) {
    enum : std::uint32_t {
      kAttributes = 1,
      kStartTimeUnixNano = 2,
      kTimeUnixNano = 3,
      kCount = 4,
      kSumOfValues = 5,
      kScale = 6,
      kZeroCount = 7,
      kPositive = 8,
      kNegative = 9,
      kFlags = 10,
      kExemplars = 11,
      kMin = 12,
      kMax = 13,
      kZeroThreshold = 14
    };
    ExponentialHistogramPointView point;
    for (FieldReader reader(message); reader.next();) {
      switch (reader.tag()) {
        case bytes_field(kAttributes):
          parts_.attribute(reader.bytes(), attributes_);
          break;
        case fixed64_field(kStartTimeUnixNano):
          point.start_time_unix_nano = reader.fixed64();
          break;
        case fixed64_field(kTimeUnixNano):
          point.time_unix_nano = reader.fixed64();
          break;
        case fixed64_field(kCount):
          point.count = reader.fixed64();
          break;
        case fixed64_field(kSumOfValues):
          point.has_sum = true;
          point.sum = reader.float64();
          break;
        case varint_field(kScale):
          point.scale = reader.sint32();
          break;
        case fixed64_field(kZeroCount):
          point.zero_count = reader.fixed64();
          break;
        case bytes_field(kPositive):
          merge_buckets(reader.bytes(), point.positive_offset, scratch_.counts);
          break;
        case bytes_field(kNegative):
          merge_buckets(reader.bytes(), point.negative_offset, scratch_.negative_counts);
          break;
        case varint_field(kFlags):
          point.flags = reader.uint32();
          break;
        case bytes_field(kExemplars):
          parts_.exemplar(reader.bytes());
          break;
        case fixed64_field(kMin):
          point.has_min = true;
          point.min = reader.float64();
          break;
        case fixed64_field(kMax):
          point.has_max = true;
          point.max = reader.float64();
          break;
        case fixed64_field(kZeroThreshold):
          point.zero_threshold = reader.float64();
          break;
        default:
          reader.skip(known_fields(kAttributes, kStartTimeUnixNano, kTimeUnixNano, kCount,
                                   kSumOfValues, kScale, kZeroCount, kPositive, kNegative, kFlags,
                                   kExemplars, kMin, kMax, kZeroThreshold));
      }
    }
    point.positive_counts = scratch_.counts;
    point.negative_counts = scratch_.negative_counts;
    hand_on(point);
  }

  void merge_buckets(std::string_view message, std::int32_t& offset,
                     std::vector<std::uint64_t>& counts) {
    enum : std::uint32_t { kOffset = 1, kBucketCounts };
    for (FieldReader reader(message); reader.next();) {
      switch (reader.tag()) {
        case varint_field(kOffset):
          offset = reader.sint32();
          break;
        case bytes_field(kBucketCounts):
          append_packed_varints(reader, parts_, counts);
          break;
        case varint_field(kBucketCounts):
          append_one(reader, parts_, reader.varint(), counts);
          break;
        default:
          reader.skip(known_fields(kOffset, kBucketCounts));
      }
    }
  }

  void summary(std::string_view message) {
    enum : std::uint32_t {
      kStartTimeUnixNano = 2,
      kTimeUnixNano = 3,
      kCount = 4,
      kSumOfValues = 5,
      kQuantileValues = 6,
      kAttributes = 7,
      kFlags = 8
    };
    SummaryPointView point;
    for (FieldReader reader(message); reader.next();) {
      switch (reader.tag()) {
        case fixed64_field(kStartTimeUnixNano):
          point.start_time_unix_nano = reader.fixed64();
          break;
        case fixed64_field(kTimeUnixNano):
          point.time_unix_nano = reader.fixed64();
          break;
        case fixed64_field(kCount):
          point.count = reader.fixed64();
          break;
        case fixed64_field(kSumOfValues):
          point.sum = reader.float64();
          break;
        case bytes_field(kQuantileValues):
          quantile_value(reader.bytes());
          break;
        case bytes_field(kAttributes):
          parts_.attribute(reader.bytes(), attributes_);
          break;
        case varint_field(kFlags):
          point.flags = reader.uint32();
          break;
        default:
          reader.skip(known_fields(kStartTimeUnixNano, kTimeUnixNano, kCount, kSumOfValues,
                                   kQuantileValues, kAttributes, kFlags));
      }
    }
    point.quantiles = scratch_.bounds;
    point.values = scratch_.values;
    hand_on(point);
  }

  void quantile_value(std::string_view message) {
    enum : std::uint32_t { kQuantile = 1, kValue };
    if (!parts_.checks().more_numbers(scratch_.values.size(), 1, start_of(message))) {
      scratch_.dropped_numbers = true;
      return;
    }
    double quantile = 0;
    double value = 0;
    for (FieldReader reader(message); reader.next();) {
      switch (reader.tag()) {
        case fixed64_field(kQuantile):
          quantile = reader.float64();
          break;
        case fixed64_field(kValue):
          value = reader.float64();
          break;
        default:
          reader.skip(known_fields(kQuantile, kValue));
      }
    }
    scratch_.bounds.push_back(quantile);
    scratch_.values.push_back(value);
  }

  template <typename Point>
  void hand_on(Point& point) {
    DecodeResult& result = parts_.result();
    const char* const objection = metric_has_name_
                                      ? settle(point, attributes_, scratch_, result.altered)
                                      : "a metric has no name";
    if (admit(objection, result)) sink_.on_point(point);
  }

  ProtobufParts& parts_;
  Scratch& scratch_;
  MetricsSink& sink_;
  bool metric_has_name_;
  AttributeList attributes_{scratch_.attributes};
};

/// Reads what a metric's data says besides its points.
void scan_data(std::string_view message, MetricView& metric) {
  enum : std::uint32_t { kDataPoints = 1, kAggregationTemporality, kIsMonotonic };
  for (FieldReader reader(message); reader.next();) {
    switch (reader.tag()) {
      case bytes_field(kDataPoints):
        reader.bytes();
        break;
      case varint_field(kAggregationTemporality):
        metric.temporality = reader.int32();
        break;
      case varint_field(kIsMonotonic):
        metric.is_monotonic = reader.boolean();
        break;
      default:
        reader.skip(known_fields(kDataPoints, kAggregationTemporality, kIsMonotonic));
    }
  }
  if (metric.type != MetricType::kSum) metric.is_monotonic = false;
  if (metric.type == MetricType::kGauge || metric.type == MetricType::kSummary) {
    metric.temporality = 0;
  }
}

void read_metric(std::string_view message, ProtobufParts& parts, MetricsSink& sink) {
  Scratch& scratch = parts.scratch();
  scratch.metric_metadata.clear();
  AttributeList metadata{scratch.metric_metadata};
  MetricView metric;
  std::optional<MetricType> type;
  // The points to read begin here: data of another type before it has been replaced.
  const char* data_begin = nullptr;
  for (FieldReader reader(message); reader.next();) {
    if (const auto found = data_type(reader.tag())) {
      if (found != type) {
        type = found;
        metric.type = *found;
        metric.temporality = 0;
        metric.is_monotonic = false;
        data_begin = reader.field_begin();
      }
      scan_data(reader.bytes(), metric);
      continue;
    }
    switch (reader.tag()) {
      case bytes_field(kName):
        metric.name = parts.text(reader.bytes());
        break;
      case bytes_field(kDescription):
        metric.description = parts.text(reader.bytes());
        break;
      case bytes_field(kUnit):
        metric.unit = parts.text(reader.bytes());
        break;
      case bytes_field(kMetadata):
        parts.attribute(reader.bytes(), metadata);
        break;
      default:
        reader.skip(kKnownOfMetric);
    }
  }
  if (!type) return;
  parts.result().altered.dropped_attributes += metadata.dropped;
  if (!metric.name.empty()) {
    metric.metadata = scratch.metric_metadata;
    sink.on_metric(metric);
  }

  PointReader points(parts, sink, !metric.name.empty());
  const char* const end = message.data() + message.size();
  for (FieldReader reader({data_begin, static_cast<std::size_t>(end - data_begin)});
       reader.next();) {
    if (data_type(reader.tag()) != type) {
      reader.skip(0);
      continue;
    }
    for (FieldReader data(reader.bytes()); data.next();) {
      if (data.tag() == bytes_field(1)) {
        points.read(*type, data.bytes());
      } else {
        data.skip(0);
      }
    }
  }
}

}  // namespace
}  // namespace internal

DecodeResult decode_metrics_protobuf(std::string_view bytes, MetricsSink& sink,
                                     const DecodeLimits& limits) {
  using namespace internal;
  return run_protobuf_decoder(bytes, limits, [&](ProtobufParts& parts) {
    const auto read = [&](std::string_view message) { read_metric(message, parts, sink); };
    ResourceWalker(parts, sink, read).request(bytes);
  });
}

}  // namespace signalbox::otlp

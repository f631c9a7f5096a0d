#pragma once

#include <cstdint>
#include <limits>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "otlp/records.h"
#include "server/store/columns/block_common.h"
#include "server/store/columns/folded.h"

namespace signalbox::server::store {

inline std::string_view metric_type_name(otlp::MetricType type) noexcept {
  switch (type) {
    case otlp::MetricType::kGauge:
      return "gauge";
    case otlp::MetricType::kSum:
      return "sum";
    case otlp::MetricType::kHistogram:
      return "histogram";
    case otlp::MetricType::kExponentialHistogram:
      return "exponential_histogram";
    case otlp::MetricType::kSummary:
      return "summary";
  }
  return "";
}

template <typename T, typename Column>
void append_array(ArrayColumn<Column>& array, std::span<const T> values) {
  for (const T value : values) array.elements().append(value);
  array.end_row();
}

/// An integer as the sum of a double's and what that lacks.
inline void append_value(ValueColumns& to, std::int64_t value) {
  const auto rounded = static_cast<double>(value);
  constexpr double kEnd = 9223372036854775808.0;
  constexpr std::int64_t kLast = std::numeric_limits<std::int64_t>::max();
  const std::int64_t back = rounded >= kEnd ? kLast : static_cast<std::int64_t>(rounded);
  to.value.append(rounded);
  to.value_kind.append(static_cast<std::uint8_t>(otlp::NumberPointView::Kind::kInt));
  to.int_error.append(value - back);
}

inline void append_value(ValueColumns& to, double value, otlp::NumberPointView::Kind kind) {
  to.value.append(value);
  to.value_kind.append(static_cast<std::uint8_t>(kind));
  to.int_error.append(0);
}

/// Appends points of metrics to a block.
class MetricSink final : public otlp::MetricsSink {
 public:
  MetricSink(BlockCommon& common, BlockTables& tables) : common_(common), tables_(tables) {}

  void on_resource(const otlp::ResourceView& resource) override { common_.on_resource(resource); }
  void on_scope(const otlp::ScopeView& scope) override { common_.on_scope(scope); }

  void on_metric(const otlp::MetricView& metric) override {
    name_ = metric.name;
    description_ = metric.description;
    unit_ = metric.unit;
    type_ = metric.type;
    temporality_ = metric.temporality;
    is_monotonic_ = metric.is_monotonic;
    metadata_.assign(metric.metadata);
    metadata_texts_.clear();
    for (const StoredAttributes::Entry& entry : metadata_.entries()) {
      metadata_texts_.push_back({std::string(entry.key), std::string(entry.value)});
    }
    Hasher hasher;
    hasher.add(kSeriesSeed).add(name_).add(metric_type_name(type_)).add(unit_);
    hasher.add(static_cast<std::uint64_t>(temporality_)).add(is_monotonic_ ? 1U : 0U);
    hasher.add(common_.resource_hash()).add(common_.scope_hash());
    metric_hasher_ = hasher;
  }

  void on_point(const otlp::NumberPointView& point) override {
    NumberColumns& to = tables_.numbers;
    begin_point(to, point);
    if (point.kind == otlp::NumberPointView::Kind::kInt) {
      append_value(to.value, point.int_value);
    } else {
      append_value(to.value, point.double_value, point.kind);
    }
  }

  void on_point(const otlp::HistogramPointView& point) override {
    HistogramColumns& to = tables_.histograms;
    begin_point(to, point);
    to.count.append(point.count);
    to.sum.append(point.has_sum, point.sum);
    to.min.append(point.has_min, point.min);
    to.max.append(point.has_max, point.max);
    append_array(to.bounds, point.explicit_bounds);
    append_array(to.counts, point.bucket_counts);
  }

  void on_point(const otlp::ExponentialHistogramPointView& point) override {
    ExponentialHistogramColumns& to = tables_.exponential_histograms;
    begin_point(to, point);
    to.count.append(point.count);
    to.sum.append(point.has_sum, point.sum);
    to.min.append(point.has_min, point.min);
    to.max.append(point.has_max, point.max);
    to.scale.append(point.scale);
    to.zero_count.append(point.zero_count);
    to.zero_threshold.append(point.zero_threshold);
    to.positive_offset.append(point.positive_offset);
    append_array(to.positive_counts, point.positive_counts);
    to.negative_offset.append(point.negative_offset);
    append_array(to.negative_counts, point.negative_counts);
  }

  void on_point(const otlp::SummaryPointView& point) override {
    SummaryColumns& to = tables_.summaries;
    begin_point(to, point);
    to.count.append(point.count);
    to.sum.append(point.sum);
    append_array(to.quantiles, point.quantiles);
    append_array(to.values, point.values);
  }

 private:
  template <typename Point>
  void begin_point(PointColumns& to, const Point& point) {
    StoredAttributes& attributes = common_.attributes();
    attributes.assign(point.attributes);
    Hasher hasher = metric_hasher_;
    attributes.add_to(hasher);
    const std::uint64_t series_id = hasher.value();
    if (common_.is_new_series(series_id)) append_series(series_id, attributes);
    const std::int64_t time = stored_time(point.time_unix_nano);
    append_series_hour(series_id, time);
    to.metric_name.append(name_);
    to.series_id.append(series_id);
    to.time.append(time);
    to.start_time.append(stored_time(point.start_time_unix_nano));
    to.flags.append(point.flags);
    if constexpr (requires { point.exemplars; }) append_exemplars(series_id, point);
  }

  void append_series(std::uint64_t series_id, const StoredAttributes& attributes) {
    MetricSeriesColumns& to = tables_.series;
    to.series_id.append(series_id);
    to.metric_name.append(name_);
    to.metric_type.append(metric_type_name(type_));
    to.unit.append(unit_);
    to.description.append(description_);
    to.temporality.append(temporality_);
    to.is_monotonic.append(is_monotonic_ ? 1 : 0);
    to.metadata.append(metadata_texts_, 0);
    to.metadata_types.append(metadata_.types());
    to.service_name.append(common_.service_name());
    to.resource_id.append(common_.resource_id());
    to.scope_id.append(common_.scope_id());
    append_map(to.attributes, attributes);
    to.attribute_types.append(attributes.types());
    to.seen.append(common_.seen());
  }

  void append_series_hour(std::uint64_t series_id, std::int64_t time) {
    const std::int64_t hour = time / kHourNs * 3600;
    if (!common_.is_new({.series_id = series_id, .hour = hour})) return;
    SeriesHourColumns& to = tables_.series_hours;
    to.received.append(common_.seen());
    to.hour.append(hour);
    to.metric_name.append(name_);
    to.series_id.append(series_id);
  }

  template <typename Point>
  void append_exemplars(std::uint64_t series_id, const Point& point) {
    StoredAttributes& attributes = common_.attributes();
    ExemplarColumns& to = tables_.exemplars;
    for (const otlp::ExemplarView& exemplar : point.exemplars) {
      to.metric_name.append(name_);
      to.series_id.append(series_id);
      to.point_time.append(stored_time(point.time_unix_nano));
      to.time.append(stored_time(exemplar.time_unix_nano));
      if (exemplar.is_int) {
        append_value(to.value, exemplar.int_value);
      } else {
        append_value(to.value, exemplar.double_value, otlp::NumberPointView::Kind::kDouble);
      }
      to.trace_id.append(exemplar.trace_id);
      to.span_id.append(exemplar.span_id);
      attributes.assign(exemplar.filtered_attributes);
      append_map(to.attributes, attributes);
      to.attribute_types.append(attributes.types());
    }
  }

  BlockCommon& common_;
  BlockTables& tables_;
  // The metric of the points to come; copies, for its view ends with its call.
  std::string name_, description_, unit_;
  otlp::MetricType type_ = otlp::MetricType::kGauge;
  std::int32_t temporality_ = 0;
  bool is_monotonic_ = false;
  StoredAttributes metadata_;
  struct Text {
    std::string key;
    std::string value;
  };
  std::vector<Text> metadata_texts_;
  Hasher metric_hasher_;
};

}  // namespace signalbox::server::store

#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "otlp/decode.h"

namespace signalbox::sdk::testing {

/// A data point as the decoder reads it, with what it belongs to; for tests.
struct Point {
  std::string scope;
  std::string metric;
  std::string unit;
  otlp::MetricType type = otlp::MetricType::kGauge;
  std::int32_t temporality = 0;
  bool is_monotonic = false;
  std::map<std::string, std::string> attributes;
  std::uint64_t start = 0;
  std::uint64_t time = 0;
  bool is_int = false;
  std::int64_t int_value = 0;
  double double_value = 0;
  std::uint64_t count = 0;
  double sum = 0;
  bool has_extremes = false;
  double min = 0;
  double max = 0;
  std::vector<std::uint64_t> buckets;
  std::vector<double> boundaries;
};

/// Collects the points of requests.
class PointReader final : public otlp::MetricsSink {
 public:
  std::vector<Point> points;
  std::map<std::string, std::string> resource;

  void on_resource(const otlp::ResourceView& view) override { resource = texts(view.attributes); }
  void on_scope(const otlp::ScopeView& scope) override { base_.scope = scope.name; }
  void on_metric(const otlp::MetricView& metric) override {
    base_.metric = metric.name;
    base_.unit = metric.unit;
    base_.type = metric.type;
    base_.temporality = metric.temporality;
    base_.is_monotonic = metric.is_monotonic;
  }
  void on_point(const otlp::NumberPointView& view) override {
    Point& point = add(view);
    point.is_int = view.kind == otlp::NumberPointView::Kind::kInt;
    point.int_value = view.int_value;
    point.double_value = view.double_value;
  }
  void on_point(const otlp::HistogramPointView& view) override {
    Point& point = add(view);
    point.count = view.count;
    point.sum = view.sum;
    point.has_extremes = view.has_min && view.has_max;
    point.min = view.min;
    point.max = view.max;
    point.buckets.assign(view.bucket_counts.begin(), view.bucket_counts.end());
    point.boundaries.assign(view.explicit_bounds.begin(), view.explicit_bounds.end());
  }
  void on_point(const otlp::ExponentialHistogramPointView& /*view*/) override {}
  void on_point(const otlp::SummaryPointView& /*view*/) override {}

 private:
  static std::map<std::string, std::string> texts(otlp::AttributesView attributes) {
    std::map<std::string, std::string> texts;
    for (const otlp::KeyValueView& attribute : attributes) {
      std::string& text = texts[std::string(attribute.key)];
      switch (attribute.value.type) {
        case otlp::ValueType::kBool:
          text = attribute.value.bool_value ? "true" : "false";
          break;
        case otlp::ValueType::kInt:
          text = std::to_string(attribute.value.int_value);
          break;
        case otlp::ValueType::kDouble:
          text = std::to_string(attribute.value.double_value);
          break;
        default:
          text = attribute.value.text;
          break;
      }
    }
    return texts;
  }

  template <typename View>
  Point& add(const View& view) {
    points.push_back(base_);
    Point& point = points.back();
    point.attributes = texts(view.attributes);
    point.start = view.start_time_unix_nano;
    point.time = view.time_unix_nano;
    return point;
  }

  Point base_;
};

}  // namespace signalbox::sdk::testing

#include "bench/load/request.h"

#include <gtest/gtest.h>

#include <map>
#include <set>
#include <string>

#include "otlp/decode.h"

namespace signalbox::bench {
namespace {

constexpr std::uint64_t kNow = 1'800'000'000'000'000'000;
constexpr std::uint64_t kSecond = 1'000'000'000;

/// What a receiver makes of a request of spans.
struct Spans final : otlp::TraceSink {
  struct Span {
    std::string trace_id, parent_id, service;
    std::uint64_t start = 0, end = 0;
  };
  std::map<std::string, Span> by_id;
  std::set<std::string> services, trace_ids, keys, values;
  std::size_t attributes = 0, roots = 0, errors = 0, events = 0, links = 0;
  std::string service;

  explicit Spans(const Request& request) {
    const otlp::DecodeResult result = otlp::decode_traces_protobuf(request.bytes(), *this);
    EXPECT_TRUE(result.ok) << result.error;
    EXPECT_EQ(result.accepted, request.records());
  }
  void on_resource(const otlp::ResourceView& resource) override {
    service = resource.attributes.front().value.text;
    services.insert(service);
  }
  void on_scope(const otlp::ScopeView& /*scope*/) override {}
  void on_span(const otlp::SpanView& span) override {
    by_id[std::string(span.span_id)] = {std::string(span.trace_id),
                                        std::string(span.parent_span_id), service,
                                        span.start_time_unix_nano, span.end_time_unix_nano};
    trace_ids.insert(std::string(span.trace_id));
    roots += span.parent_span_id.empty() ? 1 : 0;
    errors += span.status_code == 2 ? 1 : 0;
    events += span.events.size();
    links += span.links.size();
    attributes += span.attributes.size();
    for (const auto& attribute : span.attributes) {
      keys.insert(std::string(attribute.key));
      values.insert(std::string(attribute.value.text));
    }
  }
};

TEST(LoadRequest, CarriesWholeTracesOverSeveralServices) {
  Random random(1);
  Request request = build_traces(1000, 0, random);
  request.renew(kNow, random);
  const Spans spans(request);

  EXPECT_EQ(spans.by_id.size(), 1000u);  // No id twice.
  EXPECT_EQ(spans.roots, spans.trace_ids.size());
  EXPECT_NEAR(1000.0 / static_cast<double>(spans.trace_ids.size()), 10, 2);
  EXPECT_GE(spans.services.size(), 18u);
  for (const auto& [id, span] : spans.by_id) {
    EXPECT_LE(span.start, span.end);
    EXPECT_LE(span.end, kNow);
    EXPECT_GT(span.start, kNow - 2 * kSecond);
    if (span.parent_id.empty()) continue;
    ASSERT_TRUE(spans.by_id.contains(span.parent_id));
    const auto& parent = spans.by_id.at(span.parent_id);
    EXPECT_EQ(parent.trace_id, span.trace_id);
    EXPECT_GE(span.start, parent.start);
    EXPECT_LE(span.end, parent.end);
  }
}

TEST(LoadRequest, HasTheSizeAndTheVarietyOfRealSpans) {
  Random random(2);
  Request request = build_traces(5000, 0, random);
  request.renew(kNow, random);
  const Spans spans(request);

  EXPECT_NEAR(static_cast<double>(request.bytes().size()) / 5000, 460, 25);
  EXPECT_NEAR(static_cast<double>(spans.attributes) / 5000, 11, 1);
  EXPECT_NEAR(static_cast<double>(spans.keys.size()), 65, 8);
  EXPECT_GT(spans.errors, 50u);
  EXPECT_GT(spans.events, 200u);
  EXPECT_GT(spans.links, 100u);
}

TEST(LoadRequest, IsNewWithEachRenewal) {
  Random random(3);
  Request request = build_traces(200, 0, random);
  request.renew(kNow, random);
  const Spans before(request);
  request.renew(kNow + kSecond, random);
  const Spans after(request);

  for (const auto& [id, span] : after.by_id) {
    EXPECT_FALSE(before.by_id.contains(id));
    EXPECT_FALSE(before.trace_ids.contains(span.trace_id));
  }
  std::size_t fresh = 0;
  for (const auto& value : after.values) fresh += before.values.contains(value) ? 0 : 1;
  EXPECT_GT(fresh, after.values.size() / 2);
}

struct Logs final : otlp::LogsSink {
  std::size_t attributes = 0, in_trace = 0;
  std::set<std::string> bodies;
  void on_resource(const otlp::ResourceView& /*resource*/) override {}
  void on_scope(const otlp::ScopeView& /*scope*/) override {}
  void on_log_record(const otlp::LogRecordView& record) override {
    attributes += record.attributes.size();
    in_trace += record.trace_id.empty() ? 0 : 1;
    bodies.insert(std::string(record.body.text));
    EXPECT_LE(record.time_unix_nano, kNow);
  }
};

TEST(LoadRequest, OfLogsHasTheSizeOfRealOnes) {
  Random random(4);
  Request request = build_logs(2000, 0, random);
  request.renew(kNow, random);
  Logs logs;
  const otlp::DecodeResult result = otlp::decode_logs_protobuf(request.bytes(), logs);

  ASSERT_TRUE(result.ok) << result.error;
  EXPECT_EQ(result.accepted, 2000u);
  EXPECT_NEAR(static_cast<double>(request.bytes().size()) / 2000, 530, 25);
  EXPECT_NEAR(static_cast<double>(logs.attributes) / 2000, 11, 1);
  EXPECT_NEAR(static_cast<double>(logs.in_trace), 1600, 100);
  EXPECT_GT(logs.bodies.size(), 1000u);
}

struct Metrics final : otlp::MetricsSink {
  std::set<std::string> series;
  std::map<std::string, std::uint64_t> totals;
  std::string service, metric;
  std::size_t gauges = 0, sums = 0, histograms = 0;

  static std::string name(const otlp::AttributesView& attributes) {
    std::string text;
    for (const auto& attribute : attributes) text += std::string(attribute.value.text) + ' ';
    return text;
  }
  void on_resource(const otlp::ResourceView& resource) override {
    service = name(resource.attributes);
  }
  void on_scope(const otlp::ScopeView& /*scope*/) override {}
  void on_metric(const otlp::MetricView& view) override { metric = view.name; }
  void on_point(const otlp::NumberPointView& point) override {
    const bool is_gauge = point.kind == otlp::NumberPointView::Kind::kDouble;
    ++(is_gauge ? gauges : sums);
    const std::string id = service + metric + name(point.attributes);
    series.insert(id);
    if (!is_gauge) totals[id] = static_cast<std::uint64_t>(point.int_value);
  }
  void on_point(const otlp::HistogramPointView& point) override {
    ++histograms;
    std::uint64_t count = 0;
    for (const std::uint64_t bucket : point.bucket_counts) count += bucket;
    EXPECT_EQ(count, point.count);
    EXPECT_EQ(point.bucket_counts.size(), point.explicit_bounds.size() + 1);
    EXPECT_GT(point.sum, 0);
    const std::string id = service + metric + name(point.attributes);
    series.insert(id);
    totals[id] = point.count;
  }
  void on_point(const otlp::ExponentialHistogramPointView& /*point*/) override {}
  void on_point(const otlp::SummaryPointView& /*point*/) override {}
};

TEST(LoadRequest, OfMetricsGrowsTheSameSeries) {
  Random random(5);
  Request request = build_metrics(1000, 0, random);
  Metrics first;
  Metrics second;
  request.renew(kNow, random);
  ASSERT_TRUE(otlp::decode_metrics_protobuf(request.bytes(), first).ok);
  request.renew(kNow + kSecond, random);
  ASSERT_TRUE(otlp::decode_metrics_protobuf(request.bytes(), second).ok);

  EXPECT_EQ(first.gauges + first.sums + first.histograms, 1000u);
  EXPECT_GT(first.gauges, 200u);
  EXPECT_GT(first.sums, 200u);
  EXPECT_GT(first.histograms, 200u);
  EXPECT_EQ(first.series.size(), 1000u);
  EXPECT_EQ(first.series, second.series);
  for (const auto& [series, total] : second.totals) EXPECT_GE(total, first.totals[series]);
}

}  // namespace
}  // namespace signalbox::bench

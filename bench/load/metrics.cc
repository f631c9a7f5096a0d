#include <array>
#include <chrono>
#include <string_view>
#include <vector>

#include "bench/load/catalog.h"
#include "bench/load/request.h"

namespace signalbox::bench {
namespace {

constexpr std::uint32_t kSeriesOfAMetric = 12;
constexpr std::array<double, 14> kBounds{0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25,
                                         0.5,   0.75, 1,     2.5,  5,     7.5, 10};
constexpr std::uint32_t kCountersOfAHistogram = kBounds.size() + 2;  // Buckets and the sum.
constexpr std::uint64_t kCumulative = 2;

enum class Type : std::uint8_t { kGauge, kSum, kHistogram };

struct Metric {
  std::string_view name;
  std::string_view unit;
  Type type;
};
constexpr std::array<Metric, 8> kMetrics{{
    {"http.server.request.duration", "s", Type::kHistogram},
    {"db.client.operation.duration", "s", Type::kHistogram},
    {"http.server.active_requests", "{request}", Type::kGauge},
    {"process.cpu.utilization", "1", Type::kGauge},
    {"process.memory.usage", "By", Type::kGauge},
    {"messaging.client.sent.messages", "{message}", Type::kSum},
    {"app.orders", "{order}", Type::kSum},
    {"app.cache.lookups", "{lookup}", Type::kSum},
}};

/// Builds points whose series stay the same from sending to sending while their values grow.
class MetricsBuilder {
 public:
  explicit MetricsBuilder(Random& random)
      : random_(random),
        start_ns_(static_cast<std::uint64_t>(
            std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch())
                .count())) {}

  [[nodiscard]] std::uint32_t counters() const { return counters_; }

  Message metric(const Metric& kind, std::uint32_t series) {
    Message data;
    for (std::uint32_t i = 0; i < series; ++i) data.message(1, point(kind.type, i));
    if (kind.type != Type::kGauge) data.varint(2, kCumulative);
    if (kind.type == Type::kSum) data.varint(3, 1);  // Monotonic.
    Message metric;
    metric.bytes(1, kind.name);
    metric.bytes(3, kind.unit);
    metric.message(kind.type == Type::kGauge ? 5 : kind.type == Type::kSum ? 7 : 9, data);
    return metric;
  }

 private:
  Message point(Type type, std::uint32_t series) {
    Message point;
    if (type != Type::kGauge) point.fixed64(2, start_ns_);
    point.now(3);
    switch (type) {
      case Type::kGauge:
        point.fresh_number(4);
        break;
      case Type::kSum:
        point.counter(6, counters_++);
        break;
      case Type::kHistogram: {
        point.histogram(4, kBounds.size() + 1, counters_);
        counters_ += kCountersOfAHistogram;
        point.bytes(7, {reinterpret_cast<const char*>(kBounds.data()), sizeof kBounds});
        break;
      }
    }
    add_labels(point, type == Type::kHistogram ? 9 : 7, series);
    return point;
  }

  void add_labels(Message& point, std::uint32_t field, std::uint32_t series) {
    static constexpr std::array<std::string_view, 4> kMethods{"GET", "POST", "PUT", "DELETE"};
    static constexpr std::array<std::string_view, 3> kRoutes{"/api/orders/{id}", "/api/products",
                                                             "/api/users/{id}/cart"};
    add_text(point, field, "http.request.method", kMethods[series % kMethods.size()]);
    add_text(point, field, "http.route", kRoutes[series / kMethods.size() % kRoutes.size()]);
    add_text(point, field, "app.region", random_.below(2) == 0 ? "eu-west" : "us-east");
  }

  Random& random_;
  std::uint64_t start_ns_;
  std::uint32_t counters_ = 0;
};

}  // namespace

Request build_metrics(std::uint32_t records, unsigned sender, Random& random) {
  MetricsBuilder builder(random);
  Message request;
  std::uint32_t made = 0;
  for (std::size_t i = 0; made < records; ++i) {
    Message scope;
    scope.bytes(1, "shop.meter");
    Message scope_metrics;
    scope_metrics.message(1, scope);
    for (const Metric& metric : kMetrics) {
      const std::uint32_t series = std::min(kSeriesOfAMetric, records - made);
      if (series == 0) break;
      scope_metrics.message(2, builder.metric(metric, series));
      made += series;
    }
    Message resource_metrics;
    resource_metrics.message(1, resource_of(services()[i % services().size()], sender, random));
    resource_metrics.message(2, scope_metrics);
    request.message(1, resource_metrics);
  }
  return {request, records, 0, 0, builder.counters()};
}

}  // namespace signalbox::bench

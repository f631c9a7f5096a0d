#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signalbox/common/diagnostics.h>
#include <signalbox/metrics/sdk_meter_provider.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <condition_variable>
#include <future>
#include <limits>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "otlp/decode.h"
#include "sdk/metrics/testing/points.h"

namespace signalbox::sdk {
namespace {

using namespace std::chrono_literals;
using metrics::Meter;
using metrics::Observer;
using std::chrono::steady_clock;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::Point;
using testing::PointReader;
using ::testing::SizeIs;
using Texts = std::map<std::string, std::string>;

constexpr std::int32_t kDelta = 1;
constexpr std::int32_t kCumulative = 2;

// A provider without an exporter, whose clock goes on by a second with each reading.
class Fixture {
 public:
  explicit Fixture(MeterProviderOptions options = {}) {
    options.resource = Resource(Attributes{{"service.name", "shop"}});
    options.clock = [this] {
      seconds_ += 1;
      return Timestamp(std::chrono::seconds(seconds_));
    };
    provider_ = MeterProvider::create(std::move(options)).value();
  }

  Meter meter(std::string_view name = "test") {
    return provider_->get_meter({.name = name, .version = {}, .schema_url = {}, .attributes = {}});
  }

  std::vector<Point> collect() {
    PointReader reader;
    requests_ = provider_->collect();
    for (const std::string& request : requests_) {
      const auto result = otlp::decode_metrics_protobuf(request, reader);
      EXPECT_TRUE(result.ok) << result.error;
    }
    if (!requests_.empty()) {
      EXPECT_EQ(reader.resource, (Texts{{"service.name", "shop"}}));
    }
    return reader.points;
  }

  MeterProvider& provider() { return *provider_; }
  void drop_provider() { provider_.reset(); }
  [[nodiscard]] std::size_t requests() const { return requests_.size(); }
  [[nodiscard]] const std::vector<std::string>& request_bytes() const { return requests_; }

 private:
  std::atomic<std::int64_t> seconds_{1000};
  std::shared_ptr<MeterProvider> provider_;
  std::vector<std::string> requests_;
};

// Of the only metric that there is.
std::map<Texts, std::int64_t> by_attributes(const std::vector<Point>& points) {
  std::map<Texts, std::int64_t> values;
  for (const Point& point : points) {
    EXPECT_EQ(values.count(point.attributes), 0U) << "two points of one series";
    values[point.attributes] =
        point.is_int ? point.int_value : static_cast<std::int64_t>(point.double_value);
  }
  return values;
}

// Diagnostics while it lives.
class Diagnostics {
 public:
  Diagnostics() {
    set_diagnostic_handler([this](DiagnosticLevel, std::string_view message) {
      const std::scoped_lock lock(mutex_);
      text_ += std::string(message) + '\n';
    });
  }
  Diagnostics(const Diagnostics&) = delete;
  Diagnostics& operator=(const Diagnostics&) = delete;
  ~Diagnostics() { set_diagnostic_handler(nullptr); }
  std::string text() {
    const std::scoped_lock lock(mutex_);
    return text_;
  }

 private:
  std::mutex mutex_;
  std::string text_;
};

TEST(Counter, AddsUpPerSetOfAttributesInWhicheverOrder) {
  Fixture fixture;
  const auto counter = fixture.meter().create_counter("requests", {.unit = "{request}"});
  counter.add(1);
  counter.add(2, {{"method", "GET"}, {"status", 200}});
  counter.add(3, {{"status", 200}, {"method", "GET"}});
  counter.add(4, {{"method", "PUT"}, {"method", "GET"}, {"status", 200}});
  counter.add(5, {{"method", "GET"}, {"status", "200"}});

  const auto points = fixture.collect();
  ASSERT_THAT(points, SizeIs(3));
  EXPECT_EQ(points[0].metric, "requests");
  EXPECT_EQ(points[0].unit, "{request}");
  EXPECT_EQ(points[0].scope, "test");
  EXPECT_EQ(points[0].type, otlp::MetricType::kSum);
  EXPECT_EQ(points[0].temporality, kCumulative);
  EXPECT_TRUE(points[0].is_monotonic);
  EXPECT_EQ(points[0].int_value, 1);
  EXPECT_EQ(points[1].int_value, 9);
  EXPECT_EQ(points[2].int_value, 5);
  EXPECT_EQ(points[1].attributes, (Texts{{"method", "GET"}, {"status", "200"}}));
}

TEST(Counter, CountsFromTheFirstMeasurementOfItsSeries) {
  Fixture fixture;
  const auto counter = fixture.meter().create_counter("requests");
  counter.add(1);
  const auto first = fixture.collect();
  counter.add(1);
  counter.add(1, {{"a", 1}});
  const auto second = fixture.collect();
  ASSERT_THAT(second, SizeIs(2));
  EXPECT_LT(first[0].start, first[0].time);
  EXPECT_EQ(second[0].start, first[0].start);
  EXPECT_GT(second[0].time, first[0].time);
  EXPECT_EQ(second[0].int_value, 2);
  EXPECT_GT(second[1].start, first[0].time);
}

TEST(Counter, IgnoresAndReportsWhatItCannotCount) {
  const Diagnostics quiet;
  Fixture fixture;
  const auto ints = fixture.meter().create_counter("ints");
  const auto doubles = fixture.meter().create_counter<double>("doubles");
  ints.add(3);
  ints.add(-1);
  doubles.add(1.5);
  doubles.add(-0.5, {{"a", 1}});
  doubles.add(std::numeric_limits<double>::infinity());
  doubles.add(std::numeric_limits<double>::quiet_NaN());
  const auto points = fixture.collect();
  ASSERT_THAT(points, SizeIs(2));
  EXPECT_EQ(points[0].int_value, 3);
  EXPECT_EQ(points[1].double_value, 1.5);
}

TEST(Counter, IsTheSameWhenCreatedAgainAndOtherwiseReported) {
  Diagnostics diagnostics;
  Fixture fixture;
  fixture.meter().create_counter("Requests", {.unit = "1"}).add(1);
  fixture.meter().create_counter("requests", {.unit = "1"}).add(2);
  EXPECT_EQ(by_attributes(fixture.collect()), (std::map<Texts, std::int64_t>{{{}, 3}}));
  EXPECT_EQ(diagnostics.text(), "");
  fixture.meter().create_up_down_counter("requests", {.unit = "1"}).add(-5);
  const auto points = fixture.collect();
  EXPECT_THAT(points, SizeIs(2));
  EXPECT_THAT(diagnostics.text(), HasSubstr("another kind"));
}

TEST(Meter, KeepsScopesApart) {
  Fixture fixture;
  fixture.meter("a").create_counter("requests").add(1);
  fixture.meter("b").create_counter("requests").add(2);
  fixture.meter("a").create_counter("requests").add(4);
  const auto points = fixture.collect();
  ASSERT_THAT(points, SizeIs(2));
  EXPECT_EQ(points[0].scope, "a");
  EXPECT_EQ(points[0].int_value, 5);
  EXPECT_EQ(points[1].scope, "b");
}

TEST(Meter, AcceptsOnlyValidNamesAndBoundaries) {
  const Diagnostics quiet;
  Fixture fixture;
  const Meter meter = fixture.meter();
  const std::string longest(255, 'n');
  for (const std::string& name : {std::string("a"), std::string("A.b_c-d/e9"), longest}) {
    EXPECT_TRUE(meter.create_counter(name).enabled()) << name;
  }
  for (const std::string& name : {std::string(), std::string("9a"), std::string("_a"),
                                  std::string("a b"), std::string("ä"), longest + "n"}) {
    const auto counter = meter.create_counter(name);
    EXPECT_FALSE(counter.enabled()) << name;
    counter.add(1);
    counter.bind({{"a", 1}}).add(1);
  }
  EXPECT_FALSE(meter.create_histogram("h1", {.boundaries = {1, 1}}).enabled());
  EXPECT_FALSE(meter.create_histogram("h2", {.boundaries = {2, 1}}).enabled());
  EXPECT_FALSE(
      meter.create_histogram("h3", {.boundaries = {std::numeric_limits<double>::infinity()}})
          .enabled());
  EXPECT_TRUE(meter.create_histogram("h4", {.boundaries = {}}).enabled());
  EXPECT_THAT(fixture.collect(), IsEmpty());
}

TEST(UpDownCounter, KeepsExportingSeriesThatAreBackAtZero) {
  Fixture fixture;
  const auto active = fixture.meter().create_up_down_counter("active");
  active.add(1, {{"path", "/"}});
  active.add(-1, {{"path", "/"}});
  for (int i = 0; i < 3; ++i) {
    const auto points = fixture.collect();
    ASSERT_THAT(points, SizeIs(1));
    EXPECT_EQ(points[0].int_value, 0);
    EXPECT_FALSE(points[0].is_monotonic);
    EXPECT_EQ(points[0].temporality, kCumulative);
  }
  active.add(-7, {{"path", "/"}});
  EXPECT_EQ(fixture.collect()[0].int_value, -7);
}

TEST(UpDownCounter, IsDecreasedByOtherThreadsThanIncreasedIt) {
  Fixture fixture;
  const auto active = fixture.meter().create_up_down_counter("active");
  active.add(10);
  std::thread([&] { active.add(-4); }).join();
  std::thread([&] { active.add(-5); }).join();
  EXPECT_EQ(fixture.collect()[0].int_value, 1);
}

TEST(Gauge, HasItsLastValueWhicheverThreadSetIt) {
  Fixture fixture;
  const auto gauge = fixture.meter().create_gauge("temperature");
  gauge.record(1.5, {{"room", 1}});
  std::thread([&] { gauge.record(2.5, {{"room", 1}}); }).join();
  auto points = fixture.collect();
  ASSERT_THAT(points, SizeIs(1));
  EXPECT_EQ(points[0].double_value, 2.5);
  EXPECT_EQ(points[0].type, otlp::MetricType::kGauge);
  gauge.record(-3, {{"room", 1}});
  EXPECT_EQ(fixture.collect()[0].double_value, -3);
}

TEST(Histogram, PutsLimitsIntoTheLowerBucket) {
  Fixture fixture;
  const auto histogram = fixture.meter().create_histogram("duration", {.boundaries = {1, 2, 5}});
  for (const double value : {0.0, 1.0, 1.0000001, 2.0, 4.9, 5.0, 5.1, 1000.0}) {
    histogram.record(value);
  }
  const auto points = fixture.collect();
  ASSERT_THAT(points, SizeIs(1));
  EXPECT_THAT(points[0].buckets, ElementsAre(2, 2, 2, 2));
  EXPECT_THAT(points[0].boundaries, ElementsAre(1, 2, 5));
  EXPECT_EQ(points[0].count, 8U);
  EXPECT_DOUBLE_EQ(points[0].sum, 1019.0000001);
  EXPECT_EQ(points[0].min, 0);
  EXPECT_EQ(points[0].max, 1000);
  EXPECT_EQ(points[0].temporality, kCumulative);
}

// Model: the first boundary that is not below the value.
TEST(Histogram, AgreesWithASearchForEveryNumberOfBoundaries) {
  Fixture fixture;
  for (std::size_t size = 0; size < 40; ++size) {
    std::vector<double> boundaries;
    boundaries.reserve(size);
    for (std::size_t i = 0; i < size; ++i) {
      boundaries.push_back(static_cast<double>(i * 2 + 1));
    }
    const auto histogram =
        fixture.meter().create_histogram("size" + std::to_string(size), {.boundaries = boundaries});
    std::vector<std::uint64_t> expected(size + 1);
    for (std::size_t value = 0; value <= size * 2 + 2; ++value) {
      histogram.record(static_cast<double>(value));
      const auto found = std::lower_bound(boundaries.begin(), boundaries.end(), value);
      ++expected[static_cast<std::size_t>(found - boundaries.begin())];
    }
    const auto points = fixture.collect();
    EXPECT_EQ(points.back().buckets, expected);
  }
}

TEST(Histogram, UsesTheSpecificationsBoundariesByDefaultAndTakesIntegers) {
  Fixture fixture;
  const auto histogram = fixture.meter().create_histogram<std::int64_t>("size");
  histogram.record(7);
  histogram.record(-7);
  const auto points = fixture.collect();
  ASSERT_THAT(points, SizeIs(1));
  EXPECT_THAT(points[0].boundaries,
              ElementsAre(0, 5, 10, 25, 50, 75, 100, 250, 500, 750, 1000, 2500, 5000, 7500, 10000));
  EXPECT_EQ(points[0].count, 1U);
  EXPECT_EQ(points[0].buckets[2], 1U);
}

TEST(BoundInstruments, CountInTheSeriesOfTheirAttributes) {
  Fixture fixture;
  const Meter meter = fixture.meter();
  const auto counter = meter.create_counter("c");
  const auto bound = counter.bind({{"b", 2}, {"a", 1}});
  EXPECT_THAT(fixture.collect(), IsEmpty());
  bound.add(1);
  counter.add(2, {{"a", 1}, {"b", 2}});
  counter.bind({{"a", 1}, {"b", 2}}).add(4);
  EXPECT_EQ(by_attributes(fixture.collect()),
            (std::map<Texts, std::int64_t>{{{{"a", "1"}, {"b", "2"}}, 7}}));

  counter.bind({}).add(8);
  EXPECT_THAT(fixture.collect(), SizeIs(2));
  meter.create_histogram("h").bind({{"a", 1}}).record(3);
  meter.create_up_down_counter<double>("u").bind({{"a", 1}}).add(-3);
  EXPECT_THAT(fixture.collect(), SizeIs(4));
}

TEST(Cardinality, CountsWhatExceedsTheLimitInOneSeries) {
  const Diagnostics quiet;
  MeterProviderOptions options;
  options.cardinality_limit = 10;
  Fixture fixture(std::move(options));
  const auto counter = fixture.meter().create_counter("c");
  for (int round = 0; round < 2; ++round) {
    for (int i = 0; i < 100; ++i) {
      counter.add(1, {{"i", i}});
    }
  }
  const auto values = by_attributes(fixture.collect());
  EXPECT_EQ(values.size(), 10U);
  EXPECT_EQ(values.at({{"otel.metric.overflow", "true"}}), 2 * 91);
  EXPECT_EQ(values.at({{"i", "8"}}), 2);
}

TEST(Cardinality, MemoryStaysBoundedForAttributesWithoutEnd) {
  const Diagnostics quiet;
  Fixture fixture;
  const auto counter = fixture.meter().create_counter("c");
  std::int64_t total = 0;
  for (int i = 0; i < 50'000; ++i) {
    counter.add(i, {{"request.id", i}});
    total += i;
  }
  std::int64_t sum = 0;
  const auto points = fixture.collect();
  EXPECT_THAT(points, SizeIs(2000));
  for (const Point& point : points) {
    sum += point.int_value;
  }
  EXPECT_EQ(sum, total);
}

TEST(Temporality, DeltaCountsSinceTheLastCollectionOnly) {
  MeterProviderOptions options;
  options.temporality = TemporalityPreference::kDelta;
  Fixture fixture(std::move(options));
  const auto counter = fixture.meter().create_counter("c");
  const auto histogram = fixture.meter().create_histogram("h", {.boundaries = {10}});
  const auto active = fixture.meter().create_up_down_counter("u");
  counter.add(5);
  histogram.record(5);
  histogram.record(50);
  active.add(2);
  const auto first = fixture.collect();
  ASSERT_THAT(first, SizeIs(3));
  EXPECT_EQ(first[0].temporality, kDelta);
  EXPECT_EQ(first[1].temporality, kDelta);
  EXPECT_EQ(first[2].temporality, kCumulative);

  counter.add(3);
  histogram.record(7);
  const auto second = fixture.collect();
  ASSERT_THAT(second, SizeIs(3));
  EXPECT_EQ(second[0].int_value, 3);
  EXPECT_EQ(second[0].start, first[0].time);
  EXPECT_THAT(second[1].buckets, ElementsAre(1, 0));
  EXPECT_EQ(second[1].sum, 7);
  EXPECT_TRUE(second[1].has_extremes);
  EXPECT_EQ(second[1].min, 7);
  EXPECT_EQ(second[1].max, 7);
  EXPECT_EQ(second[2].int_value, 2);

  const auto third = fixture.collect();
  ASSERT_THAT(third, SizeIs(1));
  EXPECT_EQ(third[0].metric, "u");
}

TEST(Temporality, OfObservablesFollowsThePreference) {
  for (const auto& [preference, expected] :
       {std::pair{TemporalityPreference::kDelta, kDelta},
        std::pair{TemporalityPreference::kLowMemory, kCumulative},
        std::pair{TemporalityPreference::kCumulative, kCumulative}}) {
    MeterProviderOptions options;
    options.temporality = preference;
    Fixture fixture(std::move(options));
    std::int64_t total = 10;
    const auto observable = fixture.meter().create_observable_counter(
        "c", [&](Observer<std::int64_t>& observer) { observer.observe(total); });
    EXPECT_EQ(fixture.collect()[0].int_value, 10);
    total = 25;
    const auto points = fixture.collect();
    ASSERT_THAT(points, SizeIs(1));
    EXPECT_EQ(points[0].temporality, expected);
    EXPECT_EQ(points[0].int_value, expected == kDelta ? 15 : 25);
    EXPECT_TRUE(points[0].is_monotonic);
  }
}

TEST(Observable, ReportsWhatItsCallbackSeesNow) {
  Fixture fixture;
  int call = 0;
  const auto observable =
      fixture.meter().create_observable_gauge("queue.size", [&](Observer<double>& observer) {
        ++call;
        observer.observe(call, {{"queue", "a"}});
        if (call == 1) {
          observer.observe(100, {{"queue", "b"}});
        }
        observer.observe(call + 0.5, {{"queue", "a"}});
      });
  EXPECT_THAT(fixture.collect(), SizeIs(2));
  const auto points = fixture.collect();
  ASSERT_THAT(points, SizeIs(1));  // "b" is no longer there.
  EXPECT_EQ(points[0].double_value, 2.5);
  EXPECT_EQ(points[0].type, otlp::MetricType::kGauge);
}

TEST(Observable, ForgetsSetsThatAreGoneSoThatTheLimitIsNotReached) {
  const Diagnostics quiet;
  MeterProviderOptions options;
  options.cardinality_limit = 5;
  Fixture fixture(std::move(options));
  int process = 0;
  const auto observable = fixture.meter().create_observable_gauge<std::int64_t>(
      "g", [&](Observer<std::int64_t>& observer) { observer.observe(1, {{"pid", process}}); });
  for (process = 0; process < 50; ++process) {
    const auto points = fixture.collect();
    ASSERT_THAT(points, SizeIs(1));
    EXPECT_EQ(points[0].attributes, (Texts{{"pid", std::to_string(process)}}));
  }
}

TEST(Observable, AddsUpWhatExceedsTheLimit) {
  const Diagnostics quiet;
  MeterProviderOptions options;
  options.cardinality_limit = 3;
  Fixture fixture(std::move(options));
  const auto observable =
      fixture.meter().create_observable_up_down_counter("c", [&](Observer<std::int64_t>& observer) {
        for (int i = 1; i <= 5; ++i) {
          observer.observe(i, {{"i", i}});
        }
      });
  for (int i = 0; i < 2; ++i) {
    const auto values = by_attributes(fixture.collect());
    EXPECT_EQ(values.size(), 3U);
    EXPECT_EQ(values.at({{"otel.metric.overflow", "true"}}), 3 + 4 + 5);
  }
}

TEST(Observable, IsNotCalledOnceItsHandleIsGone) {
  Fixture fixture;
  int calls = 0;
  const auto callback = [&](Observer<double>& observer) {
    ++calls;
    observer.observe(1);
  };
  auto kept = fixture.meter().create_observable_gauge("g", callback);
  {
    const auto gone = fixture.meter().create_observable_gauge("g", callback);
    fixture.collect();
    EXPECT_EQ(calls, 2);
  }
  fixture.collect();
  EXPECT_EQ(calls, 3);
  kept = metrics::Observable();
  EXPECT_THAT(fixture.collect(), IsEmpty());
  EXPECT_EQ(calls, 3);
}

TEST(Observable, MayEndItselfCreateInstrumentsAndThrow) {
  Diagnostics diagnostics;
  Fixture fixture;
  metrics::Observable observable;
  int calls = 0;
  observable = fixture.meter().create_observable_gauge("g", [&](Observer<double>& observer) {
    ++calls;
    observer.observe(5);
    fixture.meter().create_counter("inner").add(1);
    observable.stop();
    throw std::runtime_error("out of order");
  });
  EXPECT_EQ(fixture.collect().at(0).double_value, 5);
  EXPECT_THAT(diagnostics.text(), HasSubstr("out of order"));
  fixture.collect();
  EXPECT_EQ(calls, 1);
}

TEST(Instruments, SurviveTheirProvider) {
  Fixture fixture;
  const auto counter = fixture.meter().create_counter("c");
  const auto bound = counter.bind({{"a", 1}});
  const auto histogram = fixture.meter().create_histogram("h");
  const Meter meter = fixture.meter();
  auto observable = meter.create_observable_gauge("g", [](Observer<double>&) {});
  counter.add(1);
  fixture.drop_provider();
  EXPECT_FALSE(counter.enabled());
  counter.add(1, {{"b", 2}});
  bound.add(1);
  histogram.record(1);
  EXPECT_FALSE(meter.create_counter("later").enabled());
}

TEST(Instruments, DoNothingWithoutAnSdk) {
  const Meter meter;
  EXPECT_FALSE(meter.create_counter("c").enabled());
  meter.create_counter("c").add(1, {{"a", 1}});
  meter.create_histogram("h").record(1);
  meter.create_gauge("g").record(1);
  meter.create_up_down_counter("u").bind({{"a", 1}}).add(1);
  const auto observable = meter.create_observable_gauge("o", [](Observer<double>&) {});
  metrics::Counter<double>().add(1);
}

TEST(GlobalProvider, TakesOverInstrumentsMadeBeforeIt) {
  const auto early = metrics::get_meter("library", "1.0").create_counter("early");
  const auto early_bound = early.bind({{"a", 1}});
  int observed = 0;
  const auto observable = metrics::get_meter("library", "1.0")
                              .create_observable_gauge("o", [&](Observer<double>& observer) {
                                observer.observe(++observed);
                              });
  early.add(100);  // Lost: nobody is there to count it.
  EXPECT_FALSE(early.enabled());

  Fixture fixture;
  metrics::set_global_meter_provider(fixture.provider().handle());
  EXPECT_EQ(metrics::global_meter_provider(), fixture.provider().handle());
  EXPECT_TRUE(early.enabled());
  early.add(1);
  early_bound.add(2);
  metrics::get_meter("library", "1.0").create_counter("early").add(4);
  const auto points = fixture.collect();
  ASSERT_THAT(points, SizeIs(3));
  EXPECT_EQ(points[0].int_value + points[1].int_value, 7);
  EXPECT_GT(points[0].start, 0U);
  EXPECT_EQ(points[2].double_value, 1);

  metrics::set_global_meter_provider({});
  EXPECT_EQ(metrics::global_meter_provider(), metrics::MeterProvider());
  EXPECT_FALSE(metrics::get_meter("library").create_counter("late").enabled());
  early.add(1);
  EXPECT_EQ(fixture.collect()[0].int_value + fixture.collect()[1].int_value, 8);
}

TEST(Requests, AreSplitWhereTheyWouldGrowTooLong) {
  MeterProviderOptions options;
  options.max_request_bytes = 64 * 1024;
  Fixture fixture(std::move(options));
  const std::string long_value(200, 'v');
  for (const std::string name : {"h1", "h2", "h3"}) {
    const auto histogram = fixture.meter(name).create_histogram(name);
    for (int i = 0; i < 300; ++i) {
      histogram.record(i, {{"i", i}, {"v", std::string_view(long_value)}});
    }
  }
  const auto points = fixture.collect();
  EXPECT_THAT(points, SizeIs(900));
  EXPECT_GE(fixture.requests(), 6U);
  for (const std::string& request : fixture.request_bytes()) {
    EXPECT_LE(request.size(), 66U * 1024);
  }
  std::map<std::pair<std::string, Texts>, int> seen;
  for (const Point& point : points) {
    EXPECT_EQ(point.scope, point.metric);
    EXPECT_EQ(++seen[std::pair(point.metric, point.attributes)], 1);
  }
}

TEST(Collection, OfNothingIsNothing) {
  Fixture fixture;
  const auto unused = fixture.meter().create_counter("c");
  EXPECT_THAT(fixture.provider().collect(), IsEmpty());
}

// What threads add concurrently, collections included, adds up exactly.
TEST(Concurrency, LosesAndInventsNothing) {
  Fixture fixture;
  const Meter meter = fixture.meter();
  const auto counter = meter.create_counter("c");
  const auto doubles = meter.create_up_down_counter<double>("d");
  const auto histogram = meter.create_histogram("h", {.boundaries = {10, 20, 30}});
  constexpr int kThreads = 4;
  constexpr int kRounds = 3;  // Threads come and go, and go on with the cells of earlier ones.
  constexpr int kAdds = 5'000;
  std::atomic<bool> done{false};
  std::uint64_t last_count = 0;
  std::thread collector([&] {
    while (!done) {
      for (const Point& point : fixture.collect()) {
        if (point.metric == "h") {
          std::uint64_t in_buckets = 0;
          for (const std::uint64_t bucket : point.buckets) {
            in_buckets += bucket;
          }
          EXPECT_EQ(point.count, in_buckets);
          EXPECT_DOUBLE_EQ(point.sum, 15.0 * static_cast<double>(point.count));
          EXPECT_GE(point.count, last_count);
          last_count = point.count;
        }
      }
    }
  });
  for (int round = 0; round < kRounds; ++round) {
    std::vector<std::thread> threads;
    threads.reserve(kThreads);
    for (int t = 0; t < kThreads; ++t) {
      threads.emplace_back([&, t] {
        for (int i = 0; i < kAdds; ++i) {
          counter.add(1);
          counter.add(2, {{"key", i % 7}, {"other", "x"}});
          counter.add(3, {{"other", "x"}, {"key", i % 7}});
          doubles.add(t % 2 == 0 ? 0.5 : -0.5, {{"t", t}});
          histogram.record(15);
        }
      });
    }
    for (std::thread& thread : threads) {
      thread.join();
    }
  }
  done = true;
  collector.join();

  constexpr std::int64_t kTotal = std::int64_t{kThreads} * kRounds * kAdds;
  std::int64_t sum = 0;
  int series = 0;
  for (const Point& point : fixture.collect()) {
    if (point.metric == "c") {
      sum += point.int_value;
      ++series;
    } else if (point.metric == "h") {
      EXPECT_EQ(point.count, static_cast<std::uint64_t>(kTotal));
      EXPECT_THAT(point.buckets, ElementsAre(0, kTotal, 0, 0));
    } else {
      EXPECT_EQ(std::abs(point.double_value), 0.5 * kRounds * kAdds);
    }
  }
  EXPECT_EQ(sum, kTotal * 6);
  EXPECT_EQ(series, 8);
}

TEST(Concurrency, DeltasOfAllCollectionsAddUpToTheTotal) {
  MeterProviderOptions options;
  options.temporality = TemporalityPreference::kDelta;
  Fixture fixture(std::move(options));
  const auto counter = fixture.meter().create_counter("c");
  const auto histogram = fixture.meter().create_histogram("h", {.boundaries = {1}});
  std::int64_t added = 0;
  std::uint64_t recorded = 0;
  const auto take = [&] {
    for (const Point& point : fixture.collect()) {
      if (point.metric == "c") {
        added += point.int_value;
      } else {
        recorded += point.count;
      }
    }
  };
  std::thread writer([&] {
    for (int i = 0; i < 50'000; ++i) {
      counter.add(1, {{"a", i % 3}});
      histogram.record(i % 2);
    }
  });
  for (int i = 0; i < 50; ++i) {
    take();
  }
  writer.join();
  take();
  EXPECT_EQ(added, 50'000);
  EXPECT_EQ(recorded, 50'000U);
}

TEST(Concurrency, InstrumentsOfOneNameAreCreatedOnce) {
  Fixture fixture;
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&] {
      for (int i = 0; i < 100; ++i) {
        fixture.meter().create_counter("c" + std::to_string(i)).add(1);
      }
    });
  }
  for (std::thread& thread : threads) {
    thread.join();
  }
  const auto points = fixture.collect();
  ASSERT_THAT(points, SizeIs(100));
  for (const Point& point : points) {
    EXPECT_EQ(point.int_value, 4);
  }
}

// Takes requests; can be made to refuse or to hang.
class RecordingExporter final : public Exporter {
 public:
  ExportResult export_request(Signal signal, std::string_view request, std::uint64_t items,
                              steady_clock::time_point deadline) noexcept override {
    EXPECT_EQ(signal, Signal::kMetrics);
    std::unique_lock lock(mutex_);
    requests_.emplace_back(request);
    items_ += items;
    called_.notify_all();
    if (hang_) {
      called_.wait_until(lock, deadline, [&] { return canceled_; });
      return {.status = ExportResult::Status::kUnreachable, .message = "hung"};
    }
    if (stuck_) {
      called_.wait(lock, [&] { return released_; });
    }
    return result_;
  }
  void cancel() noexcept override {
    const std::scoped_lock lock(mutex_);
    canceled_ = true;
    called_.notify_all();
  }

  void hang() { hang_ = true; }
  void stick() { stuck_ = true; }
  void release() {
    const std::scoped_lock lock(mutex_);
    released_ = true;
    called_.notify_all();
  }
  void refuse(ExportResult result) { result_ = std::move(result); }
  bool wait_for_requests(std::size_t count) {
    std::unique_lock lock(mutex_);
    return called_.wait_for(lock, 20s, [&] { return requests_.size() >= count; });
  }
  std::vector<Point> last_points() {
    const std::scoped_lock lock(mutex_);
    PointReader reader;
    EXPECT_TRUE(otlp::decode_metrics_protobuf(requests_.back(), reader).ok);
    return reader.points;
  }
  std::size_t requests() {
    const std::scoped_lock lock(mutex_);
    return requests_.size();
  }

 private:
  std::mutex mutex_;
  std::condition_variable called_;
  std::vector<std::string> requests_;
  std::uint64_t items_ = 0;
  bool hang_ = false;
  bool stuck_ = false;
  bool released_ = false;
  bool canceled_ = false;
  ExportResult result_;
};

MeterProviderOptions exporting_to(std::shared_ptr<Exporter> exporter) {
  MeterProviderOptions options;
  options.resource = Resource(Attributes{{"service.name", "shop"}});
  options.exporter = std::move(exporter);
  return options;
}

TEST(PeriodicExport, HappensAtItsInterval) {
  const auto exporter = std::make_shared<RecordingExporter>();
  MeterProviderOptions options = exporting_to(exporter);
  options.export_interval = 5ms;
  const auto provider = MeterProvider::create(std::move(options)).value();
  provider->handle()
      .get_meter({.name = "m", .version = {}, .schema_url = {}, .attributes = {}})
      .create_counter("c")
      .add(3);
  EXPECT_TRUE(exporter->wait_for_requests(3));
  EXPECT_EQ(exporter->last_points().at(0).int_value, 3);
}

TEST(PeriodicExport, FlushExportsNowAndShutdownALastTime) {
  const auto exporter = std::make_shared<RecordingExporter>();
  const auto provider = MeterProvider::create(exporting_to(exporter)).value();
  const auto counter =
      provider->get_meter({.name = "m", .version = {}, .schema_url = {}, .attributes = {}})
          .create_counter("c");
  counter.add(1);
  EXPECT_TRUE(provider->force_flush());
  EXPECT_EQ(exporter->last_points().at(0).int_value, 1);
  counter.add(1);
  EXPECT_TRUE(provider->shutdown());
  EXPECT_EQ(exporter->last_points().at(0).int_value, 2);
  EXPECT_EQ(exporter->requests(), 2U);
  EXPECT_EQ(provider->statistics().exported_points, 2U);
  EXPECT_FALSE(provider->shutdown());
  EXPECT_FALSE(provider->force_flush());
  EXPECT_FALSE(counter.enabled());
}

TEST(PeriodicExport, CountsAndReportsWhatIsNotAccepted) {
  Diagnostics diagnostics;
  const auto exporter = std::make_shared<RecordingExporter>();
  exporter->refuse({.status = ExportResult::Status::kPartialSuccess,
                    .rejected_items = 1,
                    .message = "one is odd"});
  const auto provider = MeterProvider::create(exporting_to(exporter)).value();
  const Meter meter =
      provider->get_meter({.name = "m", .version = {}, .schema_url = {}, .attributes = {}});
  meter.create_counter("a").add(1);
  meter.create_counter("b").add(1);
  EXPECT_FALSE(provider->force_flush());
  EXPECT_EQ(provider->statistics().exported_points, 1U);
  EXPECT_EQ(provider->statistics().failed_points, 1U);
  EXPECT_THAT(diagnostics.text(),
              HasSubstr("1 of 2 metric data points were not accepted: one is "));
}

TEST(PeriodicExport, FlushAndShutdownEndInTimeIfTheBackendHangs) {
  const Diagnostics quiet;
  const auto exporter = std::make_shared<RecordingExporter>();
  exporter->hang();
  const auto provider = MeterProvider::create(exporting_to(exporter)).value();
  provider->get_meter({.name = "m", .version = {}, .schema_url = {}, .attributes = {}})
      .create_counter("c")
      .add(1);
  const auto start = steady_clock::now();
  EXPECT_FALSE(provider->force_flush(50ms));
  EXPECT_FALSE(provider->shutdown(200ms));
  EXPECT_LT(steady_clock::now() - start, 5s);
}

TEST(PeriodicExport, ShutdownEndsInTimeEvenIfTheExporterIgnoresCancel) {
  const Diagnostics quiet;
  const auto exporter = std::make_shared<RecordingExporter>();
  exporter->stick();
  const auto start = steady_clock::now();
  {
    const auto provider = MeterProvider::create(exporting_to(exporter)).value();
    provider->get_meter({.name = "m", .version = {}, .schema_url = {}, .attributes = {}})
        .create_counter("c")
        .add(1);
    EXPECT_FALSE(provider->shutdown(100ms));
  }
  EXPECT_LT(steady_clock::now() - start, 5s);
  exporter->release();  // Its thread ends by itself.
}

TEST(PeriodicExport, AForkedChildExportsWhenItFlushes) {
  const auto exporter = std::make_shared<RecordingExporter>();
  const auto provider = MeterProvider::create(exporting_to(exporter)).value();
  const auto counter =
      provider->get_meter({.name = "m", .version = {}, .schema_url = {}, .attributes = {}})
          .create_counter("c");
  counter.add(1);
  const pid_t child = fork();
  if (child == 0) {
    counter.add(1);
    const bool flushed = provider->force_flush(2s) && exporter->requests() == 1 &&
                         exporter->last_points().at(0).int_value == 2;
    _exit(flushed && provider->shutdown(2s) ? 0 : 1);
  }
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  EXPECT_TRUE(provider->force_flush());
  EXPECT_EQ(exporter->last_points().at(0).int_value, 1);
}

std::string error_of(MeterProviderOptions options) {
  const auto provider = MeterProvider::create(std::move(options));
  return provider.ok() ? "" : provider.error().message;
}

TEST(MeterProvider, SaysWhatIsWrongWithItsOptions) {
  MeterProviderOptions options;
  options.export_interval = 0ms;
  EXPECT_THAT(error_of(options), HasSubstr("positive"));
  options = {};
  options.cardinality_limit = 1;
  EXPECT_THAT(error_of(options), HasSubstr("cardinality_limit"));
  options = {};
  options.max_request_bytes = 10;
  EXPECT_THAT(error_of(options), HasSubstr("max_request_bytes"));
}

}  // namespace
}  // namespace signalbox::sdk

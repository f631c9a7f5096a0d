#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signalbox/common/diagnostics.h>
#include <signalbox/config/sdk.h>
#include <signalbox/logs/logger.h>
#include <signalbox/metrics/sdk_meter_provider.h>
#include <signalbox/propagation/propagator.h>
#include <signalbox/trace/tracer.h>

#include <array>
#include <map>
#include <mutex>
#include <optional>
#include <string>

#include "sdk/export/testing/fake_collector.h"

namespace signalbox::sdk {
namespace {

using ::testing::HasSubstr;
using ::testing::UnorderedElementsAre;
using namespace std::chrono_literals;
using namespace std::string_literals;
using testing::FakeCollector;
using testing::Received;
using testing::Reply;
using Variables = std::map<std::string, std::string>;

SdkOptions with(Variables variables, SdkOptions options = {}) {
  options.environment = [variables = std::move(variables)](const std::string& name) {
    const auto found = variables.find(name);
    return found == variables.end() ? std::nullopt : std::optional<std::string>(found->second);
  };
  return options;
}

// Keeps the requests of each signal.
class MemoryExporter final : public Exporter {
 public:
  ExportResult export_request(Signal signal, std::string_view request, std::uint64_t items,
                              std::chrono::steady_clock::time_point) noexcept override {
    const std::scoped_lock lock(mutex_);
    text_[static_cast<std::size_t>(signal)] += request;
    items_[static_cast<std::size_t>(signal)] += items;
    return {};
  }
  void cancel() noexcept override {}
  std::string text(Signal signal) {
    const std::scoped_lock lock(mutex_);
    return text_[static_cast<std::size_t>(signal)];
  }
  std::uint64_t items(Signal signal) {
    const std::scoped_lock lock(mutex_);
    return items_[static_cast<std::size_t>(signal)];
  }

 private:
  std::mutex mutex_;
  std::array<std::string, 3> text_;
  std::array<std::uint64_t, 3> items_{};
};

// Refuses everything.
class RefusingExporter final : public Exporter {
 public:
  ExportResult export_request(Signal, std::string_view, std::uint64_t,
                              std::chrono::steady_clock::time_point) noexcept override {
    return {.status = ExportResult::Status::kRejected, .message = "no"};
  }
  void cancel() noexcept override {}
};

void record_one_of_each() {
  auto span = trace::get_tracer("test").start_span("a span");
  span.end();
  metrics::get_meter("test").create_counter("a.counter").add(1);
  logs::get_logger("test").emit({.severity = logs::Severity::kInfo, .body = "a record"});
}

bool has_globals() {
  return trace::global_tracer_provider() || logs::global_logger_provider() ||
         metrics::global_meter_provider() != metrics::MeterProvider();
}

TEST(Sdk, TellsAtTheEndHowMuchWasLost) {
  std::mutex mutex;
  std::string messages;
  set_diagnostic_handler([&](DiagnosticLevel, std::string_view message) {
    const std::scoped_lock lock(mutex);
    messages += message;
  });
  auto sdk = Sdk::from_environment(with({}, {.exporter = std::make_shared<RefusingExporter>()}));
  ASSERT_TRUE(sdk.ok());
  record_one_of_each();
  record_one_of_each();

  EXPECT_FALSE(sdk->shutdown());

  set_diagnostic_handler(nullptr);
  EXPECT_THAT(messages, HasSubstr("Lost: 2 of 2 spans. Lost: 2 of 2 log records."));
}

TEST(Sdk, ExportsAllSignalsThroughTheGlobalsUntilItIsShutDown) {
  const auto exporter = std::make_shared<MemoryExporter>();
  auto sdk = Sdk::from_environment(
      with({{"OTEL_SERVICE_NAME", "shop"}}, {.service_name = "other", .exporter = exporter}));
  ASSERT_TRUE(sdk.ok());
  record_one_of_each();
  EXPECT_TRUE(sdk->force_flush());
  for (const auto& [signal, text] :
       {std::pair{Signal::kTraces, "a span"}, std::pair{Signal::kMetrics, "a.counter"},
        std::pair{Signal::kLogs, "a record"}}) {
    EXPECT_EQ(exporter->items(signal), 1U);
    EXPECT_THAT(exporter->text(signal), HasSubstr(text));
    EXPECT_THAT(exporter->text(signal), HasSubstr("shop"));
  }
  EXPECT_NE(sdk->tracer_provider(), nullptr);
  EXPECT_NE(sdk->meter_provider(), nullptr);
  EXPECT_NE(sdk->logger_provider(), nullptr);

  record_one_of_each();
  EXPECT_TRUE(sdk->shutdown());
  EXPECT_EQ(exporter->items(Signal::kTraces), 2U);
  EXPECT_EQ(exporter->items(Signal::kMetrics), 2U);
  EXPECT_EQ(exporter->items(Signal::kLogs), 2U);
  EXPECT_FALSE(has_globals());
  record_one_of_each();
  EXPECT_TRUE(sdk->shutdown());
  EXPECT_EQ(exporter->items(Signal::kTraces), 2U);
}

TEST(Sdk, DestructionSendsWhatIsLeft) {
  const auto exporter = std::make_shared<MemoryExporter>();
  {
    auto sdk = Sdk::from_environment(with({}, {.exporter = exporter}));
    ASSERT_TRUE(sdk.ok());
    Sdk moved = std::move(sdk).value();
    record_one_of_each();
  }
  EXPECT_EQ(exporter->items(Signal::kTraces), 1U);
  EXPECT_EQ(exporter->items(Signal::kMetrics), 1U);
  EXPECT_EQ(exporter->items(Signal::kLogs), 1U);
  EXPECT_FALSE(has_globals());
}

TEST(Sdk, SendsEachSignalWhereTheEnvironmentSays) {
  FakeCollector http(FakeCollector::Protocol::kHttp1, [](const Received&) { return Reply{}; });
  FakeCollector grpc(FakeCollector::Protocol::kHttp2, [](const Received&) {
    return Reply{.body = "\0\0\0\0\0"s, .trailers = {{"grpc-status", "0"}}};
  });
  {
    auto sdk =
        Sdk::from_environment(with({{"OTEL_EXPORTER_OTLP_ENDPOINT", http.url()},
                                    {"OTEL_EXPORTER_OTLP_HEADERS", "x-tenant=a%20b"},
                                    {"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", grpc.url()},
                                    {"OTEL_EXPORTER_OTLP_LOGS_PROTOCOL", "grpc"},
                                    {"OTEL_EXPORTER_OTLP_METRICS_ENDPOINT", http.url() + "/m"}}));
    ASSERT_TRUE(sdk.ok());
    record_one_of_each();
    EXPECT_TRUE(sdk->shutdown());
  }
  std::vector<std::string> paths;
  for (const Received& request : http.received()) {
    paths.push_back(request.path);
    EXPECT_EQ(request.headers.at("x-tenant"), "a b");
  }
  EXPECT_THAT(paths, UnorderedElementsAre("/v1/traces", "/m"));
  ASSERT_EQ(grpc.received().size(), 1U);
  EXPECT_EQ(grpc.received()[0].path, "/opentelemetry.proto.collector.logs.v1.LogsService/Export");
}

TEST(Sdk, DisabledStillPropagates) {
  auto sdk =
      Sdk::from_environment(with({{"OTEL_SDK_DISABLED", "true"}, {"OTEL_PROPAGATORS", "baggage"}}));
  ASSERT_TRUE(sdk.ok());
  EXPECT_FALSE(has_globals());
  EXPECT_EQ(propagation::global_propagator().fields().size(), 1U);
  EXPECT_TRUE(sdk->force_flush());
}

TEST(Sdk, InstallsNothingForSignalsWithoutExporter) {
  auto sdk = Sdk::from_environment(with({{"OTEL_TRACES_EXPORTER", "none"},
                                         {"OTEL_METRICS_EXPORTER", "none"},
                                         {"OTEL_LOGS_EXPORTER", "none"}}));
  ASSERT_TRUE(sdk.ok());
  EXPECT_FALSE(has_globals());
  EXPECT_TRUE(sdk->shutdown());
}

TEST(Sdk, FailsAndTouchesNothingIfAnEndpointCannotWork) {
  auto sdk = Sdk::from_environment(with({{"OTEL_EXPORTER_OTLP_LOGS_ENDPOINT", "gopher://x"}}));
  ASSERT_FALSE(sdk.ok());
  EXPECT_THAT(sdk.error().message, HasSubstr("gopher://x"));
  EXPECT_FALSE(has_globals());
}

TEST(Sdk, ShutsDownInTimeWithoutABackend) {
  set_diagnostic_handler([](DiagnosticLevel, std::string_view) {});
  FakeCollector silent(FakeCollector::Protocol::kHttp1,
                       [](const Received&) { return Reply{.hang = true}; });
  auto sdk = Sdk::from_environment(with({{"OTEL_EXPORTER_OTLP_ENDPOINT", silent.url()}}));
  ASSERT_TRUE(sdk.ok());
  record_one_of_each();
  const auto start = std::chrono::steady_clock::now();
  EXPECT_FALSE(sdk->shutdown(300ms));
  EXPECT_LT(std::chrono::steady_clock::now() - start, 5s);
  set_diagnostic_handler(nullptr);
}

TEST(Sdk, LeavesTheGlobalsOfASuccessorAlone) {
  const auto exporter = std::make_shared<MemoryExporter>();
  auto first = Sdk::from_environment(with({}, {.exporter = exporter}));
  auto second = Sdk::from_environment(with({}, {.exporter = exporter}));
  ASSERT_TRUE(first.ok());
  ASSERT_TRUE(second.ok());
  first->shutdown();
  EXPECT_TRUE(trace::global_tracer_provider());
  EXPECT_EQ(metrics::global_meter_provider(), second->meter_provider()->handle());
  second->shutdown();
  EXPECT_FALSE(has_globals());
}

}  // namespace
}  // namespace signalbox::sdk

#include "sdk/config/settings.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signalbox/common/diagnostics.h>

#include <map>
#include <string>

namespace signalbox::sdk {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using namespace std::chrono_literals;
using Variables = std::map<std::string, std::string>;

class Settings : public ::testing::Test {
 protected:
  Settings() {
    set_diagnostic_handler([](DiagnosticLevel, std::string_view) {});
  }
  ~Settings() override { set_diagnostic_handler(nullptr); }

  static Environment environment(Variables variables) {
    return Environment([variables = std::move(variables)](const std::string& name) {
      const auto found = variables.find(name);
      return found == variables.end() ? std::nullopt : std::optional<std::string>(found->second);
    });
  }
};

TEST_F(Settings, TheEnvironmentWinsOverTheProgram) {
  const SdkOptions options{.service_name = "from.code",
                           .service_version = "1.0",
                           .resource_attributes = {{"team", "a"}, {"site", "b"}}};
  const Resource plain = read_resource(environment({}), options);
  EXPECT_EQ(plain.get_string("service.name"), "from.code");
  EXPECT_EQ(plain.get_string("service.version"), "1.0");
  EXPECT_EQ(plain.get_string("team"), "a");
  EXPECT_EQ(plain.get_string("telemetry.sdk.language"), "cpp");

  const Resource set = read_resource(
      environment({{"OTEL_RESOURCE_ATTRIBUTES", "service.name=attr,team=c%20d"}}), options);
  EXPECT_EQ(set.get_string("service.name"), "attr");
  EXPECT_EQ(set.get_string("team"), "c d");
  EXPECT_EQ(set.get_string("site"), "b");

  const Resource named = read_resource(
      environment({{"OTEL_RESOURCE_ATTRIBUTES", "service.name=attr"}, {"OTEL_SERVICE_NAME", "n"}}),
      options);
  EXPECT_EQ(named.get_string("service.name"), "n");
}

TEST_F(Settings, ServicesWithoutANameAreCalledByTheirProgram) {
  EXPECT_THAT(std::string(read_resource(environment({}), {}).get_string("service.name")),
              StartsWith("unknown_service"));
}

TEST_F(Settings, SamplersAreChosenByName) {
  const auto description = [&](const Variables& variables) {
    return read_sampler(environment(variables))->description();
  };
  const std::string standard = description({});
  EXPECT_THAT(standard, HasSubstr("ParentBased"));
  EXPECT_EQ(description({{"OTEL_TRACES_SAMPLER", "parentbased_always_on"}}), standard);
  EXPECT_EQ(description({{"OTEL_TRACES_SAMPLER", "nonsense"}}), standard);
  EXPECT_EQ(description({{"OTEL_TRACES_SAMPLER", "always_on"}}),
            always_on_sampler()->description());
  EXPECT_EQ(description({{"OTEL_TRACES_SAMPLER", "always_off"}}),
            always_off_sampler()->description());
  EXPECT_EQ(
      description({{"OTEL_TRACES_SAMPLER", "traceidratio"}, {"OTEL_TRACES_SAMPLER_ARG", "0.25"}}),
      trace_id_ratio_sampler(0.25)->description());
  EXPECT_EQ(
      description({{"OTEL_TRACES_SAMPLER", "traceidratio"}, {"OTEL_TRACES_SAMPLER_ARG", "2"}}),
      trace_id_ratio_sampler(1)->description());
  EXPECT_EQ(description({{"OTEL_TRACES_SAMPLER", "parentbased_always_off"}}),
            parent_based_sampler(always_off_sampler())->description());
  EXPECT_EQ(description({{"OTEL_TRACES_SAMPLER", "parentbased_traceidratio"},
                         {"OTEL_TRACES_SAMPLER_ARG", "0.5"}}),
            parent_based_sampler(trace_id_ratio_sampler(0.5))->description());
}

TEST_F(Settings, PropagatorsAreChosenByName) {
  const auto fields = [&](const Variables& variables) {
    const auto propagator = read_propagator(environment(variables));
    return propagator ? propagator->fields().size() : 0U;
  };
  const std::size_t both = fields({});
  const std::size_t trace = fields({{"OTEL_PROPAGATORS", "tracecontext"}});
  const std::size_t baggage = fields({{"OTEL_PROPAGATORS", "baggage"}});
  EXPECT_EQ(trace, 2U);
  EXPECT_EQ(baggage, 1U);
  EXPECT_EQ(both, trace + baggage);
  EXPECT_EQ(fields({{"OTEL_PROPAGATORS", "baggage,tracecontext,baggage,b3"}}), both);
  EXPECT_EQ(fields({{"OTEL_PROPAGATORS", "none"}}), 0U);
}

TEST_F(Settings, LimitsAndBatchesAreRead) {
  const SpanLimits spans = read_span_limits(environment({
      {"OTEL_ATTRIBUTE_COUNT_LIMIT", "5"},
      {"OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "6"},
      {"OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT", "7"},
      {"OTEL_SPAN_EVENT_COUNT_LIMIT", "8"},
      {"OTEL_SPAN_LINK_COUNT_LIMIT", "x"},
      {"OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT", "9"},
      {"OTEL_LINK_ATTRIBUTE_COUNT_LIMIT", "10"},
  }));
  EXPECT_EQ(spans.attribute_count, 5U);
  EXPECT_EQ(spans.attribute_value_length, 7U);
  EXPECT_EQ(spans.event_count, 8U);
  EXPECT_EQ(spans.link_count, 128U);
  EXPECT_EQ(spans.attribute_count_per_event, 9U);
  EXPECT_EQ(spans.attribute_count_per_link, 10U);

  const LogRecordLimits logs = read_log_record_limits(environment(
      {{"OTEL_ATTRIBUTE_COUNT_LIMIT", "5"}, {"OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT", "6"}}));
  EXPECT_EQ(logs.attribute_count, 6U);

  const BatchOptions batch = read_batch_options(environment({{"OTEL_BSP_SCHEDULE_DELAY", "10"},
                                                             {"OTEL_BSP_EXPORT_TIMEOUT", "20"},
                                                             {"OTEL_BSP_MAX_QUEUE_SIZE", "30"}}),
                                                "OTEL_BSP");
  EXPECT_EQ(batch.schedule_delay, 10ms);
  EXPECT_EQ(batch.export_timeout, 20ms);
  EXPECT_EQ(batch.max_queue_items, 30U);
  EXPECT_LE(batch.max_export_batch_size, 30U);
}

TEST_F(Settings, MetricsAreExportedAsTheEnvironmentSays) {
  MeterProviderOptions options;
  read_metric_options(environment({}), options);
  EXPECT_EQ(options.export_interval, 60s);
  EXPECT_EQ(options.temporality, TemporalityPreference::kCumulative);
  read_metric_options(environment({{"OTEL_METRIC_EXPORT_INTERVAL", "500"},
                                   {"OTEL_METRIC_EXPORT_TIMEOUT", "400"},
                                   {"OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE", "Delta"}}),
                      options);
  EXPECT_EQ(options.export_interval, 500ms);
  EXPECT_EQ(options.export_timeout, 400ms);
  EXPECT_EQ(options.temporality, TemporalityPreference::kDelta);
}

TEST_F(Settings, OtlpVariablesOfASignalWinOverTheCommonOnes) {
  const Environment variables = environment({
      {"OTEL_EXPORTER_OTLP_ENDPOINT", "http://all:4318"},
      {"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT", "http://traces:1/path"},
      {"OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"},
      {"OTEL_EXPORTER_OTLP_LOGS_PROTOCOL", "grpc"},
      {"OTEL_EXPORTER_OTLP_HEADERS", "key=all,x=1"},
      {"OTEL_EXPORTER_OTLP_METRICS_HEADERS", "key=metrics%2Conly"},
      {"OTEL_EXPORTER_OTLP_TIMEOUT", "100"},
      {"OTEL_EXPORTER_OTLP_TRACES_TIMEOUT", "200"},
      {"OTEL_EXPORTER_OTLP_COMPRESSION", "gzip"},
      {"OTEL_EXPORTER_OTLP_TRACES_COMPRESSION", "none"},
      {"OTEL_EXPORTER_OTLP_CERTIFICATE", "/ca"},
      {"OTEL_EXPORTER_OTLP_LOGS_CLIENT_KEY", "/key"},
      {"OTEL_EXPORTER_OTLP_LOGS_CLIENT_CERTIFICATE", "/cert"},
  });
  const auto traces = read_otlp_options(variables, Signal::kTraces, {});
  EXPECT_EQ(traces.endpoint, "http://all:4318");
  EXPECT_EQ(traces.traces_endpoint, "http://traces:1/path");
  EXPECT_EQ(traces.protocol, OtlpProtocol::kHttpProtobuf);
  EXPECT_EQ(traces.timeout, 200ms);
  EXPECT_EQ(traces.compression, Compression::kNone);
  EXPECT_EQ(traces.headers, (NameValues{{"key", "all"}, {"x", "1"}}));
  EXPECT_EQ(traces.ca_file, "/ca");

  const auto metrics = read_otlp_options(variables, Signal::kMetrics, {});
  EXPECT_EQ(metrics.metrics_endpoint, "");
  EXPECT_EQ(metrics.timeout, 100ms);
  EXPECT_EQ(metrics.compression, Compression::kGzip);
  EXPECT_EQ(metrics.headers, (NameValues{{"key", "metrics,only"}}));

  const auto logs = read_otlp_options(variables, Signal::kLogs, {});
  EXPECT_EQ(logs.protocol, OtlpProtocol::kGrpc);
  EXPECT_EQ(logs.client_key_file, "/key");
  EXPECT_EQ(logs.client_certificate_file, "/cert");
}

TEST_F(Settings, HeadersOfTheEnvironmentWinOverTheProgramsWhateverTheirCase) {
  const SdkOptions options{.headers = {{"signoz-ingestion-key", "code"}, {"x-more", "2"}}};
  const auto otlp =
      read_otlp_options(environment({{"OTEL_EXPORTER_OTLP_HEADERS", "SigNoz-Ingestion-Key=env"}}),
                        Signal::kLogs, options);
  EXPECT_EQ(otlp.headers, (NameValues{{"SigNoz-Ingestion-Key", "env"}, {"x-more", "2"}}));
}

TEST_F(Settings, TheProgramChoosesTheProtocolUnlessTheEnvironmentDoes) {
  const SdkOptions options{.protocol = OtlpProtocol::kGrpc};
  const auto protocol = [&](const Variables& variables) {
    return read_otlp_options(environment(variables), Signal::kTraces, options).protocol;
  };
  EXPECT_EQ(protocol({}), OtlpProtocol::kGrpc);
  EXPECT_EQ(protocol({{"OTEL_EXPORTER_OTLP_PROTOCOL", "http/protobuf"}}),
            OtlpProtocol::kHttpProtobuf);
  EXPECT_EQ(protocol({{"OTEL_EXPORTER_OTLP_PROTOCOL", "http/json"}}), OtlpProtocol::kGrpc);
}

TEST_F(Settings, GrpcEndpointsMayComeWithoutAScheme) {
  const auto endpoint = [&](Variables variables) {
    variables["OTEL_EXPORTER_OTLP_PROTOCOL"] = "grpc";
    return read_otlp_options(environment(variables), Signal::kTraces, {}).endpoint;
  };
  EXPECT_EQ(endpoint({{"OTEL_EXPORTER_OTLP_ENDPOINT", "host:4317"}}), "https://host:4317");
  EXPECT_EQ(endpoint({{"OTEL_EXPORTER_OTLP_ENDPOINT", "host:4317"},
                      {"OTEL_EXPORTER_OTLP_INSECURE", "true"}}),
            "http://host:4317");
  EXPECT_EQ(endpoint({{"OTEL_EXPORTER_OTLP_ENDPOINT", "https://host:4317"},
                      {"OTEL_EXPORTER_OTLP_INSECURE", "true"}}),
            "https://host:4317");
}

TEST_F(Settings, ExportersAreChosenByName) {
  const auto exporter = [&](const std::string& names) {
    auto result = read_exporter(environment({{"OTEL_LOGS_EXPORTER", names}}), Signal::kLogs, {});
    EXPECT_TRUE(result.ok());
    return std::move(result).value();
  };
  EXPECT_EQ(exporter("none"), nullptr);
  for (const char* names : {"", "otlp", "console", "console,otlp", "zipkin", "none,console"}) {
    EXPECT_NE(exporter(names), nullptr) << names;
  }
}

}  // namespace
}  // namespace signalbox::sdk

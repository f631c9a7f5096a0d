#include "sdk/config/settings.h"

#include <signalbox/export/console_exporter.h>

#include <algorithm>
#include <cctype>
#include <string_view>
#include <utility>
#include <vector>

namespace signalbox::sdk {
namespace {

constexpr std::uint64_t kMaxCount32 = UINT32_MAX;

std::string_view name_of(Signal signal) {
  switch (signal) {
    case Signal::kTraces:
      return "TRACES";
    case Signal::kMetrics:
      return "METRICS";
    case Signal::kLogs:
      break;
  }
  return "LOGS";
}

bool is_same_header(std::string_view a, std::string_view b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](unsigned char x, unsigned char y) {
    return std::tolower(x) == std::tolower(y);
  });
}

Resource to_resource(const NameValues& pairs) {
  std::vector<OwnedAttribute> attributes;
  attributes.reserve(pairs.size());
  for (const auto& [key, value] : pairs) {
    attributes.push_back({.key = key, .value = value});
  }
  return Resource(std::move(attributes));
}

// Gives each request to several exporters, one after the other.
class FanOutExporter final : public Exporter {
 public:
  explicit FanOutExporter(std::vector<std::shared_ptr<Exporter>> exporters)
      : exporters_(std::move(exporters)) {}

  // The worst of the results.
  ExportResult export_request(Signal signal, std::string_view request, std::uint64_t items,
                              std::chrono::steady_clock::time_point deadline) noexcept override {
    ExportResult worst;
    for (const auto& exporter : exporters_) {
      ExportResult result = exporter->export_request(signal, request, items, deadline);
      if (result.status > worst.status) {
        worst = std::move(result);
      }
    }
    return worst;
  }

  void cancel() noexcept override {
    for (const auto& exporter : exporters_) {
      exporter->cancel();
    }
  }

 private:
  const std::vector<std::shared_ptr<Exporter>> exporters_;
};

// Variables of which each signal may have its own: OTEL_EXPORTER_OTLP_<suffix> for all, with the
// signal's name in the middle for one.
class OtlpVariables {
 public:
  OtlpVariables(const Environment& environment, Signal signal)
      : environment_(environment), signal_(name_of(signal)) {}

  [[nodiscard]] std::string own(const std::string& suffix) const {
    return "OTEL_EXPORTER_OTLP_" + std::string(signal_) + "_" + suffix;
  }
  [[nodiscard]] static std::string common(const std::string& suffix) {
    return "OTEL_EXPORTER_OTLP_" + suffix;
  }
  // The one that counts.
  [[nodiscard]] std::string name(const std::string& suffix) const {
    return environment_.text(own(suffix)) ? own(suffix) : common(suffix);
  }
  [[nodiscard]] std::optional<std::string> text(const std::string& suffix) const {
    return environment_.text(name(suffix));
  }

 private:
  const Environment& environment_;
  std::string_view signal_;
};

// gRPC endpoints may come without a scheme; OTEL_EXPORTER_OTLP_INSECURE then says which.
std::string with_scheme(const std::string& endpoint, bool insecure) {
  if (endpoint.find("://") != std::string::npos) {
    return endpoint;
  }
  return (insecure ? "http://" : "https://") + endpoint;
}

}  // namespace

Resource read_resource(const Environment& environment, const SdkOptions& options) {
  NameValues of_program = options.resource_attributes;
  if (!options.service_name.empty()) {
    of_program.emplace_back("service.name", options.service_name);
  }
  if (!options.service_version.empty()) {
    of_program.emplace_back("service.version", options.service_version);
  }
  Resource resource = Resource::detect().merge(to_resource(of_program));
  if (const auto pairs = environment.name_values("OTEL_RESOURCE_ATTRIBUTES")) {
    resource = resource.merge(to_resource(*pairs));
  }
  if (const auto name = environment.text("OTEL_SERVICE_NAME")) {
    resource = resource.merge(to_resource({{"service.name", *name}}));
  }
  return resource;
}

propagation::PropagatorPtr read_propagator(const Environment& environment) {
  constexpr const char* kName = "OTEL_PROPAGATORS";
  std::vector<std::string> names = environment.words(kName);
  if (names.empty()) {
    names = {"tracecontext", "baggage"};
  }
  bool has_trace_context = false;
  bool has_baggage = false;
  std::vector<propagation::PropagatorPtr> propagators;
  for (const std::string& name : names) {
    if (name == "none") {
      return nullptr;
    }
    if (name == "tracecontext") {
      if (!std::exchange(has_trace_context, true)) {
        propagators.push_back(propagation::trace_context_propagator());
      }
    } else if (name == "baggage") {
      if (!std::exchange(has_baggage, true)) {
        propagators.push_back(propagation::baggage_propagator());
      }
    } else {
      environment.report_invalid(kName, name, "known are tracecontext, baggage and none");
    }
  }
  return propagators.empty() ? nullptr : propagation::composite_propagator(std::move(propagators));
}

SamplerPtr read_sampler(const Environment& environment) {
  constexpr const char* kName = "OTEL_TRACES_SAMPLER";
  constexpr const char* kArgument = "OTEL_TRACES_SAMPLER_ARG";
  const auto ratio = [&] {
    return trace_id_ratio_sampler(environment.ratio(kArgument).value_or(1.0));
  };
  const std::string name = environment.text(kName).value_or("parentbased_always_on");
  if (name == "always_on") {
    return always_on_sampler();
  }
  if (name == "always_off") {
    return always_off_sampler();
  }
  if (name == "traceidratio") {
    return ratio();
  }
  if (name == "parentbased_always_off") {
    return parent_based_sampler(always_off_sampler());
  }
  if (name == "parentbased_traceidratio") {
    return parent_based_sampler(ratio());
  }
  if (name != "parentbased_always_on") {
    environment.report_invalid(kName, name,
                               "known are always_on, always_off, traceidratio and the same with "
                               "parentbased_ in front");
  }
  return parent_based_sampler(always_on_sampler());
}

SpanLimits read_span_limits(const Environment& environment) {
  SpanLimits limits;
  const auto set = [&](std::uint32_t& limit, const char* name) {
    if (const auto value = environment.count(name, 0, kMaxCount32)) {
      limit = static_cast<std::uint32_t>(*value);
    }
  };
  const auto set_length = [&](const char* name) {
    if (const auto value = environment.count(name)) {
      limits.attribute_value_length = *value;
    }
  };
  set(limits.attribute_count, "OTEL_ATTRIBUTE_COUNT_LIMIT");
  set(limits.attribute_count, "OTEL_SPAN_ATTRIBUTE_COUNT_LIMIT");
  set_length("OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT");
  set_length("OTEL_SPAN_ATTRIBUTE_VALUE_LENGTH_LIMIT");
  set(limits.event_count, "OTEL_SPAN_EVENT_COUNT_LIMIT");
  set(limits.link_count, "OTEL_SPAN_LINK_COUNT_LIMIT");
  set(limits.attribute_count_per_event, "OTEL_EVENT_ATTRIBUTE_COUNT_LIMIT");
  set(limits.attribute_count_per_link, "OTEL_LINK_ATTRIBUTE_COUNT_LIMIT");
  return limits;
}

LogRecordLimits read_log_record_limits(const Environment& environment) {
  LogRecordLimits limits;
  for (const char* name : {"OTEL_ATTRIBUTE_COUNT_LIMIT", "OTEL_LOGRECORD_ATTRIBUTE_COUNT_LIMIT"}) {
    if (const auto value = environment.count(name, 0, kMaxCount32)) {
      limits.attribute_count = static_cast<std::uint32_t>(*value);
    }
  }
  for (const char* name :
       {"OTEL_ATTRIBUTE_VALUE_LENGTH_LIMIT", "OTEL_LOGRECORD_ATTRIBUTE_VALUE_LENGTH_LIMIT"}) {
    if (const auto value = environment.count(name)) {
      limits.attribute_value_length = *value;
    }
  }
  return limits;
}

BatchOptions read_batch_options(const Environment& environment, const std::string& prefix) {
  BatchOptions batch;
  if (const auto delay = environment.interval(prefix + "_SCHEDULE_DELAY")) {
    batch.schedule_delay = *delay;
  }
  if (const auto timeout = environment.timeout(prefix + "_EXPORT_TIMEOUT")) {
    batch.export_timeout = *timeout;
  }
  if (const auto items = environment.count(prefix + "_MAX_QUEUE_SIZE", 1)) {
    batch.max_queue_items = *items;
  }
  if (const auto items = environment.count(prefix + "_MAX_EXPORT_BATCH_SIZE", 1)) {
    batch.max_export_batch_size = *items;
  }
  batch.max_export_batch_size = std::min(batch.max_export_batch_size, batch.max_queue_items);
  return batch;
}

void read_metric_options(const Environment& environment, MeterProviderOptions& options) {
  if (const auto interval = environment.interval("OTEL_METRIC_EXPORT_INTERVAL")) {
    options.export_interval = *interval;
  }
  if (const auto timeout = environment.timeout("OTEL_METRIC_EXPORT_TIMEOUT")) {
    options.export_timeout = *timeout;
  }
  constexpr const char* kTemporality = "OTEL_EXPORTER_OTLP_METRICS_TEMPORALITY_PREFERENCE";
  const std::vector<std::string> words = environment.words(kTemporality);
  if (words.empty()) {
    return;
  }
  if (words.front() == "delta") {
    options.temporality = TemporalityPreference::kDelta;
  } else if (words.front() == "lowmemory") {
    options.temporality = TemporalityPreference::kLowMemory;
  } else if (words.front() != "cumulative") {
    environment.report_invalid(kTemporality, words.front(),
                               "it must be cumulative, delta or lowmemory");
  }
}

OtlpExporterOptions read_otlp_options(const Environment& environment, Signal signal,
                                      const SdkOptions& options) {
  const OtlpVariables variables(environment, signal);
  OtlpExporterOptions otlp;
  otlp.protocol = options.protocol;
  if (const auto protocol = variables.text("PROTOCOL")) {
    if (*protocol == "grpc") {
      otlp.protocol = OtlpProtocol::kGrpc;
    } else if (*protocol == "http/protobuf") {
      otlp.protocol = OtlpProtocol::kHttpProtobuf;
    } else {
      environment.report_invalid(variables.name("PROTOCOL"), *protocol,
                                 "it must be grpc or http/protobuf");
    }
  }

  const bool is_grpc = otlp.protocol == OtlpProtocol::kGrpc;
  const bool is_insecure = is_grpc && environment.flag(variables.name("INSECURE"));
  std::string own = environment.text(variables.own("ENDPOINT")).value_or("");
  otlp.endpoint = environment.text(OtlpVariables::common("ENDPOINT")).value_or("");
  for (std::string* endpoint : {&own, &otlp.endpoint}) {
    if (is_grpc && !endpoint->empty()) {
      *endpoint = with_scheme(*endpoint, is_insecure);
    }
  }
  switch (signal) {
    case Signal::kTraces:
      otlp.traces_endpoint = std::move(own);
      break;
    case Signal::kMetrics:
      otlp.metrics_endpoint = std::move(own);
      break;
    case Signal::kLogs:
      otlp.logs_endpoint = std::move(own);
      break;
  }

  otlp.headers = environment.name_values(variables.name("HEADERS")).value_or(NameValues());
  const std::size_t from_environment = otlp.headers.size();
  for (const auto& header : options.headers) {
    const auto end = otlp.headers.begin() + static_cast<std::ptrdiff_t>(from_environment);
    if (std::none_of(otlp.headers.begin(), end, [&](const auto& known) {
          return is_same_header(known.first, header.first);
        })) {
      otlp.headers.push_back(header);
    }
  }

  if (const auto timeout = environment.timeout(variables.name("TIMEOUT"))) {
    otlp.timeout = *timeout;
  }
  if (const auto compression = variables.text("COMPRESSION")) {
    if (*compression == "gzip") {
      otlp.compression = Compression::kGzip;
    } else if (*compression != "none") {
      environment.report_invalid(variables.name("COMPRESSION"), *compression,
                                 "it must be gzip or none");
    }
  }
  otlp.ca_file = variables.text("CERTIFICATE").value_or("");
  otlp.client_certificate_file = variables.text("CLIENT_CERTIFICATE").value_or("");
  otlp.client_key_file = variables.text("CLIENT_KEY").value_or("");
  return otlp;
}

Result<std::shared_ptr<Exporter>> read_exporter(const Environment& environment, Signal signal,
                                                const SdkOptions& options) {
  if (options.exporter) {
    return options.exporter;
  }
  const std::string variable = "OTEL_" + std::string(name_of(signal)) + "_EXPORTER";
  std::vector<std::string> names = environment.words(variable);
  bool use_otlp = false;
  bool use_console = false;
  bool use_none = false;
  for (const std::string& name : names) {
    if (name == "otlp") {
      use_otlp = true;
    } else if (name == "console") {
      use_console = true;
    } else if (name == "none") {
      use_none = true;
    } else {
      environment.report_invalid(variable, name, "known are otlp, console and none");
    }
  }
  if (!use_otlp && !use_console && !use_none) {
    use_otlp = true;  // The default, and what is left of invalid values.
  }

  std::vector<std::shared_ptr<Exporter>> exporters;
  if (use_otlp) {
    auto otlp = make_otlp_exporter(read_otlp_options(environment, signal, options));
    if (!otlp) {
      return otlp;
    }
    exporters.push_back(std::move(otlp).value());
  }
  if (use_console) {
    exporters.push_back(make_console_exporter());
  }
  if (exporters.empty()) {
    return std::shared_ptr<Exporter>();
  }
  if (exporters.size() == 1) {
    return exporters.front();
  }
  return std::shared_ptr<Exporter>(std::make_shared<FanOutExporter>(std::move(exporters)));
}

}  // namespace signalbox::sdk

#include "server/observe/self_telemetry.h"

#include <signalbox/context/context.h>
#include <signalbox/metrics/meter.h>
#include <signalbox/metrics/sdk_meter_provider.h>
#include <signalbox/resource/resource.h>
#include <signalbox/trace/sdk_tracer_provider.h>
#include <signalbox/trace/tracer.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <charconv>
#include <stdexcept>
#include <string_view>
#include <utility>
#include <vector>

#include "server/observe/detached_parts.h"
#include "server/observe/in_process_exporter.h"
#include "server/observe/process_stats.h"

namespace signalbox::server::observe {
namespace {

using Observer = metrics::Observer<std::int64_t>;
using Counters = receive::ReceiveCounters::OfSignal;
using Stats = store::Writer::Stats;

constexpr std::string_view kScope = "signalbox.server";

sdk::Resource own_resource(const std::string& version) {
  return sdk::Resource::detect().merge(
      sdk::Resource({{"service.name", "signalbox"}, {"service.version", version}}));
}

std::int64_t as_signed(std::uint64_t value) {
  return static_cast<std::int64_t>(value);
}

template <typename Created>
auto created(Created result) {
  if (!result) throw std::runtime_error("own telemetry: " + result.error().message);
  return std::move(*result);
}

struct SignalName {
  store::Signal signal;
  std::string_view name;
};
constexpr std::array<SignalName, 3> kSignals = {{{store::Signal::kTraces, "traces"},
                                                 {store::Signal::kMetrics, "metrics"},
                                                 {store::Signal::kLogs, "logs"}}};

struct ReceiveInstrument {
  std::string_view name;
  std::string_view unit;
  std::atomic<std::uint64_t> Counters::* counter;
};
constexpr std::array<ReceiveInstrument, 9> kReceiveInstruments = {{
    {"signalbox.receive.requests", "{request}", &Counters::requests},
    {"signalbox.receive.request_bytes", "By", &Counters::request_bytes},
    {"signalbox.receive.accepted_records", "{record}", &Counters::accepted_records},
    {"signalbox.receive.rejected_records", "{record}", &Counters::rejected_records},
    {"signalbox.receive.altered_requests", "{request}", &Counters::altered_requests},
    {"signalbox.receive.malformed_requests", "{request}", &Counters::malformed_requests},
    {"signalbox.receive.unavailable_requests", "{request}", &Counters::unavailable_requests},
    {"signalbox.receive.unauthenticated_requests", "{request}",
     &Counters::unauthenticated_requests},
    {"signalbox.receive.rate_limited_requests", "{request}", &Counters::rate_limited_requests},
}};

struct WriterCounter {
  std::string_view name;
  std::string_view unit;
  std::uint64_t Stats::* counter;
};
constexpr std::array<WriterCounter, 15> kWriterCounters = {{
    {"signalbox.writer.rejected_rows", "{row}", &Stats::rejected_rows},
    {"signalbox.writer.repeated_requests", "{request}", &Stats::repeated_requests},
    {"signalbox.writer.malformed_requests", "{request}", &Stats::malformed_requests},
    {"signalbox.writer.overloaded_requests", "{request}", &Stats::overloaded_requests},
    {"signalbox.writer.failed_requests", "{request}", &Stats::failed_requests},
    {"signalbox.writer.abandoned_requests", "{request}", &Stats::abandoned_requests},
    {"signalbox.writer.stored_rows", "{row}", &Stats::stored_rows},
    {"signalbox.writer.blocks", "{block}", &Stats::blocks},
    {"signalbox.writer.reloaded_blocks", "{block}", &Stats::reloaded_blocks},
    {"signalbox.writer.blocks_set_aside", "{block}", &Stats::blocks_set_aside},
    {"signalbox.writer.refused_side_rows", "{row}", &Stats::refused_side_rows},
    {"signalbox.writer.failed_inserts", "{insert}", &Stats::failed_inserts},
    {"signalbox.log.syncs", "{sync}", &Stats::log_syncs},
    {"signalbox.log.failures", "{failure}", &Stats::log_failures},
    {"signalbox.log.unreadable_requests", "{request}", &Stats::unreadable_requests},
}};

struct WriterGauge {
  std::string_view name;
  std::string_view unit;
  std::int64_t (*value)(const Stats&);
};
constexpr std::array<WriterGauge, 7> kWriterGauges = {{
    {"signalbox.writer.queued_bytes", "By",
     [](const Stats& s) { return as_signed(s.queued_bytes); }},
    {"signalbox.writer.queued_requests", "{request}",
     [](const Stats& s) { return as_signed(s.queued_requests); }},
    {"signalbox.writer.waiting_blocks", "{block}",
     [](const Stats& s) { return as_signed(s.waiting_blocks); }},
    {"signalbox.writer.remembered_requests", "{request}",
     [](const Stats& s) { return as_signed(s.window_requests); }},
    {"signalbox.log.size", "By", [](const Stats& s) { return as_signed(s.log_bytes); }},
    {"signalbox.log.failing", "1", [](const Stats& s) { return std::int64_t{s.is_log_failing}; }},
    {"signalbox.engine.failing", "1",
     [](const Stats& s) { return std::int64_t{s.is_engine_failing}; }},
}};

struct RefusalName {
  net::Refusal refusal;
  std::string_view name;
};
constexpr std::array<RefusalName, 3> kRefusals = {{{net::Refusal::kHeadTooLarge, "head_too_large"},
                                                   {net::Refusal::kBodyTooLarge, "body_too_large"},
                                                   {net::Refusal::kOverloaded, "overloaded"}}};

struct KeyInstrument {
  std::string_view name;
  std::string_view unit;
  std::uint64_t keys::KeyRing::Usage::* counter;
};
constexpr std::array<KeyInstrument, 3> kKeyInstruments = {{
    {"signalbox.key.requests", "{request}", &keys::KeyRing::Usage::requests},
    {"signalbox.key.request_bytes", "By", &keys::KeyRing::Usage::request_bytes},
    {"signalbox.key.rate_limited_requests", "{request}",
     &keys::KeyRing::Usage::rate_limited_requests},
}};

/// What the tables hold.
struct TableStats {
  std::int64_t parts = 0;
  std::int64_t rows = 0;
  std::int64_t bytes = 0;
};

TableStats read_table_stats(store::Engine& engine) {
  store::QueryOptions options;
  options.work = store::WorkClass::kBackground;
  options.max_execution_time_ms = 5'000;
  const std::string data =
      engine
          .query(
              "SELECT count(), sum(rows), sum(bytes_on_disk) FROM system.parts "
              "WHERE active AND database = currentDatabase() FORMAT TabSeparated",
              {}, options)
          .data;
  TableStats stats;
  const char* at = data.data();
  const char* const end = at + data.size();
  for (std::int64_t* const field : {&stats.parts, &stats.rows, &stats.bytes}) {
    at = std::from_chars(at, end, *field).ptr;
    if (at != end) ++at;
  }
  return stats;
}

}  // namespace

class SelfTelemetry::Implementation {
 public:
  explicit Implementation(Options options)
      : options_(std::move(options)),
        exporter_(std::make_shared<InProcessExporter>(options_.otlp_http)),
        meters_(created(sdk::MeterProvider::create(meter_options()))),
        tracers_(created(sdk::TracerProvider::create(tracer_options()))),
        tracer_(tracers_->get_tracer({.name = kScope, .version = options_.version})) {
    const metrics::Meter meter = meters_->get_meter({.name = kScope, .version = options_.version});
    call_duration_ = meter.create_histogram<double>(
        "signalbox.api.request.duration",
        {.description = "Time from a request of the API to its answer",
         .unit = "s",
         .boundaries = {0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30}});
    call_rows_ = meter.create_counter<std::int64_t>(
        "signalbox.api.rows_read", {.description = "Rows read for the API", .unit = "{row}"});
    observe_servers(meter);
    observe_receiving(meter);
    observe_writer(meter);
    observe_keys(meter);
    observe_retention(meter);
    observe_engine(meter);
    observe_process(meter);
  }

  void on_call(const api::ApiCall& call) {
    const std::string_view route = call.route.empty() ? std::string_view("unknown") : call.route;
    const auto status = static_cast<std::int64_t>(call.status);
    const std::chrono::duration<double> took = call.duration;
    call_duration_.record(took.count(),
                          {{"http.route", route}, {"http.response.status_code", status}});
    call_rows_.add(as_signed(call.rows_read), {{"http.route", route}});

    const context::Context none;
    constexpr std::size_t kLongestMethod = 10;
    trace::Span span = tracer_.start_span(
        call.method.substr(0, kLongestMethod) + " " + std::string(route),
        {.kind = trace::SpanKind::kServer, .parent = &none, .start_time = call.start});
    constexpr std::size_t kLongestTarget = 4000;
    constexpr std::int64_t kFirstServerError = 500;
    span.set_attributes({{"http.route", route},
                         {"url.full", std::string_view(call.target).substr(0, kLongestTarget)},
                         {"http.response.status_code", status},
                         {"signalbox.rows_read", as_signed(call.rows_read)},
                         {"signalbox.bytes_read", as_signed(call.bytes_read)}});
    if (status >= kFirstServerError) span.set_status(trace::StatusCode::kError, call.error);
    span.end(call.start + call.duration);
  }

  void shutdown() {
    constexpr std::chrono::seconds kLongest{2};
    tracers_->shutdown(kLongest);
    meters_->shutdown(kLongest);
  }

 private:
  sdk::MeterProviderOptions meter_options() {
    sdk::MeterProviderOptions options;
    options.resource = own_resource(options_.version);
    options.exporter = exporter_;
    options.export_interval = options_.interval;
    options.export_timeout =
        std::min<std::chrono::milliseconds>(options_.interval, std::chrono::seconds(10));
    return options;
  }

  sdk::TracerProviderOptions tracer_options() {
    sdk::TracerProviderOptions options;
    options.resource = own_resource(options_.version);
    options.exporter = exporter_;
    options.batch.schedule_delay =
        std::min<std::chrono::milliseconds>(options_.interval, std::chrono::seconds(5));
    // A burst of requests must not fill the memory, nor the store.
    constexpr std::size_t kMostSpans = 20'000;
    options.batch.max_queue_items = kMostSpans;
    options.batch.max_queue_bytes = std::size_t{16} << 20;
    return options;
  }

  void keep(metrics::Observable observable) { observables_.push_back(std::move(observable)); }

  void observe_servers(const metrics::Meter& meter) {
    keep(meter.create_observable_counter<std::int64_t>(
        "signalbox.server.refused_requests",
        [this](Observer& observer) {
          for (const Server& server : options_.servers) {
            for (const auto& [refusal, name] : kRefusals) {
              observer.observe(
                  as_signed(server.counters->refused(refusal)),
                  {{"signalbox.server.name", server.name}, {"signalbox.reason", name}});
            }
          }
        },
        {.description = "Refused before their handler", .unit = "{request}"}));
    const auto count = [&](std::string_view name, std::string_view unit,
                           std::atomic<std::uint64_t> net::ServerCounters::* counter) {
      keep(meter.create_observable_counter<std::int64_t>(
          name,
          [this, counter](Observer& observer) {
            for (const Server& server : options_.servers) {
              observer.observe(as_signed(((*server.counters).*counter).load()),
                               {{"signalbox.server.name", server.name}});
            }
          },
          {.description = {}, .unit = unit}));
    };
    count("signalbox.server.closed_at_limit", "{connection}",
          &net::ServerCounters::closed_at_limit);
    count("signalbox.server.failed_handshakes", "{handshake}",
          &net::ServerCounters::failed_handshakes);
    keep(meter.create_observable_up_down_counter<std::int64_t>(
        "signalbox.server.open_connections",
        [this](Observer& observer) {
          for (const Server& server : options_.servers) {
            observer.observe(server.counters->open_connections.load(),
                             {{"signalbox.server.name", server.name}});
          }
        },
        {.description = {}, .unit = "{connection}"}));
  }

  void observe_receiving(const metrics::Meter& meter) {
    for (const ReceiveInstrument& instrument : kReceiveInstruments) {
      keep(meter.create_observable_counter<std::int64_t>(
          instrument.name,
          [this, counter = instrument.counter](Observer& observer) {
            for (const auto& [signal, name] : kSignals) {
              const std::uint64_t value = (options_.received[signal].*counter).load();
              observer.observe(as_signed(value), {{"signalbox.signal", name}});
            }
          },
          {.description = {}, .unit = instrument.unit}));
    }
  }

  void observe_writer(const metrics::Meter& meter) {
    for (const WriterCounter& instrument : kWriterCounters) {
      keep(meter.create_observable_counter<std::int64_t>(
          instrument.name,
          [this, counter = instrument.counter](Observer& observer) {
            observer.observe(as_signed(options_.writer().*counter));
          },
          {.description = {}, .unit = instrument.unit}));
    }
    keep(meter.create_observable_counter<std::int64_t>(
        "signalbox.writer.accepted_requests",
        [this](Observer& observer) {
          observer.observe(accepted_requests_.of_others(options_.writer().accepted_requests,
                                                        exporter_->requests()));
        },
        {.description = "Without the server's own", .unit = "{request}"}));
    keep(meter.create_observable_counter<std::int64_t>(
        "signalbox.writer.accepted_rows",
        [this](Observer& observer) {
          observer.observe(
              accepted_rows_.of_others(options_.writer().accepted_rows, exporter_->items()));
        },
        {.description = "Without the server's own", .unit = "{row}"}));
    keep(meter.create_observable_counter<double>("signalbox.writer.insert_time",
                                                 [this](metrics::Observer<double>& observer) {
                                                   const std::chrono::duration<double> time =
                                                       options_.writer().insert_time;
                                                   observer.observe(time.count());
                                                 },
                                                 {.description = {}, .unit = "s"}));
    for (const WriterGauge& instrument : kWriterGauges) {
      keep(meter.create_observable_gauge<std::int64_t>(
          instrument.name,
          [this, value = instrument.value](Observer& observer) {
            observer.observe(value(options_.writer()));
          },
          {.description = {}, .unit = instrument.unit}));
    }
  }

  void observe_keys(const metrics::Meter& meter) {
    for (const KeyInstrument& instrument : kKeyInstruments) {
      keep(meter.create_observable_counter<std::int64_t>(
          instrument.name,
          [this, counter = instrument.counter](Observer& observer) {
            for (const keys::KeyRing::Usage& usage : options_.keys.usage()) {
              observer.observe(as_signed(usage.*counter), {{"signalbox.key.name", usage.name}});
            }
          },
          {.description = {}, .unit = instrument.unit}));
    }
    keep(meter.create_observable_counter<std::int64_t>(
        "signalbox.key.unauthenticated_requests",
        [this](Observer& observer) {
          observer.observe(as_signed(options_.keys.unauthenticated_requests()));
        },
        {.description = "With no key, or one that is not known", .unit = "{request}"}));
  }

  void observe_retention(const metrics::Meter& meter) {
    keep(meter.create_observable_counter<std::int64_t>(
        "signalbox.retention.removed_partitions",
        [this](Observer& observer) {
          observer.observe(as_signed(options_.sweeper.removed_partitions()));
        },
        {.description = {}, .unit = "{partition}"}));
    keep(meter.create_observable_counter<std::int64_t>(
        "signalbox.retention.removed_bytes",
        [this](Observer& observer) {
          observer.observe(as_signed(options_.sweeper.removed_bytes()));
        },
        {.description = {}, .unit = "By"}));
  }

  void observe_engine(const metrics::Meter& meter) {
    const auto gauge = [&](std::string_view name, std::string_view unit,
                           std::int64_t TableStats::* field) {
      keep(meter.create_observable_gauge<std::int64_t>(
          name,
          [this, field](Observer& observer) {
            try {
              observer.observe(read_table_stats(options_.engine).*field);
            } catch (const store::EngineError&) {
              // No point then: /readyz and the log tell why.
            }
          },
          {.description = {}, .unit = unit}));
    };
    keep(meter.create_observable_gauge<std::int64_t>(
        "signalbox.engine.detached_parts",
        [this](Observer& observer) {
          try {
            observer.observe(as_signed(read_detached_parts(options_.engine).count));
          } catch (const store::EngineError&) {
            // As below.
          }
        },
        {.description = "Set aside by the engine: their rows are not found", .unit = "{part}"}));
    gauge("signalbox.engine.parts", "{part}", &TableStats::parts);
    gauge("signalbox.engine.rows", "{row}", &TableStats::rows);
    gauge("signalbox.engine.disk_size", "By", &TableStats::bytes);
  }

  void observe_process(const metrics::Meter& meter) {
    keep(meter.create_observable_counter<double>(
        "process.cpu.time",
        [](metrics::Observer<double>& observer) {
          const ProcessStats stats = read_process_stats();
          observer.observe(stats.user_cpu_s, {{"cpu.mode", "user"}});
          observer.observe(stats.system_cpu_s, {{"cpu.mode", "system"}});
        },
        {.description = {}, .unit = "s"}));
    const auto count = [&](std::string_view name, std::string_view unit,
                           std::int64_t ProcessStats::* field) {
      keep(meter.create_observable_up_down_counter<std::int64_t>(
          name, [field](Observer& observer) { observer.observe(read_process_stats().*field); },
          {.description = {}, .unit = unit}));
    };
    count("process.memory.usage", "By", &ProcessStats::resident_bytes);
    count("process.unix.file_descriptor.count", "{file_descriptor}", &ProcessStats::open_files);
    count("process.thread.count", "{thread}", &ProcessStats::threads);
  }

  /// A count without the server's own part. That part is known a moment later than the whole, so
  /// the result is kept from falling.
  class OthersOnly {
   public:
    std::int64_t of_others(std::uint64_t all, std::uint64_t own) {
      // Only the exporting thread asks.
      greatest_ = std::max(greatest_, as_signed(all) - as_signed(own));
      return greatest_;
    }

   private:
    std::int64_t greatest_ = 0;
  };

  const Options options_;
  const std::shared_ptr<InProcessExporter> exporter_;
  const std::shared_ptr<sdk::MeterProvider> meters_;
  const std::shared_ptr<sdk::TracerProvider> tracers_;
  const trace::Tracer tracer_;
  metrics::Histogram<double> call_duration_;
  metrics::Counter<std::int64_t> call_rows_;
  OthersOnly accepted_requests_;
  OthersOnly accepted_rows_;
  std::vector<metrics::Observable> observables_;  // Last: they use the others.
};

SelfTelemetry::SelfTelemetry(Options options)
    : implementation_(std::make_unique<Implementation>(std::move(options))) {}

SelfTelemetry::~SelfTelemetry() {
  shutdown();
}

void SelfTelemetry::on_call(const api::ApiCall& call) {
  implementation_->on_call(call);
}

void SelfTelemetry::shutdown() {
  implementation_->shutdown();
}

}  // namespace signalbox::server::observe

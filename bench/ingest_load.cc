// Sends spans, log records or metric points to an OTLP endpoint, as fast as it acknowledges them or
// at a given rate, and prints what came of it as one line of JSON.
//
// What is sent looks like a shop of twenty services (load/catalog.cc): about 60 attribute keys, 11
// attributes and 460 bytes of protobuf a span, traces of about ten spans over several services.
// Each request carries ids, times and values that were never sent before, so that compression,
// dictionaries, indexes and merges of the receiver have the work that they have in earnest. The
// requests are built before the clock starts; only what is new is written into them for each
// sending, so that the generator takes little of the machine it shares with the server.

#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <latch>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "bench/load/request.h"
#include "signalbox/export/otlp_exporter.h"

namespace {

namespace bench = signalbox::bench;
namespace sdk = signalbox::sdk;
using Clock = std::chrono::steady_clock;

struct Options {
  std::string endpoint = "http://127.0.0.1:4317";
  std::string path;
  std::string protocol = "grpc";
  std::string signal = "traces";
  std::vector<std::string> headers;
  unsigned connections = 4;
  std::uint32_t records_per_request = 5000;
  double seconds = 10;
  double rate = 0;
};

/// What one sender did.
struct Outcome {
  std::uint64_t acknowledged = 0;
  std::uint64_t refused = 0;
  std::uint64_t bytes = 0;  ///< Of acknowledged requests.
  std::vector<double> answer_ms;
  std::string first_refusal;

  void add(const Outcome& other) {
    acknowledged += other.acknowledged;
    refused += other.refused;
    bytes += other.bytes;
    answer_ms.insert(answer_ms.end(), other.answer_ms.begin(), other.answer_ms.end());
    if (first_refusal.empty()) first_refusal = other.first_refusal;
  }
};

/// Not reached: generates and throws away.
class NullExporter final : public sdk::Exporter {
 public:
  sdk::ExportResult export_request(sdk::Signal /*signal*/, std::string_view /*request*/,
                                   std::uint64_t /*items*/,
                                   Clock::time_point /*deadline*/) noexcept override {
    return {};
  }
  void cancel() noexcept override {}
};

std::shared_ptr<sdk::Exporter> make_exporter(const Options& options) {
  if (options.protocol == "none") return std::make_shared<NullExporter>();
  // A refusal is an answer: it is counted, not hidden behind a repetition.
  constexpr std::chrono::hours kNever{1};
  sdk::OtlpExporterOptions exporter;
  exporter.protocol =
      options.protocol == "grpc" ? sdk::OtlpProtocol::kGrpc : sdk::OtlpProtocol::kHttpProtobuf;
  exporter.endpoint = options.endpoint + options.path;
  exporter.retry = {.initial_backoff = kNever, .max_backoff = kNever};
  for (const std::string& header : options.headers) {
    const std::size_t equals = std::min(header.find('='), header.size() - 1);
    exporter.headers.emplace_back(header.substr(0, equals), header.substr(equals + 1));
  }
  auto made = sdk::make_otlp_exporter(exporter);
  if (!made) {
    std::fprintf(stderr, "ingest-load: %s\n", made.error().message.c_str());
    std::exit(2);
  }
  return *made;
}

sdk::Signal signal_of(const Options& options) {
  if (options.signal == "logs") return sdk::Signal::kLogs;
  return options.signal == "metrics" ? sdk::Signal::kMetrics : sdk::Signal::kTraces;
}

/// Enough different requests that what stays the same in each does not stand out.
std::vector<bench::Request> build_requests(const Options& options, unsigned sender,
                                           bench::Random& random) {
  constexpr std::uint32_t kRecords = 8000;
  const std::uint32_t count =
      std::clamp<std::uint32_t>(kRecords / std::max(options.records_per_request, 1U), 2, 64);
  std::vector<bench::Request> requests;
  for (std::uint32_t i = 0; i < count; ++i) {
    switch (signal_of(options)) {
      case sdk::Signal::kTraces:
        requests.push_back(bench::build_traces(options.records_per_request, sender, random));
        break;
      case sdk::Signal::kLogs:
        requests.push_back(bench::build_logs(options.records_per_request, sender, random));
        break;
      case sdk::Signal::kMetrics:  // No two requests have series in common.
        requests.push_back(
            bench::build_metrics(options.records_per_request, sender * count + i, random));
        break;
    }
  }
  return requests;
}

std::uint64_t unix_now_ns() {
  return static_cast<std::uint64_t>(
      std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count());
}

/// Builds its requests, waits until all senders are `ready`, then sends until the time is over, one
/// request after the other. With a rate, the requests of all senders together are evenly spaced.
Outcome send(const Options& options, unsigned sender, std::latch& ready) {
  constexpr std::chrono::seconds kTimeout{10};
  constexpr std::chrono::milliseconds kAfterRefusal{100};
  const auto exporter = make_exporter(options);
  bench::Random random(unix_now_ns() + sender);
  std::vector<bench::Request> requests = build_requests(options, sender, random);
  Outcome outcome;
  ready.arrive_and_wait();
  using Seconds = std::chrono::duration<double>;
  const auto start = Clock::now();
  const auto end = start + std::chrono::duration_cast<Clock::duration>(Seconds(options.seconds));
  const Seconds interval(options.rate > 0 ? options.records_per_request / options.rate : 0.0);
  for (std::size_t i = 0;; ++i) {
    if (options.rate > 0) {
      const double turn = static_cast<double>(i) * options.connections + sender;
      const auto due = start + std::chrono::duration_cast<Clock::duration>(turn * interval);
      if (due >= end) break;
      std::this_thread::sleep_until(due);
    }
    const auto sent = Clock::now();
    if (sent >= end) break;
    bench::Request& request = requests[i % requests.size()];
    request.renew(unix_now_ns(), random);
    const auto begun = Clock::now();
    const auto result = exporter->export_request(signal_of(options), request.bytes(),
                                                 request.records(), begun + kTimeout);
    const std::chrono::duration<double, std::milli> took = Clock::now() - begun;
    outcome.answer_ms.push_back(took.count());
    using enum sdk::ExportResult::Status;
    if (result.status == kSuccess || result.status == kPartialSuccess) {
      outcome.acknowledged += request.records() - result.rejected_items;
      outcome.refused += result.rejected_items;
      outcome.bytes += request.bytes().size();
    } else {
      outcome.refused += request.records();
      if (outcome.first_refusal.empty()) outcome.first_refusal = result.message;
      std::this_thread::sleep_for(kAfterRefusal);
    }
  }
  return outcome;
}

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// The value that `share` of `sorted` do not exceed.
double quantile(const std::vector<double>& sorted, double share) {
  if (sorted.empty()) return 0;
  const auto rank = static_cast<std::size_t>(std::ceil(share * static_cast<double>(sorted.size())));
  return sorted[std::clamp<std::size_t>(rank, 1, sorted.size()) - 1];
}

void print(Outcome& total, double elapsed, double generator_cpu) {
  std::sort(total.answer_ms.begin(), total.answer_ms.end());
  const auto acknowledged = static_cast<double>(total.acknowledged);
  std::printf(
      "{\"acknowledged\": %.0f, \"refused\": %.0f, \"seconds\": %.3f, \"records_per_second\": "
      "%.0f, "
      "\"bytes_per_record\": %.0f, \"requests\": %zu, \"answer_ms_median\": %.2f, "
      "\"answer_ms_p99\": %.2f, \"answer_ms_max\": %.2f, \"generator_cpu_seconds\": %.2f}\n",
      acknowledged, static_cast<double>(total.refused), elapsed, acknowledged / elapsed,
      acknowledged > 0 ? static_cast<double>(total.bytes) / acknowledged : 0.0,
      total.answer_ms.size(), quantile(total.answer_ms, 0.5), quantile(total.answer_ms, 0.99),
      quantile(total.answer_ms, 1), generator_cpu);
  if (!total.first_refusal.empty()) {
    std::fprintf(stderr, "ingest-load: the first refusal: %s\n", total.first_refusal.c_str());
  }
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Sends telemetry to an OTLP endpoint and counts what it acknowledges.",
               "ingest-load");
  app.add_option("--endpoint", options.endpoint, "URL of the OTLP endpoint")->capture_default_str();
  app.add_option("--path", options.path,
                 "Of OTLP/HTTP: what stands before /v1/traces, /v1/logs or /v1/metrics, e.g. "
                 "/insert/opentelemetry");
  app.add_option("--protocol", options.protocol,
                 "grpc or http; none: generate only, to see what that costs")
      ->check(CLI::IsMember({"grpc", "http", "none"}))
      ->capture_default_str();
  app.add_option("--signal", options.signal, "traces, logs or metrics")
      ->check(CLI::IsMember({"traces", "logs", "metrics"}))
      ->capture_default_str();
  app.add_option("--header", options.headers, "name=value, sent with each request; repeatable");
  app.add_option("--connections", options.connections, "Senders, each with a connection of its own")
      ->check(CLI::Range(1, 1024))
      ->capture_default_str();
  app.add_option("--records,--spans", options.records_per_request,
                 "Spans, log records or data points a request")
      ->check(CLI::Range(1, 100'000))
      ->capture_default_str();
  app.add_option("--seconds", options.seconds, "How long")->capture_default_str();
  app.add_option("--rate", options.rate,
                 "Records/s of all senders, evenly spaced; 0: as fast as acknowledged");
  CLI11_PARSE(app, argc, argv);

  std::latch ready(options.connections + 1);
  std::vector<Outcome> outcomes(options.connections);
  std::vector<std::thread> senders;
  senders.reserve(options.connections);
  for (unsigned i = 0; i < options.connections; ++i) {
    senders.emplace_back([&, i] { outcomes[i] = send(options, i, ready); });
  }
  ready.arrive_and_wait();
  const auto start = Clock::now();
  const double cpu_before = cpu_seconds();
  for (auto& sender : senders) sender.join();
  const double elapsed = std::chrono::duration<double>(Clock::now() - start).count();
  Outcome total;
  for (const Outcome& outcome : outcomes) total.add(outcome);
  print(total, elapsed, cpu_seconds() - cpu_before);
  return total.refused == 0 ? 0 : 1;
}

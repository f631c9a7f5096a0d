// Sends spans to an OTLP endpoint as fast as it acknowledges them, or at a given rate.
//
// Each span has 11 attributes (cardinalities from 2 to 100,000), ids of its own and about 460 bytes
// of protobuf. The requests are built before the clock starts; only ids are written anew for each
// sending, so that the generator takes as little as possible of the machine it shares with the
// server.

#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <latch>
#include <protozero/pbf_writer.hpp>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "signalbox/export/otlp_exporter.h"

namespace {

using Clock = std::chrono::steady_clock;
using signalbox::sdk::ExportResult;

/// One request and where in it the ids stand.
struct Request {
  std::string bytes;
  std::vector<std::size_t> trace_ids;  ///< Offsets of 16 bytes each.
  std::vector<std::size_t> span_ids;   ///< Offsets of 8 bytes each.
};

void add_attribute(protozero::pbf_writer& span, std::string_view key, std::string_view value) {
  protozero::pbf_writer attribute(span, 9);
  attribute.add_string(1, key.data(), key.size());
  protozero::pbf_writer any(attribute, 2);
  any.add_string(1, value.data(), value.size());
}

void add_attribute(protozero::pbf_writer& span, std::string_view key, std::int64_t value) {
  protozero::pbf_writer attribute(span, 9);
  attribute.add_string(1, key.data(), key.size());
  protozero::pbf_writer any(attribute, 2);
  any.add_int64(3, value);
}

std::string encode_span(std::mt19937_64& random) {
  const auto now = static_cast<std::uint64_t>(
      std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count());
  const std::uint64_t duration = 100'000 + random() % 50'000'000;
  const auto route = std::to_string(random() % 20);
  std::string bytes;
  protozero::pbf_writer span(bytes);
  span.add_bytes(1, std::string(16, '\1'));
  span.add_bytes(2, std::string(8, '\1'));
  span.add_bytes(4, std::string(8, '\2'));
  span.add_string(5, "GET /api/route-" + route);
  span.add_enum(6, 2);
  span.add_fixed64(7, now - duration);
  span.add_fixed64(8, now);
  add_attribute(span, "http.request.method", random() % 4 != 0 ? "GET" : "POST");
  add_attribute(span, "http.response.status_code", random() % 50 != 0 ? 200 : 500);
  add_attribute(span, "http.route", "/api/route-" + route);
  add_attribute(span, "url.path", "/api/route-" + route + "/" + std::to_string(random() % 4096));
  add_attribute(span, "server.address", "host-" + std::to_string(random() % 100));
  add_attribute(span, "server.port", 8080);
  add_attribute(span, "client.address", "10.0." + std::to_string(random() % 256) + ".1");
  add_attribute(span, "user_agent.original",
                "Mozilla/5.0 (X11; Linux x86_64) " + std::to_string(random() % 50));
  add_attribute(span, "network.protocol.version", random() % 2 != 0 ? "1.1" : "2");
  add_attribute(span, "enduser.id", "user-" + std::to_string(random() % 100'000));
  add_attribute(span, "app.region", "region-" + std::to_string(random() % 8));
  return bytes;
}

Request build_request(std::size_t spans, std::mt19937_64& random) {
  std::string scope_spans;
  {
    protozero::pbf_writer writer(scope_spans);
    {
      protozero::pbf_writer scope(writer, 1);
      scope.add_string(1, "signalbox.bench");
    }
    for (std::size_t i = 0; i < spans; ++i) {
      writer.add_message(2, encode_span(random));
    }
  }
  Request request;
  {
    protozero::pbf_writer writer(request.bytes);
    protozero::pbf_writer resource_spans(writer, 1);
    {
      protozero::pbf_writer resource(resource_spans, 1);
      protozero::pbf_writer attribute(resource, 1);
      attribute.add_string(1, "service.name");
      protozero::pbf_writer any(attribute, 2);
      any.add_string(1, "service-" + std::to_string(random() % 10));
    }
    resource_spans.add_message(2, scope_spans);
  }
  // Tag and length of field 1, then 16 bytes of \1; of field 2, then 8.
  const std::string trace_mark = std::string("\x0a\x10", 2) + std::string(16, '\1');
  const std::string span_mark = std::string("\x12\x08", 2) + std::string(8, '\1');
  for (std::size_t at = 0; (at = request.bytes.find(trace_mark, at)) != std::string::npos; ++at) {
    request.trace_ids.push_back(at + 2);
    request.span_ids.push_back(request.bytes.find(span_mark, at) + 2);
  }
  return request;
}

void renew_ids(Request& request, std::mt19937_64& random) {
  std::uint64_t trace[2] = {};
  for (std::size_t i = 0; i < request.trace_ids.size(); ++i) {
    if (i % 10 == 0) {  // Ten spans a trace.
      trace[0] = random() | 1;
      trace[1] = random();
    }
    const std::uint64_t span = random() | 1;
    std::memcpy(request.bytes.data() + request.trace_ids[i], trace, sizeof trace);
    std::memcpy(request.bytes.data() + request.span_ids[i], &span, sizeof span);
  }
}

struct Options {
  std::string endpoint = "http://127.0.0.1:4317";
  std::string protocol = "grpc";
  unsigned connections = 4;
  std::size_t spans_per_request = 5000;
  double seconds = 10;
  double rate = 0;
};

struct Totals {
  std::atomic<std::uint64_t> acknowledged{0};
  std::atomic<std::uint64_t> refused{0};
  std::atomic<std::uint64_t> bytes{0};
};

/// Builds its requests, waits until all senders are `ready`, then sends for `options.seconds`;
/// paced to `rate` spans/s if it is not 0.
void send(const Options& options, unsigned seed, double rate, std::latch& ready, Totals& totals) {
  signalbox::sdk::OtlpExporterOptions exporter_options;
  exporter_options.protocol = options.protocol == "grpc"
                                  ? signalbox::sdk::OtlpProtocol::kGrpc
                                  : signalbox::sdk::OtlpProtocol::kHttpProtobuf;
  exporter_options.endpoint = options.endpoint;
  auto exporter = signalbox::sdk::make_otlp_exporter(exporter_options);
  if (!exporter) {
    std::fprintf(stderr, "ingest-load: %s\n", exporter.error().message.c_str());
    std::exit(1);
  }
  std::mt19937_64 random(seed);
  std::vector<Request> requests;
  requests.reserve(4);
  for (int i = 0; i < 4; ++i) {
    requests.push_back(build_request(options.spans_per_request, random));
  }
  ready.arrive_and_wait();
  const auto start = Clock::now();
  const auto end = start + std::chrono::duration_cast<Clock::duration>(
                               std::chrono::duration<double>(options.seconds));
  double sent = 0;
  for (std::size_t i = 0; Clock::now() < end; ++i) {
    Request& request = requests[i % requests.size()];
    renew_ids(request, random);
    const ExportResult result = (*exporter)->export_request(
        signalbox::sdk::Signal::kTraces, request.bytes, options.spans_per_request,
        Clock::now() + std::chrono::seconds(10));
    if (result.status == ExportResult::Status::kSuccess) {
      totals.acknowledged += options.spans_per_request;
      totals.bytes += request.bytes.size();
    } else {
      totals.refused += options.spans_per_request;
      std::fprintf(stderr, "ingest-load: %s\n", result.message.c_str());
    }
    sent += static_cast<double>(options.spans_per_request);
    if (rate > 0) {
      std::this_thread::sleep_until(start + std::chrono::duration_cast<Clock::duration>(
                                                std::chrono::duration<double>(sent / rate)));
    }
  }
}

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) * 1e-6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

}  // namespace

int main(int argc, char** argv) {
  Options options;
  CLI::App app("Sends spans to an OTLP endpoint and counts what it acknowledges.", "ingest-load");
  app.add_option("--endpoint", options.endpoint, "URL of the OTLP endpoint")->capture_default_str();
  app.add_option("--protocol", options.protocol, "grpc or http")
      ->check(CLI::IsMember({"grpc", "http"}))
      ->capture_default_str();
  app.add_option("--connections", options.connections, "Senders, each with a connection of its own")
      ->capture_default_str();
  app.add_option("--spans", options.spans_per_request, "Spans a request")->capture_default_str();
  app.add_option("--seconds", options.seconds, "How long")->capture_default_str();
  app.add_option("--rate", options.rate, "Spans/s of all senders; 0: as fast as acknowledged");
  CLI11_PARSE(app, argc, argv);

  Totals totals;
  std::latch ready(options.connections + 1);
  std::vector<std::thread> senders;
  senders.reserve(options.connections);
  for (unsigned i = 0; i < options.connections; ++i) {
    senders.emplace_back(
        [&, i] { send(options, i + 1, options.rate / options.connections, ready, totals); });
  }
  ready.arrive_and_wait();
  const auto start = Clock::now();
  for (auto& sender : senders) {
    sender.join();
  }
  const double elapsed = std::chrono::duration<double>(Clock::now() - start).count();
  const auto acknowledged = static_cast<double>(totals.acknowledged);
  std::printf(
      "{\"acknowledged\": %.0f, \"refused\": %.0f, \"seconds\": %.3f, \"spans_per_second\": %.0f, "
      "\"bytes_per_span\": %.0f, \"generator_cpu_seconds\": %.2f}\n",
      acknowledged, static_cast<double>(totals.refused), elapsed, acknowledged / elapsed,
      acknowledged > 0 ? static_cast<double>(totals.bytes) / acknowledged : 0.0, cpu_seconds());
  return totals.refused == 0 ? 0 : 1;
}

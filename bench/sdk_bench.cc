// What instrumentation costs a program. The same cases, arguments and output as bench/rust.
//
// usage: sdk-bench CASE ITERATIONS [THREADS]
// Prints one JSON object: wall nanoseconds per operation on the recording threads; heap allocations
// and CPU nanoseconds per operation of the whole process (encoding to OTLP bytes included); bytes
// encoded, items recorded and items that reached the exporter.

#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <functional>
#include <memory>
#include <new>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "signalbox/config/sdk.h"
#include "signalbox/context/context.h"
#include "signalbox/export/exporter.h"
#include "signalbox/logs/logger.h"
#include "signalbox/metrics/meter.h"
#include "signalbox/trace/tracer.h"

namespace {
std::atomic<std::uint64_t> allocation_count{0};
}

void* operator new(std::size_t size) {
  allocation_count.fetch_add(1, std::memory_order_relaxed);
  if (void* memory = std::malloc(size)) return memory;
  throw std::bad_alloc();
}
void* operator new(std::size_t size, std::align_val_t alignment) {
  allocation_count.fetch_add(1, std::memory_order_relaxed);
  const auto align = static_cast<std::size_t>(alignment);
  if (void* memory = std::aligned_alloc(align, (size + align - 1) / align * align)) return memory;
  throw std::bad_alloc();
}
void operator delete(void* memory) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::align_val_t) noexcept {
  std::free(memory);
}
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept {
  std::free(memory);
}

namespace {

using signalbox::sdk::ExportResult;
using signalbox::sdk::Signal;

/// Counts what it is given and throws the bytes away: they are an OTLP request already.
class CountingExporter final : public signalbox::sdk::Exporter {
 public:
  ExportResult export_request(Signal signal, std::string_view request, std::uint64_t items,
                              std::chrono::steady_clock::time_point) noexcept override {
    if (signal != Signal::kMetrics) {
      items_ += items;
      bytes_ += request.size();
    }
    return {};
  }
  void cancel() noexcept override {}

  [[nodiscard]] std::uint64_t items() const noexcept { return items_; }
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_; }

 private:
  std::atomic<std::uint64_t> items_{0};
  std::atomic<std::uint64_t> bytes_{0};
};

double process_cpu_ns() {
  timespec time{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) * 1e9 + static_cast<double>(time.tv_nsec);
}

struct Run {
  std::uint64_t iterations;
  unsigned threads;
  signalbox::sdk::Sdk& sdk;
  const CountingExporter& exporter;
};

/// Runs `operation` on all threads, then flushes, and prints the figures.
template <typename Operation>
void measure(const Run& run, Operation operation) {
  for (int i = 0; i < 1000; ++i) operation();
  run.sdk.force_flush();
  const std::uint64_t exported = run.exporter.items();
  const double cpu = process_cpu_ns();
  const std::uint64_t allocations = allocation_count;
  const auto start = std::chrono::steady_clock::now();
  if (run.threads == 1) {
    for (std::uint64_t i = 0; i < run.iterations; ++i) operation();
  } else {
    std::vector<std::jthread> threads;
    threads.reserve(run.threads);
    for (unsigned thread = 0; thread < run.threads; ++thread) {
      threads.emplace_back([&] {
        for (std::uint64_t i = 0; i < run.iterations; ++i) operation();
      });
    }
  }
  const double wall =
      std::chrono::duration<double, std::nano>(std::chrono::steady_clock::now() - start).count();
  run.sdk.force_flush();
  const auto total = static_cast<double>(run.iterations * run.threads);
  std::printf(
      "{\"wall_ns\": %.2f, \"allocations\": %.3f, \"cpu_ns\": %.2f, \"bytes\": %llu, \"items\": "
      "%.0f, "
      "\"exported\": %llu}\n",
      wall / total, static_cast<double>(allocation_count - allocations) / total,
      (process_cpu_ns() - cpu) / total, static_cast<unsigned long long>(run.exporter.bytes()),
      total, static_cast<unsigned long long>(run.exporter.items() - exported));
}

int run_case(std::string_view name, const Run& run) {
  using signalbox::context::Scope;
  const auto tracer = signalbox::trace::get_tracer("bench");
  const auto empty_span = [&] {
    auto span = tracer.start_span("GET /fibonacci");
    span.end();
  };
  const auto active_span = [&] {
    auto span = tracer.start_span("GET /fibonacci", {.kind = signalbox::trace::SpanKind::kServer});
    const Scope scope(span);
    span.set_attribute("http.request.method", "GET");
    span.set_attribute("url.path", "/fibonacci");
    span.set_attribute("server.address", "localhost");
    span.set_attribute("server.port", 8085);
    span.set_attribute("http.response.status_code", 200);
  };
  if (name == "span" || name == "unsampled_span") {
    measure(run, empty_span);
  } else if (name == "active_span_5" || name == "unsampled_active_span_5") {
    measure(run, active_span);
  } else if (name == "log_3") {
    const auto logger = signalbox::logs::get_logger("bench");
    const auto span = tracer.start_span("GET /fibonacci");
    const Scope scope(span);
    measure(run, [&] {
      logger.emit({.severity = signalbox::logs::Severity::kError,
                   .severity_text = "ERROR",
                   .body = "error parsing fibonacci payload",
                   .attributes = {{"error.type", "Invalid Input"},
                                  {"url.path", "/fibonacci"},
                                  {"http.response.status_code", 422}}});
    });
  } else if (name == "counter" || name == "counter_3") {
    const auto counter =
        signalbox::metrics::get_meter("bench").create_counter<std::int64_t>("requests");
    if (name == "counter") {
      measure(run, [&] { counter.add(1); });
    } else {
      measure(run, [&] {
        counter.add(1, {{"http.request.method", "GET"},
                        {"url.path", "/fibonacci"},
                        {"http.response.status_code", 200}});
      });
    }
  } else if (name == "histogram_3") {
    const auto histogram =
        signalbox::metrics::get_meter("bench").create_histogram<double>("duration");
    measure(run, [&] {
      histogram.record(0.25, {{"http.request.method", "GET"},
                              {"url.path", "/fibonacci"},
                              {"http.response.status_code", 200}});
    });
  } else {
    std::fprintf(stderr, "unknown case '%.*s'\n", static_cast<int>(name.size()), name.data());
    return 2;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 3) {
    std::fputs("usage: sdk-bench CASE ITERATIONS [THREADS]\n", stderr);
    return 2;
  }
  const std::string_view name = argv[1];
  const auto exporter = std::make_shared<CountingExporter>();
  const bool unsampled = name.starts_with("unsampled");
  auto sdk = signalbox::sdk::Sdk::from_environment(
      {.service_name = "bench",
       .exporter = exporter,
       .environment = [&](const std::string& variable) -> std::optional<std::string> {
         if (unsampled && variable == "OTEL_TRACES_SAMPLER") return "always_off";
         return std::nullopt;
       }});
  if (!sdk) {
    std::fprintf(stderr, "sdk-bench: %s\n", sdk.error().message.c_str());
    return 1;
  }
  return run_case(
      name, {.iterations = std::strtoull(argv[2], nullptr, 10),
             .threads = argc > 3 ? static_cast<unsigned>(std::strtoul(argv[3], nullptr, 10)) : 1,
             .sdk = *sdk,
             .exporter = *exporter});
}

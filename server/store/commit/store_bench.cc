// How fast spans with 11 attributes become rows on disk, and what that costs, merges included.
// Usage: store_bench [spans] [spans of a block] [folder]

#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "server/store/columns/block.h"
#include "server/store/engine/embedded_engine.h"
#include "server/store/engine/temporary_folder.h"
#include "server/store/sql/schema.h"

namespace signalbox::server::store {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point start) {
  return std::chrono::duration<double>(Clock::now() - start).count();
}

double cpu_seconds() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(usage.ru_utime) + seconds(usage.ru_stime);
}

/// Spans of a shop: ids random, eleven attributes with 2 to 100,000 values.
class Spans {
 public:
  void append_to(otlp::TraceSink& sink, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) append_one(sink);
  }

 private:
  void append_one(otlp::TraceSink& sink) {
    const auto fill_random = [&](std::string& id) {
      for (char& byte : id) byte = static_cast<char>(random_());
    };
    if (made_ % 8 == 0) fill_random(trace_id_);
    fill_random(span_id_);
    if (made_ % 500 == 0) describe(sink);
    static constexpr std::size_t kValues[] = {2, 5, 10, 50, 100, 200, 1000, 4096, 20'000, 100'000};
    static constexpr const char* kKeys[] = {"http.request.method",
                                            "network.protocol.version",
                                            "url.scheme",
                                            "http.route",
                                            "server.address",
                                            "user_agent.original",
                                            "client.address",
                                            "enduser.id",
                                            "order.id",
                                            "session.id"};
    texts_.resize(std::size(kKeys));
    attributes_.clear();
    for (std::size_t i = 0; i < std::size(kKeys); ++i) {
      texts_[i] = std::string(kKeys[i], 4) + "-value-" + std::to_string(random_() % kValues[i]);
      attributes_.push_back({kKeys[i], {.type = otlp::ValueType::kString, .text = texts_[i]}});
    }
    attributes_.push_back({"http.response.status_code",
                           {.type = otlp::ValueType::kInt,
                            .int_value = random_() % 20 == 0 ? 500 : 200,
                            .text = {}}});
    otlp::SpanView span;
    span.trace_id = trace_id_;
    span.span_id = span_id_;
    span.parent_span_id = made_ % 8 == 0 ? std::string_view() : span_id_;
    span.name = kNames[random_() % std::size(kNames)];
    span.kind = 2;
    span.start_time_unix_nano = 1'790'000'000'000'000'000 + made_ * 10'000;
    span.end_time_unix_nano = span.start_time_unix_nano + random_() % 100'000'000;
    span.attributes = attributes_;
    sink.on_span(span);
    ++made_;
  }

  void describe(otlp::TraceSink& sink) {
    const std::string name = "service-" + std::to_string(random_() % 20);
    const otlp::KeyValueView service{"service.name",
                                     {.type = otlp::ValueType::kString, .text = name}};
    otlp::ResourceView resource;
    resource.attributes = {&service, 1};
    sink.on_resource(resource);
    otlp::ScopeView scope;
    scope.name = "bench";
    sink.on_scope(scope);
  }

  static constexpr const char* kNames[] = {"GET /",       "GET /cart",     "POST /order",
                                           "GET /search", "POST /payment", "GET /product"};
  std::mt19937_64 random_{1};  // NOLINT(bugprone-random-generator-seed): equal runs.
  std::uint64_t made_ = 0;
  std::string trace_id_ = std::string(16, 'x');
  std::string span_id_ = std::string(8, 'x');
  std::vector<std::string> texts_;
  std::vector<otlp::KeyValueView> attributes_;
};

/// A sink that does nothing: what making the spans costs by itself.
class NoSink : public otlp::TraceSink {
 public:
  void on_resource(const otlp::ResourceView&) override {}
  void on_scope(const otlp::ScopeView&) override {}
  void on_span(const otlp::SpanView&) override {}
};

std::string number(EmbeddedEngine& engine, const std::string& sql) {
  std::string text = engine.query(sql + " FORMAT TSV").data;
  while (!text.empty() && text.back() == '\n') text.pop_back();
  return text;
}

void wait_for_merges(EmbeddedEngine& engine) {
  for (int quiet = 0; quiet < 5;) {
    quiet = number(engine, "SELECT count() FROM system.merges") == "0" ? quiet + 1 : 0;
    std::this_thread::sleep_for(std::chrono::milliseconds(200));
  }
}

int run(std::size_t spans, std::size_t block_spans, const std::filesystem::path& folder) {
  EmbeddedEngine engine({.data_folder = folder});
  apply_schema(engine);
  KnownIds known(100'000);
  Block block(known);
  const double millions = static_cast<double>(spans) / 1e6;

  NoSink nothing;
  Spans unused;
  auto start = Clock::now();
  unused.append_to(nothing, spans);
  const double making_s = seconds_since(start);

  Spans source;
  double append_s = 0;
  double insert_s = 0;
  const double cpu_before = cpu_seconds();
  std::int64_t blocks = 0;
  for (std::size_t done = 0; done < spans; done += block_spans) {
    start = Clock::now();
    block.begin_request(0);
    source.append_to(block.sinks().traces, std::min(block_spans, spans - done));
    append_s += seconds_since(start);
    start = Clock::now();
    const SealedBlock sealed = block.seal(++blocks);
    for (const auto* rows : {&sealed.descriptions, &sealed.data}) {
      for (const TableRows& table : *rows) engine.insert_native(table.table, table.native);
    }
    block.descriptions_are_written();
    block.clear();
    insert_s += seconds_since(start);
  }
  append_s -= making_s;
  const double cpu_inserted = cpu_seconds() - cpu_before - making_s;
  wait_for_merges(engine);
  const double cpu_merged = cpu_seconds() - cpu_before - making_s;

  std::printf("blocks of %zu spans\n", block_spans);
  std::printf("append to columns        %8.2f million spans/s\n", millions / append_s);
  std::printf("insert, synced           %8.2f million spans/s\n", millions / insert_s);
  std::printf("CPU s a million          %8.2f inserted, %.2f merges included\n",
              cpu_inserted / millions, cpu_merged / millions);
  std::printf("on disk                  %8s bytes a span in %s parts\n",
              number(engine, "SELECT round(sum(bytes_on_disk) / " + std::to_string(spans) +
                                 ", 1) FROM system.parts WHERE active AND table IN "
                                 "('spans', 'trace_times')")
                  .c_str(),
              number(engine,
                     "SELECT count() FROM system.parts WHERE active AND table IN "
                     "('spans', 'trace_times')")
                  .c_str());
  return 0;
}

}  // namespace
}  // namespace signalbox::server::store

int main(int argc, char** argv) {
  using namespace signalbox::server::store;  // NOLINT(google-build-using-namespace)
  const std::size_t spans = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 10'000;
  const std::size_t block_spans = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 5'000;
  const TemporaryFolder folder;
  if (spans == 0 || block_spans == 0) return 2;
  return run(spans, block_spans, argc > 3 ? std::filesystem::path(argv[3]) : folder.path());
}

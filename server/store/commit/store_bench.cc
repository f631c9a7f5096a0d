// How fast spans with 11 attributes become rows on disk, what that costs, merges included, and how
// long it takes to read them.
// Usage: store_bench [spans] [spans of a block] [folder] [days]
// With days, the blocks are spread over the last so many, and the first trace's id is printed.

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "server/store/columns/block.h"
#include "server/store/columns/side_tables.h"
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

/// So that retention leaves them in a folder that a server opens.
std::int64_t start_ns() {
  static const std::int64_t now =
      std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count();
  return now;
}

/// Spans of a shop: ids random, eleven attributes with 2 to 100,000 values.
class Spans {
 public:
  /// When the spans to come begin.
  void set_time(std::int64_t unix_ns) {
    time_ = static_cast<std::uint64_t>(unix_ns);
    made_before_ = made_;
  }
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
    span.start_time_unix_nano = time_ + (made_ - made_before_) * 10'000;
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
  std::uint64_t time_ = static_cast<std::uint64_t>(start_ns());
  std::uint64_t made_ = 0;
  std::uint64_t made_before_ = 0;
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

/// The best of some runs, in milliseconds.
double best_ms(EmbeddedEngine& engine, const std::string& sql) {
  double best = 1e9;
  for (int i = 0; i < 3; ++i) {
    const auto start = Clock::now();
    number(engine, sql);
    best = std::min(best, seconds_since(start) * 1e3);
  }
  return best;
}

/// What queries on an attribute read: as server/query writes them.
void print_reads(EmbeddedEngine& engine) {
  const auto place_of = [&](const std::string& key) {
    return number(engine,
                  "SELECT arrayElement(['d', 't', 'i', 'f'], multiIf(slot <= 16, 1, slot <= 20, "
                  "2, slot <= 26, 3, 4)) || leftPad(toString(slot), 2, '0') FROM "
                  "attribute_slots WHERE key = '" +
                      key + "' ORDER BY seen DESC, slot DESC LIMIT 1");
  };
  const auto stands_in = [](const std::string& key, const std::string& column) {
    return "position(shape, concat('\\x1E', '" + key + "', '\\x1F" + column.substr(1) + "')) > 0";
  };
  const std::string user = place_of("enduser.id");
  const std::string status = place_of("http.response.status_code");
  if (user.empty() || status.empty()) return;
  const std::string trace =
      number(engine, "SELECT hex(trace_id) FROM span_rows LIMIT 1 OFFSET 777");
  std::printf("trace by id              %8.0f ms\n",
              best_ms(engine,
                      "SELECT count(), sum(duration_ns), any(attributes) FROM span_rows WHERE "
                      "trace_id = unhex('" +
                          trace + "')"));
  std::printf("attribute equals         %8.0f ms\n",
              best_ms(engine, "SELECT count() FROM span_rows WHERE (" +
                                  stands_in("enduser.id", user) + " AND " + user +
                                  " = 'endu-value-77') OR substring(overflow["
                                  "'enduser.id'], 2) = 'endu-value-77'"));
  std::printf(
      "p99 by 4,096 values      %8.0f ms\n",
      best_ms(engine, "SELECT multiIf(" + stands_in("enduser.id", user) + ", toString(" + user +
                          "), toString(substring(overflow['enduser.id'], 2))) AS value, count(), "
                          "quantileTDigest(0.99)(duration_ns) FROM span_rows GROUP BY value "
                          "ORDER BY count() DESC LIMIT 100"));
  std::printf(
      "number >= 500 by minute  %8.0f ms\n",
      best_ms(engine, "SELECT toStartOfMinute(start_time) AS minute, countIf(" +
                          stands_in("http.response.status_code", status) + " AND " + status +
                          " >= 500) FROM span_rows GROUP BY minute ORDER BY minute LIMIT 1"));
}

int run(std::size_t spans, std::size_t block_spans, const std::filesystem::path& folder,
        std::int64_t days) {
  EmbeddedEngine engine({.data_folder = folder});
  apply_schema(engine);
  // As if the side tables had been there all the time.
  engine.execute("ALTER TABLE schema_versions UPDATE applied = applied - toIntervalDay(" +
                 std::to_string(days) + ") WHERE 1 SETTINGS mutations_sync = 1");
  Registry registry(100'000, engine);
  Block block(registry);
  const double millions = static_cast<double>(spans) / 1e6;

  NoSink nothing;
  Spans unused;
  auto start = Clock::now();
  if (days == 0) unused.append_to(nothing, spans);
  const double making_s = seconds_since(start);

  Spans source;
  double append_s = 0;
  double insert_s = 0;
  const double cpu_before = cpu_seconds();
  constexpr std::int64_t kDayNs = 86'400'000'000'000;
  std::int64_t identity = start_ns() / 1000;
  for (std::size_t done = 0; done < spans; done += block_spans) {
    if (days > 0) {
      const double left = 1 - static_cast<double>(done) / static_cast<double>(spans);
      const auto time =
          start_ns() - static_cast<std::int64_t>(left * static_cast<double>(days * kDayNs));
      source.set_time(time);
      identity = time / 1000;
    }
    start = Clock::now();
    block.begin_request(0);
    source.append_to(block.sinks().traces, std::min(block_spans, spans - done));
    append_s += seconds_since(start);
    start = Clock::now();
    SideTables side;
    const SealedBlock sealed = block.seal(++identity);
    block.add_side_rows(identity, side);
    const std::vector<TableRows> side_rows = write_side_tables(side, identity);
    for (const auto* rows : {&sealed.descriptions, &sealed.data, &side_rows}) {
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
  std::printf(
      "on disk                  %8s bytes a span in %s parts\n",
      number(engine, "SELECT round(sum(bytes_on_disk) / " + std::to_string(spans) +
                         ", 1) FROM system.parts WHERE active AND table = 'span_rows'")
          .c_str(),
      number(engine, "SELECT count() FROM system.parts WHERE active AND table = 'span_rows'")
          .c_str());
  if (days > 0) {
    std::printf("first trace %s\n",
                number(engine,
                       "SELECT lower(hex(argMin(trace_id, start_time))) FROM span_rows WHERE "
                       "toDate(received) = (SELECT min(toDate(received)) FROM span_rows)")
                    .c_str());
    return 0;
  }
  print_reads(engine);
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
  return run(spans, block_spans, argc > 3 ? std::filesystem::path(argv[3]) : folder.path(),
             argc > 4 ? std::strtoll(argv[4], nullptr, 10) : 0);
}

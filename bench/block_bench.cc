// What the server computes for each record without its engine: from OTLP bytes to the rows of a
// block, these sorted and written as Native, and what the side tables count. Usage: block_bench
// traces|logs|metrics [blocks] [records of a block] Prints one line of JSON, CPU nanoseconds a
// record; run it under callgrind for instructions.

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <ctime>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "bench/load/request.h"
#include "otlp/decode.h"
#include "server/store/columns/block.h"
#include "server/store/columns/registry.h"
#include "server/store/columns/side_tables.h"

namespace signalbox::bench {
namespace {

using server::store::Block;

double cpu_ns() {
  timespec now{};
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) * 1e9 + static_cast<double>(now.tv_nsec);
}

/// Adds the time from its creation to its end to `sum`.
class Timed {
 public:
  explicit Timed(double& sum) : sum_(sum), start_(cpu_ns()) {}
  Timed(const Timed&) = delete;
  Timed& operator=(const Timed&) = delete;
  ~Timed() { sum_ += cpu_ns() - start_; }

 private:
  double& sum_;
  double start_;
};

std::uint64_t now_ns() {
  return static_cast<std::uint64_t>(
      std::chrono::nanoseconds(std::chrono::system_clock::now().time_since_epoch()).count());
}

std::optional<Request> build(std::string_view signal, unsigned sender, Random& random) {
  constexpr std::uint32_t kRecords = 1000;
  if (signal == "traces") return build_traces(kRecords, sender, random);
  if (signal == "logs") return build_logs(kRecords, sender, random);
  if (signal == "metrics") return build_metrics(kRecords, sender, random);
  return {};
}

bool decode(std::string_view signal, std::string_view bytes, server::store::Sinks sinks) {
  if (signal == "traces") return otlp::decode_traces_protobuf(bytes, sinks.traces, {}).ok;
  if (signal == "logs") return otlp::decode_logs_protobuf(bytes, sinks.logs, {}).ok;
  return otlp::decode_metrics_protobuf(bytes, sinks.metrics, {}).ok;
}

int run(std::string_view signal, std::size_t blocks, std::size_t records_of_block) {
  Random random(1);
  std::vector<Request> senders;
  for (unsigned sender = 0; sender < 16; ++sender) {
    std::optional<Request> request = build(signal, sender, random);
    if (!request) {
      std::fprintf(stderr, "block_bench: traces, logs or metrics, please\n");
      return 2;
    }
    senders.push_back(std::move(*request));
  }
  server::store::Registry registry(1'000'000);
  Block block(registry);
  std::size_t records = 0;
  std::size_t native_bytes = 0;
  double decoding = 0;
  double sealing = 0;
  double counting = 0;
  std::int64_t identity = static_cast<std::int64_t>(now_ns() / 1000);
  for (std::size_t i = 0, sender = 0; i < blocks; ++i, ++identity) {
    while (block.rows() < records_of_block) {
      Request& request = senders[sender++ % senders.size()];
      request.renew(now_ns(), random);
      const Timed timed(decoding);
      block.begin_request(identity * 1000);
      if (!decode(signal, request.bytes(), block.sinks())) return 1;
      records += request.records();
    }
    {
      const Timed timed(sealing);
      for (const auto& table : block.seal(identity).data) native_bytes += table.native.size();
    }
    const Timed timed(counting);
    server::store::SideTables side;
    block.add_side_rows(identity, side);
    block.descriptions_are_written();
    block.clear();
  }
  const auto each = [&](double sum) { return sum / static_cast<double>(records); };
  std::printf(
      "{\"records\": %zu, \"decode_and_append_ns\": %.1f, \"seal_ns\": %.1f, \"side_tables_ns\": "
      "%.1f, \"native_bytes\": %.1f}\n",
      records, each(decoding), each(sealing), each(counting),
      each(static_cast<double>(native_bytes)));
  return 0;
}

}  // namespace
}  // namespace signalbox::bench

int main(int argc, char** argv) {
  const auto number = [&](int at, std::size_t otherwise) {
    return argc > at ? static_cast<std::size_t>(std::strtoull(argv[at], nullptr, 10)) : otherwise;
  };
  return signalbox::bench::run(argc > 1 ? argv[1] : "traces", number(2, 8), number(3, 250'000));
}

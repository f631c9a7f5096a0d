#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <csignal>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <future>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "server/store/commit/writer.h"
#include "server/store/engine/embedded_engine.h"
#include "server/store/engine/temporary_folder.h"
#include "server/store/sql/schema.h"

/// What is acknowledged survives the sudden end of the process, once, whatever its senders repeat.
namespace signalbox::server::store {
namespace {

constexpr int kSpansOfARequest = 20;
constexpr std::size_t kClients = 4;

std::string trace_id_of(std::uint64_t number) {
  std::string id(16, 'x');
  std::memcpy(id.data(), &number, sizeof number);
  return id;
}

/// A payload is a number: some spans and a log record of the trace with that number.
class NumberDecoder final : public Decoder {
 public:
  [[nodiscard]] otlp::DecodeResult decode(Signal signal, std::uint8_t /*content*/,
                                          std::string_view payload, Sinks& sinks) const override {
    std::uint64_t number = 0;
    std::memcpy(&number, payload.data(), sizeof number);
    const otlp::KeyValueView service{"service.name",
                                     {.type = otlp::ValueType::kString, .text = "crash"}};
    otlp::ResourceView resource;
    resource.attributes = {&service, 1};
    const std::string trace_id = trace_id_of(number);
    otlp::DecodeResult result;
    if (signal == Signal::kLogs) {
      sinks.logs.on_resource(resource);
      sinks.logs.on_scope({});
      otlp::LogRecordView record;
      record.trace_id = trace_id;
      record.time_unix_nano = 1'790'000'000'000'000'000;
      sinks.logs.on_log_record(record);
      result.accepted = 1;
      return result;
    }
    sinks.traces.on_resource(resource);
    sinks.traces.on_scope({});
    for (int i = 0; i < kSpansOfARequest; ++i) {
      otlp::SpanView span;
      span.trace_id = trace_id;
      span.span_id = "12345678";
      span.name = "operation";
      span.start_time_unix_nano = 1'790'000'000'000'000'000;
      span.end_time_unix_nano = 1'790'000'000'001'000'000;
      sinks.traces.on_span(span);
    }
    result.accepted = kSpansOfARequest;
    return result;
  }
};

Writer::Options options(const std::filesystem::path& folder) {
  Writer::Options options;
  options.log_folder = folder / "log";
  options.segment_bytes = 64 * 1024;  // So that segments come and go.
  options.block_interval = options.small_block_interval = std::chrono::milliseconds(50);
  options.side_interval = std::chrono::milliseconds(40);  // Some ends come before, some behind it.
  return options;
}

/// True when the request is acknowledged.
bool send(Writer& writer, Signal signal, std::uint64_t number) {
  auto payload = std::make_shared<std::string>(reinterpret_cast<const char*>(&number), 8);
  IngestRequest request;
  request.signal = signal;
  request.payload = *payload;
  request.owner = payload;
  std::promise<WriteOutcome> outcome;
  writer.write(std::move(request), [&](WriteOutcome got) { outcome.set_value(std::move(got)); });
  return outcome.get_future().get().status == WriteOutcome::Status::kCommitted;
}

/// Sends what is not `acknowledged` yet, and then new numbers, for ever; each acknowledged number
/// goes to `report`.
[[noreturn]] void write_until_killed(const std::filesystem::path& folder,
                                     const std::vector<bool>& acknowledged, int report) {
  EmbeddedEngine engine({.data_folder = folder});
  apply_schema(engine);
  const NumberDecoder decoder;
  const std::unique_ptr<Files> files = make_posix_files();
  Writer writer(engine, decoder, *files, options(folder));
  std::atomic<std::uint64_t> next{0};
  std::vector<std::thread> clients;
  clients.reserve(kClients);
  for (std::size_t i = 0; i < kClients; ++i) {
    clients.emplace_back([&] {
      for (;;) {
        const std::uint64_t number = next++;
        if (number < acknowledged.size() && acknowledged[number]) continue;
        if (!send(writer, Signal::kTraces, number)) _exit(1);
        if (!send(writer, Signal::kLogs, number)) _exit(1);
        if (write(report, &number, sizeof number) != sizeof number) _exit(2);
      }
    });
  }
  for (std::thread& client : clients) client.join();
  _exit(3);
}

/// Lets a process write for `life`, from its first acknowledgement on, and kills it.
void run_once(const std::filesystem::path& folder, std::chrono::microseconds life,
              std::vector<bool>& acknowledged) {
  int report[2];
  ASSERT_EQ(pipe(report), 0);
  const pid_t child = fork();  // While this process has no threads.
  ASSERT_GE(child, 0);
  if (child == 0) {
    close(report[0]);
    write_until_killed(folder, acknowledged, report[1]);
  }
  close(report[1]);
  std::uint64_t number = 0;
  std::thread killer;
  while (read(report[0], &number, sizeof number) == sizeof number) {
    if (!killer.joinable()) {
      killer = std::thread([&] {
        std::this_thread::sleep_for(life);
        kill(child, SIGKILL);
      });
    }
    if (number >= acknowledged.size()) acknowledged.resize(number + 1, false);
    acknowledged[number] = true;
  }
  close(report[0]);
  ASSERT_TRUE(killer.joinable()) << "the process acknowledged nothing";
  killer.join();
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status)) << "the writing process ended by itself: " << status;
}

/// Rows of each number in `table`.
std::vector<std::uint64_t> rows_by_number(EmbeddedEngine& engine, const std::string& table) {
  const QueryResult result =
      engine.query("SELECT reinterpretAsUInt64(substring(trace_id, 1, 8)), count() FROM " + table +
                   " GROUP BY trace_id FORMAT RowBinary");
  std::vector<std::uint64_t> rows;
  for (std::size_t at = 0; at + 16 <= result.data.size(); at += 16) {
    std::uint64_t row[2];
    std::memcpy(row, result.data.data() + at, sizeof row);
    if (row[0] >= rows.size()) rows.resize(row[0] + 1, 0);
    rows[row[0]] = row[1];
  }
  return rows;
}

TEST(Crash, KeepsWhatWasAcknowledgedOnceOverManySuddenEnds) {
  const char* wanted = std::getenv("SIGNALBOX_TEST_KILLS");
  const int kills = wanted != nullptr ? std::stoi(wanted) : 200;
  const std::uint32_t seed = std::random_device{}();
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const TemporaryFolder folder;
  std::vector<bool> acknowledged;
  for (int i = 0; i < kills; ++i) {
    const auto life = std::chrono::microseconds(random() % 150'000);
    ASSERT_NO_FATAL_FAILURE(run_once(folder.path(), life, acknowledged)) << "kill " << i;
  }

  EmbeddedEngine engine({.data_folder = folder.path()});
  apply_schema(engine);
  const NumberDecoder decoder;
  const std::unique_ptr<Files> files = make_posix_files();
  Writer writer(engine, decoder, *files, options(folder.path()));
  ASSERT_TRUE(writer.flush(std::chrono::seconds(60)));
  EXPECT_EQ(writer.stats().unreadable_requests, 0U);

  const auto spans = rows_by_number(engine, "spans");
  const auto logs = rows_by_number(engine, "logs");
  ASSERT_GE(spans.size(), acknowledged.size());
  ASSERT_GE(logs.size(), acknowledged.size());
  std::size_t count = 0;
  for (std::uint64_t number = 0; number < acknowledged.size(); ++number) {
    if (!acknowledged[number]) continue;
    ++count;
    ASSERT_EQ(spans[number], static_cast<std::uint64_t>(kSpansOfARequest)) << number;
    ASSERT_EQ(logs[number], 1U) << number;
  }
  for (const std::uint64_t rows : spans) {
    ASSERT_TRUE(rows == 0 || rows == kSpansOfARequest) << "a request is stored in part or twice";
  }
  EXPECT_GE(count, static_cast<std::size_t>(kills));
  EXPECT_EQ(engine
                .query("SELECT sum(spans) = (SELECT count() FROM span_rows) FROM span_minute_rows "
                       "FORMAT TSV")
                .data,
            "1\n");
  EXPECT_EQ(engine.query("SELECT DISTINCT service_name FROM resources FORMAT TSV").data, "crash\n");
}

}  // namespace
}  // namespace signalbox::server::store

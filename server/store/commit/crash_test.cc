#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <csignal>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <future>
#include <string>
#include <thread>
#include <vector>

#include "server/store/commit/writer.h"
#include "server/store/engine/embedded_engine.h"
#include "server/store/engine/temporary_folder.h"
#include "server/store/sql/schema.h"

/// What is acknowledged survives the sudden end of the process.
namespace signalbox::server::store {
namespace {

constexpr int kSpansOfARequest = 20;
constexpr std::size_t kRequestsBeforeTheEnd = 200;
constexpr std::size_t kClients = 4;

std::string trace_id_of(std::uint64_t number) {
  std::string id(16, 'x');
  std::memcpy(id.data(), &number, sizeof number);
  return id;
}

otlp::DecodeResult write_trace(Sinks& sinks, std::uint64_t number) {
  const otlp::KeyValueView service{"service.name",
                                   {.type = otlp::ValueType::kString, .text = "crash"}};
  otlp::ResourceView resource;
  resource.attributes = {&service, 1};
  sinks.traces.on_resource(resource);
  sinks.traces.on_scope({});
  const std::string trace_id = trace_id_of(number);
  for (int i = 0; i < kSpansOfARequest; ++i) {
    otlp::SpanView span;
    span.trace_id = trace_id;
    span.span_id = "12345678";
    span.name = "operation";
    span.start_time_unix_nano = 1'790'000'000'000'000'000;
    span.end_time_unix_nano = 1'790'000'000'001'000'000;
    sinks.traces.on_span(span);
  }
  otlp::DecodeResult result;
  result.accepted = kSpansOfARequest;
  return result;
}

/// Writes for ever, and each acknowledged number to `report`.
[[noreturn]] void write_until_killed(const std::filesystem::path& folder, int report) {
  EmbeddedEngine engine({.data_folder = folder});
  apply_schema(engine);
  Writer writer(engine, {});
  std::atomic<std::uint64_t> next{0};
  std::vector<std::thread> clients;
  clients.reserve(kClients);
  for (std::size_t i = 0; i < kClients; ++i) {
    clients.emplace_back([&] {
      for (;;) {
        const std::uint64_t number = next++;
        std::promise<WriteOutcome> outcome;
        writer.write(
            Signal::kTraces, 1000, [=](Sinks& sinks) { return write_trace(sinks, number); },
            [&](WriteOutcome got) { outcome.set_value(std::move(got)); });
        if (outcome.get_future().get().status != WriteOutcome::Status::kCommitted) _exit(1);
        if (write(report, &number, sizeof number) != sizeof number) _exit(2);
      }
    });
  }
  for (std::thread& client : clients) client.join();
  _exit(3);
}

TEST(Crash, LosesNothingThatWasAcknowledged) {
  const TemporaryFolder folder;
  int report[2];
  ASSERT_EQ(pipe(report), 0);
  const pid_t child = fork();  // While this process has no threads.
  ASSERT_GE(child, 0);
  if (child == 0) {
    close(report[0]);
    write_until_killed(folder.path(), report[1]);
  }
  close(report[1]);

  std::vector<std::uint64_t> acknowledged;
  std::uint64_t number = 0;
  while (read(report[0], &number, sizeof number) == sizeof number) {
    acknowledged.push_back(number);
    if (acknowledged.size() == kRequestsBeforeTheEnd) kill(child, SIGKILL);
  }
  close(report[0]);
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status)) << "the writing process ended by itself: " << status;
  ASSERT_GE(acknowledged.size(), kRequestsBeforeTheEnd);

  EmbeddedEngine engine({.data_folder = folder.path()});
  apply_schema(engine);
  const QueryResult result = engine.query(
      "SELECT reinterpretAsUInt64(substring(trace_id, 1, 8)), count() FROM spans "
      "GROUP BY trace_id FORMAT RowBinary");
  std::vector<std::uint64_t> spans(acknowledged.size() + 1000, 0);
  for (std::size_t at = 0; at + 16 <= result.data.size(); at += 16) {
    std::uint64_t row[2];
    std::memcpy(row, result.data.data() + at, sizeof row);
    ASSERT_LT(row[0], spans.size());
    spans[row[0]] = row[1];
  }
  for (const std::uint64_t one : acknowledged) EXPECT_EQ(spans[one], kSpansOfARequest) << one;
  for (const std::uint64_t count : spans) {
    EXPECT_TRUE(count == 0 || count == kSpansOfARequest) << "a request is stored in part";
  }
  EXPECT_EQ(engine.query("SELECT service_name FROM resources FINAL FORMAT TSV").data, "crash\n");
}

}  // namespace
}  // namespace signalbox::server::store

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <future>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/query/plan/active_series.h"
#include "server/query/plan/operation_minutes.h"
#include "server/query/plan/query_test_fixture.h"
#include "server/store/commit/text_decoder.h"
#include "server/store/commit/writer.h"
#include "server/store/log/memory_files.h"

/// What there is of side tables begins at a moment of a clock that may have been wrong, and may be
/// set: queries that use them count everything once all the same.
namespace signalbox::server::query {
namespace {

constexpr std::int64_t kHourNs = 3600 * kSecondNs;
/// What the decoder makes of a request is of the first second since 1970.
constexpr TimeRange kFirstHours{0, 10 * kHourNs};

/// An engine whose inserts fail as long as they are told to.
class FailingEngine final : public store::Engine {
 public:
  explicit FailingEngine(store::Engine& engine) : engine_(engine) {}
  void execute(const std::string& sql) override { engine_.execute(sql); }
  store::QueryResult query(const std::string& sql, const std::vector<store::Parameter>& parameters,
                           const store::QueryOptions& options) override {
    return engine_.query(sql, parameters, options);
  }
  void insert_native(std::string_view table, std::span<const std::string_view> pieces,
                     const store::InsertOptions& options) override {
    if (fails) throw store::EngineError(store::error_code::kNotEnoughSpace, "no space");
    engine_.insert_native(table, pieces, options);
  }

  std::atomic<bool> fails{false};

 private:
  store::Engine& engine_;
};

class ClockTest : public ::testing::Test {
 protected:
  /// As a version without side tables left it.
  void SetUp() override { store::apply_schema(engine_, store::migrations().first(2)); }

  std::unique_ptr<store::Writer> start_writer(store::Engine& engine) {
    store::Writer::Options options;
    options.log_folder = "/log";
    options.segment_bytes = 1 << 20;
    options.close_timeout = std::chrono::milliseconds(0);
    options.first_retry = std::chrono::milliseconds(1);
    return std::make_unique<store::Writer>(engine, decoder_, files_, options);
  }

  static void write(store::Writer& writer, store::Signal signal, const std::string& text) {
    const auto payload = std::make_shared<const std::string>(text);
    store::IngestRequest request;
    request.signal = signal;
    request.payload = *payload;
    request.owner = payload;
    std::promise<store::WriteOutcome::Status> status;
    writer.write(std::move(request),
                 [&](const store::WriteOutcome& outcome) { status.set_value(outcome.status); });
    ASSERT_EQ(status.get_future().get(), store::WriteOutcome::Status::kCommitted);
  }

  /// Rows of a block that was received so many hours from now.
  void insert_block(int hours) {
    const std::string received = "now64(6, 'UTC') + toIntervalHour(" + std::to_string(hours) + ")";
    engine_.execute("INSERT INTO span_rows (received, start_time) SELECT " + received +
                    ", toDateTime64(0, 9, 'UTC') FROM numbers(3)");
    engine_.execute("INSERT INTO metric_number_rows (received, series_id, time) SELECT " +
                    received + ", 7, toDateTime64(0, 9, 'UTC')");
  }

  /// What a version knows that came before, and what the one now adds to it.
  void upgrade() { store::apply_schema(engine_); }

  /// The moment at which there began to be side tables, as a clock so far ahead tells it.
  void begin_side_tables(int hours) {
    engine_.execute("INSERT INTO schema_versions SELECT 3, now64(9) + toIntervalHour(" +
                    std::to_string(hours) + ")");
  }

  std::string ask(const std::string& sql, const Parameters& parameters = {}) {
    return engine_.query(sql + " FORMAT TSV", parameters.values()).data;
  }
  std::string counted_spans() {
    Parameters parameters;
    const std::string minutes = operation_minutes("service_name", "", kFirstHours, parameters);
    return ask("SELECT sum(spans) FROM " + minutes, parameters);
  }
  std::string found_series() {
    Parameters parameters;
    const std::string series = active_series(kFirstHours, parameters);
    return ask("SELECT uniqExact(series_id) FROM (" + series + ")", parameters);
  }

  store::TemporaryFolder folder_;
  store::EmbeddedEngine engine_{{.data_folder = folder_.path()}};
  store::testing::MemoryFiles files_;
  store::testing::TextDecoder decoder_;
};

TEST_F(ClockTest, WasAheadBeforeThereWereSideTablesAndIsSetBack) {
  insert_block(-30);
  insert_block(2);
  upgrade();

  EXPECT_EQ(counted_spans(), "6\n");
  EXPECT_EQ(found_series(), "1\n");

  const auto writer = start_writer(engine_);
  write(*writer, store::Signal::kTraces, "5 spans");
  write(*writer, store::Signal::kMetrics, "1 point");
  ASSERT_TRUE(writer->flush(std::chrono::seconds(60)));
  EXPECT_EQ(counted_spans(), "11\n");
  EXPECT_EQ(found_series(), "2\n");
}

TEST_F(ClockTest, WasAheadWhenThereBeganToBeSideTablesAndIsSetBack) {
  insert_block(-1);
  upgrade();
  begin_side_tables(2);

  for (const std::string run : {"first", "second"}) {
    const auto writer = start_writer(engine_);
    write(*writer, store::Signal::kTraces, "5 spans " + run);
    write(*writer, store::Signal::kMetrics, "1 point " + run);
    ASSERT_TRUE(writer->flush(std::chrono::seconds(60)));
  }

  EXPECT_EQ(ask("SELECT sum(spans) FROM span_minute_rows"), "10\n");
  EXPECT_EQ(counted_spans(), "13\n");
  EXPECT_EQ(found_series(), "2\n");
}

TEST_F(ClockTest, WasBehindWhenThereBeganToBeSideTablesAndIsSetForward) {
  insert_block(-30);
  upgrade();
  engine_.execute("TRUNCATE TABLE schema_versions");
  begin_side_tables(-20);

  const auto writer = start_writer(engine_);
  write(*writer, store::Signal::kTraces, "5 spans");
  write(*writer, store::Signal::kMetrics, "1 point");
  ASSERT_TRUE(writer->flush(std::chrono::seconds(60)));

  EXPECT_EQ(counted_spans(), "8\n");
  EXPECT_EQ(found_series(), "2\n");
}

/// A block of the version before that it left in its log is counted by its rows.
TEST_F(ClockTest, IsNotAskedForABlockThatWasSealedBeforeThereWereSideTables) {
  FailingEngine engine(engine_);
  upgrade();
  {
    const auto writer = start_writer(engine);
    engine.fails = true;
    write(*writer, store::Signal::kTraces, "5 spans");
    // Seals the block.
    ASSERT_FALSE(writer->flush(std::chrono::milliseconds(100)));
  }
  engine.fails = false;
  begin_side_tables(0);
  ASSERT_EQ(ask("SELECT count() FROM span_rows"), "0\n");

  const auto writer = start_writer(engine);
  ASSERT_TRUE(writer->flush(std::chrono::seconds(60)));

  EXPECT_EQ(ask("SELECT count() FROM span_rows"), "5\n");
  EXPECT_EQ(ask("SELECT sum(spans) FROM span_minute_rows"), "0\n");
  EXPECT_EQ(counted_spans(), "5\n");
}

}  // namespace
}  // namespace signalbox::server::query

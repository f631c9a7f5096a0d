#include "server/observe/health.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace signalbox::server::observe {
namespace {

using std::chrono::seconds;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::SizeIs;

/// Answers each query by `answer`, or fails by `error`.
class FakeEngine final : public store::Engine {
 public:
  using store::Engine::insert_native;
  void execute(const std::string& /*sql*/) override {}
  store::QueryResult query(const std::string& /*sql*/,
                           const std::vector<store::Parameter>& /*parameters*/,
                           const store::QueryOptions& /*options*/) override {
    if (!error.empty()) throw store::EngineError(159, error);
    store::QueryResult result;
    result.data = answer;
    return result;
  }
  void insert_native(std::string_view /*table*/, std::span<const std::string_view> /*pieces*/,
                     const store::InsertOptions& /*options*/) override {}

  std::string answer = "1\n";
  std::string error;
};

class CapturedExchange final : public net::Responder::Exchange {
 public:
  void respond(net::Response response) noexcept override { answer = std::move(response); }
  [[nodiscard]] bool abandoned() const noexcept override { return false; }
  std::optional<net::Response> answer;
};

class HealthTest : public ::testing::Test {
 protected:
  net::Response get(const std::string& target, const std::string& method = "GET") {
    const net::Handler handler = with_health(
        [](const net::Request&, net::Responder respond) {
          net::Response response;
          response.status = 418;
          respond(std::move(response));
        },
        health_);
    auto exchange = std::make_shared<CapturedExchange>();
    net::Request request;
    request.method = method;
    request.target = target;
    handler(std::move(request), net::Responder(exchange));
    return exchange->answer.value_or(net::Response());
  }

  std::vector<std::string> lines_;
  Reporter reporter_{{.sink = [this](Reporter::Level /*level*/, const std::string& line) {
    lines_.push_back(line);
  }}};
  Health::Clock::time_point now_{};
  Health health_{reporter_, {.now = [this] { return now_; }}};
};

TEST(LogCheck, TellsALogThatIsNearlyFullOrFailing) {
  store::Writer::Stats stats;
  const auto check = log_check([&] { return stats; }, 100ULL << 20);
  stats.log_bytes = 89ULL << 20;
  stats.waiting_blocks = 3;
  EXPECT_TRUE(check().ok);
  EXPECT_EQ(check().detail, "89 MiB of log, 3 blocks wait for the tables");

  stats.log_bytes = 90ULL << 20;
  EXPECT_FALSE(check().ok);
  EXPECT_THAT(check().detail, HasSubstr("90 MiB of log"));
  EXPECT_THAT(check().detail, HasSubstr("at 100MiB (--max-log) requests are refused"));

  stats.log_bytes = 1;
  stats.is_engine_failing = true;
  stats.last_error = "no memory";
  EXPECT_FALSE(check().ok);
  EXPECT_THAT(check().detail, HasSubstr("the engine does not take what was received: no memory"));

  stats.is_log_failing = true;
  stats.last_error = "no space";
  EXPECT_FALSE(check().ok);
  EXPECT_THAT(check().detail, HasSubstr("what is received cannot be kept: no space"));
}

TEST_F(HealthTest, IsAliveWhateverFails) {
  health_.add("disk", [] { return CheckResult{false, "full"}; });
  health_.run();
  EXPECT_EQ(get("/healthz").status, 200U);
}

TEST_F(HealthTest, IsNotReadyBeforeTheFirstChecks) {
  health_.add("disk", [] { return CheckResult{true, "fine"}; });
  EXPECT_EQ(get("/readyz").status, 503U);
  health_.run();
  EXPECT_EQ(get("/readyz").status, 200U);
  EXPECT_EQ(get("/readyz?verbose").status, 200U);
}

TEST_F(HealthTest, NamesEachCheck) {
  health_.add("disk", [] { return CheckResult{true, "fine"}; });
  health_.add("engine", []() -> CheckResult { throw std::runtime_error("gone \"away\""); });
  health_.run();

  const net::Response response = get("/readyz");
  EXPECT_EQ(response.status, 503U);
  EXPECT_EQ(response.body,
            R"({"status":"not_ready","checks":[{"name":"disk","ok":true,"detail":"fine"},)"
            R"({"name":"engine","ok":false,"detail":"gone \"away\""}]})");
}

TEST_F(HealthTest, LeavesOtherRequestsToTheNext) {
  EXPECT_EQ(get("/").status, 418U);
  EXPECT_EQ(get("/healthz", "POST").status, 418U);
  EXPECT_EQ(get("/healthz/").status, 418U);
}

TEST_F(HealthTest, ReportsWhenACheckBeginsToFailAndRecovers) {
  bool ok = true;
  health_.add("disk", [&] { return CheckResult{ok, ok ? "room" : "full"}; });
  health_.run();
  EXPECT_THAT(lines_, SizeIs(0));
  ok = false;
  health_.run();
  health_.run();
  ok = true;
  health_.run();
  EXPECT_THAT(lines_, ElementsAre("Not ready, disk: full", "Ready again, disk: room"));
}

TEST_F(HealthTest, FailsWhatDoesNotComeBack) {
  std::vector<Health::Check> while_running;
  health_.add("engine", [&] {
    now_ += seconds(11);
    while_running = health_.checks();
    return CheckResult{true, "late"};
  });
  health_.run();
  ASSERT_THAT(while_running, SizeIs(1));
  EXPECT_FALSE(while_running[0].ok);
  EXPECT_EQ(while_running[0].detail, "no answer for 11 s");
}

TEST(DiskCheck, FailsBelowItsLimit) {
  std::uint64_t left = 2048;
  const auto check = disk_check("/data", 2048, [&](const auto& /*path*/) { return left; });
  EXPECT_TRUE(check().ok);
  left = 2047;
  EXPECT_FALSE(check().ok);
  EXPECT_THAT(check().detail, HasSubstr("less than 2KiB (--min-free-disk)"));
}

TEST(DiskCheck, AsksTheSystem) {
  EXPECT_TRUE(disk_check("/", 1)().ok);
  EXPECT_FALSE(disk_check("/", UINT64_MAX)().ok);
}

TEST(EngineCheck, FailsWhenTheEngineFails) {
  FakeEngine engine;
  EXPECT_TRUE(engine_check(engine)().ok);
  engine.answer = "";
  EXPECT_FALSE(engine_check(engine)().ok);
  engine.error = "timeout";
  EXPECT_THROW(engine_check(engine)(), store::EngineError);
}

TEST(PartsCheck, FailsBeyondItsLimit) {
  FakeEngine engine;
  engine.answer = "1000\n";
  EXPECT_TRUE(parts_check(engine, 1000)().ok);
  engine.answer = "1001\n";
  EXPECT_FALSE(parts_check(engine, 1000)().ok);
  EXPECT_THAT(parts_check(engine, 1000)().detail, HasSubstr("more than 1000"));
}

}  // namespace
}  // namespace signalbox::server::observe

#include "server/observe/reporter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <vector>

#include "server/observe/refusals.h"

namespace signalbox::server::observe {
namespace {

using std::chrono::seconds;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Level = Reporter::Level;

class ReporterTest : public ::testing::Test {
 protected:
  Reporter::Options options() {
    Reporter::Options options;
    options.sink = [this](Level level, const std::string& line) {
      levels_.push_back(level);
      lines_.push_back(line);
    };
    options.now = [this] { return now_; };
    return options;
  }

  Reporter::Clock::time_point now_{};
  std::vector<Level> levels_;
  std::vector<std::string> lines_;
  Reporter reporter_{options()};
};

TEST_F(ReporterTest, WritesTheFirstOfAReasonAndCountsTheOthers) {
  for (int i = 0; i < 124; ++i) reporter_.report(Level::kWarning, "a", "a " + std::to_string(i));
  reporter_.report(Level::kWarning, "b", "b");
  EXPECT_THAT(lines_, ElementsAre("a 0", "b"));

  now_ += seconds(9);
  reporter_.flush_due();
  EXPECT_THAT(lines_, SizeIs(2));
  now_ += seconds(1);
  reporter_.flush_due();
  EXPECT_THAT(lines_, ElementsAre("a 0", "b", "a 123 (and 122 more in the last 10 s)"));

  reporter_.report(Level::kWarning, "a", "again");
  EXPECT_EQ(lines_.back(), "again");
}

TEST_F(ReporterTest, TellsWhatItHeldBackBeforeTheNextAndAtTheEnd) {
  reporter_.report(Level::kWarning, "a", "1");
  reporter_.report(Level::kError, "a", "2");
  now_ += seconds(20);
  reporter_.report(Level::kWarning, "a", "3");
  EXPECT_THAT(lines_, ElementsAre("1", "2", "3"));
  EXPECT_EQ(levels_[1], Level::kError);

  reporter_.report(Level::kWarning, "a", "4");
  reporter_.flush();
  EXPECT_EQ(lines_.back(), "4");
}

TEST_F(ReporterTest, HasALimitOnReasons) {
  for (int i = 0; i < 10'000; ++i) reporter_.report(Level::kInfo, std::to_string(i), "x");
  EXPECT_THAT(lines_, SizeIs(201));
}

TEST_F(ReporterTest, WritesOneLineWhateverComes) {
  reporter_.report(Level::kInfo, "a", "x\ny\r\x1b[31m" + std::string(5000, 'z'));
  EXPECT_THAT(lines_.at(0), AllOf(HasSubstr("x y  [31m"), SizeIs(2000)));
}

class CapturedExchange final : public net::Responder::Exchange {
 public:
  void respond(net::Response response) noexcept override { answer = std::move(response); }
  [[nodiscard]] bool abandoned() const noexcept override { return false; }
  std::optional<net::Response> answer;
};

class Refusals : public ReporterTest {
 protected:
  void answer(const net::Response& response) {
    const net::Handler handler = report_refusals(
        [&](const net::Request&, net::Responder respond) { respond(response); }, "OTLP", reporter_);
    auto exchange = std::make_shared<CapturedExchange>();
    net::Request request;
    request.peer = "10.0.0.9";
    handler(std::move(request), net::Responder(exchange));
    ASSERT_TRUE(exchange->answer);
    EXPECT_EQ(exchange->answer->status, response.status);
  }
};

TEST_F(Refusals, AreReportedWithSenderAndReason) {
  net::Response grpc;
  grpc.headers = {{"grpc-status", "16"}, {"grpc-message", "show a key, 100%25"}};
  answer(grpc);
  net::Response json;
  json.status = 400;
  json.headers = {{"content-type", "application/json"}};
  json.body = R"({"code":3,"message":"bad span"})";
  answer(json);
  net::Response protobuf;
  protobuf.status = 503;
  protobuf.headers = {{"content-type", "application/x-protobuf"}};
  protobuf.body = "\x08\x0e\x12\x04wait";
  answer(protobuf);

  EXPECT_THAT(lines_, ElementsAre("Refused OTLP from 10.0.0.9: 16 show a key, 100%",
                                  "Refused OTLP from 10.0.0.9: 400 bad span",
                                  "Refused OTLP from 10.0.0.9: 503 wait"));
}

TEST_F(Refusals, AreCountedByReason) {
  net::Response response;
  response.status = 401;
  for (int i = 0; i < 50; ++i) answer(response);
  EXPECT_THAT(lines_, SizeIs(1));
}

TEST_F(Refusals, DoNotIncludeSuccess) {
  net::Response grpc;
  grpc.trailers = {{"grpc-status", "0"}};
  answer(grpc);
  answer({});
  EXPECT_THAT(lines_, IsEmpty());
}

}  // namespace
}  // namespace signalbox::server::observe

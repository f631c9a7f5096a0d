#include "server/tail/hub.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <semaphore>
#include <stdexcept>
#include <string>
#include <thread>

#include "server/query/plan/error.h"

namespace signalbox::server::tail {
namespace {

using namespace std::chrono_literals;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;

/// Makes a log record of each line of a payload, and waits where a test wants it to.
class LineDecoder final : public store::Decoder {
 public:
  otlp::DecodeResult decode(store::Signal /*signal*/, std::uint8_t /*content*/,
                            std::string_view payload, store::Sinks& sinks) const override {
    ++decoded;
    may_go.acquire();
    may_go.release();
    sinks.logs.on_resource({});
    sinks.logs.on_scope({});
    while (!payload.empty()) {
      const std::size_t end = payload.find('\n');
      if (payload.starts_with('!')) throw std::runtime_error("no memory");
      otlp::LogRecordView log;
      log.body.type = otlp::ValueType::kString;
      log.body.text = payload.substr(0, end);
      sinks.logs.on_log_record(log);
      payload.remove_prefix(end + 1);
    }
    return {};
  }

  mutable std::atomic<int> decoded{0};
  mutable std::counting_semaphore<> may_go{1};
};

class HubTest : public ::testing::Test {
 protected:
  static store::IngestRequest request(const std::string& lines) {
    const auto owner = std::make_shared<const std::string>(lines);
    store::IngestRequest made;
    made.signal = store::Signal::kLogs;
    made.payload = *owner;
    made.owner = owner;
    return made;
  }
  static void send(Hub& hub, const std::string& lines) {
    hub.on_request(request(lines),
                   static_cast<std::uint64_t>(std::count(lines.begin(), lines.end(), '\n')));
  }
  static std::shared_ptr<Tail> open(Hub& hub, const std::string& filter = "") {
    auto tail = hub.open(query::Signal::kLogs, query::parse_filter(filter));
    if (tail != nullptr) tail->take();  // What tells that it has begun.
    return tail;
  }
  /// Until `text` has come; all that came.
  static std::string read_until(Tail& tail, const std::string& text) {
    std::string all;
    const auto give_up = std::chrono::steady_clock::now() + 10s;
    while (all.find(text) == std::string::npos && std::chrono::steady_clock::now() < give_up) {
      all += tail.take().bytes;
      std::this_thread::yield();
    }
    return all;
  }
  /// Whether `condition()` becomes true in time.
  template <typename Condition>
  static bool becomes_true(Condition condition) {
    const auto give_up = std::chrono::steady_clock::now() + 10s;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > give_up) return false;
      std::this_thread::yield();
    }
    return true;
  }

  LineDecoder decoder_;
};

TEST_F(HubTest, GivesEachTailTheRecordsThatItsFilterMatches) {
  Hub hub(decoder_, {});
  const auto all = open(hub);
  const auto some = open(hub, "body CONTAINS 'b'");
  send(hub, "abc\nxyz\n");
  send(hub, "end b\n");
  const std::string of_all = read_until(*all, "end b");
  EXPECT_THAT(of_all, HasSubstr("abc"));
  EXPECT_THAT(of_all, HasSubstr("xyz"));
  const std::string of_some = read_until(*some, "end b");
  EXPECT_THAT(of_some, HasSubstr("abc"));
  EXPECT_THAT(of_some, Not(HasSubstr("xyz")));
}

TEST_F(HubTest, DecodesNothingWhenNobodyTailsTheSignal) {
  Hub hub(decoder_, {});
  const auto of_traces = hub.open(query::Signal::kTraces, query::parse_filter(""));
  auto tail = open(hub);
  send(hub, "seen\n");
  read_until(*tail, "seen");
  tail.reset();
  EXPECT_TRUE(becomes_true([&] { return hub.tails() == 1; }));
  send(hub, "unseen\n");
  tail = open(hub);
  send(hub, "again\n");
  EXPECT_THAT(read_until(*tail, "again"), Not(HasSubstr("unseen")));
  EXPECT_EQ(decoder_.decoded, 2);
}

TEST_F(HubTest, OpensNoMoreThanItsLimitUntilOneIsClosed) {
  Hub hub(decoder_, {.tails = 2, .of_tail = {}});
  auto first = open(hub);
  const auto second = open(hub);
  EXPECT_EQ(open(hub), nullptr);
  first.reset();
  EXPECT_NE(open(hub), nullptr);
}

TEST_F(HubTest, NeverWaitsAndTellsHowManyRecordsFoundNoRoom) {
  Hub hub(decoder_, {.waiting_requests = 2, .of_tail = {}});
  const auto tail = open(hub);
  decoder_.may_go.acquire();
  send(hub, "decoded now\n");
  ASSERT_TRUE(becomes_true([&] { return decoder_.decoded == 1; }));
  for (int i = 0; i < 10; ++i) send(hub, "1 of " + std::to_string(i) + "\n2\n3\n");
  decoder_.may_go.release();
  const std::string all = read_until(*tail, "missed");
  EXPECT_THAT(all, HasSubstr("decoded now"));
  EXPECT_THAT(all, HasSubstr("1 of 0"));
  EXPECT_THAT(all, HasSubstr("1 of 1"));
  EXPECT_THAT(all, Not(HasSubstr("1 of 2")));
  EXPECT_THAT(all, HasSubstr(R"({"count":0,"unchecked":24})"));
  send(hub, "later\n");
  EXPECT_THAT(read_until(*tail, "later"), Not(HasSubstr("missed")));
}

TEST_F(HubTest, LetsGoOfRequestsThatWereDecoded) {
  Hub hub(decoder_, {});
  const auto tail = open(hub);
  const auto sent = request("one\n");
  const std::weak_ptr<const void> owner = sent.owner;
  hub.on_request(sent, 1);
  read_until(*tail, "one");
  EXPECT_TRUE(becomes_true([&] { return owner.use_count() == 1; }));
}

TEST_F(HubTest, TellsHowManyRecordsOfARequestCouldNotBeReadAgain) {
  Hub hub(decoder_, {});
  const auto tail = open(hub);
  send(hub, "one\n!\n2\n");
  EXPECT_THAT(read_until(*tail, "missed\ndata"), HasSubstr("one"));
  send(hub, "later\n");
  EXPECT_THAT(read_until(*tail, "later"), Not(IsEmpty()));
}

TEST_F(HubTest, RefusesFiltersThatARecordAloneDoesNotAnswer) {
  Hub hub(decoder_, {});
  const query::FilterNode filter = query::parse_filter("is_entry_point = true");
  EXPECT_THROW(static_cast<void>(hub.open(query::Signal::kTraces, filter)), query::QueryError);
  EXPECT_EQ(hub.tails(), 0U);
}

}  // namespace
}  // namespace signalbox::server::tail

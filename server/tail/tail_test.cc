#include "server/tail/tail.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <string_view>

#include "server/query/language/filter.h"

namespace signalbox::server::tail {
namespace {

using ::testing::IsEmpty;

class TailTest : public ::testing::Test {
 protected:
  explicit TailTest(Tail::Limits limits = {.records = 3, .bytes = 100})
      : tail_(query::Signal::kLogs,
              query::FilterMatcher(query::parse_filter(""), query::Signal::kLogs), limits,
              [this] { ++closed_; }) {
    tail_.on_start([this] { ++woken_; });
    tail_.take();  // What tells that it has begun.
  }

  void push(std::string json) { tail_.push(std::make_shared<const std::string>(std::move(json))); }

  int closed_ = 0;
  int woken_ = 0;
  Tail tail_;
};

std::string record(int id, std::string_view json) {
  return "id: " + std::to_string(id) + "\nevent: record\ndata: " + std::string(json) + "\n\n";
}
std::string missed(int count, int unchecked) {
  return "event: missed\ndata: {\"count\":" + std::to_string(count) +
         ",\"unchecked\":" + std::to_string(unchecked) + "}\n\n";
}

TEST_F(TailTest, SendsRecordsInTheirOrderAndOnce) {
  push("1");
  push("2");
  EXPECT_EQ(tail_.take().bytes, record(1, "1") + record(2, "2"));
  EXPECT_THAT(tail_.take().bytes, IsEmpty());
  push("3");
  EXPECT_EQ(tail_.take().bytes, record(3, "3"));
}

TEST_F(TailTest, WakesItsReaderOnceForAllThatCameSinceItTook) {
  push("1");
  push("2");
  EXPECT_EQ(woken_, 1);
  tail_.take();
  push("3");
  EXPECT_EQ(woken_, 2);
}

TEST_F(TailTest, DropsTheOldestRecordsWhenFullAndTellsHowManyInTheirPlace) {
  for (int i = 1; i <= 5; ++i) push(std::to_string(i));
  EXPECT_EQ(tail_.take().bytes, missed(2, 0) + record(3, "3") + record(4, "4") + record(5, "5"));
  push("6");
  EXPECT_EQ(tail_.take().bytes, record(6, "6"));
}

TEST_F(TailTest, KeepsWithinItsBytesAndMissesARecordThatIsLargerAlone) {
  push(std::string(60, 'a'));
  push(std::string(60, 'b'));
  EXPECT_EQ(tail_.take().bytes, missed(1, 0) + record(2, std::string(60, 'b')));
  push(std::string(101, 'c'));
  EXPECT_EQ(tail_.take().bytes, missed(1, 0));
  push("4");
  EXPECT_EQ(tail_.take().bytes, record(4, "4"));
}

TEST_F(TailTest, TellsWhereRecordsWereNotChecked) {
  push("1");
  tail_.miss(10);
  tail_.miss(5);
  push("2");
  EXPECT_EQ(tail_.take().bytes, record(1, "1") + missed(0, 15) + record(2, "2"));
  tail_.miss(7);
  EXPECT_EQ(tail_.take().bytes, missed(0, 7));
}

TEST_F(TailTest, AddsUpWhatWasMissedWhenThatIsDroppedToo) {
  push("1");
  tail_.miss(10);
  for (int i = 2; i <= 4; ++i) push(std::to_string(i));
  EXPECT_EQ(tail_.take().bytes, missed(1, 10) + record(2, "2") + record(3, "3") + record(4, "4"));
}

TEST_F(TailTest, SendsMuchInSeveralPieces) {
  Tail large(query::Signal::kLogs,
             query::FilterMatcher(query::parse_filter(""), query::Signal::kLogs), {}, [] {});
  for (int i = 0; i < 10; ++i) {
    large.push(std::make_shared<const std::string>(std::string(50'000, 'x')));
  }
  EXPECT_LT(large.take().bytes.size(), 200'000U);
  std::size_t bytes = 0;
  while (true) {
    const std::string piece = large.take().bytes;
    if (piece.empty()) break;
    bytes += piece.size();
  }
  EXPECT_GT(bytes, 400'000U);
}

class SilentTailTest : public TailTest {
 protected:
  SilentTailTest() : TailTest({.heartbeat = std::chrono::seconds(0)}) {}
};

TEST_F(SilentTailTest, SendsCommentsSoThatNobodyTakesItForDead) {
  EXPECT_EQ(tail_.take().bytes, ":\n\n");
  push("1");
  EXPECT_EQ(tail_.take().bytes, record(1, "1"));
}

TEST(Tail, TellsWhoOpenedItThatItIsClosed) {
  int closed = 0;
  {
    const Tail tail(query::Signal::kLogs,
                    query::FilterMatcher(query::parse_filter(""), query::Signal::kLogs), {},
                    [&] { ++closed; });
    EXPECT_EQ(closed, 0);
  }
  EXPECT_EQ(closed, 1);
}

}  // namespace
}  // namespace signalbox::server::tail

#include "server/cli/event_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

namespace signalbox::server::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::Pair;
using Events = std::vector<std::pair<std::string, std::string>>;

Events events_of(const std::vector<std::string>& pieces) {
  Events events;
  EventStream stream(
      [&](const std::string& name, const std::string& data) { events.emplace_back(name, data); });
  for (const std::string& piece : pieces) stream.feed(piece);
  return events;
}

constexpr const char* kStream =
    ": heartbeat\n\nid: 1\nevent: record\ndata: {\"a\":\ndata: 1}\n\r\n"
    "event: missed\r\ndata:{\"count\":3}\r\n\r\ndata\n\nevent: record\ndata: cut";

TEST(EventStream, ReadsNamesAndData) {
  EXPECT_THAT(events_of({kStream}),
              ElementsAre(Pair("record", "{\"a\":\n1}"), Pair("missed", "{\"count\":3}"),
                          Pair("message", "")));
}

TEST(EventStream, ReadsTheSameWhereverItIsCut) {
  const std::string all = kStream;
  const Events expected = events_of({all});
  std::vector<std::string> bytes;
  for (std::size_t i = 0; i <= all.size(); ++i) {
    EXPECT_EQ(events_of({all.substr(0, i), all.substr(i)}), expected) << i;
    if (i < all.size()) bytes.emplace_back(1, all[i]);
  }
  EXPECT_EQ(events_of(bytes), expected);
}

TEST(EventStream, DropsAnEventThatIsTooLarge) {
  const std::string large(EventStream::kMostEventBytes + 1, 'x');

  EXPECT_THAT(events_of({"data: " + large}), IsEmpty());
  EXPECT_THAT(events_of({"data: " + large + "\n\ndata: next\n\n"}),
              ElementsAre(Pair("message", "next")));
}

}  // namespace
}  // namespace signalbox::server::cli

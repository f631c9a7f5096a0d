#include "server/transfer/message_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace signalbox::server::transfer {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

/// Gives `text` in pieces of `step` bytes.
MessageReader reader_of(std::string_view text, std::size_t step = 3) {
  return MessageReader([text, step](char* to, std::size_t size) mutable {
    const std::size_t count = std::min({text.size(), size, step});
    text.copy(to, count);
    text.remove_prefix(count);
    return count;
  });
}

std::vector<std::string> messages_of(std::string_view text, std::size_t step = 3) {
  MessageReader reader = reader_of(text, step);
  std::vector<std::string> messages;
  while (auto message = reader.next()) messages.push_back(std::move(message->bytes));
  return messages;
}

BrokenFile failure_of(std::string_view text) {
  try {
    messages_of(text);
  } catch (const BrokenFile& broken) {
    return broken;
  }
  ADD_FAILURE() << "it was taken";
  return BrokenFile("", 0);
}

TEST(MessageReader, FindsNothingInAnEmptyFile) {
  EXPECT_THAT(messages_of(""), IsEmpty());
  EXPECT_THAT(messages_of("  \n \n"), IsEmpty());
}

TEST(MessageReader, ReadsLinesOfJson) {
  for (const std::size_t step : {1, 2, 7, 100}) {
    EXPECT_THAT(messages_of("{\"a\":1}\n{\"b\":{}}\r\n\n{}", step),
                ElementsAre("{\"a\":1}", "{\"b\":{}}", "{}"));
  }
}

TEST(MessageReader, ReadsAnObjectOfSeveralLines) {
  EXPECT_THAT(messages_of("{\n  \"a\": [\n {}\n ]\n}\n{}"),
              ElementsAre("{\n  \"a\": [\n {}\n ]\n}", "{}"));
}

TEST(MessageReader, TakesBracesInTextsForText) {
  EXPECT_THAT(messages_of(R"({"a":"}\"}\\"}{"b":"{"})"),
              ElementsAre(R"({"a":"}\"}\\"})", R"({"b":"{"})"));
}

TEST(MessageReader, TellsWhereAMessageBegins) {
  MessageReader reader = reader_of("{}\n\n  {\n}\n{}");
  EXPECT_EQ(reader.next()->line, 1u);
  const auto second = reader.next();
  EXPECT_EQ(second->line, 3u);
  EXPECT_EQ(second->offset, 6u);
  EXPECT_EQ(reader.next()->line, 5u);
}

TEST(MessageReader, ReadsProtobufBehindItsLength) {
  const std::string file("\0\0\0\2\x0A\0\0\0\0\0\0\0\0\1x", 15);
  for (const std::size_t step : {1, 4, 100}) {
    EXPECT_THAT(messages_of(file, step), ElementsAre(std::string("\x0A\0", 2), "", "x"));
  }
  MessageReader reader = reader_of(file);
  EXPECT_FALSE(reader.next()->is_json);
  EXPECT_EQ(reader.next()->offset, 6u);
}

TEST(MessageReader, ReadsAMessageOfProtobufAlone) {
  EXPECT_THAT(messages_of("\x0A\x02{}"), ElementsAre("\x0A\x02{}"));
}

TEST(MessageReader, TellsWhereAFileIsBroken) {
  const BrokenFile cut = failure_of("{}\n{\"a\":1}\n{\"a\":");
  EXPECT_EQ(cut.line, 3u);
  EXPECT_EQ(cut.offset, 11u);
  EXPECT_THAT(cut.what(), HasSubstr("ends within a message"));

  const BrokenFile in_text = failure_of("{\"a\":\"x\n{}");
  EXPECT_EQ(in_text.line, 1u);
  EXPECT_THAT(in_text.what(), HasSubstr("within a text"));

  const BrokenFile other = failure_of("{}\nhello");
  EXPECT_EQ(other.line, 2u);
  EXPECT_THAT(other.what(), HasSubstr("expected, not 'h'"));

  const BrokenFile framed = failure_of(std::string("\0\0\0\1x\0\0\0\5y", 10));
  EXPECT_EQ(framed.line, 0u);
  EXPECT_EQ(framed.offset, 5u);

  EXPECT_THAT(failure_of(std::string("\0\0\1", 3)).what(), HasSubstr("length"));
  EXPECT_THAT(failure_of("hello, world").what(), HasSubstr("neither JSON nor protobuf"));
}

}  // namespace
}  // namespace signalbox::server::transfer

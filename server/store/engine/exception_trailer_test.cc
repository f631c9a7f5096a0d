#include "server/store/engine/exception_trailer.h"

#include <gtest/gtest.h>

#include <cstddef>
#include <string>
#include <string_view>

namespace signalbox::server::store {
namespace {

constexpr const char* kMessage = "Code: 395. DB::Exception: enough:\r\nline 2";
std::string trailer() {
  return std::string("\r\n__exception__\r\ntag\r\n") + kMessage + "\r\n41 tag\r\n__exception__\r\n";
}

struct Read {
  std::string data;
  std::string message;
};

/// Reads `response` in pieces of `size` bytes.
Read read(const std::string& tag, std::string_view response, std::size_t size) {
  Read result;
  ExceptionTrailer trailer(tag, [&](std::string_view data) {
    result.data += data;
    return true;
  });
  for (; !response.empty(); response.remove_prefix(std::min(size, response.size()))) {
    EXPECT_TRUE(trailer.write(response.substr(0, size)));
  }
  EXPECT_TRUE(trailer.finish());
  result.message = trailer.message();
  return result;
}

TEST(ExceptionTrailer, IsFoundWhereverTheResponseIsCut) {
  for (const std::string data :
       {"", "1\n2\n", "\r\n", "\r\n__exception__\r\n", "\r\n\r\n__excep"}) {
    for (std::size_t size = 1; size < 100; ++size) {
      const Read result = read("tag", data + trailer(), size);
      EXPECT_EQ(result.data, data) << size;
      EXPECT_EQ(result.message, kMessage) << size;
    }
  }
}

TEST(ExceptionTrailer, LeavesOtherResponsesAlone) {
  for (const std::string data : {"", "\r\n", "\r\n__exception__\r\nother\r\nx",
                                 "\r\n__exception__\r\nta", "__exception__"}) {
    for (std::size_t size = 1; size < 30; ++size) {
      const Read result = read("tag", data, size);
      EXPECT_EQ(result.data, data) << size;
      EXPECT_EQ(result.message, "") << size;
    }
  }
  EXPECT_EQ(read("", trailer(), 7).data, trailer());
}

TEST(ExceptionTrailer, GivesWhatThereIsOfACutMessage) {
  const Read result = read("tag", "1\n\r\n__exception__\r\ntag\r\nCode: 241. DB::Exc", 5);
  EXPECT_EQ(result.data, "1\n");
  EXPECT_EQ(result.message, "Code: 241. DB::Exc");
}

TEST(ExceptionTrailer, KeepsAtMostAMegabyteOfAMessage) {
  const std::string endless(5 << 20, 'x');
  EXPECT_LE(read("tag", "\r\n__exception__\r\ntag\r\n" + endless, 1 << 16).message.size(),
            (1U << 20) + (1U << 16));
}

TEST(ExceptionTrailer, StopsWhenTheReaderDoes) {
  ExceptionTrailer trailer("tag", [](std::string_view) { return false; });
  EXPECT_FALSE(trailer.write("data"));
}

}  // namespace
}  // namespace signalbox::server::store

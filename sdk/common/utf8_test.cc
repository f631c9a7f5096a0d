#include "sdk/common/utf8.h"

#include <gtest/gtest.h>

#include <string>
#include <string_view>

namespace signalbox::sdk {
namespace {

std::string on_the_wire(std::string_view text, std::size_t limit = static_cast<std::size_t>(-1)) {
  const WireText measured(text, limit);
  std::string out(measured.size() + 1, '.');
  EXPECT_EQ(measured.write(out.data()), out.data() + measured.size());
  EXPECT_EQ(out.back(), '.');
  out.pop_back();
  return out;
}

TEST(WireText, LeavesGoodTextAlone) {
  for (const std::string_view good :
       {"", "a", "plain ASCII of more than sixteen bytes", "\xC2\x80", "\xDF\xBF", "\xE0\xA0\x80",
        "\xED\x9F\xBF", "\xEE\x80\x80", "\xEF\xBF\xBF", "\xF0\x90\x80\x80", "\xF4\x8F\xBF\xBF"}) {
    EXPECT_EQ(on_the_wire(good), good);
  }
  const std::string_view with_zero("a\0b", 3);
  EXPECT_EQ(on_the_wire(with_zero), with_zero);
}

TEST(WireText, ReplacesEachBadByte) {
  EXPECT_EQ(on_the_wire("\x80"), "\uFFFD");
  EXPECT_EQ(on_the_wire("\xC0\xAF"), "\uFFFD\uFFFD");            // Overlong.
  EXPECT_EQ(on_the_wire("\xED\xA0\x80"), "\uFFFD\uFFFD\uFFFD");  // A surrogate.
  EXPECT_EQ(on_the_wire("\xF4\x90\x80\x80z"), "\uFFFD\uFFFD\uFFFD\uFFFDz");
  EXPECT_EQ(on_the_wire("a\xE2\x82"), "a\uFFFD\uFFFD");  // Cut off.
  EXPECT_EQ(on_the_wire("\xF0\x9F\x98"), "\uFFFD\uFFFD\uFFFD");
  EXPECT_EQ(on_the_wire("ok\xFFok"), "ok\uFFFDok");
}

// A single high bit is found at every position of every size: the scan reads eight bytes at a time.
TEST(WireText, FindsABadByteAnywhere) {
  for (std::size_t size = 1; size < 40; ++size) {
    for (std::size_t at = 0; at < size; ++at) {
      std::string text(size, 'x');
      text[at] = '\xFE';
      std::string expected(size - 1, 'x');
      expected.insert(at, "\uFFFD");
      EXPECT_EQ(on_the_wire(text), expected);
    }
  }
}

TEST(WireText, CutsAtACharacter) {
  const std::string_view text = "a\u00E9\u20AC\U0001F600";  // Characters of 1, 2, 3 and 4 bytes.
  const std::string expected[] = {"", "a", "a", "a\u00E9", "a\u00E9", "a\u00E9", "a\u00E9\u20AC"};
  for (std::size_t limit = 0; limit < std::size(expected); ++limit) {
    EXPECT_EQ(on_the_wire(text, limit), expected[limit]) << limit;
  }
  EXPECT_EQ(on_the_wire(text, 10), text);
}

}  // namespace
}  // namespace signalbox::sdk

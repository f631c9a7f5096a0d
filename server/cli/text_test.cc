#include "server/cli/text.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <optional>
#include <random>
#include <string>
#include <vector>

#include "server/cli/table.h"
#include "server/cli/units.h"

namespace signalbox::server::cli {
namespace {

TEST(Printable, LetsNothingSteerTheTerminal) {
  EXPECT_EQ(printable("a\x1b[2Jb\x07"), "a␛[2Jb␇");
  EXPECT_EQ(printable("line\nnext\ttab\r"), "line↵next tab␍");
  EXPECT_EQ(printable("\xC2\x9B"
                      "31m"),
            "\uFFFD31m");  // The C1 form of ESC [.
  EXPECT_EQ(printable("\u202Egnp.exe"), "\uFFFDgnp.exe");
  EXPECT_EQ(printable("\xFF\xC0\xAFok\xE2\x82"), "\uFFFD\uFFFD\uFFFDok\uFFFD\uFFFD");
  EXPECT_EQ(printable("käse 漢字 🙂"), "käse 漢字 🙂");
}

TEST(Printable, LeavesNoControlCharacterOfAnyBytes) {
  std::mt19937 random(7);  // NOLINT(bugprone-random-generator-seed): each run is the same.
  for (int i = 0; i < 20'000; ++i) {
    std::string bytes;
    for (std::size_t n = random() % 12; n > 0; --n) bytes += static_cast<char>(random());
    const std::string text = printable(bytes);
    for (const char c : text) {
      ASSERT_FALSE(static_cast<unsigned char>(c) < 0x20 || c == 0x7F)
          << ::testing::PrintToString(bytes);
    }
    ASSERT_EQ(printable(text), text);
    for (std::size_t width = 1; width < 6; ++width) ASSERT_LE(columns(cut(text, width)), width);
  }
}

TEST(Columns, KnowsWideAndCombiningCharacters) {
  EXPECT_EQ(columns("abc"), 3U);
  EXPECT_EQ(columns("漢字"), 4U);
  EXPECT_EQ(columns("e\u0301"), 1U);
  EXPECT_EQ(columns("⠿█✗…"), 4U);
}

TEST(Cut, EndsWithDots) {
  EXPECT_EQ(cut("abcdef", 4), "abc…");
  EXPECT_EQ(cut("abcd", 4), "abcd");
  EXPECT_EQ(cut("漢字漢", 4), "漢…");
  EXPECT_EQ(cut("whatever", 0), "whatever");
}

TEST(Units, HaveThreeDigits) {
  EXPECT_EQ(duration_text(0), "0 ns");
  EXPECT_EQ(duration_text(850), "850 ns");
  EXPECT_EQ(duration_text(999'499), "999 µs");
  EXPECT_EQ(duration_text(999'500), "1 ms");
  EXPECT_EQ(duration_text(342'123'456), "342 ms");
  EXPECT_EQ(duration_text(1'234'000'000), "1.23 s");
  EXPECT_EQ(duration_text(59'999'999'999), "60 s");
  EXPECT_EQ(duration_text(184e9), "3 min 4 s");
  EXPECT_EQ(duration_text(3'723e9), "1 h 2 min");
  EXPECT_EQ(duration_text(-1500), "-1.5 µs");
  EXPECT_EQ(count_text(999), "999");
  EXPECT_EQ(count_text(1234), "1.23k");
  EXPECT_EQ(count_text(999'999), "1M");
  EXPECT_EQ(count_text(0.5), "0.5");
  EXPECT_EQ(percent_text(0.314), "31.4 %");
  EXPECT_EQ(percent_text(0.00001), "<0.01 %");
  EXPECT_EQ(value_text(0.0125, "s"), "12.5 ms");
  EXPECT_EQ(value_text(3072, "By"), "3 KiB");
  EXPECT_EQ(value_text(7, "By"), "7 B");
  EXPECT_EQ(value_text(12, "{request}/s"), "12/s");
  EXPECT_EQ(value_text(12, "{request}"), "12");
  EXPECT_EQ(value_text(12, "Cel"), "12 Cel");
  EXPECT_EQ(value_text(std::nullopt, "s"), "–");
}

TEST(Sparkline, IsFullWhereTheValueIsGreatest) {
  EXPECT_EQ(sparkline({0, 1, 2, 4, std::nullopt, 8}, 10), "▁▂▃▅ █");
  EXPECT_EQ(sparkline({0, 0}, 10), "▁▁");
  EXPECT_EQ(sparkline({1, 1, 3, 3}, 2), "▃█");
}

TEST(Table, TakesFromTheWidestColumnThatCanShrink) {
  const std::vector<Column> columns = {{.title = "NAME", .can_shrink = true},
                                       {.title = "N", .is_number = true}};
  const std::vector<std::vector<Cell>> rows = {{{.text = "a long name of a thing"}, {.text = "7"}},
                                               {{.text = "b"}, {.text = "12345"}}};

  EXPECT_EQ(table(columns, rows, {.has_color = false, .width = 16}),
            "NAME           N\n"
            "a long n…      7\n"
            "b          12345\n");
  EXPECT_EQ(table(columns, rows, {}),
            "NAME                        N\n"
            "a long name of a thing      7\n"
            "b                       12345\n");
}

TEST(Csv, QuotesWhatNeedsIt) {
  EXPECT_EQ(csv({"a", "b,c"}, {{"1", "say \"hi\"\nnow"}}),
            "a,\"b,c\"\r\n1,\"say \"\"hi\"\"\nnow\"\r\n");
}

}  // namespace
}  // namespace signalbox::server::cli

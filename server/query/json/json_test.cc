#include "server/query/json/json.h"

#include <gtest/gtest.h>

#include <limits>
#include <string>

#include "server/query/plan/rows.h"
#include "server/query/plan/sql.h"
#include "server/query/plan/time_range.h"

namespace signalbox::server::query {
namespace {

std::string quoted(std::string_view text) {
  return JsonWriter().string(text).take();
}

TEST(JsonWriter, PutsCommasBetweenValuesOnly) {
  JsonWriter json;
  json.begin_object();
  json.key("a").number(1);
  json.key("b").begin_array().null().boolean(true).begin_object().end_object().end_array();
  json.key("c").digits(std::numeric_limits<std::uint64_t>::max());
  json.end_object();

  EXPECT_EQ(json.take(), R"({"a":1,"b":[null,true,{}],"c":"18446744073709551615"})");
}

TEST(JsonWriter, EscapesWhatJsonHasToHaveEscaped) {
  EXPECT_EQ(quoted("a\"b\\c\n\r\t\x01/"), R"("a\"b\\c\n\r\t\u0001/")");
}

TEST(JsonWriter, KeepsUtf8AndReplacesWhatIsNone) {
  EXPECT_EQ(quoted("é€😀"), "\"é€😀\"");
  EXPECT_EQ(quoted("a\x80z"), "\"a\xEF\xBF\xBDz\"");
  EXPECT_EQ(quoted("\xC3"), "\"\xEF\xBF\xBD\"");
  EXPECT_EQ(quoted("\xC0\x80"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\"");                  // Overlong.
  EXPECT_EQ(quoted("\xED\xA0\x80"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD\"");  // A surrogate.
}

TEST(JsonWriter, WritesNumbersExactlyAndNoneThatJsonHasNot) {
  EXPECT_EQ(JsonWriter().number(0.1).take(), "0.1");
  EXPECT_EQ(JsonWriter().number(std::numeric_limits<double>::quiet_NaN()).take(), "null");
  EXPECT_EQ(JsonWriter().number(std::numeric_limits<double>::infinity()).take(), "null");
}

TEST(RowReader, ReadsFieldsInOrderAndRefusesATruncatedRow) {
  const std::string data("\x02hi\x03\x01\x02\x01k\x01v\x00\x00", 12);
  RowReader row(data);
  EXPECT_EQ(row.string(), "hi");
  EXPECT_EQ(row.u8(), 3);
  const auto entries = row.map();
  ASSERT_EQ(entries.size(), 1u);
  EXPECT_EQ(entries[0].first, "\x01k");

  for (std::size_t length = 0; length < 3; ++length) {
    RowReader cut(std::string_view(data).substr(0, length));
    EXPECT_ANY_THROW(cut.string()) << length;
  }
}

TEST(Parameters, EscapesTextAsTheEngineReadsIt) {
  Parameters parameters;
  EXPECT_EQ(parameters.bind("a\tb\\n\n"), "{p0:String}");
  EXPECT_EQ(parameters.bind_int(-5), "{p1:Int64}");
  EXPECT_EQ(parameters.values()[0].value, "a\\tb\\\\n\\n");
  EXPECT_EQ(parameters.values()[1].value, "-5");
}

TEST(Buckets, CoverTheRangeFromAMultipleOfTheStep) {
  const Buckets buckets = buckets_of({95, 131}, 10);
  EXPECT_EQ(buckets.first_ns, 90);
  EXPECT_EQ(buckets.count, 5);
  EXPECT_EQ(buckets.end_ns(), 140);
  EXPECT_EQ(buckets_of({90, 130}, 10).count, 4);
}

TEST(Buckets, HaveRoundSteps) {
  constexpr std::int64_t kSecond = 1'000'000'000;
  EXPECT_EQ(round_step_ns(11 * kSecond), 15 * kSecond);
  EXPECT_EQ(round_step_ns(15 * kSecond), 15 * kSecond);
  EXPECT_EQ(round_step_ns(0), 1'000'000);
  EXPECT_EQ(format_step(90 * kSecond), "90 s");
  EXPECT_EQ(format_step(120 * kSecond), "2 min");
}

}  // namespace
}  // namespace signalbox::server::query

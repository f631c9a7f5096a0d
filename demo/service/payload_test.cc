#include "demo/service/payload.h"

#include <gtest/gtest.h>

#include <ostream>
#include <string>
#include <string_view>

namespace signalbox::demo {
namespace {

TEST(FibonacciPayload, AcceptsEveryNumberOfEightBits) {
  for (int n = 0; n <= 255; ++n) {
    const auto request = parse_fibonacci_request("{\"number\": " + std::to_string(n) + "}");
    ASSERT_TRUE(request.ok()) << n << ": " << request.error().message;
    EXPECT_EQ(request->number, n);
  }
}

TEST(FibonacciPayload, IgnoresWhiteSpaceAndUnknownFields) {
  for (
      const std::string_view body : {
          " \t\r\n{ \"number\" : 7 } \n",
          R"({"a": [1, -2.5e3, {"b": null}, []], "number": 7, "c": "\"\u00e9\ud83d\ude00", "d": {}})",
          R"({"\u006eumber": 7, "t": true, "f": false})",
      }) {
    const auto request = parse_fibonacci_request(body);
    ASSERT_TRUE(request.ok()) << body << ": " << request.error().message;
    EXPECT_EQ(request->number, 7);
  }
}

struct BadBody {
  std::string_view body;
  std::string_view message;
};

std::ostream& operator<<(std::ostream& out, const BadBody& bad) {
  return out << bad.body;
}

class BadFibonacciPayload : public testing::TestWithParam<BadBody> {};

TEST_P(BadFibonacciPayload, IsRefusedWithAMessageAndAPosition) {
  const auto request = parse_fibonacci_request(GetParam().body);
  ASSERT_FALSE(request.ok());
  EXPECT_EQ(request.error().message, GetParam().message);
}

constexpr BadBody kRange[] = {
    {R"({"number": 20111111})",
     "invalid value: integer `20111111`, expected u8 at line 1 column 19"},
    {R"({"number": 256})", "invalid value: integer `256`, expected u8 at line 1 column 14"},
    {R"({"number": -1})", "invalid value: integer `-1`, expected u8 at line 1 column 13"},
    {R"({"number": 18446744073709551615})",
     "invalid value: integer `18446744073709551615`, expected u8 at line 1 column 31"},
    {R"({"number": -9223372036854775808})",
     "invalid value: integer `-9223372036854775808`, expected u8 at line 1 column 31"},
    {"{\n  \"number\": 1000\n}", "invalid value: integer `1000`, expected u8 at line 2 column 16"},
};

constexpr BadBody kType[] = {
    {R"({"number": 1.5})", "invalid type: floating point `1.5`, expected u8 at line 1 column 14"},
    {R"({"number": 7.0})", "invalid type: floating point `7.0`, expected u8 at line 1 column 14"},
    {R"({"number": 1e2})", "invalid type: floating point `100.0`, expected u8 at line 1 column 14"},
    {R"({"number": 1e20})", "invalid type: floating point `1e20`, expected u8 at line 1 column 15"},
    {R"({"number": -2.5e-7})",
     "invalid type: floating point `-2.5e-7`, expected u8 at line 1 column 18"},
    {R"({"number": 0.001})",
     "invalid type: floating point `0.001`, expected u8 at line 1 column 16"},
    {R"({"number": -0})", "invalid type: floating point `-0.0`, expected u8 at line 1 column 13"},
    {R"({"number": 1e-999})",
     "invalid type: floating point `0.0`, expected u8 at line 1 column 17"},
    {R"({"number": 18446744073709551616})",
     "invalid type: floating point `1.8446744073709552e19`, expected u8 at line 1 column 31"},
    {R"({"number": "5"})", "invalid type: string \"5\", expected u8 at line 1 column 14"},
    {R"({"number": "a\"\n"})", R"(invalid type: string "a\"\n", expected u8 at line 1 column 18)"},
    {R"({"number": "\u001b\u007f"})",
     R"(invalid type: string "\u{1b}\u{7f}", expected u8 at line 1 column 25)"},
    {R"({"number": null})", "invalid type: null, expected u8 at line 1 column 15"},
    {R"({"number": true})", "invalid type: boolean `true`, expected u8 at line 1 column 15"},
    {R"({"number": false})", "invalid type: boolean `false`, expected u8 at line 1 column 16"},
    {R"({"number": [5]})", "invalid type: sequence, expected u8 at line 1 column 11"},
    {R"({"number": {}})", "invalid type: map, expected u8 at line 1 column 11"},
    {"5", "invalid type: integer `5`, expected struct FibonacciRequest at line 1 column 1"},
    {"\"x\"", "invalid type: string \"x\", expected struct FibonacciRequest at line 1 column 3"},
    {"null", "invalid type: null, expected struct FibonacciRequest at line 1 column 4"},
    {"[5]", "invalid type: sequence, expected struct FibonacciRequest at line 1 column 0"},
};

constexpr BadBody kFields[] = {
    {"{}", "missing field `number` at line 1 column 2"},
    {R"({"other": 5})", "missing field `number` at line 1 column 12"},
    {R"({"Number": 5})", "missing field `number` at line 1 column 13"},
    {R"({"number":1,"number":2})", "duplicate field `number` at line 1 column 20"},
};

constexpr BadBody kBroken[] = {
    {"", "EOF while parsing a value at line 1 column 0"},
    {"  ", "EOF while parsing a value at line 1 column 2"},
    {"\n\n", "EOF while parsing a value at line 3 column 0"},
    {"{", "EOF while parsing an object at line 1 column 1"},
    {R"({"number)", "EOF while parsing a string at line 1 column 8"},
    {R"({"number")", "EOF while parsing an object at line 1 column 9"},
    {R"({"number":)", "EOF while parsing a value at line 1 column 10"},
    {R"({"number": 5)", "EOF while parsing an object at line 1 column 12"},
    {R"({"number": 5,)", "EOF while parsing a value at line 1 column 13"},
    {R"({"number": 5,})", "trailing comma at line 1 column 14"},
    {R"({"number": 5 6})", "expected `,` or `}` at line 1 column 14"},
    {R"({"number" 5})", "expected `:` at line 1 column 11"},
    {R"({number: 5})", "key must be a string at line 1 column 2"},
    {R"({"number": 5} x)", "trailing characters at line 1 column 15"},
    {R"({"number": 5}{})", "trailing characters at line 1 column 14"},
    {"hello", "expected value at line 1 column 1"},
    {R"({"number": })", "expected value at line 1 column 12"},
    {R"({"number": nul})", "expected ident at line 1 column 15"},
    {R"({"number": tru)", "EOF while parsing a value at line 1 column 14"},
    {R"({"number": 05})", "invalid number at line 1 column 13"},
    {R"({"number": -})", "invalid number at line 1 column 13"},
    {R"({"number": -)", "EOF while parsing a value at line 1 column 12"},
    {R"({"number": 1.})", "invalid number at line 1 column 14"},
    {R"({"number": 1e+})", "invalid number at line 1 column 15"},
    {R"({"number": 1e999})", "number out of range at line 1 column 16"},
    {R"({"a": "\x"})", "invalid escape at line 1 column 9"},
    {R"({"a": "\u12g4"})", "invalid escape at line 1 column 13"},
    {R"({"a": "\ud800"})", "unexpected end of hex escape at line 1 column 13"},
    {R"({"a": "\udc00"})", "lone leading surrogate in hex escape at line 1 column 13"},
    {"{\"a\": \"\x01\"}",
     "control character (\\u0000-\\u001F) found while parsing a string at line 1 column 8"},
    {"{\"a\": \"\xff\"}", "invalid unicode code point at line 1 column 9"},
    {R"({"a": [1, 2)", "EOF while parsing a list at line 1 column 11"},
    {R"({"a": [1 2]})", "expected `,` or `]` at line 1 column 10"},
    {R"({"a": [1,]})", "trailing comma at line 1 column 10"},
};

INSTANTIATE_TEST_SUITE_P(Range, BadFibonacciPayload, testing::ValuesIn(kRange));
INSTANTIATE_TEST_SUITE_P(Type, BadFibonacciPayload, testing::ValuesIn(kType));
INSTANTIATE_TEST_SUITE_P(Fields, BadFibonacciPayload, testing::ValuesIn(kFields));
INSTANTIATE_TEST_SUITE_P(Broken, BadFibonacciPayload, testing::ValuesIn(kBroken));

// A body of opening brackets alone must not exhaust the stack.
TEST(FibonacciPayload, RefusesDeepNesting) {
  const auto nested = [](std::size_t depth) {
    return R"({"a": )" + std::string(depth, '[') + std::string(depth, ']') + R"(, "number": 1})";
  };
  EXPECT_TRUE(parse_fibonacci_request(nested(100)).ok());
  const auto deep = parse_fibonacci_request(nested(100'000));
  ASSERT_FALSE(deep.ok());
  EXPECT_EQ(deep.error().message, "recursion limit exceeded at line 1 column 135");
}

// Every beginning of a good body is a bad body; none is accepted, none reads past its end.
TEST(FibonacciPayload, RefusesEveryTruncation) {
  const std::string body = R"({"x": [{"y": "\u00e9"}, 1.5e3, true], "number": 25})";
  ASSERT_TRUE(parse_fibonacci_request(body).ok());
  for (std::size_t size = 0; size < body.size(); ++size) {
    const std::string part = body.substr(0, size);
    EXPECT_FALSE(parse_fibonacci_request(part).ok()) << part;
  }
}

}  // namespace
}  // namespace signalbox::demo

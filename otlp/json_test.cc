#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "otlp/decode.h"
#include "otlp/recording_sink.h"

namespace signalbox::otlp {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::RecordingSink;
using ::testing::SizeIs;

constexpr std::string_view kIds =
    R"("traceId":"5B8EFFF798038103D269B633813FC60C","spanId":"eee19b7ec3c1b174")";

std::string spans_request(const std::string& span) {
  return R"({"resourceSpans":[{"scopeSpans":[{"spans":[)" + span + "]}]}]}";
}

/// The line of the one span with ids and `fields`.
std::string span_line(const std::string& fields, DecodeResult* result = nullptr) {
  RecordingSink sink;
  const DecodeResult decoded = decode_traces_json(
      spans_request("{" + std::string(kIds) + (fields.empty() ? "" : ",") + fields + "}"), sink);
  if (result != nullptr) *result = decoded;
  EXPECT_TRUE(decoded.ok || result != nullptr) << decoded.error;
  return sink.lines.size() == 3 ? sink.lines[2] : "";
}

TEST(DecodeTracesJson, ReadsIdsInHexOfEitherCase) {
  EXPECT_THAT(span_line(""), HasSubstr("trace_id=W47/95gDgQPSabYzgT/GDA== span_id=7uGbfsPBsXQ="));
}

TEST(DecodeTracesJson, ReadsIntegersAsStringsOrNumbers) {
  for (const char* time :
       {R"("1544712660000000001")", "1544712660000000001", R"("01544712660000000001")"}) {
    EXPECT_THAT(span_line(std::string("\"startTimeUnixNano\":") + time),
                HasSubstr("start=1544712660000000001 "));
  }
  EXPECT_THAT(span_line(R"("endTimeUnixNano":9214646399999999999)"),
              HasSubstr("end=9214646399999999999 "));
  EXPECT_THAT(span_line(R"("flags":1e2)"), HasSubstr("flags=100 "));
}

TEST(DecodeTracesJson, ReadsEnumeratorsAsNumbersOrNames) {
  EXPECT_THAT(span_line(R"("kind":"SPAN_KIND_SERVER")"), HasSubstr("kind=2 "));
  EXPECT_THAT(span_line(R"("kind":42)"), HasSubstr("kind=42 "));
  EXPECT_THAT(span_line(R"("status":{"code":"STATUS_CODE_ERROR"})"), HasSubstr("status=2 "));
}

// A newer sender's name costs nothing but itself.
TEST(DecodeTracesJson, TakesAnUnknownNameOfAnEnumeratorAsUnspecified) {
  DecodeResult result;
  const std::string line =
      span_line(R"("kind":"SERVER","status":{"code":"STATUS_CODE_NEW"})", &result);

  EXPECT_THAT(line, HasSubstr("kind=0 "));
  EXPECT_THAT(line, HasSubstr("status=0 "));
  EXPECT_EQ(result.accepted, 1u) << result.error;
  EXPECT_EQ(result.altered.unknown_names, 2u);
  EXPECT_THAT(partial_success_message(result), HasSubstr("2 names of enumerators are unknown"));
}

// JavaScript makes half a pair when it cuts a string between its UTF-16 units.
TEST(DecodeTracesJson, ReplacesHalfASurrogatePair) {
  const auto name = [](const char* text, std::uint64_t replaced) {
    DecodeResult result;
    const std::string line = span_line(std::string(R"("name":")") + text + '"', &result);
    EXPECT_TRUE(result.ok) << text << ": " << result.error;
    EXPECT_EQ(result.altered.replaced_texts, replaced) << text;
    const std::size_t begin = line.find(" name=\"") + 7;
    return line.substr(begin, line.find("\" kind=") - begin);
  };

  EXPECT_EQ(name(R"(cut \ud83d)", 1), "cut \xEF\xBF\xBD");
  EXPECT_EQ(name(R"(\uDE00 rest)", 1), "\xEF\xBF\xBD rest");
  EXPECT_EQ(name(R"(\ud83d\u0041)", 1),
            "\xEF\xBF\xBD"
            "A");
  EXPECT_EQ(name(R"(\ud83d\ud83d\ude00)", 1), "\xEF\xBF\xBD\xF0\x9F\x98\x80");
  EXPECT_EQ(name(R"(\ud83d\n)", 1), "\xEF\xBF\xBD\\n");
  EXPECT_EQ(name(R"(whole \ud83d\ude00)", 0), "whole \xF0\x9F\x98\x80");
  DecodeResult result;
  span_line(R"("name":"\ud83d","events":[{"timeUnixNano":1,"name":"\\ud83d","attributes":[
      {"key":"wide","value":{"doubleValue":123456789012345678901}}]}])",
            &result);
  EXPECT_TRUE(result.ok) << "both repairs in one document: " << result.error;
  EXPECT_EQ(result.altered.replaced_texts, 1u);
}

TEST(DecodeTracesJson, HoldsARequestToItsLimits) {
  const auto decode = [](const std::string& text, const DecodeLimits& limits) {
    RecordingSink sink;
    return decode_traces_json(text, sink, limits);
  };
  std::string attributes = R"("attributes":[{"key":"k0"})";
  for (int i = 1; i < 100; ++i) attributes += R"(,{"key":"k)" + std::to_string(i) + "\"}";
  attributes += "]";
  const std::string span = "{" + std::string(kIds) + "," + attributes + "}";
  const std::string text = spans_request(span + "," + span);

  EXPECT_TRUE(decode(text, {.max_records = 4, .max_memory_bytes = 20'000}).ok);
  for (const DecodeLimits& limits :
       {DecodeLimits{.max_records = 3}, DecodeLimits{.max_memory_bytes = 15'000},
        DecodeLimits{.max_json_bytes = 100}}) {
    const DecodeResult result = decode(text, limits);
    EXPECT_FALSE(result.ok);
    EXPECT_TRUE(result.too_large);
    EXPECT_THAT(result.error, HasSubstr("send smaller batches"));
  }
  RecordingSink sink;
  const DecodeResult cut = decode_traces_json(text, sink, {.max_attributes = 60});
  EXPECT_EQ(cut.accepted, 2u);
  EXPECT_EQ(cut.altered.dropped_attributes, 80u);
  EXPECT_THAT(sink.lines.back(), HasSubstr(" k59="));
  EXPECT_THAT(sink.lines.back(), ::testing::Not(HasSubstr(" k60=")));
  EXPECT_THAT(sink.lines.back(), HasSubstr(" dropped_attributes=40 "));
}

TEST(DecodeTracesJson, ReadsFieldNamesInSnakeCaseToo) {
  EXPECT_THAT(span_line(R"("start_time_unix_nano":"7","dropped_events_count":3)"),
              HasSubstr("start=7 "));
}

TEST(DecodeTracesJson, IgnoresUnknownFieldsAndNulls) {
  EXPECT_THAT(span_line(R"("new":{"a":[1,{"b":null}]},"name":null,"kind":1,"events":null)"),
              HasSubstr("name=\"\" kind=1"));
}

TEST(DecodeTracesJson, TakesTheLastOfAKeyThatOccursTwice) {
  EXPECT_THAT(span_line(R"("name":"a","name":"b")"), HasSubstr("name=\"b\""));
  EXPECT_THAT(span_line(R"("events":[{"name":"x"},{"name":"y"}],"events":[{"name":"z"}])"),
              HasSubstr("event{ time=0 name=\"z\" attributes=[] dropped=0} dropped_events"));
}

TEST(DecodeTracesJson, FindsTheResourceAfterTheSpans) {
  RecordingSink sink;
  const DecodeResult result =
      decode_traces_json(R"({"resourceSpans":[{"scopeSpans":[{"spans":[{)" + std::string(kIds) +
                             R"(}],"scope":{"name":"late"}}],
          "resource":{"attributes":[{"key":"service.name","value":{"stringValue":"a"}}]}}]})",
                         sink);

  EXPECT_EQ(result.accepted, 1u);
  ASSERT_THAT(sink.lines, SizeIs(3));
  EXPECT_THAT(sink.lines[0], HasSubstr("service.name"));
  EXPECT_THAT(sink.lines[1], HasSubstr("late"));
}

TEST(DecodeTracesJson, ReadsEveryKindOfValue) {
  const std::string line = span_line(R"("attributes":[
      {"key":"s","value":{"stringValue":"\u00e9\n"}}, {"key":"b","value":{"boolValue":true}},
      {"key":"i","value":{"intValue":"-9223372036854775808"}}, {"key":"j","value":{"intValue":5}},
      {"key":"d","value":{"doubleValue":0.1}}, {"key":"n","value":{"doubleValue":"NaN"}},
      {"key":"f","value":{"doubleValue":"-Infinity"}}, {"key":"w","value":{"doubleValue":1}},
      {"key":"y","value":{"bytesValue":"_-8"}}, {"key":"e","value":{}}, {"key":"0"},
      {"key":"a","value":{"arrayValue":{"values":[{"intValue":1},null,
          {"kvlistValue":{"values":[{"key":"k","value":{"bytesValue":"AQ"}}]}}]}}},
      {"key":"z","value":{"arrayValue":{}}}])");

  for (const char* expected :
       {R"( s=s{"stringValue":"é\n"})", " b=b{\"boolValue\":true}",
        " i=i{\"intValue\":\"-9223372036854775808\"}", " j=i{\"intValue\":\"5\"}",
        " d=d{\"doubleValue\":0.1}", " n=d{\"doubleValue\":\"NaN\"}",
        " f=d{\"doubleValue\":\"-Infinity\"}", " w=d{\"doubleValue\":1}",
        " y=y{\"bytesValue\":\"/+8=\"}", " e=e{}", " 0=e{}",
        " a=a{\"arrayValue\":{\"values\":[{\"intValue\":\"1\"},{},{\"kvlistValue\":",
        R"({"kvlistValue":{"values":[{"key":"k","value":{"bytesValue":"AQ=="}}]}}]}})",
        R"( z=a{"arrayValue":{"values":[]}})"}) {
    EXPECT_THAT(line, HasSubstr(expected));
  }
}

TEST(DecodeTracesJson, ReadsDoublesThatJavaScriptWritesAsLongIntegers) {
  EXPECT_THAT(span_line(R"("name":"18446744073709552000 \" 1","attributes":[
      {"key":"d","value":{"doubleValue":18446744073709552000}}],"flags":1)"),
              HasSubstr("name=\"18446744073709552000 \\\" 1\" kind=0 start=0 end=0 attributes=[ "
                        "d=d{\"doubleValue\":18446744073709551616}]"));
}

TEST(DecodeTracesJson, RejectsSpansWithBadIdsAndKeepsTheOthers) {
  for (const char* id : {"", "xyz", "5b8efff798038103", "W47/95gDgQPSabYzgT/GDA=="}) {
    RecordingSink sink;
    const DecodeResult result = decode_traces_json(
        spans_request(std::string(R"({"traceId":")") + id + R"(","spanId":"eee19b7ec3c1b174"},{)" +
                      std::string(kIds) + "}"),
        sink);
    EXPECT_TRUE(result.ok) << result.error;
    EXPECT_EQ(result.rejected, 1u);
    EXPECT_EQ(result.accepted, 1u);
  }
}

TEST(DecodeTracesJson, NamesTheFieldThatIsWrong) {
  for (const auto& [fields, expected] : {
           std::pair<const char*, const char*>{R"("name":5)", "\"name\": expected a string"},
           {R"("startTimeUnixNano":"-1")", "\"startTimeUnixNano\": expected an unsigned"},
           {R"("startTimeUnixNano":1.5)", "\"startTimeUnixNano\""},
           {R"("startTimeUnixNano":1e30)", "\"startTimeUnixNano\""},
           {R"("flags":4294967296)", "\"flags\""},
           {R"("events":{})", "\"events\": expected an array"},
           {R"("attributes":[null])", "\"attributes\": expected an object"},
           {R"("attributes":[{"key":"y","value":{"bytesValue":"*"}}])", "base64"},
       }) {
    DecodeResult result;
    span_line(fields, &result);
    EXPECT_FALSE(result.ok) << fields;
    EXPECT_THAT(result.error, HasSubstr(expected));
  }
}

TEST(DecodeTracesJson, RefusesWhatIsNoJsonObject) {
  for (const char* text : {"", "{", "[]", "null", "{}x", "{\"resourceSpans\":[{]}",
                           "{\"a\":\"\xFF\"}", "{\"a\":1e999}"}) {
    RecordingSink sink;
    const DecodeResult result = decode_traces_json(text, sink);
    EXPECT_FALSE(result.ok) << text;
    EXPECT_THAT(result.error, HasSubstr("malformed JSON"));
    EXPECT_THAT(sink.lines, IsEmpty());
  }
}

TEST(DecodeTracesJson, RefusesValuesNestedTooDeep) {
  std::string value = R"({"intValue":1})";
  for (int i = 0; i < 32; ++i) value.insert(0, R"({"arrayValue":{"values":[)").append("]}}");
  DecodeResult result;

  span_line(R"("attributes":[{"key":"k","value":)" + value + "}]", &result);

  EXPECT_FALSE(result.ok);
  EXPECT_THAT(result.error, HasSubstr("nested"));
}

TEST(DecodeLogsJson, ReadsABodyThatIsAList) {
  RecordingSink sink;
  const DecodeResult result = decode_logs_json(
      R"({"resourceLogs":[{"scopeLogs":[{"logRecords":[{"severityNumber":"SEVERITY_NUMBER_INFO2",
          "body":{"kvlistValue":{"values":[{"key":"a","value":{"intValue":"1"}}]}},
          "traceId":"","spanId":"","eventName":"e"}]}]}]})",
      sink);

  EXPECT_EQ(result.accepted, 1u) << result.error;
  ASSERT_THAT(sink.lines, SizeIs(3));
  EXPECT_THAT(sink.lines[2], HasSubstr("severity=10"));
  EXPECT_THAT(
      sink.lines[2],
      HasSubstr(R"(body=k{"kvlistValue":{"values":[{"key":"a","value":{"intValue":"1"}}]}})"));
}

TEST(DecodeMetricsJson, ReadsAHistogramWhoseNameComesLast) {
  RecordingSink sink;
  const DecodeResult result = decode_metrics_json(
      R"({"resourceMetrics":[{"scopeMetrics":[{"metrics":[{"histogram":{"dataPoints":[
          {"count":"3","sum":2.5,"bucketCounts":["1","2"],"explicitBounds":[1],"max":"Infinity",
           "exemplars":[{"asInt":"4","traceId":"bad"}]}],
          "aggregationTemporality":"AGGREGATION_TEMPORALITY_DELTA"},"name":"h"}]}]}]})",
      sink);

  EXPECT_EQ(result.accepted, 1u) << result.error;
  ASSERT_THAT(sink.lines, SizeIs(4));
  EXPECT_THAT(sink.lines[2], HasSubstr("name=\"h\""));
  EXPECT_THAT(sink.lines[2], HasSubstr("type=2 temporality=1"));
  EXPECT_THAT(sink.lines[3], HasSubstr("count=3 sum=2.5 max=inf counts=1,2, bounds=1, "
                                       "exemplars={ time=0 is_int=1 int=4"));
}

}  // namespace
}  // namespace signalbox::otlp

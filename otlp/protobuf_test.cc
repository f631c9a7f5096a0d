#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <protozero/pbf_writer.hpp>
#include <string>

#include "otlp/decode.h"
#include "otlp/recording_sink.h"

namespace signalbox::otlp {
namespace {

using protozero::pbf_writer;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::RecordingSink;
using ::testing::SizeIs;

constexpr const char* kTraceId = "0123456789abcdef";
constexpr const char* kSpanId = "01234567";

/// The bytes of a message that `write` fills.
template <typename Write>
std::string message(Write write) {
  std::string bytes;
  pbf_writer writer(bytes);
  write(writer);
  return bytes;
}

std::string string_value(const std::string& text) {
  return message([&](pbf_writer& value) { value.add_string(1, text); });
}
std::string key_value(const std::string& key, const std::string& any_value) {
  return message([&](pbf_writer& attribute) {
    attribute.add_string(1, key);
    attribute.add_message(2, any_value);
  });
}
std::string array_value(const std::string& item) {
  return message([&](pbf_writer& value) {
    value.add_message(5, message([&](pbf_writer& array) { array.add_message(1, item); }));
  });
}

/// A span with ids; `write` adds the rest.
template <typename Write>
std::string span(Write write) {
  return message([&](pbf_writer& writer) {
    writer.add_bytes(1, kTraceId);
    writer.add_bytes(2, kSpanId);
    write(writer);
  });
}
std::string span() {
  return span([](pbf_writer&) {});
}

/// A request of one resource and one scope, both empty, around one record.
std::string request(const std::string& record) {
  return message([&](pbf_writer& writer) {
    writer.add_message(1, message([&](pbf_writer& resource) {
                         resource.add_message(
                             2, message([&](pbf_writer& scope) { scope.add_message(2, record); }));
                       }));
  });
}

/// What the sink saw of one span: everything after the ids.
std::vector<std::string> decode_span(const std::string& record, DecodeResult* result = nullptr,
                                     const DecodeLimits& limits = {}) {
  RecordingSink sink;
  const DecodeResult decoded = decode_traces_protobuf(request(record), sink, limits);
  if (result != nullptr) *result = decoded;
  std::erase_if(sink.lines, [](const std::string& line) { return !line.starts_with("span"); });
  return sink.lines;
}

TEST(DecodeTracesProtobuf, HandsOnResourceBeforeScopeBeforeSpan) {
  RecordingSink sink;

  const DecodeResult result = decode_traces_protobuf(request(span()), sink);

  EXPECT_TRUE(result.ok);
  EXPECT_EQ(result.accepted, 1u);
  ASSERT_THAT(sink.lines, SizeIs(3));
  EXPECT_THAT(sink.lines[0], HasSubstr("resource"));
  EXPECT_THAT(sink.lines[1], HasSubstr("scope"));
  EXPECT_THAT(sink.lines[2], HasSubstr("span"));
}

TEST(DecodeTracesProtobuf, FindsResourceScopeAndSchemasThatComeAfterTheSpans) {
  const std::string scope_spans = message([](pbf_writer& writer) {
    writer.add_message(2, span());
    writer.add_string(3, "scope-schema");
    writer.add_message(1, message([](pbf_writer& scope) { scope.add_string(1, "late"); }));
  });
  const std::string resource_spans = message([&](pbf_writer& writer) {
    writer.add_message(2, scope_spans);
    writer.add_string(3, "resource-schema");
    writer.add_message(1, message([](pbf_writer& resource) {
                         resource.add_message(1, key_value("service.name", string_value("a")));
                       }));
  });
  RecordingSink sink;

  const DecodeResult result = decode_traces_protobuf(
      message([&](pbf_writer& writer) { writer.add_message(1, resource_spans); }), sink);

  EXPECT_TRUE(result.ok);
  ASSERT_THAT(sink.lines, SizeIs(3));
  EXPECT_THAT(sink.lines[0], HasSubstr("service.name=s{\"stringValue\":\"a\"}"));
  EXPECT_THAT(sink.lines[0], HasSubstr("schema_url=\"resource-schema\""));
  EXPECT_THAT(sink.lines[1], HasSubstr("name=\"late\""));
  EXPECT_THAT(sink.lines[1], HasSubstr("schema_url=\"scope-schema\""));
}

TEST(DecodeTracesProtobuf, TakesTheLastOfAScalarThatOccursTwice) {
  const auto lines = decode_span(span([](pbf_writer& writer) {
    writer.add_string(5, "first");
    writer.add_string(5, "second");
    writer.add_enum(6, 2);
    writer.add_enum(6, 77);
  }));

  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_THAT(lines[0], HasSubstr(" name=\"second\" kind=77"));
}

TEST(DecodeTracesProtobuf, ReadsAttributesInWhateverWayTheyAreWritten) {
  const auto attribute = [](auto fill) {
    const auto lines =
        decode_span(span([&](pbf_writer& writer) { writer.add_message(9, message(fill)); }));
    return lines.size() == 1 ? lines[0] : std::string("not one span");
  };
  // Lengths of one byte and of two, of the key, of the text and of what is around it.
  for (const std::size_t size : {0U, 1U, 7U, 124U, 125U, 126U, 127U, 128U, 300U}) {
    const std::string text(size, 't');
    EXPECT_THAT(attribute([&](pbf_writer& pair) {
                  pair.add_string(1, "k");
                  pair.add_message(2, string_value(text));
                }),
                HasSubstr("k=s{\"stringValue\":\"" + text + "\"}"));
    EXPECT_THAT(attribute([&](pbf_writer& pair) {
                  pair.add_string(1, text + "k");
                  pair.add_message(2, string_value("v"));
                }),
                HasSubstr(text + "k=s{\"stringValue\":\"v\"}"));
  }
  // The value first; a key twice; a value twice, of which the last counts; an unknown field behind.
  EXPECT_THAT(attribute([](pbf_writer& pair) {
                pair.add_message(2, string_value("v"));
                pair.add_string(1, "k");
              }),
              HasSubstr("k=s{\"stringValue\":\"v\"}"));
  EXPECT_THAT(attribute([](pbf_writer& pair) {
                pair.add_string(1, "first");
                pair.add_string(1, "k");
                pair.add_message(2, string_value("first"));
                pair.add_message(2, string_value("v"));
              }),
              HasSubstr("k=s{\"stringValue\":\"v\"}"));
  EXPECT_THAT(attribute([](pbf_writer& pair) {
                pair.add_string(1, "k");
                pair.add_message(2, string_value("v"));
                pair.add_string(15, "of a later version");
              }),
              HasSubstr("k=s{\"stringValue\":\"v\"}"));
  EXPECT_THAT(attribute([](pbf_writer& pair) {
                pair.add_string(1, "k");
                pair.add_message(2, message([](pbf_writer& value) {
                                   value.add_string(1, "text");
                                   value.add_int64(3, 7);
                                 }));
              }),
              HasSubstr("k=i{\"intValue\":\"7\"}"));
}

TEST(DecodeTracesProtobuf, MergesAMessageThatOccursTwice) {
  const auto lines = decode_span(span([](pbf_writer& writer) {
    writer.add_message(15, message([](pbf_writer& status) { status.add_string(2, "why"); }));
    writer.add_message(15, message([](pbf_writer& status) { status.add_enum(3, 2); }));
  }));

  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_THAT(lines[0], HasSubstr("status=2 status_message=\"why\""));
}

TEST(DecodeTracesProtobuf, SkipsUnknownFieldsOfEveryWireType) {
  const auto lines = decode_span(span([](pbf_writer& writer) {
    writer.add_uint64(100, 1);
    writer.add_fixed64(101, 1);
    writer.add_string(102, "x");
    writer.add_fixed32(103, 1);
    writer.add_string(5, "known");
  }));

  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_THAT(lines[0], HasSubstr("name=\"known\""));
}

TEST(DecodeTracesProtobuf, KeepsEventsAndLinksApartWhenTheyAlternate) {
  const auto event = [](const std::string& name) {
    return message([&](pbf_writer& writer) {
      writer.add_string(2, name);
      writer.add_message(3, key_value("of", string_value(name)));
    });
  };
  const std::string link = message([](pbf_writer& writer) {
    writer.add_bytes(1, kTraceId);
    writer.add_bytes(2, kSpanId);
    writer.add_message(4, key_value("of", string_value("link")));
  });
  const auto lines = decode_span(span([&](pbf_writer& writer) {
    writer.add_message(11, event("e1"));
    writer.add_message(13, link);
    writer.add_message(9, key_value("own", string_value("span")));
    writer.add_message(11, event("e2"));
  }));

  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_THAT(lines[0], HasSubstr("attributes=[ own=s{\"stringValue\":\"span\"}]"));
  EXPECT_THAT(lines[0], HasSubstr("name=\"e1\" attributes=[ of=s{\"stringValue\":\"e1\"}]"));
  EXPECT_THAT(lines[0], HasSubstr("name=\"e2\" attributes=[ of=s{\"stringValue\":\"e2\"}]"));
  EXPECT_THAT(lines[0], HasSubstr("attributes=[ of=s{\"stringValue\":\"link\"}]"));
}

TEST(DecodeTracesProtobuf, RejectsSpansWithBadIdsAndKeepsTheOthers) {
  for (const auto& [trace_id, span_id] : {std::pair<std::string, std::string>{"short", kSpanId},
                                          {std::string(16, '\0'), kSpanId},
                                          {kTraceId, "short"},
                                          {kTraceId, std::string(8, '\0')},
                                          {"", ""}}) {
    const std::string bad = message([&](pbf_writer& writer) {
      writer.add_bytes(1, trace_id);
      writer.add_bytes(2, span_id);
    });
    RecordingSink sink;

    const DecodeResult result = decode_traces_protobuf(request(bad) + request(span()), sink);

    EXPECT_TRUE(result.ok);
    EXPECT_EQ(result.accepted, 1u);
    EXPECT_EQ(result.rejected, 1u);
    EXPECT_THAT(result.rejected_reason, HasSubstr("_id is not"));
  }
}

TEST(DecodeTracesProtobuf, TakesAParentIdOfZeroesAsARoot) {
  const auto lines =
      decode_span(span([](pbf_writer& writer) { writer.add_bytes(4, std::string(8, '\0')); }));

  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_THAT(lines[0], HasSubstr("parent= "));
}

TEST(DecodeTracesProtobuf, RejectsASpanWithAnImpossibleParentId) {
  DecodeResult result;
  const auto lines =
      decode_span(span([](pbf_writer& writer) { writer.add_bytes(4, "abc"); }), &result);

  EXPECT_THAT(lines, IsEmpty());
  EXPECT_EQ(result.rejected, 1u);
}

TEST(DecodeTracesProtobuf, ReplacesBytesThatAreNotUtf8) {
  const auto lines = decode_span(
      span([](pbf_writer& writer) { writer.add_string(5, "a\xFFz\xC3\xA9\xED\xA0\x80"); }));

  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_THAT(lines[0], HasSubstr("name=\"a\uFFFDz\u00E9\uFFFD\uFFFD\uFFFD\""));
}

TEST(DecodeTracesProtobuf, TellsOfTextThatItMends) {
  DecodeResult result;
  decode_span(span([](pbf_writer& writer) {
                writer.add_string(5, "a\xFF");
                writer.add_message(9, key_value("\xC0", string_value("Gr\xC3\xBC\xC3\x9F"
                                                                     "e")));
              }),
              &result);

  EXPECT_EQ(result.rejected, 0u);
  EXPECT_EQ(result.altered.replaced_texts, 2u);
  EXPECT_THAT(partial_success_message(result), HasSubstr("2 strings were not Unicode"));
}

TEST(DecodeTracesProtobuf, HandsOnAttributesOfTheSameKeyAsTheyWereSent) {
  const auto lines = decode_span(span([](pbf_writer& writer) {
    writer.add_message(9, key_value("k", string_value("first")));
    writer.add_message(9, key_value("other", string_value("x")));
    writer.add_message(9, key_value("k", string_value("second")));
  }));

  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_THAT(lines[0], HasSubstr(R"(k=s{"stringValue":"first"} other=s{"stringValue":"x"} )"
                                  R"(k=s{"stringValue":"second"})"));
}

TEST(DecodeTracesProtobuf, WritesNestedValuesAsOtlpJson) {
  const std::string list = message([](pbf_writer& value) {
    value.add_message(
        6, message([](pbf_writer& items) {
          items.add_message(
              1, key_value("n", message([](pbf_writer& v) { v.add_int64(3, INT64_MIN); })));
          items.add_message(1,
                            key_value("d", message([](pbf_writer& v) { v.add_double(4, 0.5); })));
          items.add_message(1,
                            key_value("y", message([](pbf_writer& v) { v.add_bytes(7, "\1"); })));
          items.add_message(1, key_value("e", ""));
        }));
  });
  const auto lines = decode_span(
      span([&](pbf_writer& writer) { writer.add_message(9, key_value("k", array_value(list))); }));

  ASSERT_THAT(lines, SizeIs(1));
  EXPECT_THAT(lines[0], HasSubstr(R"(k=a{"arrayValue":{"values":[{"kvlistValue":{"values":[)"
                                  R"({"key":"n","value":{"intValue":"-9223372036854775808"}},)"
                                  R"({"key":"d","value":{"doubleValue":0.5}},)"
                                  R"({"key":"y","value":{"bytesValue":"AQ=="}},)"
                                  R"({"key":"e","value":{}}]}}]}})"));
}

TEST(DecodeTracesProtobuf, RefusesValuesNestedTooDeep) {
  std::string value = string_value("x");
  for (int i = 0; i < 4; ++i) value = array_value(value);
  const std::string record =
      span([&](pbf_writer& writer) { writer.add_message(9, key_value("k", value)); });
  DecodeResult result;

  decode_span(record, &result, {.max_value_depth = 5});
  EXPECT_TRUE(result.ok) << result.error;

  decode_span(record, &result, {.max_value_depth = 4});
  EXPECT_FALSE(result.ok);
  EXPECT_THAT(result.error, HasSubstr("nested more than 4 levels"));
}

TEST(DecodeTracesProtobuf, DropsAndCountsAttributesEventsAndLinksBeyondTheirLimits) {
  const auto attribute = [](const std::string& key) { return key_value(key, string_value("v")); };
  const std::string event = message([&](pbf_writer& writer) {
    for (int i = 0; i < 4; ++i) writer.add_message(3, attribute("of event"));
    writer.add_uint32(4, 7);
  });
  const std::string record = span([&](pbf_writer& writer) {
    writer.add_uint32(10, 2);
    for (int i = 0; i < 3; ++i) {
      writer.add_message(9, attribute("k" + std::to_string(i)));
      writer.add_message(11, event);
      writer.add_message(13, std::string());
    }
  });
  DecodeResult result;

  const auto whole = decode_span(record, &result, {.max_attributes = 4, .max_nested_items = 3});
  EXPECT_EQ(result.altered, Alterations());
  ASSERT_THAT(whole, SizeIs(1));
  EXPECT_THAT(whole[0], HasSubstr("k2="));
  EXPECT_THAT(whole[0], HasSubstr(" dropped_attributes=2 "));

  const auto cut = decode_span(record, &result, {.max_attributes = 2, .max_nested_items = 2});
  EXPECT_TRUE(result.ok);
  EXPECT_EQ(result.accepted, 1u);
  ASSERT_THAT(cut, SizeIs(1));
  EXPECT_THAT(cut[0], HasSubstr("k1="));
  EXPECT_THAT(cut[0], ::testing::Not(HasSubstr("k2=")));
  EXPECT_THAT(cut[0], HasSubstr(" dropped_attributes=3 "));
  EXPECT_THAT(cut[0], HasSubstr(" dropped=9"));
  EXPECT_THAT(cut[0], HasSubstr(" dropped_events=1 "));
  EXPECT_THAT(cut[0], HasSubstr(" dropped_links=1 "));
  EXPECT_EQ(result.altered.dropped_attributes, 1u + 2 * 2u);
  EXPECT_EQ(result.altered.dropped_items, 2u);
  EXPECT_THAT(partial_success_message(result), HasSubstr("5 attributes beyond the limit"));
}

TEST(DecodeTracesProtobuf, DropsAttributesOfAResourceOrScopeBeyondTheLimitWhateverItsParts) {
  const std::string attribute = key_value("k", string_value("v"));
  const std::string head =
      message([&](pbf_writer& resource) { resource.add_message(1, attribute); });
  const std::string scope = message([&](pbf_writer& writer) {
    for (int i = 0; i < 3; ++i) writer.add_message(3, attribute);
  });
  const std::string bytes = message([&](pbf_writer& writer) {
    writer.add_message(1, message([&](pbf_writer& resource) {
                         for (int i = 0; i < 4; ++i) resource.add_message(1, head);
                         resource.add_message(2, message([&](pbf_writer& scope_spans) {
                                                scope_spans.add_message(1, scope);
                                              }));
                       }));
  });
  RecordingSink sink;

  const DecodeResult result = decode_traces_protobuf(bytes, sink, {.max_attributes = 2});

  ASSERT_THAT(sink.lines, SizeIs(2));
  EXPECT_THAT(sink.lines[0], HasSubstr("dropped=2"));
  EXPECT_THAT(sink.lines[1], HasSubstr("dropped=1"));
  EXPECT_EQ(result.altered.dropped_attributes, 3u);
}

TEST(DecodeLogsProtobuf, RefusesMoreRecordsThanTheLimitAsTooLarge) {
  const std::string scope = message([](pbf_writer& writer) {
    for (int i = 0; i < 8; ++i) writer.add_message(2, std::string());
  });
  const std::string bytes = message([&](pbf_writer& writer) {
    writer.add_message(1, message([&](pbf_writer& resource) { resource.add_message(2, scope); }));
  });
  RecordingSink sink;

  EXPECT_TRUE(decode_logs_protobuf(bytes, sink, {.max_records = 10}).ok);  // Resource and scope.
  const DecodeResult result = decode_logs_protobuf(bytes, sink, {.max_records = 9});

  EXPECT_FALSE(result.ok);
  EXPECT_TRUE(result.too_large);
  EXPECT_THAT(result.error, HasSubstr("more than 9 records"));
  EXPECT_THAT(result.error, HasSubstr("send smaller batches"));
}

TEST(DecodeTracesProtobuf, BoundsTheMemoryThatARequestBecomes) {
  const std::string empty_attribute;
  const std::string many_attributes = span([&](pbf_writer& writer) {
    for (int i = 0; i < 1000; ++i) writer.add_message(9, empty_attribute);
  });
  const std::string many_links = span([&](pbf_writer& writer) {
    for (int i = 0; i < 1000; ++i) writer.add_message(13, empty_attribute);
  });
  const std::string wide_value = span([&](pbf_writer& writer) {
    std::string list;
    for (int i = 0; i < 4000; ++i) list += std::string("\x0a\x00", 2);
    std::string value;
    pbf_writer(value).add_message(6, list);  // A list of 4,000 empty pairs: 22 bytes of text each.
    writer.add_message(9, key_value("k", value));
  });
  for (const std::string& record : {many_attributes, many_links, wide_value}) {
    DecodeResult result;
    decode_span(record, &result, {.max_memory_bytes = 120'000});
    EXPECT_TRUE(result.ok) << result.error;
    decode_span(record, &result, {.max_memory_bytes = 60'000});
    EXPECT_FALSE(result.ok);
    EXPECT_TRUE(result.too_large);
    EXPECT_THAT(result.error, HasSubstr("60000 bytes of memory"));
  }
}

TEST(DecodeTracesProtobuf, RefusesTextBeyondItsLimit) {
  const std::string record =
      span([](pbf_writer& writer) { writer.add_string(5, std::string(100, '\xFF')); });
  DecodeResult result;

  decode_span(record, &result, {.max_text_bytes = 200});

  EXPECT_FALSE(result.ok);
  EXPECT_TRUE(result.too_large);
}

TEST(DecodeTracesProtobuf, SaysWhereAWrongWireTypeIs) {
  const std::string record = span([](pbf_writer& writer) { writer.add_uint64(5, 1); });
  const std::string bytes = request(record);
  RecordingSink sink;

  const DecodeResult result = decode_traces_protobuf(bytes, sink);

  EXPECT_FALSE(result.ok);
  EXPECT_EQ(result.offset, bytes.size() - 2);
  EXPECT_THAT(result.error, HasSubstr("wrong wire type"));
  EXPECT_EQ(result.accepted, 0u);
}

TEST(DecodeTracesProtobuf, RefusesLengthsNumbersAndTagsThatAreImpossible) {
  for (const std::string& bytes : {
           std::string("\x0A\x7F", 2),                                           // Too long.
           std::string("\x0A\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\x01", 11),      // Wraps around.
           std::string("\x0A\x80\x80\x80\x80\x10", 6),                           // 2^32.
           std::string("\x0A\x80", 2),                                           // Cut.
           std::string("\x08\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF", 12),  // 11 bytes.
           std::string("\x00", 1),                                               // Field 0.
           std::string("\x0B", 1),                                               // A group.
       }) {
    RecordingSink sink;
    const DecodeResult result = decode_traces_protobuf(bytes, sink);
    EXPECT_FALSE(result.ok);
    EXPECT_LE(result.offset, bytes.size());
  }
}

TEST(DecodeTracesProtobuf, TakesAnEmptyRequest) {
  RecordingSink sink;

  const DecodeResult result = decode_traces_protobuf({}, sink);

  EXPECT_TRUE(result.ok);
  EXPECT_THAT(sink.lines, IsEmpty());
}

TEST(DecodeLogsProtobuf, TakesIdsOfWrongLengthAsAbsent) {
  const std::string record = message([](pbf_writer& writer) {
    writer.add_bytes(9, "short");
    writer.add_bytes(10, std::string(8, '\0'));
    writer.add_message(5, string_value("hello"));
  });
  RecordingSink sink;

  const DecodeResult result = decode_logs_protobuf(request(record), sink);

  EXPECT_EQ(result.accepted, 1u);
  ASSERT_THAT(sink.lines, SizeIs(3));
  EXPECT_THAT(sink.lines[2], HasSubstr("body=s{\"stringValue\":\"hello\"}"));
  EXPECT_THAT(sink.lines[2], HasSubstr("trace_id= span_id= "));
}

// OTLP asks receivers to take a log record with an invalid trace_id as one without; but say so.
TEST(DecodeLogsProtobuf, TellsOfIdsThatItLeavesOut) {
  const auto ignored = [](const std::string& trace_id, const std::string& span_id) {
    RecordingSink sink;
    return decode_logs_protobuf(request(message([&](pbf_writer& writer) {
                                  writer.add_bytes(9, trace_id);
                                  writer.add_bytes(10, span_id);
                                })),
                                sink);
  };

  EXPECT_EQ(ignored("12345678", "12345678").altered.ignored_ids, 1u);
  EXPECT_EQ(ignored(kTraceId, kTraceId).altered.ignored_ids, 1u);
  EXPECT_EQ(ignored(kTraceId, kSpanId).altered.ignored_ids, 0u);
  EXPECT_EQ(ignored("", "").altered.ignored_ids, 0u);
  EXPECT_EQ(ignored(std::string(16, '\0'), std::string(8, '\0')).altered.ignored_ids, 0u);
  EXPECT_THAT(partial_success_message(ignored("12345678", "")), HasSubstr("trace_id"));
}

TEST(DecodeProtobuf, RejectsRecordsOfTimesThatCannotBeExpressed) {
  constexpr std::uint64_t kStartOf2262 = 9'214'646'400'000'000'000;
  const auto trace = [](std::uint32_t field, std::uint64_t time) {
    RecordingSink sink;
    const std::string record = message([&](pbf_writer& scope_spans) {
      scope_spans.add_message(2, span());
      scope_spans.add_message(2, span([&](pbf_writer& s) { s.add_fixed64(field, time); }));
    });
    return decode_traces_protobuf(message([&](pbf_writer& writer) {
                                    writer.add_message(1, message([&](pbf_writer& resource) {
                                                         resource.add_message(2, record);
                                                       }));
                                  }),
                                  sink);
  };
  const auto log = [](std::uint32_t field, std::uint64_t time) {
    RecordingSink sink;
    return decode_logs_protobuf(
        request(message([&](pbf_writer& r) { r.add_fixed64(field, time); })), sink);
  };
  const auto point = [](std::uint32_t field, std::uint64_t time) {
    RecordingSink sink;
    const std::string gauge = message([&](pbf_writer& g) {
      g.add_message(1, message([&](pbf_writer& p) { p.add_fixed64(field, time); }));
    });
    return decode_metrics_protobuf(request(message([&](pbf_writer& m) {
                                     m.add_string(1, "m");
                                     m.add_message(5, gauge);
                                   })),
                                   sink);
  };
  for (const std::uint64_t time : {kStartOf2262, std::uint64_t{INT64_MAX}, UINT64_MAX}) {
    for (const std::uint32_t field : {7U, 8U}) {
      EXPECT_EQ(trace(field, time).accepted, 1u) << "the other span";
      EXPECT_EQ(trace(field, time).rejected, 1u);
    }
    for (const std::uint32_t field : {1U, 11U}) EXPECT_EQ(log(field, time).rejected, 1u);
    for (const std::uint32_t field : {2U, 3U}) EXPECT_EQ(point(field, time).rejected, 1u);
  }
  EXPECT_EQ(trace(8, kStartOf2262 - 1).rejected, 0u);
  EXPECT_EQ(log(1, kStartOf2262 - 1).rejected, 0u);
  EXPECT_THAT(trace(7, UINT64_MAX).rejected_reason, HasSubstr("a span's time lies beyond 2261"));
}

TEST(DecodeMetricsProtobuf, RejectsPointsThatHaveMoreThanTheLimits) {
  const auto decode = [](const std::string& point, const DecodeLimits& limits) {
    RecordingSink sink;
    return decode_metrics_protobuf(request(message([&](pbf_writer& writer) {
                                     writer.add_string(1, "m");
                                     writer.add_message(9, message([&](pbf_writer& histogram) {
                                                          histogram.add_message(1, point);
                                                          histogram.add_message(1, std::string());
                                                        }));
                                   })),
                                   sink, limits);
  };
  const std::vector<std::uint64_t> counts{1, 2, 3};
  const std::vector<double> bounds{1, 2};
  const std::string buckets = message([&](pbf_writer& writer) {
    writer.add_packed_fixed64(6, counts.begin(), counts.end());
    writer.add_packed_double(7, bounds.begin(), bounds.end());
  });
  const std::string attributes = message([&](pbf_writer& writer) {
    for (int i = 0; i < 3; ++i) writer.add_message(9, key_value("k", string_value("v")));
  });

  EXPECT_EQ(decode(buckets, {.max_nested_items = 3}).accepted, 2u);
  EXPECT_EQ(decode(attributes, {.max_attributes = 3}).accepted, 2u);
  const DecodeResult wide = decode(buckets, {.max_nested_items = 2});
  EXPECT_EQ(wide.accepted, 1u);
  EXPECT_THAT(wide.rejected_reason, HasSubstr("buckets"));
  const DecodeResult many = decode(attributes, {.max_attributes = 2});
  EXPECT_EQ(many.accepted, 1u);
  EXPECT_THAT(many.rejected_reason, HasSubstr("attributes"));
}

// A count of one byte on the wire takes eight.
TEST(DecodeMetricsProtobuf, BoundsTheMemoryOfBuckets) {
  const std::vector<std::uint64_t> counts(5000, 1);
  const std::string point = message([&](pbf_writer& writer) {
    writer.add_message(8, message([&](pbf_writer& buckets) {
                         buckets.add_packed_uint64(2, counts.begin(), counts.end());
                       }));
  });
  const std::string bytes = request(message([&](pbf_writer& writer) {
    writer.add_string(1, "m");
    writer.add_message(10,
                       message([&](pbf_writer& histogram) { histogram.add_message(1, point); }));
  }));
  RecordingSink sink;

  EXPECT_TRUE(decode_metrics_protobuf(bytes, sink, {.max_memory_bytes = 50'000}).ok);
  EXPECT_TRUE(decode_metrics_protobuf(bytes, sink, {.max_memory_bytes = 40'000}).too_large);
}

TEST(DecodeMetricsProtobuf, FindsNameAndTemporalityThatComeAfterThePoints) {
  const std::string sum = message([](pbf_writer& writer) {
    writer.add_message(1, message([](pbf_writer& point) { point.add_sfixed64(6, -5); }));
    writer.add_enum(2, 2);
    writer.add_bool(3, true);
  });
  const std::string metric = message([&](pbf_writer& writer) {
    writer.add_message(7, sum);
    writer.add_string(1, "late");
  });
  RecordingSink sink;

  const DecodeResult result = decode_metrics_protobuf(request(metric), sink);

  EXPECT_EQ(result.accepted, 1u);
  ASSERT_THAT(sink.lines, SizeIs(4));
  EXPECT_THAT(sink.lines[2], HasSubstr("name=\"late\""));
  EXPECT_THAT(sink.lines[2], HasSubstr("temporality=2 monotonic=1"));
  EXPECT_THAT(sink.lines[3], HasSubstr("kind=1 int=-5"));
}

TEST(DecodeMetricsProtobuf, TakesBucketCountsPackedOrNot) {
  const auto histogram_of = [](auto write_point) {
    return request(message([&](pbf_writer& metric) {
      metric.add_string(1, "h");
      metric.add_message(9, message([&](pbf_writer& histogram) {
                           histogram.add_message(1, message(write_point));
                         }));
    }));
  };
  const std::vector<std::uint64_t> counts{1, 2, 3};
  const std::vector<double> bounds{0.5, 1.5};
  const std::string packed = histogram_of([&](pbf_writer& point) {
    point.add_packed_fixed64(6, counts.begin(), counts.end());
    point.add_packed_double(7, bounds.begin(), bounds.end());
  });
  const std::string unpacked = histogram_of([&](pbf_writer& point) {
    for (const std::uint64_t count : counts) point.add_fixed64(6, count);
    for (const double bound : bounds) point.add_double(7, bound);
  });
  RecordingSink from_packed;
  RecordingSink from_unpacked;

  EXPECT_TRUE(decode_metrics_protobuf(packed, from_packed).ok);
  EXPECT_TRUE(decode_metrics_protobuf(unpacked, from_unpacked).ok);

  EXPECT_EQ(from_packed.lines, from_unpacked.lines);
  ASSERT_THAT(from_packed.lines, SizeIs(4));
  EXPECT_THAT(from_packed.lines[3], HasSubstr("counts=1,2,3, bounds=0.5,1.5,"));
}

TEST(DecodeMetricsProtobuf, RejectsHistogramsWhoseBucketsDoNotMatchTheirBounds) {
  const std::string metric = message([](pbf_writer& writer) {
    writer.add_string(1, "h");
    writer.add_message(
        9, message([](pbf_writer& histogram) {
          histogram.add_message(1, message([](pbf_writer& point) { point.add_fixed64(6, 1); }));
          histogram.add_message(1, message([](pbf_writer& point) { point.add_double(7, 1); }));
        }));
  });
  RecordingSink sink;

  const DecodeResult result = decode_metrics_protobuf(request(metric), sink);

  EXPECT_EQ(result.accepted, 1u) << "one bucket without bounds is a histogram";
  EXPECT_EQ(result.rejected, 1u);
}

TEST(DecodeMetricsProtobuf, RejectsThePointsOfAMetricWithoutName) {
  const std::string metric = message([](pbf_writer& writer) {
    writer.add_message(5, message([](pbf_writer& gauge) {
                         gauge.add_message(1, std::string());
                         gauge.add_message(1, std::string());
                       }));
  });
  RecordingSink sink;

  const DecodeResult result = decode_metrics_protobuf(request(metric), sink);

  EXPECT_EQ(result.rejected, 2u);
  EXPECT_THAT(sink.lines, SizeIs(2));
}

TEST(DecodeMetricsProtobuf, TakesTheLastTypeOfDataThatAMetricHas) {
  const auto data = [](double value) {
    return message([&](pbf_writer& gauge) {
      gauge.add_message(1, message([&](pbf_writer& point) { point.add_double(4, value); }));
    });
  };
  const std::string metric = message([&](pbf_writer& writer) {
    writer.add_string(1, "m");
    writer.add_message(5, data(1));
    writer.add_message(7, data(2));
    writer.add_message(5, data(3));
    writer.add_message(5, data(4));
  });
  RecordingSink sink;

  EXPECT_TRUE(decode_metrics_protobuf(request(metric), sink).ok);

  ASSERT_THAT(sink.lines, SizeIs(5));
  EXPECT_THAT(sink.lines[2], HasSubstr("type=0"));
  EXPECT_THAT(sink.lines[3], HasSubstr("double=3"));
  EXPECT_THAT(sink.lines[4], HasSubstr("double=4"));
}

}  // namespace
}  // namespace signalbox::otlp

#include "otlp/encode.h"

#include <gtest/gtest.h>

#include <array>
#include <limits>
#include <stdexcept>
#include <string>
#include <vector>

namespace signalbox::otlp {
namespace {

KeyValueView text_attribute(std::string_view key, std::string_view text) {
  KeyValueView attribute{.key = key, .value = {}};
  attribute.value.type = ValueType::kString;
  attribute.value.text = text;
  return attribute;
}

ScopeView scope_named(std::string_view name) {
  ScopeView scope;
  scope.name = name;
  return scope;
}

void tell_span(Encoder& encoder, std::string_view name) {
  SpanView span;
  span.trace_id = std::string_view("0123456789abcdef");
  span.span_id = std::string_view("01234567");
  span.name = name;
  span.kind = -3;
  span.end_time_unix_nano = std::numeric_limits<std::int64_t>::max();
  encoder.on_span(span);
}

TEST(Encoder, WritesJsonAsTheSpecificationHasIt) {
  const auto encoder = make_encoder(Signal::kTraces, Encoding::kJson);
  const std::array attributes{text_attribute("service.name", "shop")};
  ResourceView resource;
  resource.attributes = attributes;
  resource.schema_url = "https://example.com/r";
  encoder->on_resource(resource);
  encoder->on_scope(scope_named("http"));
  tell_span(*encoder, "GET /\n");

  EXPECT_EQ(
      encoder->take(),
      R"({"resourceSpans":[{"resource":{"attributes":[{"key":"service.name","value":{"stringValue":"shop"}}]},)"
      R"("schemaUrl":"https://example.com/r","scopeSpans":[{"scope":{"name":"http"},"spans":[)"
      R"({"traceId":"30313233343536373839616263646566","spanId":"3031323334353637","name":"GET /\n",)"
      R"("kind":-3,"endTimeUnixNano":"9223372036854775807"}]}]}]})");
}

TEST(Encoder, BeginsAnewWhenAMessageIsTaken) {
  for (const Encoding encoding : {Encoding::kJson, Encoding::kProtobuf}) {
    const auto encoder = make_encoder(Signal::kTraces, encoding);
    const auto message = [&] {
      encoder->on_resource({});
      encoder->on_scope(scope_named("http"));
      tell_span(*encoder, "GET /");
      return encoder->take();
    };
    const std::string first = message();

    EXPECT_EQ(encoder->size_bytes(), 0u);
    EXPECT_EQ(message(), first);
  }
}

TEST(Encoder, TellsAboutHowLongTheMessageIs) {
  const auto encoder = make_encoder(Signal::kTraces, Encoding::kProtobuf);
  encoder->on_resource({});
  encoder->on_scope({});
  for (int i = 0; i < 100; ++i) tell_span(*encoder, "GET /");
  const std::size_t told = encoder->size_bytes();

  const std::size_t size = encoder->take().size();

  EXPECT_NEAR(static_cast<double>(told), static_cast<double>(size), 20);
}

TEST(Encoder, RefusesANestedValueThatIsNoOtlpJson) {
  for (const std::string text : {"", "[", R"({"arrayValue":7})", R"({"arrayValue":{"values":[7]}})",
                                 R"({"kvlistValue":{"values":[{"key":7}]}})"}) {
    const auto encoder = make_encoder(Signal::kLogs, Encoding::kProtobuf);
    encoder->on_resource({});
    encoder->on_scope({});
    LogRecordView record;
    record.body.type = ValueType::kArray;
    record.body.text = text;
    EXPECT_THROW(encoder->on_log_record(record), std::runtime_error) << text;
  }
}

TEST(Encoder, KeepsTheSignOfZero) {
  const auto encoder = make_encoder(Signal::kLogs, Encoding::kJson);
  encoder->on_resource({});
  encoder->on_scope({});
  LogRecordView record;
  record.body.type = ValueType::kDouble;
  record.body.double_value = -0.0;
  encoder->on_log_record(record);

  EXPECT_NE(encoder->take().find(R"({"doubleValue":-0.0})"), std::string::npos);
}

TEST(Encoder, WritesNumbersBeyond64BitsInNestedValues) {
  const auto encoder = make_encoder(Signal::kLogs, Encoding::kProtobuf);
  encoder->on_resource({});
  encoder->on_scope({});
  LogRecordView record;
  record.body.type = ValueType::kArray;
  record.body.text = R"({"arrayValue":{"values":[{"doubleValue":36893488147419103232}]}})";

  encoder->on_log_record(record);

  // 2^65 as a double: exponent 1088.
  EXPECT_NE(encoder->take().find(std::string("\x21\0\0\0\0\0\0\0\x44", 9)), std::string::npos);
}

}  // namespace
}  // namespace signalbox::otlp

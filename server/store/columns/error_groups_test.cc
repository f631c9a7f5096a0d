#include "server/store/columns/error_groups.h"

#include <gtest/gtest.h>

#include <array>
#include <string>
#include <vector>

namespace signalbox::server::store {
namespace {

constexpr std::int64_t kHour = 1'790'000'000 / 3600 * 3600;

TEST(MessageShape, LeavesOutWhatDiffersFromTimeToTime) {
  EXPECT_EQ(message_shape(""), "");
  EXPECT_EQ(message_shape("connection refused"), "connection refused");
  EXPECT_EQ(message_shape("timeout after 5000 ms"), "timeout after # ms");
  EXPECT_EQ(message_shape("no order 8f14e45f-ceea-467f-a8b3-2f0c1d9e77aa"), "no order #");
  EXPECT_EQ(message_shape("10.0.0.7:5432: refused"), "#: refused");
  EXPECT_EQ(message_shape("at 2026-11-28T21:45:57.123Z"), "at #");
  EXPECT_EQ(message_shape("key \"a b\" and 'c' are missing"), "key \"…\" and '…' are missing");
  EXPECT_EQ(message_shape("can't open the user's file 7"), "can't open the user's file #");
  EXPECT_EQ(message_shape("1-a"), "#-a");
  EXPECT_EQ(message_shape("ends with 'quote"), "ends with 'quote");
}

TEST(MessageShape, IsShortAndEndsWithAWholeCharacter) {
  std::string long_text;
  for (int i = 0; i < 1000; ++i) long_text += "ä ";
  const std::string shape = message_shape(long_text);
  EXPECT_LE(shape.size(), 200U);
  EXPECT_EQ(long_text.substr(0, shape.size()), shape);
  EXPECT_NE(static_cast<unsigned char>(shape.back()), 0xC3);
}

otlp::KeyValueView text(std::string_view key, std::string_view value) {
  otlp::KeyValueView attribute;
  attribute.key = key;
  attribute.value.type = otlp::ValueType::kString;
  attribute.value.text = value;
  return attribute;
}

struct Groups {
  explicit Groups(const Errors& errors) { errors.write_groups(kHour, columns); }
  [[nodiscard]] std::vector<std::string> texts() const {
    std::vector<std::string> all;
    all.reserve(columns.errors.size());
    for (std::size_t i = 0; i < columns.errors.size(); ++i) {
      all.push_back(std::to_string(columns.errors[i]) + " " + std::string(columns.service_name[i]) +
                    " " + std::string(columns.type[i]) + " " + std::string(columns.shape[i]));
    }
    return all;
  }
  ErrorGroupColumns columns;
};

using Texts = std::vector<std::string>;

TEST(Errors, OfSpansAreTheirExceptionsOrElseTheirStatus) {
  Errors errors;
  otlp::SpanView span;
  span.trace_id = "0123456789abcdef";
  span.span_id = "01234567";
  errors.add("shop", span);  // All is well.
  const std::array exception = {text("exception.type", "E"), text("exception.message", "no 7")};
  otlp::EventView event;
  event.name = "exception";
  event.time_unix_nano = 5;
  event.attributes = exception;
  span.events = {&event, 1};
  span.status_code = 2;
  span.status_message = "failed";
  errors.add("shop", span);
  span.events = {};
  errors.add("shop", span);
  span.status_message = {};
  errors.add("shop", span);  // An error of which nothing is known.
  const otlp::KeyValueView type = text("error.type", "500");
  span.attributes = {&type, 1};
  errors.add("shop", span);

  const Groups groups(errors);

  EXPECT_EQ(groups.texts(), (Texts{"1 shop E no #", "1 shop  failed", "1 shop 500 "}));
  EXPECT_EQ(groups.columns.message[0], "no 7");
  EXPECT_EQ(groups.columns.first_seen[0], 5);
  EXPECT_EQ(groups.columns.trace_id[0], "0123456789abcdef");
}

TEST(Errors, OfLogRecordsAreExceptionsAndThoseOfSeverityError) {
  Errors errors;
  otlp::LogRecordView record;
  record.severity_number = 16;
  record.body.type = otlp::ValueType::kString;
  record.body.text = "cannot pay 3";
  errors.add("shop", record, 1);
  record.severity_number = 17;
  errors.add("shop", record, 3);
  record.body.text = "cannot pay 4";
  errors.add("shop", record, 2);
  const otlp::KeyValueView type = text("exception.type", "E");
  record.severity_number = 9;
  record.attributes = {&type, 1};
  errors.add("bank", record, 4);

  const Groups groups(errors);

  EXPECT_EQ(groups.texts(), (Texts{"2 shop  cannot pay #", "1 bank E cannot pay #"}));
  EXPECT_EQ(groups.columns.first_seen[0], 2);
  EXPECT_EQ(groups.columns.last_seen[0], 3);
  EXPECT_EQ(groups.columns.message[0], "cannot pay 3");
}

TEST(Errors, OfARequestThatIsRolledBackAreNone) {
  Errors errors;
  otlp::LogRecordView record;
  record.severity_number = 17;
  errors.add("shop", record, 1);
  errors.mark();
  errors.add("bank", record, 2);
  errors.roll_back();

  EXPECT_EQ(Groups(errors).texts(), (Texts{"1 shop  "}));
}

/// A sender whose messages are all different must not make the table as large as its records.
TEST(Errors, OfTooManyShapesAreCountedTogether) {
  Errors errors;
  otlp::LogRecordView record;
  record.severity_number = 17;
  record.body.type = otlp::ValueType::kString;
  std::uint64_t sent = 0;
  for (char a = 'a'; a <= 'z'; ++a) {
    for (char b = 'a'; b <= 'z'; ++b) {
      for (char c = 'a'; c <= 'e'; ++c, ++sent) {
        const std::string body = {a, b, c};
        record.body.text = body;
        errors.add("shop", record, 1);
      }
    }
  }

  const Groups groups(errors);

  ASSERT_EQ(groups.columns.errors.size(), 2'001U);
  std::uint64_t counted = 0;
  for (std::size_t i = 0; i < groups.columns.errors.size(); ++i)
    counted += groups.columns.errors[i];
  EXPECT_EQ(counted, sent);
}

}  // namespace
}  // namespace signalbox::server::store

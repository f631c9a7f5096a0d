#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <signalbox/export/console_exporter.h>

#include <string>

#include "otlp/wire.h"

namespace signalbox::sdk {
namespace {

namespace wire = otlp::wire;
using ::testing::HasSubstr;

std::string field(std::uint32_t number, std::string_view content) {
  std::string out;
  wire::append_bytes_field(out, number, content);
  return out;
}

std::string fixed64(std::uint32_t number, std::uint64_t value) {
  std::string out;
  wire::append_fixed64_field(out, number, value);
  return out;
}

std::string varint(std::uint32_t number, std::uint64_t value) {
  std::string out;
  wire::append_varint_field(out, number, value);
  return out;
}

std::string key_value(std::string_view key, std::string_view value) {
  return field(1, key) + field(2, field(1, value));
}

// A request of resource and scope around `records`.
std::string request(std::string_view records) {
  const std::string resource = field(1, key_value("service.name", "shop"));
  const std::string scope = field(1, "http") + field(2, "1.2");
  return field(1, field(1, resource) + field(2, field(1, scope) + std::string(records)));
}

std::string print(Signal signal, const std::string& bytes) {
  std::string printed;
  const auto exporter = make_console_exporter([&](std::string_view text) { printed += text; });
  EXPECT_EQ(exporter->export_request(signal, bytes, 1, std::chrono::steady_clock::now()).status,
            ExportResult::Status::kSuccess);
  return printed;
}

constexpr std::uint64_t kTime = 1'700'000'000'123'456'789;

TEST(ConsoleExporter, PrintsASpanWithAllThatIsKnownOfIt) {
  const std::string event = fixed64(1, kTime) + field(2, "exception");
  const std::string span = field(1, std::string(16, '\xab')) + field(2, std::string(8, '\xcd')) +
                           field(4, std::string(8, '\xef')) + field(5, "GET /") + varint(6, 2) +
                           fixed64(7, kTime) + fixed64(8, kTime + 1'500'000) +
                           field(9, key_value("url.path", "/")) + field(11, event) +
                           field(15, field(2, "no\nsuch") + varint(3, 2));
  const std::string text = print(Signal::kTraces, request(field(2, span)));
  EXPECT_THAT(text, HasSubstr("service.name = \"shop\""));
  EXPECT_THAT(text, HasSubstr("scope \"http\" version \"1.2\""));
  EXPECT_THAT(text, HasSubstr("span \"GET /\" SERVER 1.500 ms"));
  EXPECT_THAT(text, HasSubstr("trace_id: abababababababababababababababab"));
  EXPECT_THAT(text, HasSubstr("span_id: cdcdcdcdcdcdcdcd"));
  EXPECT_THAT(text, HasSubstr("parent_span_id: efefefefefefefef"));
  EXPECT_THAT(text, HasSubstr("start: 2023-11-14T22:13:20.123456789Z"));
  EXPECT_THAT(text, HasSubstr("url.path = \"/\""));
  EXPECT_THAT(text, HasSubstr("event: \"exception\""));
  EXPECT_THAT(text, HasSubstr("status: ERROR \"no\\nsuch\""));
}

TEST(ConsoleExporter, PrintsALogRecord) {
  const std::string record = fixed64(1, kTime) + varint(2, 17) + field(3, "ERROR") +
                             field(5, field(1, "out of \x1b[31mcheese")) +
                             field(6, key_value("shop", "5"));
  const std::string text = print(Signal::kLogs, request(field(2, record)));
  EXPECT_THAT(text, HasSubstr("log ERROR \"out of \\x1b[31mcheese\""));
  EXPECT_THAT(text, HasSubstr("shop = \"5\""));
}

TEST(ConsoleExporter, PrintsSumsAndHistograms) {
  const std::string point = fixed64(2, kTime) + fixed64(3, kTime) +
                            fixed64(6, static_cast<std::uint64_t>(-3)) +
                            field(7, key_value("method", "GET"));
  const std::string sum =
      field(1, "active") + field(3, "{request}") + field(7, field(1, point) + varint(2, 2));
  std::string sum_of_values;
  wire::append_double_field(sum_of_values, 5, 4.5);
  std::string bound;
  wire::append_double_field(bound, 7,
                            2);  // One packed value has the same length prefix as content.
  std::string packed_bounds;
  packed_bounds.append(bound.end() - 8, bound.end());
  std::string counts(16, '\0');
  counts[0] = 1;
  counts[8] = 2;
  const std::string distribution = fixed64(3, kTime) + fixed64(4, 3) + sum_of_values +
                                   field(6, counts) + field(7, packed_bounds);
  const std::string histogram =
      field(1, "duration") + field(9, field(1, distribution) + varint(2, 1));
  const std::string text = print(Signal::kMetrics, request(field(2, sum) + field(2, histogram)));
  EXPECT_THAT(text, HasSubstr("metric \"active\" sum in \"{request}\", cumulative, not monotonic"));
  EXPECT_THAT(text, HasSubstr("  -3 at 2023-"));
  EXPECT_THAT(text, HasSubstr("method = \"GET\""));
  EXPECT_THAT(text, HasSubstr("metric \"duration\" histogram, delta"));
  EXPECT_THAT(text, HasSubstr("count 3, sum 4.5"));
  EXPECT_THAT(text, HasSubstr("(-inf, 2]: 1"));
  EXPECT_THAT(text, HasSubstr("(2, +inf): 2"));
}

TEST(ConsoleExporter, RejectsWhatIsNotOtlp) {
  const auto exporter = make_console_exporter([](std::string_view) {});
  EXPECT_EQ(
      exporter->export_request(Signal::kTraces, "\xff\xff", 1, std::chrono::steady_clock::now())
          .status,
      ExportResult::Status::kRejected);
}

}  // namespace
}  // namespace signalbox::sdk

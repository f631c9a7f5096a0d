#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "otlp/decode.h"
#include "otlp/random_request.h"
#include "otlp/recording_sink.h"
#include "server/query/export/export.h"
#include "server/store/columns/block.h"
#include "server/store/engine/embedded_engine.h"
#include "server/store/engine/temporary_folder.h"
#include "server/store/sql/schema.h"

/// Random requests of every kind go through the decoders and a block into ClickHouse; what is
/// exported, in pages of any size, must be what was sent, but for what ADR 23 says is not kept.
namespace signalbox::server::query {
namespace {

using otlp::Encoding;
using otlp::testing::RandomRequests;
using otlp::testing::RecordingSink;

using Attributes = std::vector<otlp::KeyValueView>;

Attributes sorted(otlp::AttributesView attributes) {
  std::multimap<std::string_view, otlp::KeyValueView> by_key;  // Keeps equal keys in their order.
  for (const otlp::KeyValueView& attribute : attributes) by_key.emplace(attribute.key, attribute);
  Attributes copy;
  copy.reserve(by_key.size());
  for (const auto& [key, attribute] : by_key) copy.push_back(attribute);
  return copy;
}

/// A line of text for each record with all that it stands below, and for each exemplar.
class FlatSink final : public otlp::TraceSink, public otlp::LogsSink, public otlp::MetricsSink {
 public:
  std::vector<std::string> take() {
    std::sort(lines_.begin(), lines_.end());
    return std::move(lines_);
  }

  void on_resource(const otlp::ResourceView& resource) override {
    const Attributes attributes = sorted(resource.attributes);
    otlp::ResourceView copy = resource;
    copy.attributes = attributes;
    resource_ = line([&](RecordingSink& sink) { sink.on_resource(copy); });
  }
  void on_scope(const otlp::ScopeView& scope) override {
    const Attributes attributes = sorted(scope.attributes);
    otlp::ScopeView copy = scope;
    copy.attributes = attributes;
    scope_ = line([&](RecordingSink& sink) { sink.on_scope(copy); });
  }
  void on_span(const otlp::SpanView& span) override {
    const Attributes attributes = sorted(span.attributes);
    std::vector<Attributes> nested;
    std::vector<otlp::EventView> events(span.events.begin(), span.events.end());
    for (auto& event : events) event.attributes = nested.emplace_back(sorted(event.attributes));
    std::vector<otlp::LinkView> links(span.links.begin(), span.links.end());
    for (auto& link : links) link.attributes = nested.emplace_back(sorted(link.attributes));
    otlp::SpanView copy = span;
    copy.attributes = attributes;
    copy.events = events;
    copy.links = links;
    add(line([&](RecordingSink& sink) { sink.on_span(copy); }));
  }
  void on_log_record(const otlp::LogRecordView& record) override {
    const Attributes attributes = sorted(record.attributes);
    otlp::LogRecordView copy = record;
    copy.attributes = attributes;
    add(line([&](RecordingSink& sink) { sink.on_log_record(copy); }));
  }
  void on_metric(const otlp::MetricView& metric) override {
    const Attributes metadata = sorted(metric.metadata);
    otlp::MetricView identity = metric;
    identity.description = {};
    identity.metadata = {};
    metric_ = line([&](RecordingSink& sink) { sink.on_metric(identity); });
    otlp::MetricView description;
    description.description = metric.description;
    description.metadata = metadata;
    description_ = line([&](RecordingSink& sink) { sink.on_metric(description); });
  }
  void on_point(const otlp::NumberPointView& point) override { add_point(point); }
  void on_point(const otlp::HistogramPointView& point) override { add_point(point); }
  void on_point(const otlp::ExponentialHistogramPointView& point) override { add_point(point); }
  void on_point(const otlp::SummaryPointView& point) override { add_point(point); }

 private:
  template <typename Tell>
  static std::string line(Tell tell) {
    RecordingSink sink;
    tell(sink);
    return sink.lines.at(0);
  }
  void add(const std::string& record) {
    lines_.push_back(resource_ + " | " + scope_ + " | " + record);
  }
  template <typename Point>
  void add_point(const Point& point) {
    const Attributes attributes = sorted(point.attributes);
    otlp::NumberPointView of_series;
    of_series.attributes = attributes;
    const std::string series =
        resource_ + scope_ + metric_ + line([&](RecordingSink& sink) { sink.on_point(of_series); });
    // A series is described once.
    const std::string& description = descriptions_.try_emplace(series, description_).first->second;
    Point copy = point;
    copy.attributes = attributes;
    if constexpr (requires { copy.exemplars; }) copy.exemplars = {};
    add(metric_ + " | " + description + " | " +
        line([&](RecordingSink& sink) { sink.on_point(copy); }));
    if constexpr (requires { point.exemplars; }) {
      for (const otlp::ExemplarView& exemplar : point.exemplars) {
        const Attributes filtered = sorted(exemplar.filtered_attributes);
        otlp::ExemplarView view = exemplar;
        view.filtered_attributes = filtered;
        otlp::NumberPointView alone = of_series;
        alone.time_unix_nano = point.time_unix_nano;
        alone.exemplars = std::span(&view, 1);
        add(metric_ + " | exemplar | " + line([&](RecordingSink& sink) { sink.on_point(alone); }));
      }
    }
  }

  std::string resource_, scope_, metric_, description_;
  std::map<std::string, std::string> descriptions_;
  std::vector<std::string> lines_;
};

template <typename Traces, typename Logs, typename Metrics>
otlp::DecodeResult decode(Signal signal, Encoding encoding, std::string_view bytes, Traces& traces,
                          Logs& logs, Metrics& metrics) {
  const bool is_json = encoding == Encoding::kJson;
  switch (signal) {
    case Signal::kTraces:
      return is_json ? otlp::decode_traces_json(bytes, traces)
                     : otlp::decode_traces_protobuf(bytes, traces);
    case Signal::kLogs:
      return is_json ? otlp::decode_logs_json(bytes, logs)
                     : otlp::decode_logs_protobuf(bytes, logs);
    case Signal::kMetrics:
      break;
  }
  return is_json ? otlp::decode_metrics_json(bytes, metrics)
                 : otlp::decode_metrics_protobuf(bytes, metrics);
}

/// The messages of a page.
std::vector<std::string> split(const std::string& body, Encoding encoding) {
  std::vector<std::string> messages;
  for (std::size_t at = 0; at < body.size();) {
    std::size_t size = 0;
    if (encoding == Encoding::kJson) {
      size = body.find('\n', at) - at;
    } else {
      for (int i = 0; i < 4; ++i) size = size << 8U | static_cast<unsigned char>(body.at(at++));
    }
    messages.push_back(body.substr(at, size));
    at += size + (encoding == Encoding::kJson ? 1 : 0);
  }
  return messages;
}

/// Set SIGNALBOX_SEED to repeat a failure.
std::uint64_t first_seed() {
  const char* const seed = std::getenv("SIGNALBOX_SEED");
  return seed == nullptr ? 1 : std::strtoull(seed, nullptr, 10);
}

class ExportProperty : public ::testing::Test {
 protected:
  ExportProperty() { store::apply_schema(engine_); }

  /// Empties the tables and stores these messages, in a few blocks.
  void store(Signal signal, Encoding encoding, const std::vector<std::string>& messages) {
    for (const char* table :
         {"resource_rows", "scope_rows", "attribute_slots", "span_rows", "log_rows",
          "metric_series_rows", "metric_number_rows", "metric_histogram_rows",
          "metric_exponential_histogram_rows", "metric_summary_rows", "metric_exemplar_rows"}) {
      engine_.execute(std::string("TRUNCATE TABLE ") + table);
    }
    store::Registry registry{1000};
    store::Block block(registry);
    store::Sinks sinks = block.sinks();
    constexpr std::size_t kBlocks = 3;
    for (std::size_t i = 0; i < messages.size(); ++i) {
      block.begin_request(1'790'000'000'000'000'000 + static_cast<std::int64_t>(i));
      const otlp::DecodeResult result =
          decode(signal, encoding, messages[i], sinks.traces, sinks.logs, sinks.metrics);
      ASSERT_TRUE(result.ok) << result.error;
      const bool is_last = i + 1 == messages.size();
      if (block.rows() != 0 && (is_last || i % (messages.size() / kBlocks + 1) == 0)) {
        const auto sealed = block.seal(1'790'000'000'000'000 + static_cast<std::int64_t>(i));
        for (const auto* rows : {&sealed.descriptions, &sealed.data}) {
          for (const auto& table : *rows) engine_.insert_native(table.table, table.native);
        }
        block.descriptions_are_written();
        block.clear();
      }
    }
  }

  /// All messages of an export, in pages of `limit` records.
  std::vector<std::string> exported(Signal signal, Encoding encoding, std::uint32_t limit) {
    Session session(engine_, Session::Clock::now() + std::chrono::seconds(120));
    ExportRequest request;
    request.signal = signal;
    request.range = {0, INT64_MAX};
    request.encoding = encoding;
    request.limit = limit;
    std::vector<std::string> messages;
    while (true) {
      const ExportPage page = export_page(session, request);
      for (std::string& message : split(page.body, encoding)) {
        messages.push_back(std::move(message));
      }
      if (page.next_cursor.empty()) return messages;
      request.cursor = page.next_cursor;
    }
  }

  static std::vector<std::string> flat(Signal signal, Encoding encoding,
                                       const std::vector<std::string>& messages) {
    FlatSink sink;
    for (const std::string& message : messages) {
      const otlp::DecodeResult result = decode(signal, encoding, message, sink, sink, sink);
      EXPECT_TRUE(result.ok) << result.error << message.substr(0, 200);
    }
    return sink.take();
  }

  /// Names one line of those that differ: all of them would fill a screen each.
  static void expect_equal(const std::vector<std::string>& got,
                           const std::vector<std::string>& expected) {
    EXPECT_EQ(got.size(), expected.size());
    const auto [mine, theirs] =
        std::mismatch(got.begin(), got.end(), expected.begin(), expected.end());
    EXPECT_EQ(mine == got.end() ? "nothing" : *mine,
              theirs == expected.end() ? "nothing" : *theirs);
  }

  static std::vector<std::string> random_messages(Signal signal, RandomRequests& random) {
    std::vector<std::string> messages;
    constexpr std::size_t kRequests = 100;
    messages.reserve(kRequests);
    while (messages.size() < kRequests) {
      messages.push_back(signal == Signal::kTraces ? random.traces().protobuf
                         : signal == Signal::kLogs ? random.logs().protobuf
                                                   : random.metrics().protobuf);
    }
    return messages;
  }

  store::TemporaryFolder folder_;
  store::EmbeddedEngine engine_{{.data_folder = folder_.path()}};
};

TEST_F(ExportProperty, WhatWasSentIsExportedOnceWhateverThePagesAndComesBackTheSame) {
  for (const Signal signal : {Signal::kTraces, Signal::kLogs, Signal::kMetrics}) {
    std::size_t records = 0;
    for (std::uint64_t seed = first_seed(); seed < first_seed() + 3; ++seed) {
      SCOPED_TRACE("signal " + std::to_string(static_cast<int>(signal)) +
                   ", SIGNALBOX_SEED=" + std::to_string(seed));
      RandomRequests random(seed);
      const auto sent = random_messages(signal, random);
      const auto expected = flat(signal, Encoding::kProtobuf, sent);
      records += expected.size();
      ASSERT_NO_FATAL_FAILURE(store(signal, Encoding::kProtobuf, sent));

      const auto json = exported(signal, Encoding::kJson, 20'000);
      expect_equal(flat(signal, Encoding::kJson, json), expected);
      for (const std::uint32_t limit : {7U, 100U}) {
        const auto protobuf = exported(signal, Encoding::kProtobuf, limit);
        SCOPED_TRACE("pages of " + std::to_string(limit));
        expect_equal(flat(signal, Encoding::kProtobuf, protobuf), expected);
      }

      ASSERT_NO_FATAL_FAILURE(store(signal, Encoding::kJson, json));
      SCOPED_TRACE("exported, imported and exported again");
      expect_equal(flat(signal, Encoding::kProtobuf, exported(signal, Encoding::kProtobuf, 20'000)),
                   expected);
    }
    EXPECT_GT(records, 200u) << "too little was compared";
  }
}

/// Records of one key, of a name too long for a cursor, and equal in everything.
TEST_F(ExportProperty, APageMayEndAmongRecordsThatNoKeyTellsApart) {
  const auto encoder = otlp::make_encoder(otlp::Signal::kTraces, Encoding::kProtobuf);
  encoder->on_resource({});
  encoder->on_scope({});
  const std::string long_name(1000, 'n');
  otlp::SpanView span;
  span.trace_id = "0123456789abcdef";
  span.span_id = "01234567";
  for (const std::string& name :
       {std::string("a"), long_name, long_name + "1", long_name + "2", long_name.substr(0, 256)}) {
    span.name = name;
    for (std::uint32_t flags : {1U, 1U, 2U, 3U}) {
      span.flags = flags;
      encoder->on_span(span);
    }
  }
  const std::vector<std::string> sent{encoder->take()};
  ASSERT_NO_FATAL_FAILURE(store(Signal::kTraces, Encoding::kProtobuf, sent));
  const auto expected = flat(Signal::kTraces, Encoding::kProtobuf, sent);

  for (std::uint32_t limit = 1; limit < 22; ++limit) {
    EXPECT_EQ(
        flat(Signal::kTraces, Encoding::kJson, exported(Signal::kTraces, Encoding::kJson, limit)),
        expected)
        << "pages of " << limit;
  }
}

TEST_F(ExportProperty, APageEndsWhereItsBytesDo) {
  const auto encoder = otlp::make_encoder(otlp::Signal::kLogs, Encoding::kProtobuf);
  encoder->on_resource({});
  encoder->on_scope({});
  otlp::LogRecordView record;
  record.body.type = otlp::ValueType::kString;
  const std::string text(1 << 20, 'x');
  record.body.text = text;
  for (std::uint32_t i = 0; i < 30; ++i) {
    record.flags = i;
    record.time_unix_nano = i;
    encoder->on_log_record(record);
  }
  const std::vector<std::string> sent{encoder->take()};
  ASSERT_NO_FATAL_FAILURE(store(Signal::kLogs, Encoding::kProtobuf, sent));

  Session session(engine_, Session::Clock::now() + std::chrono::seconds(120));
  const ExportPage first =
      export_page(session, {.signal = Signal::kLogs, .range = {0, INT64_MAX}, .filter = {}});
  EXPECT_LT(first.body.size(), 20u << 20U);
  EXPECT_GT(split(first.body, Encoding::kJson).size(), 5u) << "a message of a mebibyte is alone";
  EXPECT_EQ(flat(Signal::kLogs, Encoding::kProtobuf,
                 exported(Signal::kLogs, Encoding::kProtobuf, 20'000)),
            flat(Signal::kLogs, Encoding::kProtobuf, sent));
}

}  // namespace
}  // namespace signalbox::server::query

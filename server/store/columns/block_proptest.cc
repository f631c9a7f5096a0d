#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <deque>
#include <limits>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/store/columns/block.h"
#include "server/store/columns/native.h"
#include "server/store/engine/embedded_engine.h"
#include "server/store/engine/temporary_folder.h"
#include "server/store/sql/schema.h"

/// Random records go through a block into ClickHouse; what ClickHouse gives back, as RowBinary,
/// must be what a model says of the records.
namespace signalbox::server::store {
namespace {

constexpr std::size_t kRecords = 300;

/// ClickHouse's RowBinary, the model's side.
class Row {
 public:
  Row& text(std::string_view value) {
    append_string(bytes_, value);
    return *this;
  }
  template <typename T>
  Row& number(T value) {
    append_fixed(bytes_, value);
    return *this;
  }
  Row& raw(std::string_view value, std::size_t width) {
    std::string padded(value);
    padded.resize(width, '\0');
    bytes_ += padded;
    return *this;
  }
  Row& count(std::size_t value) {
    append_varint(bytes_, value);
    return *this;
  }
  Row& time(std::uint64_t unix_nano) {
    return number<std::int64_t>(unix_nano > std::numeric_limits<std::int64_t>::max()
                                    ? std::numeric_limits<std::int64_t>::max()
                                    : static_cast<std::int64_t>(unix_nano));
  }
  Row& nullable(bool has, double value) {
    number<std::uint8_t>(has ? 0 : 1);
    return has ? number(value) : *this;
  }
  template <typename T>
  Row& array(std::span<const T> values) {
    count(values.size());
    for (const T value : values) number(value);
    return *this;
  }
  [[nodiscard]] const std::string& bytes() const { return bytes_; }

 private:
  std::string bytes_;
};

struct Attribute {
  std::string key;
  otlp::ValueView value;
  std::string text;
};

/// Makes records whose views refer to memory that it keeps.
class Generator {
 public:
  explicit Generator(std::uint32_t seed) : random_(seed) {}

  std::uint64_t upto(std::uint64_t most) { return random_() % (most + 1); }
  bool chance(unsigned percent) { return upto(99) < percent; }

  std::string_view keep(std::string value) { return kept_.emplace_back(std::move(value)); }

  std::string_view text() {
    switch (upto(5)) {
      case 0:
        return {};
      case 1:
        return keep(std::string(upto(300), 'x'));
      case 2:
        return keep(std::string("\xC3\xA4\0'\\\n\t\"{}", 10));
      case 3:
        return keep("v" + std::to_string(upto(1'000'000)));
      default:
        return keep("name" + std::to_string(upto(7)));
    }
  }

  std::string_view id(std::size_t width) {
    std::string bytes(width, '\0');
    for (char& byte : bytes) byte = static_cast<char>(upto(255));
    return keep(std::move(bytes));
  }

  std::uint64_t time() {
    switch (upto(9)) {
      case 0:
        return 0;
      case 1:
        return upto(1) == 0 ? std::uint64_t{1} << 63 : ~std::uint64_t{0};
      default:
        return 1'790'000'000'000'000'000 + upto(3ULL * 86'400'000'000'000);
    }
  }

  double number() {
    switch (upto(5)) {
      case 0:
        return std::numeric_limits<double>::quiet_NaN();
      case 1:
        return -std::numeric_limits<double>::infinity();
      default:
        return static_cast<double>(upto(1'000'000)) / 7;
    }
  }

  std::vector<Attribute> attributes(std::size_t most) {
    std::vector<Attribute> result;
    const std::size_t count = upto(most);
    for (std::size_t i = 0; i < count; ++i) {
      Attribute attribute{.key = "key" + std::to_string(upto(20)), .value = {}, .text = {}};
      otlp::ValueView& value = attribute.value;
      switch (upto(7)) {
        case 0:
          break;
        case 1:
          value.type = otlp::ValueType::kBool;
          value.bool_value = chance(50);
          attribute.text = value.bool_value ? "true" : "false";
          break;
        case 2:
          value.type = otlp::ValueType::kInt;
          value.int_value = static_cast<std::int64_t>(random_());
          attribute.text = std::to_string(value.int_value);
          break;
        case 3: {
          static const std::vector<std::pair<double, const char*>> doubles = {
              {0.5, "0.5"},
              {-0.0, "-0"},
              {1e300, "1e+300"},
              {0.1 + 0.2, "0.30000000000000004"},
              {3, "3"},
              {120'000, "120000"},
              {200'000, "2e+05"},
              {0.001, "0.001"},
              {0.00012, "0.00012"},
              {-0.0002, "-2e-04"},
              {std::numeric_limits<double>::infinity(), "Infinity"},
              {-std::numeric_limits<double>::infinity(), "-Infinity"},
              {std::numeric_limits<double>::quiet_NaN(), "NaN"}};
          const auto& [number, text] = doubles[upto(doubles.size() - 1)];
          value.type = otlp::ValueType::kDouble;
          value.double_value = number;
          attribute.text = text;
          break;
        }
        case 4: {
          static const std::vector<std::pair<std::string, const char*>> bytes_and_texts = {
              {"", ""}, {"f", "Zg=="}, {"fo", "Zm8="}, {"foo", "Zm9v"}, {"\xFF\xFE", "//4="}};
          const auto& [bytes, text] = bytes_and_texts[upto(bytes_and_texts.size() - 1)];
          value.type = otlp::ValueType::kBytes;
          value.text = bytes;
          attribute.text = text;
          break;
        }
        case 5:
          value.type = otlp::ValueType::kArray;
          value.text = R"({"arrayValue":{"values":[{"intValue":"1"}]}})";
          attribute.text = value.text;
          break;
        default:
          value.type = otlp::ValueType::kString;
          value.text = text();
          attribute.text = value.text;
      }
      result.push_back(std::move(attribute));
    }
    return result;
  }

  otlp::AttributesView view(const std::vector<Attribute>& attributes) {
    auto& views = views_.emplace_back();
    for (const Attribute& attribute : attributes) {
      views.push_back({keep(attribute.key), attribute.value});
    }
    return views;
  }

  template <typename T>
  std::span<const T> numbers(std::size_t most) {
    std::string& bytes = kept_.emplace_back(upto(most) * sizeof(T), '\0');
    auto* values = reinterpret_cast<T*>(bytes.data());
    const std::size_t count = bytes.size() / sizeof(T);
    for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<T>(upto(100'000));
    return {values, count};
  }

 private:
  std::mt19937_64 random_;
  std::deque<std::string> kept_;
  std::deque<std::vector<otlp::KeyValueView>> views_;
};

void sort_by_key(std::vector<Attribute>& attributes) {
  std::multimap<std::string, Attribute> by_key;  // Keeps equal keys in their order.
  for (Attribute& attribute : attributes) by_key.emplace(attribute.key, attribute);
  attributes.clear();
  for (auto& [key, attribute] : by_key) attributes.push_back(std::move(attribute));
}

void add_map(Row& row, std::vector<Attribute> attributes) {
  sort_by_key(attributes);
  row.count(attributes.size());
  for (const Attribute& attribute : attributes) row.text(attribute.key).text(attribute.text);
}

std::string types_of(std::vector<Attribute> attributes) {
  sort_by_key(attributes);
  std::string types;
  for (const Attribute& attribute : attributes) {
    types += static_cast<char>(attribute.value.type);
  }
  return types;
}

class BlockProperty : public ::testing::TestWithParam<std::uint32_t> {
 protected:
  static void SetUpTestSuite() {
    folder_ = new TemporaryFolder;
    engine_ = new EmbeddedEngine({.data_folder = folder_->path()});
    apply_schema(*engine_);
  }
  static void TearDownTestSuite() {
    delete engine_;
    delete folder_;
  }

  void SetUp() override {
    SCOPED_TRACE(GetParam());
    for (const char* table :
         {"resource_rows", "scope_rows", "attribute_slots", "span_rows", "log_rows",
          "metric_series_rows", "metric_number_rows", "metric_histogram_rows",
          "metric_exponential_histogram_rows", "metric_summary_rows", "metric_exemplar_rows"}) {
      engine_->execute(std::string("TRUNCATE TABLE ") + table);
    }
  }

  void describe(auto& sink) {
    const auto resource_attributes = make_.attributes(5);
    const auto scope_attributes = make_.attributes(2);
    sink.on_resource({.attributes = make_.view(resource_attributes),
                      .dropped_attributes_count = 3,
                      .schema_url = "https://example.com/r"});
    sink.on_scope({.name = make_.text(),
                   .version = "1",
                   .attributes = make_.view(scope_attributes),
                   .dropped_attributes_count = 4,
                   .schema_url = "https://example.com/s"});
  }

  static void on_metric(otlp::MetricsSink& sink, otlp::MetricType type) {
    otlp::MetricView metric;
    metric.name = "metric";
    metric.type = type;
    sink.on_metric(metric);
  }

  void insert(int block = 0) {
    const SealedBlock sealed = block_.seal(1'790'000'000'000'000 + block);
    for (const auto* rows : {&sealed.descriptions, &sealed.data}) {
      for (const TableRows& table : *rows) engine_->insert_native(table.table, table.native);
    }
  }

  /// Compares the table with `expected_`, row by row.
  void expect_rows(const std::string& columns, const std::string& table, const std::string& order) {
    for (std::size_t i = 0; i < expected_.size(); ++i) {
      std::string sql = "SELECT ";
      sql.append(columns).append(" FROM ").append(table).append(" ORDER BY ").append(order);
      sql += " LIMIT 1 OFFSET {row:UInt64} FORMAT RowBinary";
      if (i % 20 != 0 && i + 1 != expected_.size()) continue;
      const QueryResult result = engine_->query(sql, {{"row", std::to_string(i)}});
      EXPECT_EQ(result.data, expected_[i].bytes()) << table << " row " << i;
    }
    std::string all;
    for (const Row& row : expected_) all += row.bytes();
    const QueryResult result = engine_->query("SELECT " + columns + " FROM " + table +
                                              " ORDER BY " + order + " FORMAT RowBinary");
    EXPECT_TRUE(result.data == all) << table << " as a whole";
  }

  template <typename Point>
  void begin_point(Point& point, const std::vector<Attribute>& attributes) {
    point.attributes = make_.view(attributes);
    point.start_time_unix_nano = make_.time();
    point.time_unix_nano = make_.time();
    point.flags = static_cast<std::uint32_t>(expected_.size());
    expected_.emplace_back()
        .text("metric")
        .time(point.time_unix_nano)
        .time(point.start_time_unix_nano);
    expected_.back().number(point.flags);
  }

  std::vector<otlp::ExemplarView> exemplars(const auto& point) {
    std::vector<otlp::ExemplarView> views(make_.upto(3));
    for (otlp::ExemplarView& view : views) {
      const auto attributes = make_.attributes(3);
      view = {.time_unix_nano = make_.time(),
              .is_int = make_.chance(50),
              .int_value = std::numeric_limits<std::int64_t>::max() - 1,
              .double_value = 0.25,
              .trace_id = make_.chance(50) ? make_.id(16) : std::string_view(),
              .span_id = make_.id(8),
              .filtered_attributes = make_.view(attributes)};
      Row& row = expected_exemplars_.emplace_back();
      row.text("metric").time(point.time_unix_nano).time(view.time_unix_nano);
      row.number(view.is_int ? static_cast<double>(view.int_value) : 0.25);
      row.number<std::uint8_t>(view.is_int ? 1 : 2);
      row.number<std::int64_t>(view.is_int ? view.int_value : 0);
      row.raw(view.trace_id, 16).raw(view.span_id, 8);
      add_map(row, attributes);
      row.text(types_of(attributes));
      exemplar_ids_.push_back(std::string(view.span_id));
    }
    return views;
  }

  /// Exemplars have no order of their own: by the random ids that they were given.
  void expect_exemplars() {
    std::vector<std::pair<std::string, std::string>> rows;
    rows.reserve(exemplar_ids_.size());
    for (std::size_t i = 0; i < exemplar_ids_.size(); ++i) {
      rows.emplace_back(exemplar_ids_[i], expected_exemplars_[i].bytes());
    }
    std::sort(rows.begin(), rows.end());
    std::string all;
    for (const auto& [id, bytes] : rows) all += bytes;
    const QueryResult result = engine_->query(
        "SELECT metric_name, point_time, time, value, value_kind, value_int, trace_id, span_id, "
        "attributes, attribute_types FROM metric_exemplars ORDER BY span_id FORMAT RowBinary");
    EXPECT_FALSE(rows.empty());
    EXPECT_TRUE(result.data == all);
  }

  static constexpr const char* kPoint = "metric_name, time, start_time, flags, ";
  // NOLINTBEGIN(readability-identifier-naming): members like the others, though static.
  static TemporaryFolder* folder_;
  static EmbeddedEngine* engine_;
  // NOLINTEND(readability-identifier-naming)
  Generator make_{GetParam()};
  Registry registry_{1000};
  Block block_{registry_};
  std::vector<Row> expected_exemplars_;
  std::vector<std::string> exemplar_ids_;
  std::vector<Row> expected_;
};

// NOLINTBEGIN(readability-identifier-naming)
TemporaryFolder* BlockProperty::folder_ = nullptr;
EmbeddedEngine* BlockProperty::engine_ = nullptr;
// NOLINTEND(readability-identifier-naming)

TEST_P(BlockProperty, SpansSurviveTheTripIntoTheTables) {
  block_.begin_request(1'790'000'000'000'000'000);
  otlp::TraceSink& sink = block_.sinks().traces;
  for (std::size_t i = 0; i < kRecords; ++i) {
    if (i % 50 == 0) describe(sink);
    const auto attributes = make_.attributes(12);
    std::vector<std::vector<Attribute>> event_attributes;
    std::vector<otlp::EventView> events(make_.chance(30) ? make_.upto(3) : 0);
    for (otlp::EventView& event : events) {
      event_attributes.push_back(make_.attributes(3));
      event = {make_.time(), make_.text(), make_.view(event_attributes.back()), 5};
    }
    std::vector<std::vector<Attribute>> link_attributes;
    std::vector<otlp::LinkView> links(make_.chance(20) ? make_.upto(3) : 0);
    for (otlp::LinkView& link : links) {
      link_attributes.push_back(make_.attributes(3));
      link = {make_.id(16), make_.id(8), make_.text(), make_.view(link_attributes.back()), 6, 7};
    }
    const otlp::SpanView span{.trace_id = make_.id(16),
                              .span_id = make_.id(8),
                              .parent_span_id = make_.chance(50) ? make_.id(8) : "",
                              .trace_state = make_.text(),
                              .flags = static_cast<std::uint32_t>(i),
                              .name = make_.text(),
                              .kind = static_cast<std::int32_t>(make_.upto(7)) - 1,
                              .start_time_unix_nano = make_.time(),
                              .end_time_unix_nano = make_.time(),
                              .attributes = make_.view(attributes),
                              .dropped_attributes_count = 8,
                              .events = events,
                              .dropped_events_count = 9,
                              .links = links,
                              .dropped_links_count = 10,
                              .status_code = static_cast<std::int32_t>(make_.upto(3)),
                              .status_message = make_.text()};
    sink.on_span(span);

    Row& row = expected_.emplace_back();
    const auto clamp = [](std::uint64_t time) {
      return std::min<std::uint64_t>(time, std::numeric_limits<std::int64_t>::max());
    };
    row.text(span.name).time(span.start_time_unix_nano);
    row.number<std::int64_t>(static_cast<std::int64_t>(clamp(span.end_time_unix_nano)) -
                             static_cast<std::int64_t>(clamp(span.start_time_unix_nano)));
    row.raw(span.trace_id, 16).raw(span.span_id, 8).raw(span.parent_span_id, 8);
    row.text(span.trace_state).number(span.flags).number(span.kind).number(span.status_code);
    row.text(span.status_message);
    add_map(row, attributes);
    row.text(types_of(attributes)).number<std::uint32_t>(8);
    row.count(events.size());
    for (const auto& event : events) row.time(event.time_unix_nano);
    row.count(events.size());
    for (const auto& event : events) row.text(event.name);
    row.count(events.size());
    for (const auto& one : event_attributes) add_map(row, one);
    row.count(events.size());
    for (const auto& one : event_attributes) row.text(types_of(one));
    row.count(events.size());
    for (const auto& event : events) row.number(event.dropped_attributes_count);
    row.number<std::uint32_t>(9);
    row.count(links.size());
    for (const auto& link : links) row.raw(link.trace_id, 16);
    row.count(links.size());
    for (const auto& link : links) row.raw(link.span_id, 8);
    row.count(links.size());
    for (const auto& link : links) row.text(link.trace_state);
    row.count(links.size());
    for (const auto& link : links) row.number(link.flags);
    row.count(links.size());
    for (const auto& one : link_attributes) add_map(row, one);
    row.count(links.size());
    for (const auto& one : link_attributes) row.text(types_of(one));
    row.count(links.size());
    for (const auto& link : links) row.number(link.dropped_attributes_count);
    row.number<std::uint32_t>(10);
  }
  insert();

  expect_rows(
      "name, start_time, duration_ns, trace_id, span_id, parent_span_id, trace_state, flags, kind, "
      "status_code, status_message, attributes, attribute_types, dropped_attributes_count, "
      "events.time, events.name, events.attributes, events.attribute_types, "
      "events.dropped_attributes_count, dropped_events_count, links.trace_id, links.span_id, "
      "links.trace_state, links.flags, links.attributes, links.attribute_types, "
      "links.dropped_attributes_count, dropped_links_count",
      "spans", "flags");
  EXPECT_EQ(engine_
                ->query("SELECT count() FROM spans WHERE resource_id NOT IN (SELECT resource_id "
                        "FROM resources) OR scope_id NOT IN (SELECT scope_id FROM scopes) "
                        "FORMAT TSV")
                .data,
            "0\n");
}

/// Some requests are rolled back, blocks follow each other, keys get slots and lose their claim to
/// dictionaries: what is left is what was sent.
TEST_P(BlockProperty, AttributesSurviveInSlotsAndBesideThemOverManyBlocks) {
  otlp::TraceSink& sink = block_.sinks().traces;
  std::uint32_t number = 0;
  for (int block = 0; block < 4; ++block) {
    for (int request = 0; request < 10; ++request) {
      block_.begin_request(1'790'000'000'000'000'000);
      describe(sink);
      const std::size_t before = expected_.size();
      const std::uint32_t first = number;
      for (int i = 0; i < 150; ++i) {
        auto attributes = make_.attributes(make_.chance(2) ? 300 : 8);
        Attribute unique{
            .key = "unique", .value = {}, .text = std::to_string(make_.upto(1U << 30))};
        unique.value.type = otlp::ValueType::kString;
        unique.value.text = make_.keep(unique.text);
        attributes.push_back(unique);
        if (make_.chance(5)) attributes.push_back({std::string("a\x1E") + unique.text, {}, {}});
        otlp::SpanView span;
        span.trace_id = "0123456789abcdef";
        span.span_id = "01234567";
        span.flags = number++;
        span.start_time_unix_nano = make_.time();
        span.attributes = make_.view(attributes);
        sink.on_span(span);
        Row& row = expected_.emplace_back();
        row.number(span.flags);
        add_map(row, attributes);
        row.text(types_of(attributes));
      }
      if (make_.chance(30)) {
        block_.roll_back();
        expected_.resize(before);
        number = first;
      }
    }
    if (block_.rows() == 0) continue;
    insert(block);
    block_.descriptions_are_written();
    block_.clear();
  }

  expect_rows("flags, attributes, attribute_types", "spans", "flags");
  const auto one = [&](const std::string& sql) { return engine_->query(sql + " FORMAT TSV").data; };
  EXPECT_EQ(one("SELECT countIf(shape != '') * 2 > count() FROM span_rows"), "1\n");
  EXPECT_EQ(one("SELECT count() > 0 FROM attribute_slots WHERE key = 'unique' AND slot BETWEEN 17 "
                "AND 20"),
            "1\n");
  EXPECT_EQ(one("SELECT max(c) <= 3 FROM (SELECT key, uniqExact(slot) AS c FROM attribute_slots "
                "GROUP BY key)"),
            "1\n");
}

TEST_P(BlockProperty, LogRecordsSurviveTheTripIntoTheTables) {
  block_.begin_request(1'790'000'000'000'000'000);
  otlp::LogsSink& sink = block_.sinks().logs;
  for (std::size_t i = 0; i < kRecords; ++i) {
    if (i % 50 == 0) describe(sink);
    const auto attributes = make_.attributes(12);
    auto bodies = make_.attributes(1);
    if (bodies.empty()) bodies.emplace_back();
    const Attribute body = bodies.front();
    const otlp::LogRecordView record{.time_unix_nano = make_.time(),
                                     .observed_time_unix_nano = make_.time(),
                                     .severity_number = static_cast<std::int32_t>(make_.upto(30)),
                                     .severity_text = make_.text(),
                                     .body = body.value,
                                     .attributes = make_.view(attributes),
                                     .dropped_attributes_count = 11,
                                     .flags = static_cast<std::uint32_t>(i),
                                     .trace_id = make_.chance(50) ? make_.id(16) : "",
                                     .span_id = make_.chance(50) ? make_.id(8) : "",
                                     .event_name = make_.text()};
    sink.on_log_record(record);

    Row& row = expected_.emplace_back();
    row.time(record.time_unix_nano != 0 ? record.time_unix_nano : record.observed_time_unix_nano);
    row.number(record.time_unix_nano).number(record.observed_time_unix_nano);
    row.raw(record.trace_id, 16).raw(record.span_id, 8).number(record.flags);
    row.number(record.severity_number).text(record.severity_text).text(body.text);
    row.text(std::string(1, static_cast<char>(body.value.type))).text(record.event_name);
    add_map(row, attributes);
    row.text(types_of(attributes)).number<std::uint32_t>(11);
  }
  insert();

  expect_rows(
      "time, time_unix_nano, observed_time_unix_nano, trace_id, span_id, flags, severity_number, "
      "severity_text, body, body_type, event_name, attributes, attribute_types, "
      "dropped_attributes_count",
      "logs", "flags");
}

TEST_P(BlockProperty, NumberPointsSurviveTheTripIntoTheTables) {
  block_.begin_request(1'790'000'000'000'000'000);
  otlp::MetricsSink& sink = block_.sinks().metrics;
  describe(sink);
  on_metric(sink, otlp::MetricType::kSum);
  for (std::size_t i = 0; i < kRecords; ++i) {
    const auto attributes = make_.attributes(3);
    otlp::NumberPointView point;
    begin_point(point, attributes);
    using Kind = otlp::NumberPointView::Kind;
    point.kind = static_cast<Kind>(make_.upto(2));
    const bool is_int = point.kind == Kind::kInt;
    if (is_int) point.int_value = std::numeric_limits<std::int64_t>::min() + 1;
    if (point.kind == Kind::kDouble) point.double_value = make_.number();
    Row& row = expected_.back();
    row.number(is_int ? static_cast<double>(point.int_value) : point.double_value);
    row.number(static_cast<std::uint8_t>(point.kind)).number(point.int_value);
    const auto views = exemplars(point);
    point.exemplars = views;
    sink.on_point(point);
  }
  insert();

  expect_rows(std::string(kPoint) + "value, value_kind, value_int", "metric_numbers", "flags");
  expect_exemplars();
  EXPECT_EQ(engine_
                ->query("SELECT count() FROM metric_numbers WHERE series_id NOT IN (SELECT "
                        "series_id FROM metric_series) FORMAT TSV")
                .data,
            "0\n");
}

TEST_P(BlockProperty, HistogramPointsSurviveTheTripIntoTheTables) {
  block_.begin_request(1'790'000'000'000'000'000);
  otlp::MetricsSink& sink = block_.sinks().metrics;
  describe(sink);
  on_metric(sink, otlp::MetricType::kHistogram);
  for (std::size_t i = 0; i < kRecords; ++i) {
    const auto attributes = make_.attributes(3);
    otlp::HistogramPointView point;
    begin_point(point, attributes);
    point.count = ~std::uint64_t{0} - make_.upto(5);
    point.has_sum = make_.chance(50);
    point.has_min = make_.chance(50);
    point.has_max = make_.chance(50);
    point.sum = make_.number();
    point.min = make_.number();
    point.max = make_.number();
    point.explicit_bounds = make_.numbers<double>(5);
    point.bucket_counts = make_.numbers<std::uint64_t>(6);
    Row& row = expected_.back();
    row.number(point.count).nullable(point.has_sum, point.sum).nullable(point.has_min, point.min);
    row.nullable(point.has_max, point.max).array(point.explicit_bounds).array(point.bucket_counts);
    const auto views = exemplars(point);
    point.exemplars = views;
    sink.on_point(point);
  }
  insert();

  expect_rows(std::string(kPoint) + "count, sum, min, max, bounds, counts", "metric_histograms",
              "flags");
  expect_exemplars();
}

TEST_P(BlockProperty, ExponentialHistogramPointsSurviveTheTripIntoTheTables) {
  block_.begin_request(1'790'000'000'000'000'000);
  otlp::MetricsSink& sink = block_.sinks().metrics;
  describe(sink);
  on_metric(sink, otlp::MetricType::kExponentialHistogram);
  for (std::size_t i = 0; i < kRecords; ++i) {
    const auto attributes = make_.attributes(3);
    otlp::ExponentialHistogramPointView point;
    begin_point(point, attributes);
    point.count = make_.upto(1000);
    point.has_sum = make_.chance(50);
    point.sum = make_.number();
    point.has_min = point.has_max = make_.chance(50);
    point.min = point.max = 1;
    point.scale = static_cast<std::int32_t>(make_.upto(30)) - 10;
    point.zero_count = make_.upto(9);
    point.zero_threshold = 0.001;
    point.positive_offset = -3;
    point.positive_counts = make_.numbers<std::uint64_t>(6);
    point.negative_offset = 4;
    point.negative_counts = make_.numbers<std::uint64_t>(6);
    Row& row = expected_.back();
    row.number(point.count).nullable(point.has_sum, point.sum).nullable(point.has_min, 1);
    row.nullable(point.has_max, 1).number(point.scale).number(point.zero_count);
    row.number(point.zero_threshold).number(point.positive_offset).array(point.positive_counts);
    row.number(point.negative_offset).array(point.negative_counts);
    const auto views = exemplars(point);
    point.exemplars = views;
    sink.on_point(point);
  }
  insert();

  expect_rows(std::string(kPoint) +
                  "count, sum, min, max, scale, zero_count, zero_threshold, positive_offset, "
                  "positive_counts, negative_offset, negative_counts",
              "metric_exponential_histograms", "flags");
  expect_exemplars();
}

TEST_P(BlockProperty, SummaryPointsSurviveTheTripIntoTheTables) {
  block_.begin_request(1'790'000'000'000'000'000);
  otlp::MetricsSink& sink = block_.sinks().metrics;
  describe(sink);
  on_metric(sink, otlp::MetricType::kSummary);
  for (std::size_t i = 0; i < kRecords; ++i) {
    const auto attributes = make_.attributes(3);
    otlp::SummaryPointView point;
    begin_point(point, attributes);
    point.count = make_.upto(1000);
    point.sum = make_.number();
    point.quantiles = make_.numbers<double>(4);
    point.values = point.quantiles;
    expected_.back()
        .number(point.count)
        .number(point.sum)
        .array(point.quantiles)
        .array(point.values);
    sink.on_point(point);
  }
  insert();

  expect_rows(std::string(kPoint) + "count, sum, quantiles, values", "metric_summaries", "flags");
}

INSTANTIATE_TEST_SUITE_P(Seeds, BlockProperty, ::testing::Values(1U, 2U, 3U));

}  // namespace
}  // namespace signalbox::server::store

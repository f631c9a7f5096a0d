#include <gtest/gtest.h>

#include <array>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <functional>
#include <optional>
#include <random>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "server/query/match/filter_match.h"
#include "server/query/match/nested_value.h"
#include "server/query/match/number_text.h"
#include "server/query/plan/error.h"
#include "server/query/plan/filter_sql.h"
#include "server/query/plan/query_test_fixture.h"
#include "server/query/plan/rows.h"
#include "server/store/columns/attributes.h"
#include "server/store/columns/block.h"
#include "server/store/columns/registry.h"

/// Random records go into the tables, random filters are asked of them: the matcher must hold for
/// just the records that the SQL finds.
namespace signalbox::server::query {
namespace {

constexpr std::uint32_t kRecords = 400;
constexpr int kFilters = 250;
constexpr std::int64_t kReceivedNs = 1'790'000'000'000'000'000;

/// What texts and numbers of records and of filters are chosen from, so that they meet.
constexpr std::array<std::string_view, 26> kTexts = {"",
                                                     "a",
                                                     "A",
                                                     "ab",
                                                     "aB_",
                                                     "a%",
                                                     "50%",
                                                     "x\\y",
                                                     "größe",
                                                     "GRÖSSE",
                                                     "Ünï",
                                                     "日本",
                                                     "5",
                                                     "5.0",
                                                     "05",
                                                     "+5",
                                                     "-1.5",
                                                     "1e3",
                                                     "true",
                                                     "nan",
                                                     "Infinity",
                                                     "line\nbreak",
                                                     "9007199254740993",
                                                     "9007199254740992",
                                                     "get",
                                                     "GET"};
constexpr std::array<std::string_view, 14> kPatterns = {
    "%",      "a%",  "%a",     "_",  "a_",  "%\\%",       "a\\_%",
    "x\\\\y", "%b%", "gr_sse", "ü%", "%ö%", "line%break", "日_"};
constexpr std::array<std::string_view, 12> kNumbers = {
    "0", "5", "-1.5", "1000", "1e3", "0.1", "9007199254740993", "9007199254740992",
    "2", "3", "17",   "200"};
constexpr std::array<std::string_view, 7> kKeys = {
    "k", "http.route", "count", "ratio", "ok", "exception.type", "exception.message"};
/// Of the attribute that has values inside, if any.
constexpr std::string_view kNestedKey = "doc";
constexpr std::array<std::string_view, 6> kExpressions = {"^a",  "(?i)get|AB", "\\\\d+",
                                                          "e.b", "^.$",        "\\\\p{L}{3}"};
/// JSON as text, and what OTLP/JSON has of lists and arrays.
constexpr std::array<std::string_view, 9> kDocuments = {
    R"({"a": "5", "b": {"a": 5, "c": [1, "x", null, {"a": true}]}})",
    R"([5, "a", {"a": -1.5, "b": ""}, [7, 1e3]])",
    R"({"b.a": "dotted", "b": null, "a": 9007199254740993})",
    R"({"kvlistValue":{"values":[{"key":"a","value":{"intValue":"5"}},)"
    R"({"key":"b","value":{"kvlistValue":{"values":[{"key":"a","value":{"boolValue":true}},)"
    R"({"key":"c","value":{"arrayValue":{"values":[{"stringValue":"x"},{"doubleValue":0.5}]}}}]}}}]}})",
    R"({"arrayValue":{"values":[{"stringValue":"GET"},{"arrayValue":{"values":[]}},{}]}})",
    R"({"kvlistValue":{"values":[{"key":"b.a","value":{"stringValue":"dotted"}}]}})",
    R"({"a": [)",
    "{}",
    R"("5")"};
constexpr std::array<std::string_view, 9> kPaths = {"a",   "b",     "b.a",      "b.c",   "b.c[1]",
                                                    "[0]", "[2].a", "b.c[3].a", "[3][1]"};
constexpr std::string_view kTraceIds = "0000000000000000aaaaaaaaaaaaaaaabbbbbbbbbbbbbbbb";

std::uint32_t seed() {
  const char* const given = std::getenv("SIGNALBOX_TEST_SEED");
  const std::uint32_t value = given != nullptr
                                  ? static_cast<std::uint32_t>(std::strtoul(given, nullptr, 10))
                                  : std::random_device{}();
  ::testing::Test::RecordProperty("seed", std::to_string(value));
  std::printf("SIGNALBOX_TEST_SEED=%u\n", value);
  return value;
}

class Random {
 public:
  explicit Random(std::uint32_t seed) : random_(seed) {}
  std::size_t below(std::size_t limit) { return random_() % limit; }
  bool chance(std::size_t percent) { return below(100) < percent; }
  template <typename Items>
  auto one_of(const Items& items) {
    return items[below(items.size())];
  }
  std::string_view text() { return one_of(kTexts); }
  std::string_view id(std::size_t width) { return kTraceIds.substr(16 * below(3), width); }

 private:
  std::mt19937 random_;
};

/// Makes filters over the fields of one signal.
class FilterGenerator {
 public:
  FilterGenerator(Signal signal, Random& random) : signal_(signal), random_(random) {}

  std::string filter(int depth) {
    switch (depth == 0 ? 0 : random_.below(4)) {
      case 0:
        return test();
      case 1:
        return "(" + filter(depth - 1) + " AND " + filter(depth - 1) + ")";
      case 2:
        return "(" + filter(depth - 1) + " OR " + filter(depth - 1) + ")";
      default:
        return "NOT " + filter(depth - 1);
    }
  }

 private:
  std::string test() {
    if (random_.chance(5)) return quote_filter_text(random_.one_of(kTexts));
    if (random_.chance(40)) return intrinsic_test();
    if (random_.chance(25)) return nested() + " " + text_test();
    return attribute() + type() + " " + text_test();
  }

  /// Events, links and insides of values take none: such filters are refused, and left out.
  std::string type() {
    constexpr std::array<std::string_view, 3> kTypes = {"::number", "::string", "::bool"};
    return random_.chance(80) ? "" : std::string(random_.one_of(kTypes));
  }

  std::string nested() {
    const std::string path(random_.one_of(kPaths));
    const std::string outer = signal_ == Signal::kLogs && random_.chance(50)
                                  ? "body"
                                  : "attribute." + std::string(kNestedKey);
    return outer + (path.starts_with('[') ? "" : ".") + path;
  }

  std::string attribute() {
    std::vector<std::string> places = {"", "attribute.", "resource.", "scope."};
    if (signal_ == Signal::kTraces) {
      places.emplace_back("event.");
      places.emplace_back("link.");
    }
    return random_.one_of(places) + std::string(random_.one_of(kKeys));
  }

  std::string text_test() {
    static constexpr std::array<std::string_view, 7> kOperators = {"=",  "==", "!=", "<",
                                                                   "<=", ">",  ">="};
    switch (random_.below(8)) {
      case 0:
        return random_.chance(50) ? "EXISTS" : "NOT EXISTS";
      case 4:
        return std::string(random_.chance(50) ? "" : "NOT ") + "BETWEEN " + value() + " AND " +
               value();
      case 5:
        return "REGEXP '" + std::string(random_.one_of(kExpressions)) + "'";
      case 1:
        return std::string(random_.chance(50) ? "" : "NOT ") + "IN (" + value() + ", " + value() +
               ")";
      case 2:
        return std::string(random_.chance(50) ? "LIKE " : "ILIKE ") +
               quote_filter_text(random_.one_of(kPatterns));
      case 3:
        return "CONTAINS " + quote_filter_text(random_.text());
      default:
        return std::string(random_.one_of(kOperators)) + " " + value();
    }
  }

  std::string value() {
    return random_.chance(50) ? std::string(random_.one_of(kNumbers))
                              : quote_filter_text(random_.text());
  }

  /// Some are refused for what they are compared with; these are left out.
  std::string intrinsic_test() {
    const auto fields = intrinsic_fields(signal_);
    const IntrinsicField& field = fields[random_.below(fields.size())];
    const std::string name(field.name);
    if (field.type == FieldType::kString || random_.chance(5)) return name + " " + text_test();
    constexpr std::array<std::string_view, 6> kOperators = {" = ",  " != ", " < ",
                                                            " <= ", " > ",  " >= "};
    if (random_.chance(15)) return name + " EXISTS";
    if (random_.chance(15)) return name + " BETWEEN " + between(field) + " AND " + between(field);
    std::string op(random_.one_of(kOperators));
    switch (field.type) {
      case FieldType::kBool:
        return name + (random_.chance(50) ? " = " : " != ") +
               (random_.chance(50) ? "true" : "FALSE");
      case FieldType::kTraceId:
      case FieldType::kSpanId: {
        const std::size_t digits = field.type == FieldType::kTraceId ? 32 : 16;
        constexpr std::array<std::string_view, 3> kBytes = {"00", "61", "62"};
        const std::string_view byte = random_.one_of(kBytes);
        std::string id;
        while (id.size() < digits) id += byte;
        return name + (random_.chance(50) ? " = '" : " != '") + id + "'";
      }
      case FieldType::kDuration:
        return name + op + (random_.chance(50) ? "3us" : std::string(random_.one_of(kNumbers)));
      case FieldType::kEnum:
      case FieldType::kSeverity:
        if (random_.chance(50)) return name + op + std::to_string(random_.below(25));
        return name + op + std::string(field.values[random_.below(field.values.size())].name);
      default:
        return name + op + std::string(random_.one_of(kNumbers));
    }
  }

  std::string between(const IntrinsicField& field) {
    if (field.values.empty() || random_.chance(50)) return std::string(random_.one_of(kNumbers));
    return std::string(field.values[random_.below(field.values.size())].name);
  }

  const Signal signal_;
  Random& random_;
};

/// Asks the tables, and the matcher as the records come.
class FilterMatchProperty : public QueryTest {
 protected:
  using Views = std::vector<otlp::KeyValueView>;

  Views attributes() {
    Views views;
    for (const std::string_view key : kKeys) {
      if (!random_.chance(50)) continue;
      otlp::KeyValueView& added = views.emplace_back();
      added.key = key;
      added.value = value();
    }
    if (random_.chance(50)) {
      otlp::KeyValueView& added = views.emplace_back();
      added.key = kNestedKey;
      added.value = document();
    }
    return views;
  }

  otlp::ValueView document() {
    otlp::ValueView value;
    value.text = random_.one_of(kDocuments);
    value.type = otlp::ValueType::kString;
    if (value.text.starts_with("{\"kv")) value.type = otlp::ValueType::kKeyValueList;
    if (value.text.starts_with("{\"ar")) value.type = otlp::ValueType::kArray;
    return value;
  }

  otlp::ValueView value() {
    constexpr std::array<std::int64_t, 5> kInts = {0, 5, -7, 9007199254740993, 200};
    constexpr std::array<double, 5> kDoubles = {0.1, 5, -1.5, 1e300, 1000};
    otlp::ValueView value;
    switch (random_.below(5)) {
      case 0:
        value.type = otlp::ValueType::kInt;
        value.int_value = random_.one_of(kInts);
        break;
      case 1:
        value.type = otlp::ValueType::kDouble;
        value.double_value = random_.one_of(kDoubles);
        break;
      case 2:
        value.type = otlp::ValueType::kBool;
        value.bool_value = random_.chance(50);
        break;
      default:
        value.type = otlp::ValueType::kString;
        value.text = random_.text();
    }
    return value;
  }

  /// A resource and a scope, for the records to come.
  template <typename Sink>
  void describe(Sink& sink) {
    Views of_resource = attributes();
    otlp::KeyValueView& service = of_resource.emplace_back();
    service.key = "service.name";
    service.value.type = otlp::ValueType::kString;
    service.value.text = random_.text();
    const Views of_scope = attributes();
    scope_name_ = random_.text();
    scope_version_ = random_.text();
    resource_.assign(of_resource);
    scope_.assign(of_scope);
    sink.on_resource({.attributes = of_resource, .schema_url = {}});
    sink.on_scope(
        {.name = scope_name_, .version = scope_version_, .attributes = of_scope, .schema_url = {}});
    // What they refer to ends here.
    keep_.push_back(of_resource);
    resource_.assign(keep_.back());
    keep_.push_back(of_scope);
    scope_.assign(keep_.back());
  }

  template <typename Record>
  LiveRecord live(const Record& record, std::string_view body = {}) {
    return {.record = &record,
            .attributes = attributes_,
            .resource = resource_,
            .scope = scope_,
            .scope_name = scope_name_,
            .scope_version = scope_version_,
            .body = body};
  }

  void note_matches(std::uint32_t number, const LiveRecord& record) {
    for (Asked& asked : asked_) {
      if (asked.matcher.matches(record)) asked.matched.insert(number);
    }
  }

  void make_filters(Signal signal) {
    FilterGenerator generator(signal, random_);
    while (asked_.size() < kFilters) {
      const std::string text = generator.filter(2);
      try {
        asked_.push_back({text, FilterMatcher(parse_filter(text), signal), {}});
      } catch (const QueryError& error) {
        if (error.parameter != "q") throw;
      }
    }
  }

  void insert_block(int number) {
    const store::SealedBlock sealed = block_.seal(kReceivedNs / 1000 + number);
    for (const store::TableRows& rows : sealed.descriptions)
      engine_.insert_native(rows.table, rows.native);
    for (const store::TableRows& rows : sealed.data) engine_.insert_native(rows.table, rows.native);
    block_.descriptions_are_written();
    block_.clear();
  }

  /// `make` makes the record of a number. In two blocks: keys get slots with the first one.
  void make_records(const std::function<void(std::uint32_t)>& make) {
    for (std::uint32_t number = 0; number < kRecords; ++number) {
      if (number % (kRecords / 2) == 0) block_.begin_request(kReceivedNs);
      make(number);
      if (number % (kRecords / 2) == kRecords / 2 - 1) insert_block(static_cast<int>(number));
    }
  }

  std::set<std::uint32_t> find(Signal signal, const std::string& select,
                               const std::string& filter) {
    Session of_filter = session();
    Parameters parameters;
    const std::string condition =
        filter_sql(parse_filter(filter), signal, of_filter.slots(), parameters);
    const std::string data = of_filter.rows(select + condition, parameters);
    std::set<std::uint32_t> found;
    for (RowReader row(data); !row.at_end();) found.insert(row.u32());
    return found;
  }

  /// `number` is SQL for the number of a record in `table`.
  void compare(Signal signal, const std::string& number, const std::string& table) {
    std::size_t some = 0;
    const std::string select = "SELECT toUInt32(" + number + ") FROM " + table + " WHERE ";
    for (const Asked& asked : asked_) {
      const std::set<std::uint32_t> found = find(signal, select, asked.text);
      EXPECT_EQ(found, asked.matched) << asked.text;
      if (!found.empty() && found.size() < kRecords) ++some;
    }
    EXPECT_GT(some, kFilters / 3) << "too few filters tell anything";
  }

  struct Asked {
    std::string text;
    FilterMatcher matcher;
    std::set<std::uint32_t> matched;
  };

  Random random_{seed()};
  std::vector<Asked> asked_;
  store::Registry registry_{1000};
  store::Block block_{registry_};
  store::StoredAttributes attributes_, resource_, scope_;
  std::string_view scope_name_, scope_version_;
  std::deque<Views> keep_;
};

TEST_F(FilterMatchProperty, HoldsForTheLogRecordsThatSqlFinds) {
  make_filters(Signal::kLogs);
  otlp::LogsSink& sink = block_.sinks().logs;
  make_records([&](std::uint32_t number) {
    if (number % 10 == 0) describe(sink);
    const Views views = attributes();
    attributes_.assign(views);
    otlp::LogRecordView log;
    log.time_unix_nano = static_cast<std::uint64_t>(kReceivedNs);
    log.flags = number;
    log.severity_number = static_cast<std::int32_t>(random_.below(26));
    log.severity_text = random_.text();
    log.body = random_.chance(50) ? value() : document();
    log.event_name = random_.text();
    log.trace_id = random_.chance(30) ? std::string_view() : random_.id(16);
    log.span_id = random_.chance(30) ? std::string_view() : random_.id(8);
    log.attributes = views;
    std::string body;
    store::append_text(body, log.body);
    note_matches(number, live(log, body));
    sink.on_log_record(log);
  });
  compare(Signal::kLogs, "flags", "log_rows");
}

TEST_F(FilterMatchProperty, HoldsForTheSpansThatSqlFinds) {
  make_filters(Signal::kTraces);
  otlp::TraceSink& sink = block_.sinks().traces;
  make_records([&](std::uint32_t number) {
    if (number % 10 == 0) describe(sink);
    const Views views = attributes();
    const Views of_event = attributes();
    const Views of_link = attributes();
    attributes_.assign(views);
    const std::array<otlp::EventView, 2> events = {
        otlp::EventView{.name = random_.text(), .attributes = of_event},
        otlp::EventView{.name = random_.text(), .attributes = {}}};
    const std::array<otlp::LinkView, 1> links = {otlp::LinkView{.trace_id = random_.id(16),
                                                                .span_id = random_.id(8),
                                                                .trace_state = {},
                                                                .attributes = of_link}};
    otlp::SpanView span;
    span.trace_id = random_.id(16);
    span.span_id = random_.id(8);
    span.parent_span_id = random_.chance(50) ? std::string_view() : random_.id(8);
    span.trace_state = random_.text();
    span.flags = number;
    span.name = random_.text();
    span.kind = static_cast<std::int32_t>(random_.below(7));
    span.start_time_unix_nano = static_cast<std::uint64_t>(kReceivedNs);
    span.end_time_unix_nano = span.start_time_unix_nano + random_.below(6000);
    span.attributes = views;
    span.events = std::span(events).first(random_.below(3));
    span.links = std::span(links).first(random_.below(2));
    span.status_code = static_cast<std::int32_t>(random_.below(4));
    span.status_message = random_.text();
    note_matches(number, live(span));
    sink.on_span(span);
  });
  compare(Signal::kTraces, "flags", "span_rows");
}

TEST_F(FilterMatchProperty, HoldsForTheSeriesThatSqlFinds) {
  make_filters(Signal::kMetrics);
  otlp::MetricsSink& sink = block_.sinks().metrics;
  make_records([&](std::uint32_t number) {
    if (number % 10 == 0) describe(sink);
    const Views views = attributes();
    attributes_.assign(views);
    const std::string description = std::to_string(number);
    otlp::MetricView metric;
    // With the number: equal ones would be one series, described once.
    const std::string name = std::string(random_.text()) + std::string(number, ' ');
    metric.name = name;
    metric.description = description;
    metric.unit = random_.text();
    metric.type = random_.chance(50) ? otlp::MetricType::kGauge : otlp::MetricType::kSum;
    note_matches(number, live(metric));
    sink.on_metric(metric);
    otlp::NumberPointView point;
    point.attributes = views;
    point.time_unix_nano = static_cast<std::uint64_t>(kReceivedNs);
    point.kind = otlp::NumberPointView::Kind::kInt;
    sink.on_point(point);
  });
  compare(Signal::kMetrics, "description", "metric_series_rows");
}

class NumberText : public QueryTest {
 protected:
  void expect_same(std::string_view text) {
    Session session = this->session();
    Parameters parameters;
    const std::string bound = parameters.bind(text);
    const std::string data = session.rows(
        "SELECT isNull(toFloat64OrNull(" + bound + ")), ifNull(toFloat64OrNull(" + bound +
            "), 0), isNull(toInt64OrNull(" + bound + ")), ifNull(toInt64OrNull(" + bound + "), 0)",
        parameters);
    RowReader row(data);
    const bool no_double = row.boolean();
    const double number = row.f64();
    const bool no_integer = row.boolean();
    const std::int64_t integer = row.i64();
    EXPECT_EQ(double_of_text(text).has_value(), !no_double) << text;
    const double mine = double_of_text(text).value_or(0);
    EXPECT_TRUE(mine == number || (mine != mine && number != number)) << text << ' ' << number;
    EXPECT_EQ(integer_of_text(text).has_value(), !no_integer) << text;
    EXPECT_EQ(integer_of_text(text).value_or(0), integer) << text;
  }
};

TEST_F(NumberText, IsReadAsClickHouseReadsIt) {
  constexpr std::array<std::string_view, 32> kReads = {
      "",     "0",    "-0",       "+5",      "-5",    "+-5", "-+5", "5.",
      ".5",   ".",    "-",        "+",       "1e3",   "1e",  "1e+", "e5",
      "1E-2", "007",  " 5",       "5 ",      "0x10",  "nan", "NaN", "-nan",
      "inf",  "-Inf", "Infinity", "infinit", "1e400", "5\n", "1,5", "9223372036854775808"};
  for (const std::string_view text : kReads) expect_same(text);
}

class NestedText : public QueryTest {
 protected:
  void expect_same(std::string_view document, std::string_view path) {
    Session session = this->session();
    Parameters parameters;
    AttributePlace outer;
    outer.text = parameters.bind(document);
    const NestedPath steps = parse_nested_path(path);
    const AttributePlace place = nested_place(outer, steps, parameters);
    const std::string data =
        session.rows("SELECT toBool(" + place.exists + "), " + place.text, parameters);
    RowReader row(data);
    const bool exists = row.boolean();
    const std::string text(row.string());
    const std::optional<std::string> mine = nested_text(document, steps);
    EXPECT_EQ(mine.has_value(), exists) << document << ' ' << path;
    EXPECT_EQ(mine.value_or(""), exists ? text : "") << document << ' ' << path;
  }
};

TEST_F(NestedText, IsWhatTheEngineReads) {
  for (const std::string_view document : kDocuments) {
    for (const std::string_view path : kPaths) expect_same(document, path);
  }
}

TEST_F(NestedText, HasValuesAsTheEngineWritesThem) {
  constexpr std::array<std::string_view, 25> kValues = {
      "0",
      "-0",
      "1.0",
      "1.10",
      "1E5",
      "1e19",
      "1e21",
      "1.5e22",
      "0.000001",
      "1e-7",
      "1.25e-9",
      "0.1",
      "1e300",
      "123456.789",
      "-12345.678",
      "9007199254740993",
      "9223372036854775807",
      "-9223372036854775808",
      "18446744073709551615",
      R"("a/b\"\\\n\u00e4\u0001")",
      R"({"k/1": "a/b\u00e4\n", "n": [null, 1.0, {}]})",
      "[]",
      "{}",
      "null",
      "true"};
  for (const std::string_view value : kValues) {
    expect_same(R"({"v": )" + std::string(value) + "}", "v");
    expect_same(
        R"({"kvlistValue":{"values":[{"key":"v","value":{"x":)" + std::string(value) + "}}]}}",
        "v");
  }
}

TEST(FilterMatch, RefusesWhatOneRecordDoesNotTell) {
  EXPECT_THROW(FilterMatcher(parse_filter("is_entry_point = true"), Signal::kTraces), QueryError);
  EXPECT_THROW(FilterMatcher(parse_filter("duration > 'x'"), Signal::kTraces), QueryError);
}

}  // namespace
}  // namespace signalbox::server::query

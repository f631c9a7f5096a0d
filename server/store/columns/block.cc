#include "server/store/columns/block.h"

#include <algorithm>
#include <array>
#include <limits>
#include <numeric>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "server/store/columns/attributes.h"
#include "server/store/columns/error_groups.h"
#include "server/store/columns/folded.h"
#include "server/store/columns/hash.h"
#include "server/store/columns/side_tables.h"
#include "server/store/columns/slotted_attributes.h"
#include "server/store/columns/tables.h"

namespace signalbox::server::store {
namespace {

constexpr std::uint64_t kResourceSeed = 1;
constexpr std::uint64_t kScopeSeed = 2;
constexpr std::uint64_t kSeriesSeed = 3;
constexpr std::int64_t kHourNs = 3'600'000'000'000;

std::string_view metric_type_name(otlp::MetricType type) noexcept {
  switch (type) {
    case otlp::MetricType::kGauge:
      return "gauge";
    case otlp::MetricType::kSum:
      return "sum";
    case otlp::MetricType::kHistogram:
      return "histogram";
    case otlp::MetricType::kExponentialHistogram:
      return "exponential_histogram";
    case otlp::MetricType::kSummary:
      return "summary";
  }
  return "";
}

template <typename Map>
void append_map(Map& map, const StoredAttributes& attributes) {
  map.append(attributes.entries(), attributes.shape());
}

template <typename T, typename Column>
void append_array(ArrayColumn<Column>& array, std::span<const T> values) {
  for (const T value : values) array.elements().append(value);
  array.end_row();
}

/// Appends `table` to `sealed`, if it has rows.
template <typename Columns>
void add_table(Columns& table, std::vector<TableRows>& sealed,
               std::optional<std::int64_t> received_us = {}, RowOrder order = {}) {
  if (rows(table) == 0) return;
  TableRows& added = sealed.emplace_back();
  added.table = Columns::kTable;
  added.rows = rows(table);
  write_native(table, added.native, received_us, order);
}

/// How a row compares with others of its table: field by field.
struct SortKey {
  std::array<std::uint64_t, 3> fields;
  std::uint32_t row;
};

/// Compares unsigned as `value` does signed.
std::uint64_t in_order(std::int64_t value) noexcept {
  return static_cast<std::uint64_t>(value) ^ std::uint64_t{1} << 63;
}

/// The place of each value of a column's dictionary among all of them, bytewise.
std::vector<std::uint32_t> ranks(const LowCardinalityColumn& column) {
  const StringDictionary& dictionary = column.dictionary();
  std::vector<std::uint32_t> sorted(dictionary.size());
  std::iota(sorted.begin(), sorted.end(), 0U);
  std::sort(sorted.begin(), sorted.end(),
            [&](std::uint32_t a, std::uint32_t b) { return dictionary[a] < dictionary[b]; });
  std::vector<std::uint32_t> ranks(sorted.size());
  for (std::uint32_t rank = 0; rank < sorted.size(); ++rank) ranks[sorted[rank]] = rank;
  return ranks;
}

/// The rows by what `fields_of` says of each; empty if they are so already.
template <typename FieldsOf>
std::vector<std::uint32_t> sorted_rows(std::size_t rows, FieldsOf fields_of) {
  std::vector<SortKey> keys(rows);
  for (std::uint32_t row = 0; row < rows; ++row) keys[row] = {fields_of(row), row};
  const auto before = [](const SortKey& a, const SortKey& b) {
    if (a.fields != b.fields) return a.fields < b.fields;
    return a.row < b.row;
  };
  std::vector<std::uint32_t> order;
  if (std::is_sorted(keys.begin(), keys.end(), before)) return order;
  std::sort(keys.begin(), keys.end(), before);
  order.reserve(rows);
  for (const SortKey& key : keys) order.push_back(key.row);
  return order;
}

// The orders of 002_layout.sql, and within each minute by time.

std::vector<std::uint32_t> order_of(const SpanColumns& spans) {
  const auto services = ranks(spans.service_name);
  const auto names = ranks(spans.name);
  return sorted_rows(spans.start_time.size(), [&](std::uint32_t row) {
    return std::array<std::uint64_t, 3>{services[spans.service_name.indexes()[row]],
                                        names[spans.name.indexes()[row]],
                                        in_order(spans.start_time[row])};
  });
}

std::vector<std::uint32_t> order_of(const LogColumns& logs) {
  constexpr std::int64_t kMinuteNs = 60'000'000'000;
  const auto services = ranks(logs.service_name);
  return sorted_rows(logs.time.size(), [&](std::uint32_t row) {
    const auto minute = static_cast<std::uint64_t>(logs.time[row] / kMinuteNs);  // < 2^32
    const std::uint64_t service = services[logs.service_name.indexes()[row]];
    return std::array<std::uint64_t, 3>{service << 32 | minute, in_order(logs.severity_number[row]),
                                        in_order(logs.time[row])};
  });
}

/// Of points and exemplars.
template <typename Columns>
std::vector<std::uint32_t> order_of(const Columns& points) {
  const auto names = ranks(points.metric_name);
  return sorted_rows(points.time.size(), [&](std::uint32_t row) {
    return std::array<std::uint64_t, 3>{names[points.metric_name.indexes()[row]],
                                        points.series_id[row], in_order(points.time[row])};
  });
}

template <typename Columns>
void add_sorted(Columns& table, std::vector<TableRows>& sealed, std::int64_t received_us) {
  add_table(table, sealed, received_us, order_of(table));
}

/// An integer as the sum of a double's and what that lacks.
void append_value(ValueColumns& to, std::int64_t value) {
  const auto rounded = static_cast<double>(value);
  constexpr double kEnd = 9223372036854775808.0;
  constexpr std::int64_t kLast = std::numeric_limits<std::int64_t>::max();
  const std::int64_t back = rounded >= kEnd ? kLast : static_cast<std::int64_t>(rounded);
  to.value.append(rounded);
  to.value_kind.append(static_cast<std::uint8_t>(otlp::NumberPointView::Kind::kInt));
  to.int_error.append(value - back);
}

void append_value(ValueColumns& to, double value, otlp::NumberPointView::Kind kind) {
  to.value.append(value);
  to.value_kind.append(static_cast<std::uint8_t>(kind));
  to.int_error.append(0);
}

/// What a block describes for the first time, and where that stood when the request began.
template <typename Entry>
struct Described {
  std::unordered_map<std::uint64_t, Entry> entries;
  std::vector<std::uint64_t> in_order;
  std::size_t mark = 0;

  Entry* find(std::uint64_t hash) {
    const auto at = entries.find(hash);
    return at == entries.end() ? nullptr : &at->second;
  }
  void add(std::uint64_t hash, Entry entry) {
    entries.emplace(hash, entry);
    in_order.push_back(hash);
  }
  void roll_back() {
    for (; in_order.size() > mark; in_order.pop_back()) entries.erase(in_order.back());
  }
  void clear() { *this = {}; }
};

}  // namespace

struct Block::Tables {
  ResourceColumns resources;
  ScopeColumns scopes;
  MetricSeriesColumns series;
  AttributeSlotColumns slots;  // Filled when the block is sealed.
  SeriesHourColumns series_hours;
  SpanColumns spans;
  LogColumns logs;
  NumberColumns numbers;
  HistogramColumns histograms;
  ExponentialHistogramColumns exponential_histograms;
  SummaryColumns summaries;
  ExemplarColumns exemplars;
  Errors span_errors, log_errors;

  template <typename F>
  void visit(F f) {
    f(resources);
    f(scopes);
    f(series);
    f(slots);
    f(series_hours);
    f(spans);
    f(logs);
    f(numbers);
    f(histograms);
    f(exponential_histograms);
    f(summaries);
    f(exemplars);
  }
};

/// What the sinks of the three signals share: the resource and the scope of the records to come.
class Block::Common {
 public:
  Common(Tables& tables, Registry& registry) : tables_(tables), registry_(registry) {}

  void begin_request(std::int64_t received_ns) {
    seen_ = received_ns;
    tables_.visit([](auto& table) { mark(table); });
    tables_.span_errors.mark();
    tables_.log_errors.mark();
    resources_.mark = resources_.in_order.size();
    scopes_.mark = scopes_.in_order.size();
    series_.mark = series_.in_order.size();
    series_hours_.mark = series_hours_.in_order.size();
  }

  void roll_back() {
    tables_.visit([](auto& table) { store::roll_back(table); });
    tables_.span_errors.roll_back();
    tables_.log_errors.roll_back();
    resources_.roll_back();
    scopes_.roll_back();
    series_.roll_back();
    series_hours_.roll_back();
  }

  void on_resource(const otlp::ResourceView& resource) {
    attributes_.assign(resource.attributes);
    service_name_ = attributes_.find("service.name");
    Hasher hasher;
    hasher.add(kResourceSeed);
    attributes_.add_to(hasher);
    hasher.add(resource.dropped_attributes_count).add(resource.schema_url);
    resource_hash_ = hasher.value();
    const auto [id, is_new] =
        identify(resources_, resource_hash_, [&] { return registry_.resource(resource_hash_); });
    resource_id_ = id;
    if (!is_new) return;

    ResourceColumns& to = tables_.resources;
    to.resource_id.append(resource_id_);
    to.hash.append(resource_hash_);
    to.service_name.append(service_name_);
    to.service_namespace.append(attributes_.find("service.namespace"));
    to.service_instance_id.append(attributes_.find("service.instance.id"));
    to.service_version.append(attributes_.find("service.version"));
    append_map(to.attributes, attributes_);
    to.attribute_types.append(attributes_.types());
    to.dropped_attributes_count.append(resource.dropped_attributes_count);
    to.schema_url.append(resource.schema_url);
    to.seen.append(seen_);
  }

  void on_scope(const otlp::ScopeView& scope) {
    attributes_.assign(scope.attributes);
    Hasher hasher;
    hasher.add(kScopeSeed).add(scope.name).add(scope.version);
    attributes_.add_to(hasher);
    hasher.add(scope.dropped_attributes_count).add(scope.schema_url);
    scope_hash_ = hasher.value();
    const auto [id, is_new] =
        identify(scopes_, scope_hash_, [&] { return registry_.scope(scope_hash_); });
    scope_id_ = id;
    if (!is_new) return;

    ScopeColumns& to = tables_.scopes;
    to.scope_id.append(scope_id_);
    to.hash.append(scope_hash_);
    to.name.append(scope.name);
    to.version.append(scope.version);
    append_map(to.attributes, attributes_);
    to.attribute_types.append(attributes_.types());
    to.dropped_attributes_count.append(scope.dropped_attributes_count);
    to.schema_url.append(scope.schema_url);
    to.seen.append(seen_);
  }

  /// Whether the block has to describe this series; if so it is taken for described.
  bool is_new_series(std::uint64_t id) {
    if (series_.find(id) != nullptr || registry_.is_series_described(id)) return false;
    series_.add(id, true);
    return true;
  }

  /// The same for an hour of a series.
  bool is_new(const Descriptions::SeriesHour& hour) {
    const std::uint64_t hash =
        hash_detail::mix(hour.series_id ^ kSeriesSeed, static_cast<std::uint64_t>(hour.hour));
    if (series_hours_.find(hash) != nullptr || registry_.is_described(hour)) return false;
    series_hours_.add(hash, hour);
    return true;
  }

  void clear() {
    resources_.clear();
    scopes_.clear();
    series_.clear();
    series_hours_.clear();
  }

  [[nodiscard]] Descriptions descriptions() const {
    Descriptions made;
    for (const auto& [hash, id] : resources_.entries) made.resources.push_back({hash, id});
    for (const auto& [hash, id] : scopes_.entries) made.scopes.push_back({hash, id});
    made.series = series_.in_order;
    for (const auto& [hash, hour] : series_hours_.entries) made.series_hours.push_back(hour);
    return made;
  }

  [[nodiscard]] std::string_view service_name() const noexcept { return service_name_; }
  [[nodiscard]] std::uint32_t resource_id() const noexcept { return resource_id_; }
  [[nodiscard]] std::uint32_t scope_id() const noexcept { return scope_id_; }
  [[nodiscard]] std::uint64_t resource_hash() const noexcept { return resource_hash_; }
  [[nodiscard]] std::uint64_t scope_hash() const noexcept { return scope_hash_; }
  [[nodiscard]] std::int64_t seen() const noexcept { return seen_; }
  StoredAttributes& attributes() noexcept { return attributes_; }

 private:
  using Ids = Described<std::uint32_t>;

  /// The id, and whether the block has to describe it; if so it is taken for described.
  template <typename Ask>
  static std::pair<std::uint32_t, bool> identify(Ids& in_block, std::uint64_t hash, Ask ask) {
    if (const std::uint32_t* const id = in_block.find(hash)) return {*id, false};
    const Registry::Identity identity = ask();
    if (identity.is_described) return {identity.id, false};
    in_block.add(hash, identity.id);
    return {identity.id, true};
  }

  Tables& tables_;
  Registry& registry_;
  std::int64_t seen_ = 0;
  Ids resources_, scopes_;  // Of this block.
  Described<bool> series_;
  Described<Descriptions::SeriesHour> series_hours_;
  std::string service_name_;
  std::uint64_t resource_hash_ = 0;
  std::uint64_t scope_hash_ = 0;
  std::uint32_t resource_id_ = 0;
  std::uint32_t scope_id_ = 0;
  StoredAttributes attributes_;  // Of whatever is being appended.
};

class Block::Traces final : public otlp::TraceSink {
 public:
  Traces(Common& common, Registry& registry, Tables& tables)
      : common_(common),
        to_(tables.spans),
        errors_(tables.span_errors),
        attributes_(registry, SlottedSignal::kSpans, tables.spans.attributes) {}

  void on_resource(const otlp::ResourceView& resource) override { common_.on_resource(resource); }
  void on_scope(const otlp::ScopeView& scope) override { common_.on_scope(scope); }

  void on_span(const otlp::SpanView& span) override {
    const std::int64_t start = stored_time(span.start_time_unix_nano);
    to_.service_name.append(common_.service_name());
    to_.name.append(span.name);
    to_.start_time.append(start);
    to_.duration_ns.append(stored_time(span.end_time_unix_nano) - start);
    to_.trace_id.append(span.trace_id);
    to_.span_id.append(span.span_id);
    to_.parent_span_id.append(span.parent_span_id);
    to_.flags.append(span.flags);
    to_.kind.append(span.kind);
    to_.status_code.append(span.status_code);
    to_.resource_id.append(common_.resource_id());
    to_.scope_id.append(common_.scope_id());
    attributes_.append(span.attributes);
    fold_span(span, common_.attributes(), rest_);
    to_.rest.append(rest_);
    errors_.add(common_.service_name(), span);
  }

  SlottedAttributes& attributes() noexcept { return attributes_; }

 private:
  Common& common_;
  SpanColumns& to_;
  Errors& errors_;
  SlottedAttributes attributes_;
  std::string rest_;
};

class Block::Logs final : public otlp::LogsSink {
 public:
  Logs(Common& common, Registry& registry, Tables& tables)
      : common_(common),
        to_(tables.logs),
        errors_(tables.log_errors),
        attributes_(registry, SlottedSignal::kLogs, tables.logs.attributes) {}

  void on_resource(const otlp::ResourceView& resource) override { common_.on_resource(resource); }
  void on_scope(const otlp::ScopeView& scope) override { common_.on_scope(scope); }

  void on_log_record(const otlp::LogRecordView& record) override {
    to_.service_name.append(common_.service_name());
    const bool exact_times = append_times(record.time_unix_nano, record.observed_time_unix_nano);
    to_.row.append();
    to_.trace_id.append(record.trace_id);
    to_.span_id.append(record.span_id);
    to_.flags.append(record.flags);
    to_.severity_number.append(record.severity_number);
    to_.severity_text.append(record.severity_text);
    if (record.body.type == otlp::ValueType::kString) {
      to_.body.append(record.body.text);
    } else {
      body_.clear();
      append_text(body_, record.body);
      to_.body.append(body_);
    }
    to_.event_name.append(record.event_name);
    to_.resource_id.append(common_.resource_id());
    to_.scope_id.append(common_.scope_id());
    attributes_.append(record.attributes);
    fold_log(record, exact_times, rest_);
    to_.rest.append(rest_);
    errors_.add(common_.service_name(), record, to_.time[to_.time.size() - 1]);
  }

  SlottedAttributes& attributes() noexcept { return attributes_; }

 private:
  /// Both times as one and a difference, which is mostly small. Returns whether both have to be
  /// stored apart, because that does not tell them.
  bool append_times(std::uint64_t time, std::uint64_t observed) {
    const std::uint64_t shown = time != 0 ? time : observed;
    const std::int64_t stored = stored_time(shown);
    to_.time.append(stored);
    constexpr std::int64_t kNoObservedTime = std::numeric_limits<std::int64_t>::min();
    constexpr std::int64_t kNoTime = kNoObservedTime + 1;
    auto delta = static_cast<std::int64_t>(observed - time);
    bool is_told = static_cast<std::uint64_t>(stored) == shown;
    if (time == 0 && observed != 0) {
      delta = kNoTime;
    } else if (time != 0 && observed == 0) {
      delta = kNoObservedTime;
    } else {
      is_told = is_told && delta > kNoTime;
    }
    to_.observed_delta_ns.append(is_told ? delta : 0);
    return !is_told;
  }

  Common& common_;
  LogColumns& to_;
  Errors& errors_;
  SlottedAttributes attributes_;
  std::string body_;
  std::string rest_;
};

class Block::Metrics final : public otlp::MetricsSink {
 public:
  Metrics(Common& common, Tables& tables) : common_(common), tables_(tables) {}

  void on_resource(const otlp::ResourceView& resource) override { common_.on_resource(resource); }
  void on_scope(const otlp::ScopeView& scope) override { common_.on_scope(scope); }

  void on_metric(const otlp::MetricView& metric) override {
    name_ = metric.name;
    description_ = metric.description;
    unit_ = metric.unit;
    type_ = metric.type;
    temporality_ = metric.temporality;
    is_monotonic_ = metric.is_monotonic;
    metadata_.assign(metric.metadata);
    metadata_texts_.clear();
    for (const StoredAttributes::Entry& entry : metadata_.entries()) {
      metadata_texts_.push_back({std::string(entry.key), std::string(entry.value)});
    }
    Hasher hasher;
    hasher.add(kSeriesSeed).add(name_).add(metric_type_name(type_)).add(unit_);
    hasher.add(static_cast<std::uint64_t>(temporality_)).add(is_monotonic_ ? 1U : 0U);
    hasher.add(common_.resource_hash()).add(common_.scope_hash());
    metric_hasher_ = hasher;
  }

  void on_point(const otlp::NumberPointView& point) override {
    NumberColumns& to = tables_.numbers;
    begin_point(to, point);
    if (point.kind == otlp::NumberPointView::Kind::kInt) {
      append_value(to.value, point.int_value);
    } else {
      append_value(to.value, point.double_value, point.kind);
    }
  }

  void on_point(const otlp::HistogramPointView& point) override {
    HistogramColumns& to = tables_.histograms;
    begin_point(to, point);
    to.count.append(point.count);
    to.sum.append(point.has_sum, point.sum);
    to.min.append(point.has_min, point.min);
    to.max.append(point.has_max, point.max);
    append_array(to.bounds, point.explicit_bounds);
    append_array(to.counts, point.bucket_counts);
  }

  void on_point(const otlp::ExponentialHistogramPointView& point) override {
    ExponentialHistogramColumns& to = tables_.exponential_histograms;
    begin_point(to, point);
    to.count.append(point.count);
    to.sum.append(point.has_sum, point.sum);
    to.min.append(point.has_min, point.min);
    to.max.append(point.has_max, point.max);
    to.scale.append(point.scale);
    to.zero_count.append(point.zero_count);
    to.zero_threshold.append(point.zero_threshold);
    to.positive_offset.append(point.positive_offset);
    append_array(to.positive_counts, point.positive_counts);
    to.negative_offset.append(point.negative_offset);
    append_array(to.negative_counts, point.negative_counts);
  }

  void on_point(const otlp::SummaryPointView& point) override {
    SummaryColumns& to = tables_.summaries;
    begin_point(to, point);
    to.count.append(point.count);
    to.sum.append(point.sum);
    append_array(to.quantiles, point.quantiles);
    append_array(to.values, point.values);
  }

 private:
  template <typename Point>
  void begin_point(PointColumns& to, const Point& point) {
    StoredAttributes& attributes = common_.attributes();
    attributes.assign(point.attributes);
    Hasher hasher = metric_hasher_;
    attributes.add_to(hasher);
    const std::uint64_t series_id = hasher.value();
    if (common_.is_new_series(series_id)) append_series(series_id, attributes);
    const std::int64_t time = stored_time(point.time_unix_nano);
    append_series_hour(series_id, time);
    to.metric_name.append(name_);
    to.series_id.append(series_id);
    to.time.append(time);
    to.start_time.append(stored_time(point.start_time_unix_nano));
    to.flags.append(point.flags);
    if constexpr (requires { point.exemplars; }) append_exemplars(series_id, point);
  }

  void append_series(std::uint64_t series_id, const StoredAttributes& attributes) {
    MetricSeriesColumns& to = tables_.series;
    to.series_id.append(series_id);
    to.metric_name.append(name_);
    to.metric_type.append(metric_type_name(type_));
    to.unit.append(unit_);
    to.description.append(description_);
    to.temporality.append(temporality_);
    to.is_monotonic.append(is_monotonic_ ? 1 : 0);
    to.metadata.append(metadata_texts_, 0);
    to.metadata_types.append(metadata_.types());
    to.service_name.append(common_.service_name());
    to.resource_id.append(common_.resource_id());
    to.scope_id.append(common_.scope_id());
    append_map(to.attributes, attributes);
    to.attribute_types.append(attributes.types());
    to.seen.append(common_.seen());
  }

  void append_series_hour(std::uint64_t series_id, std::int64_t time) {
    const std::int64_t hour = time / kHourNs * 3600;
    if (!common_.is_new({.series_id = series_id, .hour = hour})) return;
    SeriesHourColumns& to = tables_.series_hours;
    to.received.append(common_.seen());
    to.hour.append(hour);
    to.metric_name.append(name_);
    to.series_id.append(series_id);
  }

  template <typename Point>
  void append_exemplars(std::uint64_t series_id, const Point& point) {
    StoredAttributes& attributes = common_.attributes();
    ExemplarColumns& to = tables_.exemplars;
    for (const otlp::ExemplarView& exemplar : point.exemplars) {
      to.metric_name.append(name_);
      to.series_id.append(series_id);
      to.point_time.append(stored_time(point.time_unix_nano));
      to.time.append(stored_time(exemplar.time_unix_nano));
      if (exemplar.is_int) {
        append_value(to.value, exemplar.int_value);
      } else {
        append_value(to.value, exemplar.double_value, otlp::NumberPointView::Kind::kDouble);
      }
      to.trace_id.append(exemplar.trace_id);
      to.span_id.append(exemplar.span_id);
      attributes.assign(exemplar.filtered_attributes);
      append_map(to.attributes, attributes);
      to.attribute_types.append(attributes.types());
    }
  }

  Common& common_;
  Tables& tables_;
  // The metric of the points to come; copies, for its view ends with its call.
  std::string name_, description_, unit_;
  otlp::MetricType type_ = otlp::MetricType::kGauge;
  std::int32_t temporality_ = 0;
  bool is_monotonic_ = false;
  StoredAttributes metadata_;
  struct Text {
    std::string key;
    std::string value;
  };
  std::vector<Text> metadata_texts_;
  Hasher metric_hasher_;
};

Block::Block(Registry& registry)
    : registry_(registry),
      tables_(std::make_unique<Tables>()),
      common_(std::make_unique<Common>(*tables_, registry)),
      traces_(std::make_unique<Traces>(*common_, registry, *tables_)),
      logs_(std::make_unique<Logs>(*common_, registry, *tables_)),
      metrics_(std::make_unique<Metrics>(*common_, *tables_)) {}

Block::~Block() = default;

void Block::begin_request(std::int64_t received_ns) {
  common_->begin_request(received_ns);
}

void Block::roll_back() {
  common_->roll_back();
  traces_->attributes().forget_rows();
  logs_->attributes().forget_rows();
}

Sinks Block::sinks() noexcept {
  return {*traces_, *logs_, *metrics_};
}

std::size_t Block::rows() const noexcept {
  const Tables& tables = *tables_;
  return tables.spans.start_time.size() + tables.logs.time.size() + tables.numbers.time.size() +
         tables.histograms.time.size() + tables.exponential_histograms.time.size() +
         tables.summaries.time.size();
}

std::size_t Block::memory_bytes() const {
  std::size_t bytes = 0;
  tables_->visit([&](auto& table) { bytes += store::memory_bytes(table); });
  return bytes + tables_->span_errors.memory_bytes() + tables_->log_errors.memory_bytes();
}

SealedBlock Block::seal(std::int64_t received_us) {
  store::clear(tables_->slots);
  for (const auto& [signal, key, slot] : undescribed_slots()) {
    tables_->slots.signal.append(slotted_signal_name(signal));
    tables_->slots.key.append(key);
    tables_->slots.slot.append(slot);
    tables_->slots.seen.append(common_->seen());
  }
  SealedBlock sealed;
  add_table(tables_->resources, sealed.descriptions);
  add_table(tables_->scopes, sealed.descriptions);
  add_table(tables_->series, sealed.descriptions);
  add_table(tables_->slots, sealed.descriptions);
  add_table(tables_->series_hours, sealed.descriptions);

  tables_->spans.attributes.pad();
  tables_->logs.attributes.pad();
  add_sorted(tables_->spans, sealed.data, received_us);
  add_sorted(tables_->logs, sealed.data, received_us);
  add_sorted(tables_->numbers, sealed.data, received_us);
  add_sorted(tables_->histograms, sealed.data, received_us);
  add_sorted(tables_->exponential_histograms, sealed.data, received_us);
  add_sorted(tables_->summaries, sealed.data, received_us);
  add_sorted(tables_->exemplars, sealed.data, received_us);
  traces_->attributes().find_near_unique_keys();
  logs_->attributes().find_near_unique_keys();
  return sealed;
}

void Block::add_side_rows(std::int64_t received_us, SideTables& to) const {
  const std::int64_t hour = received_us * 1000 / kHourNs * 3600;
  add_span_minutes(tables_->spans, to.span_minutes);
  registry_.edges().find(received_us, tables_->spans, to.span_edges);
  add_attribute_values(tables_->spans.attributes, hour, to.span_values);
  add_attribute_values(tables_->logs.attributes, hour, to.log_values);
  tables_->span_errors.write_groups(hour, to.span_errors);
  tables_->log_errors.write_groups(hour, to.log_errors);
}

std::vector<TableRows> write_side_tables(SideTables& tables, std::int64_t received_us) {
  std::vector<TableRows> written;
  tables.visit([&](auto& table) {
    const std::size_t before = written.size();
    add_table(table, written, received_us);
    if (written.size() > before) written.back().is_side_table = true;
  });
  return written;
}

std::vector<Descriptions::KeySlot> Block::undescribed_slots() const {
  std::vector<Descriptions::KeySlot> slots = traces_->attributes().undescribed_slots();
  for (auto& slot : logs_->attributes().undescribed_slots()) slots.push_back(std::move(slot));
  return slots;
}

void Block::descriptions_are_written() {
  Descriptions described = common_->descriptions();
  described.slots = undescribed_slots();
  registry_.described(described);
}

void Block::clear() {
  tables_->visit([](auto& table) { store::clear(table); });
  tables_->span_errors.clear();
  tables_->log_errors.clear();
  common_->clear();
  traces_->attributes().clear();
  logs_->attributes().clear();
}

}  // namespace signalbox::server::store

#include "server/store/columns/block.h"

#include <algorithm>
#include <limits>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

#include "server/store/columns/hash.h"

namespace signalbox::server::store {
namespace {

constexpr std::uint64_t kResourceSeed = 1;
constexpr std::uint64_t kScopeSeed = 2;
constexpr std::uint64_t kSeriesSeed = 3;

/// A time as DateTime64(9) holds it.
std::int64_t stored_time(std::uint64_t unix_nano) noexcept {
  constexpr std::uint64_t kLast = std::numeric_limits<std::int64_t>::max();
  return static_cast<std::int64_t>(std::min(unix_nano, kLast));
}

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
               std::optional<std::int64_t> received_us = {}) {
  if (rows(table) == 0) return;
  TableRows& added = sealed.emplace_back();
  added.table = Columns::kTable;
  added.rows = rows(table);
  write_native(table, added.native, received_us);
}

/// One row for each trace of the block: where in time its spans lie.
void summarise_traces(const SpanColumns& spans, TraceTimeColumns& times) {
  struct Summary {
    std::int64_t min_start = std::numeric_limits<std::int64_t>::max();
    std::int64_t max_end = 0;
    std::uint64_t spans = 0;
  };
  struct Hash {
    std::size_t operator()(std::string_view id) const noexcept { return hash_bytes(id); }
  };
  std::unordered_map<std::string_view, Summary, Hash> summaries;
  const std::size_t count = spans.start_time.size();
  for (std::size_t row = 0; row < count; ++row) {
    Summary& summary = summaries[spans.trace_id[row]];
    const std::int64_t start = spans.start_time[row];
    summary.min_start = std::min(summary.min_start, start);
    summary.max_end = std::max({summary.max_end, start, start + spans.duration_ns[row]});
    ++summary.spans;
  }
  for (const auto& [trace_id, summary] : summaries) {
    times.trace_id.append(trace_id);
    times.min_start_time.append(summary.min_start);
    times.max_end_time.append(summary.max_end);
    times.span_count.append(summary.spans);
  }
}

/// Forgets the ids of the rows from `rows` on.
void erase_ids(std::unordered_set<std::uint64_t>& ids, const UInt64Column& column,
               std::size_t rows) {
  for (std::size_t row = rows; row < column.size(); ++row) ids.erase(column[row]);
}

}  // namespace

void KnownIds::insert(const std::unordered_set<std::uint64_t>& ids) {
  const std::scoped_lock lock(mutex_);
  if (ids_.size() + ids.size() > capacity_) ids_.clear();
  if (ids.size() <= capacity_) ids_.insert(ids.begin(), ids.end());
}

struct Block::Tables {
  ResourceColumns resources;
  ScopeColumns scopes;
  SpanColumns spans;
  LogColumns logs;
  MetricSeriesColumns series;
  NumberColumns numbers;
  HistogramColumns histograms;
  ExponentialHistogramColumns exponential_histograms;
  SummaryColumns summaries;
  TraceTimeColumns trace_times;  // Filled when the spans are written.

  /// Those that requests append to.
  template <typename F>
  void visit(F f) {
    f(resources);
    f(scopes);
    f(spans);
    f(logs);
    f(series);
    f(numbers);
    f(histograms);
    f(exponential_histograms);
    f(summaries);
  }
  static constexpr std::size_t kCount = 9;
  using Rows = std::array<std::size_t, kCount>;
};

/// What the sinks of the three signals share: the resource and the scope of the records to come.
class Block::Common {
 public:
  Common(Tables& tables, const KnownIds& known) : tables_(tables), known_(known) {}

  void begin_request(std::int64_t received_ns) {
    seen_ = received_ns;
    std::size_t i = 0;
    tables_.visit([&](auto& table) { mark_[i++] = store::rows(table); });
  }

  void roll_back() {
    erase_ids(described_, tables_.resources.resource_id, mark_[0]);
    erase_ids(described_, tables_.scopes.scope_id, mark_[1]);
    erase_ids(series_, tables_.series.series_id, mark_[4]);
    std::size_t i = 0;
    tables_.visit([&](auto& table) { truncate(table, mark_[i++]); });
  }

  void on_resource(const otlp::ResourceView& resource) {
    attributes_.assign(resource.attributes);
    service_name_ = attributes_.find("service.name");
    Hasher hasher;
    hasher.add(kResourceSeed);
    attributes_.add_to(hasher);
    hasher.add(resource.dropped_attributes_count).add(resource.schema_url);
    resource_id_ = hasher.value();
    if (!is_new(described_, resource_id_)) return;

    ResourceColumns& to = tables_.resources;
    to.resource_id.append(resource_id_);
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
    scope_id_ = hasher.value();
    if (!is_new(described_, scope_id_)) return;

    ScopeColumns& to = tables_.scopes;
    to.scope_id.append(scope_id_);
    to.name.append(scope.name);
    to.version.append(scope.version);
    append_map(to.attributes, attributes_);
    to.attribute_types.append(attributes_.types());
    to.dropped_attributes_count.append(scope.dropped_attributes_count);
    to.schema_url.append(scope.schema_url);
    to.seen.append(seen_);
  }

  /// Whether the block has to describe this series; if so it is taken for described.
  bool is_new_series(std::uint64_t id) { return is_new(series_, id); }

  void clear() {
    described_.clear();
    series_.clear();
  }

  [[nodiscard]] std::string_view service_name() const noexcept { return service_name_; }
  [[nodiscard]] std::uint64_t resource_id() const noexcept { return resource_id_; }
  [[nodiscard]] std::uint64_t scope_id() const noexcept { return scope_id_; }
  [[nodiscard]] std::int64_t seen() const noexcept { return seen_; }
  [[nodiscard]] const std::unordered_set<std::uint64_t>& described() const { return described_; }
  [[nodiscard]] const std::unordered_set<std::uint64_t>& series() const { return series_; }
  StoredAttributes& attributes() noexcept { return attributes_; }

 private:
  bool is_new(std::unordered_set<std::uint64_t>& in_block, std::uint64_t id) {
    return !known_.contains(id) && in_block.insert(id).second;
  }

  Tables& tables_;
  const KnownIds& known_;
  Tables::Rows mark_{};
  std::int64_t seen_ = 0;
  std::unordered_set<std::uint64_t> described_;  // Resources and scopes of this block.
  std::unordered_set<std::uint64_t> series_;
  std::string service_name_;
  std::uint64_t resource_id_ = 0;
  std::uint64_t scope_id_ = 0;
  StoredAttributes attributes_;  // Of whatever is being appended.
};

class Block::Traces final : public otlp::TraceSink {
 public:
  Traces(Common& common, SpanColumns& spans) : common_(common), to_(spans) {}

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
    to_.trace_state.append(span.trace_state);
    to_.flags.append(span.flags);
    to_.kind.append(span.kind);
    to_.status_code.append(span.status_code);
    to_.status_message.append(span.status_message);
    to_.resource_id.append(common_.resource_id());
    to_.scope_id.append(common_.scope_id());
    attributes_.assign(span.attributes);
    append_map(to_.attributes, attributes_);
    to_.attribute_types.append(attributes_.types());
    to_.dropped_attributes_count.append(span.dropped_attributes_count);
    append_events(span);
    append_links(span);
  }

 private:
  void append_events(const otlp::SpanView& span) {
    StoredAttributes& attributes = common_.attributes();
    for (const otlp::EventView& event : span.events) {
      to_.event_times.elements().append(stored_time(event.time_unix_nano));
      to_.event_names.elements().append(event.name);
      attributes.assign(event.attributes);
      append_map(to_.event_attributes.elements(), attributes);
      to_.event_attribute_types.elements().append(attributes.types());
      to_.event_dropped_attributes_counts.elements().append(event.dropped_attributes_count);
    }
    to_.event_times.end_row();
    to_.event_names.end_row();
    to_.event_attributes.end_row();
    to_.event_attribute_types.end_row();
    to_.event_dropped_attributes_counts.end_row();
    to_.dropped_events_count.append(span.dropped_events_count);
  }

  void append_links(const otlp::SpanView& span) {
    StoredAttributes& attributes = common_.attributes();
    for (const otlp::LinkView& link : span.links) {
      to_.link_trace_ids.elements().append(link.trace_id);
      to_.link_span_ids.elements().append(link.span_id);
      to_.link_trace_states.elements().append(link.trace_state);
      to_.link_flags.elements().append(link.flags);
      attributes.assign(link.attributes);
      append_map(to_.link_attributes.elements(), attributes);
      to_.link_attribute_types.elements().append(attributes.types());
      to_.link_dropped_attributes_counts.elements().append(link.dropped_attributes_count);
    }
    to_.link_trace_ids.end_row();
    to_.link_span_ids.end_row();
    to_.link_trace_states.end_row();
    to_.link_flags.end_row();
    to_.link_attributes.end_row();
    to_.link_attribute_types.end_row();
    to_.link_dropped_attributes_counts.end_row();
    to_.dropped_links_count.append(span.dropped_links_count);
  }

  Common& common_;
  SpanColumns& to_;
  StoredAttributes attributes_;  // Of the span; its own, for the keys of the last span.
};

class Block::Logs final : public otlp::LogsSink {
 public:
  Logs(Common& common, LogColumns& logs) : common_(common), to_(logs) {}

  void on_resource(const otlp::ResourceView& resource) override { common_.on_resource(resource); }
  void on_scope(const otlp::ScopeView& scope) override { common_.on_scope(scope); }

  void on_log_record(const otlp::LogRecordView& record) override {
    to_.service_name.append(common_.service_name());
    to_.time.append(stored_time(record.time_unix_nano != 0 ? record.time_unix_nano
                                                           : record.observed_time_unix_nano));
    to_.time_unix_nano.append(record.time_unix_nano);
    to_.observed_time_unix_nano.append(record.observed_time_unix_nano);
    to_.trace_id.append(record.trace_id);
    to_.span_id.append(record.span_id);
    to_.flags.append(record.flags);
    to_.severity_number.append(record.severity_number);
    to_.severity_text.append(record.severity_text);
    body_.clear();
    append_text(body_, record.body);
    to_.body.append(body_);
    const auto body_type = static_cast<char>(record.body.type);
    to_.body_type.append({&body_type, 1});
    to_.event_name.append(record.event_name);
    to_.resource_id.append(common_.resource_id());
    to_.scope_id.append(common_.scope_id());
    attributes_.assign(record.attributes);
    append_map(to_.attributes, attributes_);
    to_.attribute_types.append(attributes_.types());
    to_.dropped_attributes_count.append(record.dropped_attributes_count);
  }

 private:
  Common& common_;
  LogColumns& to_;
  StoredAttributes attributes_;
  std::string body_;
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
    hasher.add(common_.resource_id()).add(common_.scope_id());
    metric_hasher_ = hasher;
  }

  void on_point(const otlp::NumberPointView& point) override {
    NumberColumns& to = tables_.numbers;
    begin_point(to, point);
    using Kind = otlp::NumberPointView::Kind;
    const bool is_int = point.kind == Kind::kInt;
    to.value.append(is_int ? static_cast<double>(point.int_value) : point.double_value);
    to.value_kind.append(static_cast<std::uint8_t>(point.kind));
    to.value_int.append(is_int ? point.int_value : 0);
    append_exemplars(to.exemplars, point.exemplars);
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
    append_exemplars(to.exemplars, point.exemplars);
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
    append_exemplars(to.exemplars, point.exemplars);
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
    to.metric_name.append(name_);
    to.series_id.append(series_id);
    to.time.append(stored_time(point.time_unix_nano));
    to.start_time.append(stored_time(point.start_time_unix_nano));
    to.flags.append(point.flags);
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

  void append_exemplars(ExemplarColumns& to, std::span<const otlp::ExemplarView> exemplars) {
    StoredAttributes& attributes = common_.attributes();
    for (const otlp::ExemplarView& exemplar : exemplars) {
      to.times.elements().append(stored_time(exemplar.time_unix_nano));
      to.values.elements().append(exemplar.is_int ? static_cast<double>(exemplar.int_value)
                                                  : exemplar.double_value);
      to.are_ints.elements().append(exemplar.is_int ? 1 : 0);
      to.int_values.elements().append(exemplar.is_int ? exemplar.int_value : 0);
      to.trace_ids.elements().append(exemplar.trace_id);
      to.span_ids.elements().append(exemplar.span_id);
      attributes.assign(exemplar.filtered_attributes);
      append_map(to.attributes.elements(), attributes);
      to.attribute_types.elements().append(attributes.types());
    }
    auto end_row = [](const char* /*name*/, auto& column) { column.end_row(); };
    to.visit(end_row);
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

Block::Block(KnownIds& known)
    : known_(known),
      tables_(std::make_unique<Tables>()),
      common_(std::make_unique<Common>(*tables_, known)),
      traces_(std::make_unique<Traces>(*common_, tables_->spans)),
      logs_(std::make_unique<Logs>(*common_, tables_->logs)),
      metrics_(std::make_unique<Metrics>(*common_, *tables_)) {}

Block::~Block() = default;

void Block::begin_request(std::int64_t received_ns) {
  common_->begin_request(received_ns);
}

void Block::roll_back() {
  common_->roll_back();
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
  return bytes;
}

SealedBlock Block::seal(std::int64_t received_us) {
  SealedBlock sealed;
  add_table(tables_->resources, sealed.descriptions);
  add_table(tables_->scopes, sealed.descriptions);
  add_table(tables_->series, sealed.descriptions);
  store::clear(tables_->trace_times);
  summarise_traces(tables_->spans, tables_->trace_times);
  add_table(tables_->trace_times, sealed.descriptions);
  add_table(tables_->spans, sealed.data, received_us);
  add_table(tables_->logs, sealed.data, received_us);
  add_table(tables_->numbers, sealed.data, received_us);
  add_table(tables_->histograms, sealed.data, received_us);
  add_table(tables_->exponential_histograms, sealed.data, received_us);
  add_table(tables_->summaries, sealed.data, received_us);
  return sealed;
}

void Block::descriptions_are_written() {
  known_.insert(common_->described());
  known_.insert(common_->series());
}

void Block::clear() {
  tables_->visit([](auto& table) { store::clear(table); });
  store::clear(tables_->trace_times);
  common_->clear();
}

}  // namespace signalbox::server::store

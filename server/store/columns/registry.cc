#include "server/store/columns/registry.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <functional>
#include <string>
#include <utility>

#include "server/store/columns/hash.h"
#include "server/store/engine/engine.h"

namespace signalbox::server::store {
namespace {

/// About 60 bytes each.
constexpr std::size_t kMaxHalfCalls = 400'000;

/// The fields of a RowBinary result.
class Fields {
 public:
  explicit Fields(std::string_view data) : rest_(data) {}
  [[nodiscard]] bool at_end() const noexcept { return rest_.empty(); }
  template <typename T>
  T number() {
    const std::string_view bytes = take(sizeof(T));
    T value{};
    std::memcpy(&value, bytes.begin(), sizeof value);
    return value;
  }
  std::string_view text() {
    std::size_t size = 0;
    for (unsigned shift = 0;; shift += 7) {
      const auto byte = number<std::uint8_t>();
      size |= static_cast<std::size_t>(byte & 0x7F) << shift;
      if (byte < 0x80) return take(size);
    }
  }
  std::string_view bytes(std::size_t size) { return take(size); }

 private:
  std::string_view take(std::size_t size) {
    if (size > rest_.size()) throw EngineError(0, "the engine's answer ends within a row");
    const std::string_view taken = rest_.substr(0, size);
    rest_.remove_prefix(size);
    return taken;
  }
  std::string_view rest_;
};

QueryOptions soon() {
  QueryOptions options;
  options.work = WorkClass::kBackground;
  options.max_execution_time_ms = 5'000;
  return options;
}

QueryOptions at_start() {
  QueryOptions options;
  options.work = WorkClass::kBackground;
  options.max_execution_time_ms = 600'000;
  options.max_result_rows = 100'000'000;
  return options;
}

std::uint64_t hash_of(const Descriptions::SeriesHour& series_hour) {
  return Hasher()
      .add(series_hour.series_id)
      .add(static_cast<std::uint64_t>(series_hour.hour))
      .value();
}

/// The latest spans that may be half of a call, received in the minute before the block. If the
/// engine fails or takes long, calls across the start are not found, which is reported: it must not
/// hold up the block.
void load_spans(Engine& engine, std::int64_t identity, std::size_t limit,
                const std::function<void(const ServiceEdges::Span&)>& visit,
                const std::function<void(const std::string&)>& report) try {
  const QueryResult result = engine.query(
      "SELECT toString(service_name), trace_id, span_id, parent_span_id, kind, status_code, "
      "toUnixTimestamp64Nano(start_time), duration_ns FROM span_rows\n"
      "WHERE received >= fromUnixTimestamp64Micro({from:Int64}, 'UTC') AND "
      "received < fromUnixTimestamp64Micro({until:Int64}, 'UTC') AND kind BETWEEN 2 AND 5\n"
      "ORDER BY received DESC LIMIT {limit:UInt64} FORMAT RowBinary",
      {{"from", std::to_string(identity - 60'000'000)},
       {"until", std::to_string(identity)},
       {"limit", std::to_string(limit)}},
      soon());
  for (Fields row(result.data); !row.at_end();) {
    ServiceEdges::Span span;
    span.service = row.text();
    span.trace_id = row.bytes(16);
    span.span_id = row.bytes(8);
    span.parent_span_id = row.bytes(8);
    span.kind = row.number<std::int32_t>();
    span.status_code = row.number<std::int32_t>();
    span.start_time = row.number<std::int64_t>();
    span.duration_ns = row.number<std::int64_t>();
    visit(span);
  }
} catch (const std::exception& error) {
  report(
      std::string("the spans from before the start cannot be read, so calls between services that "
                  "began before it are not counted: ") +
      error.what());
}

}  // namespace

std::string_view slotted_signal_name(SlottedSignal signal) noexcept {
  return signal == SlottedSignal::kSpans ? "spans" : "logs";
}

Registry::Registry(std::size_t capacity, ServiceEdges::Load load_spans)
    : resources_(capacity),
      scopes_(capacity),
      series_(capacity),
      series_hours_(capacity),
      edges_(std::min(capacity, kMaxHalfCalls), std::move(load_spans)) {}

Registry::Registry(std::size_t capacity) : Registry(capacity, ServiceEdges::Load()) {}

Registry::Registry(std::size_t capacity, Engine& engine,
                   std::function<void(const std::string&)> report)
    : Registry(capacity, [&engine, report = std::move(report)](
                             std::int64_t identity, std::size_t limit, const auto& visit) {
        load_spans(engine, identity, limit, visit, report);
      }) {
  resources_.restore(engine, "resource_rows", "resource_id", capacity / 2);
  scopes_.restore(engine, "scope_rows", "scope_id", capacity / 2);
  restore_slots(engine);
  restore_side_tables_since(engine);
}

Registry::Identity Registry::Ids::identity(std::uint64_t hash) {
  const std::scoped_lock lock(mutex_);
  if (const Identity* const known = known_.find(hash)) return *known;
  return known_.set(hash, {.id = next_++, .is_described = false});
}

void Registry::Ids::described(std::uint64_t hash, std::uint32_t id) {
  const std::scoped_lock lock(mutex_);
  // Forgotten in between and assigned anew, the other id stays: nobody has described it yet.
  if (const Identity* const known = known_.find(hash); known != nullptr && known->id != id) return;
  known_.set(hash, {.id = id, .is_described = true});
}

void Registry::Ids::restore(Engine& engine, const std::string& table, const std::string& column,
                            std::size_t limit) {
  const std::scoped_lock lock(mutex_);
  std::string sql = "SELECT " + column + ", hash FROM " + table;
  sql += " GROUP BY ALL ORDER BY " + column + " DESC LIMIT " + std::to_string(limit + 1);
  const QueryResult result = engine.query(sql + " FORMAT RowBinary", {}, at_start());
  for (Fields row(result.data); !row.at_end();) {
    const auto id = row.number<std::uint32_t>();
    const auto hash = row.number<std::uint64_t>();
    next_ = std::max(next_, id + 1);
    // The newest id comes first.
    if (known_.find(hash) == nullptr) known_.set(hash, {.id = id, .is_described = true});
  }
}

void Registry::restore_slots(Engine& engine) {
  const QueryResult result = engine.query(
      "SELECT toString(signal), key, slot FROM attribute_slots GROUP BY ALL ORDER BY min(seen), "
      "key, slot FORMAT RowBinary",
      {}, at_start());
  for (Fields row(result.data); !row.at_end();) {
    const std::string_view signal = row.text();
    const std::string key(row.text());
    const auto slot = row.number<std::uint8_t>();
    for (std::size_t i = 0; i < kSlottedSignals; ++i) {
      if (slotted_signal_name(static_cast<SlottedSignal>(i)) == signal)
        slots_.at(i).restore(key, slot);
    }
  }
}

void Registry::restore_side_tables_since(Engine& engine) {
  const QueryResult result = engine.query(
      "SELECT toUnixTimestamp64Nano(max(applied)) FROM schema_versions WHERE version = 3 "
      "FORMAT RowBinary",
      {}, at_start());
  Fields row(result.data);
  if (!row.at_end()) side_tables_since_ = (row.number<std::int64_t>() + 999) / 1000;
}

bool Registry::is_series_described(std::uint64_t series_id) {
  const std::scoped_lock lock(series_mutex_);
  return series_.find(series_id) != nullptr;
}

bool Registry::is_described(const Descriptions::SeriesHour& series_hour) {
  const std::scoped_lock lock(series_mutex_);
  return series_hours_.find(hash_of(series_hour)) != nullptr;
}

bool Registry::choose_slots(SlottedSignal signal,
                            std::span<const SlotAssignment::Wanted> attributes,
                            std::uint32_t sightings, std::vector<Slot>& slots) {
  const std::scoped_lock lock(slots_mutex_);
  return slots_.at(static_cast<std::size_t>(signal)).choose(attributes, sightings, slots);
}

void Registry::mark_near_unique(SlottedSignal signal, std::string_view key) {
  const std::scoped_lock lock(slots_mutex_);
  slots_.at(static_cast<std::size_t>(signal)).mark_near_unique(key);
}

bool Registry::is_slot_described(SlottedSignal signal, std::string_view key, Slot slot) {
  const std::scoped_lock lock(slots_mutex_);
  return slots_.at(static_cast<std::size_t>(signal)).is_described(key, slot);
}

void Registry::described(const Descriptions& descriptions) {
  for (const auto& [hash, id] : descriptions.resources) resources_.described(hash, id);
  for (const auto& [hash, id] : descriptions.scopes) scopes_.described(hash, id);
  {
    const std::scoped_lock lock(series_mutex_);
    for (const std::uint64_t id : descriptions.series) series_.set(id, 1);
    for (const auto& series_hour : descriptions.series_hours) {
      series_hours_.set(hash_of(series_hour), 1);
    }
  }
  const std::scoped_lock lock(slots_mutex_);
  for (const auto& [signal, key, slot] : descriptions.slots) {
    slots_.at(static_cast<std::size_t>(signal)).described(key, slot);
  }
}

}  // namespace signalbox::server::store

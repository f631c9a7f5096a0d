#include "server/store/columns/block.h"

#include <optional>
#include <utility>

#include "server/store/columns/block_common.h"
#include "server/store/columns/block_tables.h"
#include "server/store/columns/log_sink.h"
#include "server/store/columns/metric_sink.h"
#include "server/store/columns/row_order.h"
#include "server/store/columns/span_sink.h"

namespace signalbox::server::store {
namespace {

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

template <typename Columns>
void add_sorted(Columns& table, std::vector<TableRows>& sealed, std::int64_t received_us) {
  add_table(table, sealed, received_us, order_of(table));
}

}  // namespace

Block::Block(Registry& registry)
    : registry_(registry),
      tables_(std::make_unique<BlockTables>()),
      common_(std::make_unique<BlockCommon>(*tables_, registry)),
      traces_(std::make_unique<SpanSink>(*common_, registry, *tables_)),
      logs_(std::make_unique<LogSink>(*common_, registry, *tables_)),
      metrics_(std::make_unique<MetricSink>(*common_, *tables_)) {}

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
  const BlockTables& tables = *tables_;
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
  if (received_us < registry_.side_tables_since()) return;
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

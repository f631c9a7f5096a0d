#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "otlp/records.h"
#include "server/store/columns/registry.h"
#include "server/store/ingest.h"

namespace signalbox::server::store {

/// The rows of one table, in ClickHouse's Native format; there is at least one.
struct TableRows {
  std::string_view table;
  std::string native;
  std::size_t rows = 0;
  /// Of a side table (003_side_tables.sql): its rows are those of several blocks, and `received` is
  /// the latest of them.
  bool is_side_table = false;
};

/// What one block brings to the tables.
struct SealedBlock {
  /// Of resources, scopes, series and slots: to be inserted before any of `data`. Inserting them
  /// again does no harm.
  std::vector<TableRows> descriptions;
  /// At most one for each table. Each row has the block's identity in its column `received`, which
  /// tells whether the table has these rows already. Rows are sorted as the table is.
  std::vector<TableRows> data;
};

class BlockCommon;
struct BlockTables;
class LogSink;
class MetricSink;
struct SideTables;
class SpanSink;

/// The rows of `tables`, as they are to be inserted: marked as those of the block `received_us`,
/// the last of which they have rows.
[[nodiscard]] std::vector<TableRows> write_side_tables(SideTables& tables,
                                                       std::int64_t received_us);

/// One growing block for each table: what requests decode into, and what is inserted at once.
///
/// The rows of a request are either all in it or, after `roll_back`, none. What the rows refer to
/// is described where neither `registry` nor the block itself have done so.
///
/// Thread-safety: one thread at a time.
class Block {
 public:
  /// `registry` outlives the block; several blocks share it.
  explicit Block(Registry& registry);
  ~Block();
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;

  /// Where a request begins that was received at `received_ns`, nanoseconds since 1970; `roll_back`
  /// returns to the latest, in time proportional to what came since.
  void begin_request(std::int64_t received_ns);
  void roll_back();

  /// What the decoders write into.
  [[nodiscard]] Sinks sinks() noexcept;

  /// Spans, log records and metric points.
  [[nodiscard]] std::size_t rows() const noexcept;
  [[nodiscard]] std::size_t memory_bytes() const;

  /// The rows as they are to be inserted, all marked as those of the block `received_us`. The block
  /// keeps them.
  [[nodiscard]] SealedBlock seal(std::int64_t received_us);

  /// Appends what the side tables get of the rows; after `seal`, with the same identity. Nothing of
  /// a block from before Registry::side_tables_since.
  void add_side_rows(std::int64_t received_us, SideTables& to) const;

  /// Tells `registry` that the descriptions of the last `seal` are in their tables.
  void descriptions_are_written();

  /// Empties the block and keeps its memory, up to a limit.
  void clear();

 private:
  [[nodiscard]] std::vector<Descriptions::KeySlot> undescribed_slots() const;

  Registry& registry_;
  std::unique_ptr<BlockTables> tables_;
  std::unique_ptr<BlockCommon> common_;
  std::unique_ptr<SpanSink> traces_;
  std::unique_ptr<LogSink> logs_;
  std::unique_ptr<MetricSink> metrics_;
};

}  // namespace signalbox::server::store

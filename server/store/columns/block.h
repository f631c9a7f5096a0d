#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_set>
#include <vector>

#include "otlp/records.h"
#include "server/store/columns/attributes.h"
#include "server/store/columns/tables.h"
#include "server/store/ingest.h"

namespace signalbox::server::store {

/// Identifiers of resources, scopes and series that are known to be in their tables. Forgets all of
/// them when it is full: they are then written once more, which does no harm.
///
/// Thread-safety: all members from any thread.
class KnownIds {
 public:
  explicit KnownIds(std::size_t capacity) : capacity_(capacity) {}

  [[nodiscard]] bool contains(std::uint64_t id) const {
    const std::scoped_lock lock(mutex_);
    return ids_.contains(id);
  }
  void insert(const std::unordered_set<std::uint64_t>& ids);

 private:
  const std::size_t capacity_;
  mutable std::mutex mutex_;
  std::unordered_set<std::uint64_t> ids_;
};

/// The rows of one table, in ClickHouse's Native format; there is at least one.
struct TableRows {
  std::string_view table;
  std::string native;
  std::size_t rows = 0;
};

/// What one block brings to the tables.
struct SealedBlock {
  /// Of resources, scopes and series: to be inserted before any of `data`. Inserting them again
  /// does no harm.
  std::vector<TableRows> descriptions;
  /// At most one for each table. Each row has the block's identity in its column `received`, which
  /// tells whether the table has these rows already.
  std::vector<TableRows> data;
};

/// One growing block for each table: what requests decode into, and what is inserted at once.
///
/// The rows of a request are either all in it or, after `roll_back`, none. Rows that describe a
/// resource, scope or series are added where `known` and the block itself do not have them yet.
///
/// Thread-safety: one thread at a time.
class Block {
 public:
  /// `known` outlives the block.
  explicit Block(KnownIds& known);
  ~Block();
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;

  /// Where a request begins that was received at `received_ns`, nanoseconds since 1970; `roll_back`
  /// returns to the latest.
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

  /// Tells `known` that the descriptions are in their tables.
  void descriptions_are_written();

  /// Empties the block and keeps its memory.
  void clear();

 private:
  struct Tables;
  class Common;
  class Traces;
  class Logs;
  class Metrics;

  KnownIds& known_;
  std::unique_ptr<Tables> tables_;
  std::unique_ptr<Common> common_;
  std::unique_ptr<Traces> traces_;
  std::unique_ptr<Logs> logs_;
  std::unique_ptr<Metrics> metrics_;
};

}  // namespace signalbox::server::store

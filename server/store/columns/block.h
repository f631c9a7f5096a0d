#pragma once

#include <array>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_set>

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

/// One growing block for each table: what requests decode into, and what is inserted at once.
///
/// The rows of a request are either all in it or, after `roll_back`, none. Rows that describe a
/// resource, scope or series are added where `known` and the block itself do not have them yet.
///
/// Thread-safety: one thread at a time.
class Block {
 public:
  using WallClock = std::function<std::chrono::system_clock::time_point()>;

  /// `known` outlives the block.
  explicit Block(KnownIds& known, WallClock now = std::chrono::system_clock::now);
  ~Block();
  Block(const Block&) = delete;
  Block& operator=(const Block&) = delete;

  /// Where a request begins; `roll_back` returns to the latest.
  void begin_request();
  void roll_back();

  /// What the decoders write into.
  [[nodiscard]] Sinks sinks() noexcept;

  /// Spans, log records and metric points.
  [[nodiscard]] std::size_t rows() const noexcept;
  [[nodiscard]] std::size_t memory_bytes() const;

  /// Calls `insert(table, native block)` for each of the tables that have rows: of the descriptions
  /// of resources and scopes, which come first of all; of one signal, what describes its rows
  /// first.
  using Insert = std::function<void(std::string_view table, std::string_view native_block)>;
  void write_descriptions(const Insert& insert);
  void write(Signal signal, const Insert& insert);

  /// Tells `known` that the descriptions are in their tables: of resources and scopes, of series.
  void descriptions_are_written();
  void series_are_written();

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
  std::string buffer_;  // The Native form of one table.
};

}  // namespace signalbox::server::store

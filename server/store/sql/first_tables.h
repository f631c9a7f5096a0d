#pragma once

#include <cstddef>
#include <map>
#include <memory>
#include <mutex>
#include <stop_token>
#include <string>
#include <vector>

#include "server/store/engine/engine.h"

namespace signalbox::server::store {

/// The tables of 001_tables.sql in a folder that an older Signalbox wrote. Their rows are moved
/// into those of 002_layout.sql, day by day, and are found all the time: a query reads a day either
/// from its old partition or from its copy, as `sources` says.
///
/// Thread-safety: `sources` from any thread; `move` from one. Lifetime: the engine outlives it.
/// Made after apply_schema, and before anybody queries. Errors: EngineError.
class FirstTables {
 public:
  /// By the name of a table of 002_layout.sql: what a query is to read instead, as an element of
  /// its WITH clause. None for a table all of whose rows are in it.
  using Sources = std::map<std::string, std::string>;

  explicit FirstTables(Engine& engine);
  FirstTables(const FirstTables&) = delete;
  FirstTables& operator=(const FirstTables&) = delete;

  /// What holds for a query that begins now. To be kept until it has ended: partitions that it may
  /// read are not dropped before.
  [[nodiscard]] std::shared_ptr<const Sources> sources() const;

  /// Moves all rows, the newest days first; then the views of 004_views.sql take the tables' names.
  /// Takes long. Returns soon after a stop is requested; the day that it, or the end of the
  /// process, broke off is copied anew the next time.
  void move(const std::stop_token& stop);

 private:
  std::shared_ptr<const Sources> make_sources();
  /// False if a stop was requested.
  bool move_newest_day(std::size_t table, const std::stop_token& stop);

  Engine& engine_;
  bool are_there_ = false;
  /// Of each table the days that are read from it, the newest first.
  std::vector<std::vector<std::string>> days_;
  mutable std::mutex mutex_;
  std::shared_ptr<const Sources> sources_ = std::make_shared<Sources>();  ///< Guarded by mutex_.
};

}  // namespace signalbox::server::store

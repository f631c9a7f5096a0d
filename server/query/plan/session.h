#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <stop_token>
#include <string>
#include <string_view>

#include "server/query/json/json.h"
#include "server/query/plan/attribute_slots.h"
#include "server/query/plan/sql.h"
#include "server/store/engine/engine.h"
#include "server/store/sql/first_tables.h"

namespace signalbox::server::query {

/// One request's way to the engine: its deadline, what it has cost, whether anyone still waits.
///
/// Thread-safety: one thread. Lifetime: the engine outlives it.
/// Errors: QueryError; the engine's errors are turned into it.
class Session {
 public:
  using Clock = std::chrono::steady_clock;

  /// `stop` ends the statement that runs and begins no further one: nobody waits any more.
  /// `first_tables` outlive it, and are null if there are none.
  Session(store::Engine& engine, Clock::time_point deadline, std::stop_token stop = {},
          const store::FirstTables* first_tables = nullptr);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  /// Runs one SELECT and returns its rows as RowBinary (see RowReader). `sql` has no FORMAT.
  std::string rows(const std::string& sql, const Parameters& parameters = {});

  struct Piece {
    std::string data;
    bool is_whole = true;  ///< Else there is more, and the last row may end within.
  };
  /// The same, but ends soon after `max_bytes` have come.
  Piece rows_up_to(std::size_t max_bytes, const std::string& sql, const Parameters& parameters);

  /// The same for a statement that a client wrote, and any format: what the engine finds wrong with
  /// it is told to the client.
  std::string client_rows(const std::string& sql, std::string_view format);
  /// The same for a SELECT of any size; a result of more than `kMostClientBytes` is refused.
  std::string client_stream(const std::string& sql, std::string_view format);

  /// Throws QueryError while data of an earlier version is being moved: only `rows` finds that.
  void expect_current_tables() const;

  static constexpr std::size_t kMostClientBytes = std::size_t{16} << 20;

  [[nodiscard]] std::uint64_t rows_read() const noexcept { return rows_read_; }
  [[nodiscard]] std::uint64_t bytes_read() const noexcept { return bytes_read_; }
  /// Asks for them when they are first needed.
  [[nodiscard]] const AttributeSlots& slots() const noexcept { return slots_; }

  /// Writes `"stats": {…}` into an open object.
  void write_stats(JsonWriter& json) const;

 private:
  /// For the next statement. Throws QueryError if nobody waits for it or its time is over.
  [[nodiscard]] store::QueryOptions options() const;
  /// Counts what `ask`, which runs `sql` as it is to be read now, has read.
  template <typename Ask>
  store::QueryResult ask_tables(const std::string& sql, Ask&& ask);
  /// Counts what `ask`, which runs a client's statement, has read.
  template <typename Ask>
  store::QueryResult ask_for_client(Ask&& ask);
  AttributeSlots::Known read_slots();

  store::Engine& engine_;
  Clock::time_point started_;
  Clock::time_point deadline_;
  std::stop_token stop_;
  const store::FirstTables* first_tables_;
  std::uint64_t rows_read_ = 0;
  std::uint64_t bytes_read_ = 0;
  AttributeSlots slots_{[this] { return read_slots(); }};
};

}  // namespace signalbox::server::query

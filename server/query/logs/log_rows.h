#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "server/query/json/json.h"
#include "server/query/plan/attributes.h"
#include "server/query/plan/rows.h"
#include "server/query/plan/sql.h"

/// What the answers about log records have in common: their identity, their order, their JSON.
namespace signalbox::server::query {

/// The identity of a record: its block, and its row there.
struct LogId {
  std::int64_t received_us = 0;
  std::uint32_t row = 0;

  /// Throws QueryError about `parameter` unless it is the `id` of an answer.
  static LogId parse(std::string_view text, const std::string& parameter);
  [[nodiscard]] std::string to_string() const;
};

/// A place in the order of records: by time, among equals by identity.
struct LogPosition {
  std::int64_t time_ns = 0;
  LogId id;

  /// Throws QueryError about "cursor".
  static LogPosition from_cursor(std::string_view cursor);
  [[nodiscard]] std::string to_cursor() const;
};

/// The SELECT list that `write_log` reads, from log_rows.
std::string log_columns();
/// ORDER BY of the order of positions.
std::string log_order(bool is_ascending);
/// SQL: later, or earlier, than `position` in that order.
std::string behind_position(const LogPosition& position, Parameters& parameters);
std::string before_position(const LogPosition& position, Parameters& parameters);

/// Reads one row of `log_columns` and writes it as a LogRecord of openapi.yaml; returns where it
/// stands.
LogPosition write_log(RowReader& row, ReferencedIds& ids, JsonWriter& json);

}  // namespace signalbox::server::query

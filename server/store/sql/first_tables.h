#pragma once

#include <atomic>

#include "server/store/engine/engine.h"

namespace signalbox::server::store {

/// Moves the rows of the first tables (001_tables.sql) into those of 002_layout.sql, day by day,
/// the newest first; then the views of 004_views.sql take their names. A day's rows are not found
/// while they are being moved, and all others are only after.
///
/// May be interrupted at any time, by `stop` or the end of the process: called again it goes on
/// with the day that it was at. Takes long; one caller at a time; apply_schema has been called
/// before. Errors: EngineError.
void move_rows_of_first_tables(Engine& engine, const std::atomic<bool>& stop);

}  // namespace signalbox::server::store

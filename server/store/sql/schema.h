#pragma once

#include <cstdint>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "server/store/engine/engine.h"

namespace signalbox::server::store {

/// One file of sql/, part of the program.
struct Migration {
  std::uint32_t version;  ///< The number its name begins with; > 0, ascending.
  std::string_view name;  ///< e.g. "001_tables.sql".
  std::string_view sql;
};

/// All of them, by version.
std::span<const Migration> migrations();

/// The data was written by a newer Signalbox; the message says what to do.
class NewerSchemaError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Brings the tables behind `engine` to the version of `steps`: applies those that have not been
/// applied and records them in the table `schema_versions`, with a moment that no block in the
/// tables is behind, whatever the clock was. A step that was interrupted is applied again. A step
/// that begins with a line `-- When: SELECT …` is left, with those behind it, for a later call if
/// that does not yield 1. Steps and statements that begin with `-- Older folders` are left out
/// where there are no tables yet. Errors: EngineError, NewerSchemaError.
void apply_schema(Engine& engine, std::span<const Migration> steps = migrations());

/// The statements of a file of sql/: each ends with a semicolon at the end of a line.
std::vector<std::string> split_statements(std::string_view sql);

}  // namespace signalbox::server::store

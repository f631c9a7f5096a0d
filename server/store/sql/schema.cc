#include "server/store/sql/schema.h"

#include <charconv>
#include <chrono>
#include <cstddef>

namespace signalbox::server::store {
namespace {

/// Whether the condition in the first line of a step holds, if it has one.
bool may_be_applied(Engine& engine, std::string_view sql) {
  constexpr std::string_view kWhen = "-- When: ";
  if (!sql.starts_with(kWhen)) return true;
  const std::string_view line = sql.substr(0, sql.find('\n'));
  const QueryResult result =
      engine.query(std::string(line.substr(kWhen.size())) + " FORMAT TabSeparated", {},
                   {.work = WorkClass::kBackground});
  return result.data.starts_with('1');
}

std::uint32_t applied_version(Engine& engine) {
  const QueryResult result =
      engine.query("SELECT max(version) FROM schema_versions FORMAT TabSeparated", {},
                   {.work = WorkClass::kBackground});
  std::uint32_t version = 0;
  std::from_chars(result.data.data(), result.data.data() + result.data.size(), version);
  return version;
}

}  // namespace

std::vector<std::string> split_statements(std::string_view sql) {
  std::vector<std::string> statements;
  while (!sql.empty()) {
    const std::size_t end = sql.find(";\n");
    const std::string_view statement = sql.substr(0, end);
    sql = end == std::string_view::npos ? std::string_view() : sql.substr(end + 2);
    if (statement.find_first_not_of(" \t\r\n") != std::string_view::npos) {
      statements.emplace_back(statement);
    }
  }
  return statements;
}

void apply_schema(Engine& engine, std::span<const Migration> steps) {
  engine.execute(
      "CREATE TABLE IF NOT EXISTS schema_versions (version UInt32, applied DateTime64(9, 'UTC')) "
      "ENGINE = MergeTree ORDER BY version "
      "SETTINGS fsync_after_insert = 1, fsync_part_directory = 1");
  const std::uint32_t applied = applied_version(engine);
  const std::uint32_t known = steps.empty() ? 0 : steps.back().version;
  if (applied > known) {
    throw NewerSchemaError("the data was written by a newer Signalbox (its tables have version " +
                           std::to_string(applied) + ", this program knows up to " +
                           std::to_string(known) +
                           "); use that version, or choose another folder with --data");
  }
  for (const Migration& step : steps) {
    if (step.version <= applied) continue;
    if (!may_be_applied(engine, step.sql)) return;
    for (const std::string& statement : split_statements(step.sql)) engine.execute(statement);
    // By the clock that blocks are received by, which may not be the engine's.
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    engine.execute("INSERT INTO schema_versions SELECT " + std::to_string(step.version) +
                   ", fromUnixTimestamp64Nano(" +
                   std::to_string(std::chrono::nanoseconds(now).count()) + ")");
  }
}

}  // namespace signalbox::server::store

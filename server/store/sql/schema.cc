#include "server/store/sql/schema.h"

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <mutex>
#include <string>
#include <thread>

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

/// Whether it is of no use where no older Signalbox has been.
bool is_of_older_folders(std::string_view sql) {
  return sql.substr(std::min(sql.find_first_not_of('\n'), sql.size()))
      .starts_with("-- Older folders");
}

bool has_tables(Engine& engine) {
  const QueryResult result = engine.query(
      "SELECT count() FROM system.tables WHERE database = currentDatabase() AND "
      "name != 'schema_versions' FORMAT TabSeparated",
      {}, {.work = WorkClass::kBackground});
  return !result.data.starts_with("0\n");
}

/// Whether it only makes a table, of columns that it names itself.
bool makes_a_table(std::string_view statement) {
  while (statement.starts_with('\n') || statement.starts_with("--")) {
    const std::size_t end = statement.find('\n');
    if (end == std::string_view::npos) return false;
    statement.remove_prefix(end + 1);
  }
  return statement.starts_with("CREATE TABLE ") &&
         statement.substr(0, statement.find('\n')).ends_with(" (");
}

/// Several at a time: half of the time of a first start is that of these.
void make_tables(Engine& engine, std::span<const std::string> statements) {
  std::atomic<std::size_t> next{0};
  std::mutex mutex;
  std::exception_ptr error;
  const auto work = [&] {
    try {
      for (std::size_t i = next++; i < statements.size(); i = next++) engine.execute(statements[i]);
    } catch (...) {
      const std::scoped_lock lock(mutex);
      error = std::current_exception();
    }
  };
  {
    std::vector<std::jthread> others;
    const std::size_t threads = std::clamp(std::thread::hardware_concurrency(), 1U, 4U);
    for (std::size_t i = 1; i < std::min(threads, statements.size()); ++i)
      others.emplace_back(work);
    work();
  }
  if (error) std::rethrow_exception(error);
}

void run(Engine& engine, std::span<const std::string> statements) {
  while (!statements.empty()) {
    const auto end = std::find_if_not(statements.begin(), statements.end(), makes_a_table);
    const auto tables = static_cast<std::size_t>(end - statements.begin());
    if (tables == 0) engine.execute(statements.front());
    make_tables(engine, statements.first(tables));
    statements = statements.subspan(std::max<std::size_t>(tables, 1));
  }
}

std::uint32_t applied_version(Engine& engine) {
  const QueryResult result =
      engine.query("SELECT max(version) FROM schema_versions FORMAT TabSeparated", {},
                   {.work = WorkClass::kBackground});
  std::uint32_t version = 0;
  std::from_chars(result.data.data(), result.data.data() + result.data.size(), version);
  return version;
}

std::int64_t now_ns() {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::nanoseconds(now).count();
}

/// Now, by the clock that blocks are received by, which may not be the engine's; but behind all
/// blocks that the tables have, as when that clock was ahead and has been set back. In nanoseconds
/// since 1970.
///
/// What was moved from the first tables is not of such a block: its `received` are the first
/// microseconds of a day that senders chose.
std::int64_t moment_behind_all_blocks(Engine& engine) {
  const QueryOptions options{.work = WorkClass::kBackground};
  std::int64_t moment = now_ns();
  const std::string tables =
      engine
          .query(
              "SELECT table FROM system.columns WHERE database = currentDatabase() AND "
              "name = 'received' AND type = 'DateTime64(6, \\'UTC\\')' AND table LIKE '%\\_rows' "
              "FORMAT TabSeparated",
              {}, options)
          .data;
  for (std::size_t at = 0; at < tables.size();) {
    const std::size_t end = tables.find('\n', at);
    const QueryResult latest = engine.query(
        "SELECT toUnixTimestamp64Micro(max(received)) FROM " + tables.substr(at, end - at) +
            " WHERE received >= fromUnixTimestamp64Nano({moment:Int64}, 'UTC') AND "
            "toUnixTimestamp64Micro(received) % 86400000000 >= 10 FORMAT TabSeparated",
        {{"moment", std::to_string(moment)}}, options);
    std::int64_t us = 0;
    std::from_chars(latest.data.data(), latest.data.data() + latest.data.size(), us);
    moment = std::max(moment, (us + 1) * 1000);
    at = end == std::string::npos ? end : end + 1;
  }
  return moment;
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
  const bool is_new = applied == 0 && !has_tables(engine);
  for (const Migration& step : steps) {
    if (step.version <= applied || (is_new && is_of_older_folders(step.sql))) continue;
    if (!may_be_applied(engine, step.sql)) return;
    std::vector<std::string> statements = split_statements(step.sql);
    if (is_new) std::erase_if(statements, is_of_older_folders);
    run(engine, statements);
    const std::int64_t moment = is_new ? now_ns() : moment_behind_all_blocks(engine);
    engine.execute("INSERT INTO schema_versions SELECT " + std::to_string(step.version) +
                   ", fromUnixTimestamp64Nano(" + std::to_string(moment) + ")");
  }
}

}  // namespace signalbox::server::store

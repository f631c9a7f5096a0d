#include "server/store/engine/embedded_engine.h"

#include <algorithm>
#include <atomic>
#include <bit>
#include <chrono>
#include <cstddef>
#include <fstream>
#include <mutex>
#include <utility>

#include "server/store/engine/chdb_api.h"
#include "server/store/engine/chdb_connection.h"
#include "server/store/engine/connection_pool.h"
#include "server/store/engine/data_folder.h"
#include "server/store/engine/engine_settings.h"
#include "server/store/engine/insert_statement.h"
#include "server/store/engine/sql_guard.h"
#include "server/store/engine/statement_watch.h"
#include "server/store/engine/table_folders.h"

namespace signalbox::server::store {
namespace {

using Clock = std::chrono::steady_clock;

/// The look-ups of the ingest path are small; their memory is part of what inserts have.
constexpr std::uint64_t kIngestReadBytes = 64ULL << 20;

std::atomic<bool> engine_exists{false};

/// A file of our own also keeps the engine from reading a configuration that happens to lie in the
/// working or home folder.
void write_file(const std::filesystem::path& path, const std::string& content) {
  std::ofstream file(path, std::ios::trunc);
  file << content;
  file.close();
  if (!file) throw DataFolderError("cannot write " + path.string() + "; is the disk full?");
}

/// Without the filter by what the newest rows found so far say, a condition on few rows is looked
/// at first: else all rows are read for their times.
constexpr std::initializer_list<const char*> kReading = {"--readonly=1",
                                                         "--use_top_k_dynamic_filtering=0"};

std::vector<std::string> with(std::vector<std::string> arguments,
                              std::initializer_list<const char*> more) {
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

/// StatementWatch ends a statement on time. The engine's own limit, which is part of a connection,
/// is the next power of two: few different ones keep connections in use.
std::uint32_t whole_seconds(std::uint32_t ms) {
  constexpr std::uint32_t kLongest = 1U << 20;
  return std::bit_ceil(std::min((ms + 999) / 1000, kLongest));
}

Term term_of(std::uint32_t max_execution_time_ms, std::stop_token stop = {}) {
  return {Clock::now() + std::chrono::milliseconds(max_execution_time_ms), std::move(stop)};
}

}  // namespace

struct EmbeddedEngine::Implementation {
  struct ExistenceMark {
    ExistenceMark() {
      if (engine_exists.exchange(true)) {
        throw EngineError(0, "there is another embedded engine in this process");
      }
    }
    ~ExistenceMark() { engine_exists = false; }
    ExistenceMark(const ExistenceMark&) = delete;
    ExistenceMark& operator=(const ExistenceMark&) = delete;
  };

  explicit Implementation(const Options& options)
      : folder(options.data_folder),
        shares(divide_memory(options.max_memory_bytes,
                             options.interactive_connections + options.background_connections)),
        arguments(prepare(options)),
        control(arguments),
        folders([this](const std::string& table) { return look_up_folders(table); }),
        watch([this](std::uint64_t connection) { kill(connection); }),
        definitions(watch, arguments, 1),
        long_statements(watch, arguments, 1),
        inserts(
            watch,
            with(arguments, {"--max_partitions_per_insert_block=0", "--async_insert=0",
                             "--min_insert_block_size_rows=0", "--min_insert_block_size_bytes=0"}),
            options.ingest_connections),
        ingest_reads(watch, with(arguments, {"--readonly=1"}), 1),
        interactive_reads(watch, with(arguments, kReading), options.interactive_connections),
        background_reads(watch, with(arguments, kReading), options.background_connections) {
    control.query("CREATE DATABASE IF NOT EXISTS signalbox ENGINE = Atomic");
  }

  std::vector<std::string> prepare(const Options& options) const {
    const std::filesystem::path configuration = folder.folder() / "engine.xml";
    const std::filesystem::path clickhouse = folder.folder() / "clickhouse";
    write_file(configuration,
               engine_configuration({.max_memory_bytes = options.max_memory_bytes,
                                     .merges_memory_bytes = shares.merges_bytes,
                                     .mark_cache_bytes = options.mark_cache_bytes,
                                     .min_free_disk_bytes = options.min_free_disk_bytes,
                                     .background_threads = options.background_threads}));
    chdb_set_signal_handlers_enabled(0);
    return {"--path=" + clickhouse.string(), "--config-file=" + configuration.string()};
  }

  ConnectionPool& reads(WorkClass work) {
    switch (work) {
      case WorkClass::kIngest:
        return ingest_reads;
      case WorkClass::kBackground:
        return background_reads;
      case WorkClass::kInteractive:
        break;
    }
    return interactive_reads;
  }

  [[nodiscard]] Limits limits_of(const QueryOptions& options) const {
    const std::uint64_t share =
        options.work == WorkClass::kIngest ? kIngestReadBytes : shares.query_bytes;
    return {whole_seconds(options.max_execution_time_ms), std::min(options.max_memory_bytes, share),
            options.max_result_rows};
  }

  template <typename Use>
  QueryResult read(const std::string& sql, const QueryOptions& options, Use&& use) {
    if (may_reach_files(sql)) {
      throw EngineError(error_code::kAccessDenied,
                        "the words `file` and `outfile` are not allowed in a query");
    }
    return reads(options.work)
        .run(limits_of(options), term_of(options.max_execution_time_ms, options.stop),
             std::forward<Use>(use));
  }

  QueryResult run_control(const std::string& sql, const std::vector<Parameter>& parameters) {
    const std::scoped_lock lock(control_mutex);
    return control.query(sql, parameters);
  }

  void kill(std::uint64_t connection) {
    run_control("KILL QUERY WHERE Settings['log_comment'] = {mark:String} ASYNC FORMAT Null",
                {{"mark", ConnectionPool::mark_of(connection)}});
  }

  TableFolders::Folders look_up_folders(const std::string& table) {
    const QueryResult result = run_control(
        "SELECT arrayJoin(data_paths) FROM system.tables\n"
        "WHERE database = 'signalbox' AND name = {table:String} FORMAT TSVRaw",
        {{"table", table}});
    TableFolders::Folders found;
    for (std::size_t at = 0; at < result.data.size();) {
      const std::size_t end = result.data.find('\n', at);
      found.emplace_back(result.data.substr(at, end - at));
      at = end == std::string::npos ? end : end + 1;
    }
    return found;
  }

  // Destroyed in the reverse order: the engine stops when its last connection, `control`, closes,
  // and only then is the folder given up.
  ExistenceMark mark;
  DataFolderLock folder;
  MemoryShares shares;
  std::vector<std::string> arguments;
  std::mutex control_mutex;
  ChdbConnection control;  // Guarded by control_mutex.
  TableFolders folders;
  StatementWatch watch;
  ConnectionPool definitions;
  ConnectionPool long_statements;
  ConnectionPool inserts;
  ConnectionPool ingest_reads;
  ConnectionPool interactive_reads;
  ConnectionPool background_reads;
};

EmbeddedEngine::EmbeddedEngine(const Options& options)
    : implementation_(std::make_unique<Implementation>(options)) {}

EmbeddedEngine::~EmbeddedEngine() = default;

void EmbeddedEngine::execute(const std::string& sql) {
  implementation_->definitions.run(Limits{}, Term{},
                                   [&](ChdbConnection& connection) { connection.query(sql); });
  implementation_->folders.forget();
}

void EmbeddedEngine::execute_long(const std::string& sql, std::string_view table,
                                  const std::stop_token& stop) {
  implementation_->long_statements.run(Limits{}, Term{.stop = stop},
                                       [&](ChdbConnection& connection) { connection.query(sql); });
  implementation_->folders.sync(table);
}

QueryResult EmbeddedEngine::query(const std::string& sql, const std::vector<Parameter>& parameters,
                                  const QueryOptions& options) {
  return implementation_->read(
      sql, options, [&](ChdbConnection& connection) { return connection.query(sql, parameters); });
}

QueryResult EmbeddedEngine::query_stream(const std::string& sql,
                                         const std::vector<Parameter>& parameters,
                                         const QueryOptions& options, const ResultSink& sink) {
  return implementation_->read(sql, options, [&](ChdbConnection& connection) {
    return connection.query_stream(sql, parameters, sink);
  });
}

void EmbeddedEngine::insert_native(std::string_view table, std::span<const std::string_view> pieces,
                                   const InsertOptions& options) {
  const std::string statement = insert_statement(table, options);
  implementation_->inserts.run(
      Limits{}, term_of(options.max_execution_time_ms),
      [&](ChdbConnection& connection) { connection.insert(statement, "Native", pieces); });
  implementation_->folders.sync(table);
}

void EmbeddedEngine::shutdown_process() noexcept {
  chdb_shutdown();
}

}  // namespace signalbox::server::store

#include "server/store/engine/embedded_engine.h"

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <fstream>
#include <mutex>
#include <utility>

#include "server/store/engine/chdb_api.h"
#include "server/store/engine/chdb_connection.h"
#include "server/store/engine/data_folder.h"
#include "server/store/engine/sql_guard.h"

namespace signalbox::server::store {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int kTooManySimultaneousQueries = 202;
constexpr int kAccessDenied = 497;
constexpr std::chrono::seconds kLongestInsertWait{60};

std::atomic<bool> engine_exists{false};

/// A read-only connection cannot change its settings, so the limits of a query are those of the
/// connection that runs it.
struct Limits {
  std::uint32_t execution_time_ms = 0;  // 0: none of the three.
  std::uint64_t memory_bytes = 0;
  std::uint64_t result_rows = 0;
  friend bool operator==(const Limits&, const Limits&) = default;
};

/// Connections of one class of work, opened when first needed.
class ConnectionPool {
 public:
  ConnectionPool(std::vector<std::string> arguments, std::size_t size)
      : arguments_(std::move(arguments)), slots_(size) {}

  ~ConnectionPool() {
    std::unique_lock lock(mutex_);
    freed_.wait(lock, [&] { return busy_ == 0; });
  }
  ConnectionPool(const ConnectionPool&) = delete;
  ConnectionPool& operator=(const ConnectionPool&) = delete;

  /// Runs `use(connection)` on a connection with `limits`, waiting for a free one at most until
  /// `deadline`.
  template <typename Use>
  auto run(const Limits& limits, Clock::time_point deadline, Use&& use) {
    Slot& slot = acquire(limits, deadline);
    const Release release{*this, slot};
    if (slot.connection == nullptr || slot.limits != limits) {
      slot.connection.reset();
      slot.connection = open(limits);
      slot.limits = limits;
    }
    return use(*slot.connection);
  }

 private:
  struct Slot {
    std::unique_ptr<ChdbConnection> connection;
    Limits limits;
    bool busy = false;
  };
  struct Release {
    ConnectionPool& pool;
    Slot& slot;
    ~Release() {
      {
        const std::scoped_lock lock(pool.mutex_);
        slot.busy = false;
        --pool.busy_;
      }
      pool.freed_.notify_all();
    }
  };

  Slot& acquire(const Limits& limits, Clock::time_point deadline) {
    std::unique_lock lock(mutex_);
    if (!freed_.wait_until(lock, deadline, [&] { return busy_ < slots_.size(); })) {
      throw EngineError(kTooManySimultaneousQueries,
                        "the engine is busy with other statements; try again later");
    }
    Slot* best = nullptr;
    for (Slot& slot : slots_) {
      if (slot.busy) continue;
      if (best == nullptr || rank(slot, limits) > rank(*best, limits)) best = &slot;
    }
    best->busy = true;
    ++busy_;
    return *best;
  }

  static int rank(const Slot& slot, const Limits& limits) {
    if (slot.connection == nullptr) return 1;
    return slot.limits == limits ? 2 : 0;
  }

  std::unique_ptr<ChdbConnection> open(const Limits& limits) const {
    std::vector<std::string> arguments = arguments_;
    if (limits.execution_time_ms != 0) {
      const std::uint32_t ms = limits.execution_time_ms;
      std::string fraction = std::to_string(1000 + ms % 1000);
      fraction[0] = '.';
      arguments.push_back("--max_execution_time=" + std::to_string(ms / 1000) + fraction);
      arguments.emplace_back("--timeout_overflow_mode=throw");
      arguments.push_back("--max_memory_usage=" + std::to_string(limits.memory_bytes));
      arguments.push_back("--max_result_rows=" + std::to_string(limits.result_rows));
      arguments.emplace_back("--result_overflow_mode=throw");
    }
    auto connection = std::make_unique<ChdbConnection>(std::move(arguments));
    connection->query("USE signalbox");
    return connection;
  }

  const std::vector<std::string> arguments_;
  std::mutex mutex_;
  std::condition_variable freed_;
  std::vector<Slot> slots_;
  std::size_t busy_ = 0;
};

/// Settings of the engine as a whole. A file of our own also keeps the engine from reading a
/// configuration that happens to lie in the working or home folder.
void write_engine_configuration(const std::filesystem::path& path,
                                const EmbeddedEngine::Options& options) {
  std::ofstream file(path, std::ios::trunc);
  file << "<!-- Written by Signalbox at each start: changes are lost. -->\n"
       << "<clickhouse>\n"
       << "  <max_server_memory_usage>" << options.max_memory_bytes
       << "</max_server_memory_usage>\n"
       << "  <mark_cache_size>" << options.mark_cache_bytes << "</mark_cache_size>\n"
       << "  <primary_index_cache_size>" << options.mark_cache_bytes
       << "</primary_index_cache_size>\n"
       << "  <uncompressed_cache_size>0</uncompressed_cache_size>\n"
       << "  <index_mark_cache_size>16777216</index_mark_cache_size>\n"
       << "  <mmap_cache_size>100</mmap_cache_size>\n"
       << "  <compiled_expression_cache_size>16777216</compiled_expression_cache_size>\n"
       << "  <query_condition_cache_size>16777216</query_condition_cache_size>\n"
       << "  <background_pool_size>" << options.background_threads << "</background_pool_size>\n"
       << "  <background_merges_mutations_concurrency_ratio>2"
       << "</background_merges_mutations_concurrency_ratio>\n"
       << "  <background_schedule_pool_size>2</background_schedule_pool_size>\n"
       << "  <background_common_pool_size>2</background_common_pool_size>\n"
       << "  <background_move_pool_size>1</background_move_pool_size>\n"
       << "  <background_fetches_pool_size>1</background_fetches_pool_size>\n"
       << "  <merge_tree>\n"
       << "    <number_of_free_entries_in_pool_to_lower_max_size_of_merge>1"
       << "</number_of_free_entries_in_pool_to_lower_max_size_of_merge>\n"
       << "    <number_of_free_entries_in_pool_to_execute_mutation>1"
       << "</number_of_free_entries_in_pool_to_execute_mutation>\n"
       << "    <number_of_free_entries_in_pool_to_execute_optimize_entire_partition>1"
       << "</number_of_free_entries_in_pool_to_execute_optimize_entire_partition>\n"
       << "  </merge_tree>\n"
       << "</clickhouse>\n";
  file.close();
  if (!file) {
    throw DataFolderError("cannot write " + path.string() + "; is the disk full?");
  }
}

std::vector<std::string> with(std::vector<std::string> arguments,
                              std::initializer_list<const char*> more) {
  arguments.insert(arguments.end(), more.begin(), more.end());
  return arguments;
}

Limits limits_of(const QueryOptions& options) {
  return {options.max_execution_time_ms, options.max_memory_bytes, options.max_result_rows};
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
        arguments(prepare(options)),
        boot(arguments),
        definitions(arguments, 1),
        inserts(with(arguments, {"--max_partitions_per_insert_block=0", "--async_insert=0",
                                 "--min_insert_block_size_rows=0",
                                 "--min_insert_block_size_bytes=0", "--insert_deduplicate=0"}),
                options.ingest_connections),
        ingest_reads(with(arguments, {"--readonly=1"}), 1),
        interactive_reads(with(arguments, {"--readonly=1"}), options.interactive_connections),
        background_reads(with(arguments, {"--readonly=1"}), options.background_connections) {
    boot.query("CREATE DATABASE IF NOT EXISTS signalbox ENGINE = Atomic");
  }

  std::vector<std::string> prepare(const Options& options) const {
    const std::filesystem::path configuration = folder.folder() / "engine.xml";
    write_engine_configuration(configuration, options);
    chdb_set_signal_handlers_enabled(0);
    return {"--path=" + (folder.folder() / "clickhouse").string(),
            "--config-file=" + configuration.string()};
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

  // Destroyed in the reverse order: the engine stops when its last connection, `boot`, closes, and
  // only then is the folder given up.
  ExistenceMark mark;
  DataFolderLock folder;
  std::vector<std::string> arguments;
  ChdbConnection boot;
  ConnectionPool definitions;
  ConnectionPool inserts;
  ConnectionPool ingest_reads;
  ConnectionPool interactive_reads;
  ConnectionPool background_reads;
};

EmbeddedEngine::EmbeddedEngine(const Options& options)
    : implementation_(std::make_unique<Implementation>(options)) {}

EmbeddedEngine::~EmbeddedEngine() = default;

void EmbeddedEngine::execute(const std::string& sql) {
  implementation_->definitions.run(Limits{}, Clock::time_point::max(),
                                   [&](ChdbConnection& connection) { connection.query(sql); });
}

QueryResult EmbeddedEngine::query(const std::string& sql, const std::vector<Parameter>& parameters,
                                  const QueryOptions& options) {
  if (may_reach_files(sql)) {
    throw EngineError(kAccessDenied, "the words `file` and `outfile` are not allowed in a query");
  }
  const auto deadline = Clock::now() + std::chrono::milliseconds(options.max_execution_time_ms);
  return implementation_->reads(options.work)
      .run(limits_of(options), deadline,
           [&](ChdbConnection& connection) { return connection.query(sql, parameters); });
}

void EmbeddedEngine::insert_native(std::string_view table, std::string_view native_block) {
  std::string statement = "INSERT INTO ";
  statement += table;
  implementation_->inserts.run(
      Limits{}, Clock::now() + kLongestInsertWait,
      [&](ChdbConnection& connection) { connection.insert(statement, "Native", native_block); });
}

void EmbeddedEngine::shutdown_process() noexcept {
  chdb_shutdown();
}

}  // namespace signalbox::server::store

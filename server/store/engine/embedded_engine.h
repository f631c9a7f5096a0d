#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "server/store/engine/engine.h"

namespace signalbox::server::store {

/// ClickHouse inside this process, all of whose state lies in one folder.
///
/// Reads run on connections that are read-only for the engine itself, each with the limits of its
/// query; the tables are those of the database `signalbox`.
///
/// Thread-safety: as Engine says. Lifetime: at most one at a time in a process. The destructor
/// waits for statements under way. Errors: EngineError; DataFolderError if the folder cannot be
/// used.
class EmbeddedEngine final : public Engine {
 public:
  struct Options {
    std::filesystem::path data_folder;  ///< Made if missing; relative to the working folder.
    /// Of the engine as a whole; divide_memory says what part of it queries and merges may use.
    std::uint64_t max_memory_bytes = 3ULL << 30;       ///< > 0.
    std::uint64_t mark_cache_bytes = 64ULL << 20;      ///< Index marks kept in memory. > 0.
    std::uint64_t min_free_disk_bytes = 512ULL << 20;  ///< Below it inserts fail: kNotEnoughSpace.
    std::uint32_t background_threads = 2;              ///< That merge parts. > 0.
    std::uint32_t ingest_connections = 2;              ///< > 0.
    std::uint32_t interactive_connections = 3;         ///< > 0.
    std::uint32_t background_connections = 1;          ///< > 0.
  };

  explicit EmbeddedEngine(const Options& options);
  ~EmbeddedEngine() override;
  EmbeddedEngine(const EmbeddedEngine&) = delete;
  EmbeddedEngine& operator=(const EmbeddedEngine&) = delete;

  void execute(const std::string& sql) override;
  void execute_long(const std::string& sql, std::string_view table,
                    const std::stop_token& stop) override;
  QueryResult query(const std::string& sql, const std::vector<Parameter>& parameters = {},
                    const QueryOptions& options = {}) override;
  QueryResult query_stream(const std::string& sql, const std::vector<Parameter>& parameters,
                           const QueryOptions& options, const ResultSink& sink) override;
  using Engine::insert_native;
  void insert_native(std::string_view table, std::span<const std::string_view> pieces,
                     const InsertOptions& options) override;

  /// Joins all threads of the engine; for the end of `main`, after the last EmbeddedEngine. None
  /// can be made afterwards.
  static void shutdown_process() noexcept;

 private:
  struct Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace signalbox::server::store

#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>

#include "server/store/engine/data_folder.h"
#include "server/store/engine/remote_engine.h"

namespace signalbox::server::store {

/// Which engine a server uses.
struct EngineChoice {
  std::filesystem::path data_folder;  ///< The server's, also where the tables are elsewhere.
  std::uint64_t max_memory_bytes = 3ULL << 30;  ///< Of the embedded engine.
  std::optional<RemoteEngine::Options> remote;  ///< Empty: the embedded engine.
};

/// An engine, and the sole ownership of the data folder.
///
/// Thread-safety: that of the engine. Errors: DataFolderError, EngineError, std::invalid_argument
/// for a bad URL; std::runtime_error if this program was built without the embedded engine and that
/// is asked for.
class OpenedEngine {
 public:
  explicit OpenedEngine(const EngineChoice& choice);
  ~OpenedEngine();
  OpenedEngine(const OpenedEngine&) = delete;
  OpenedEngine& operator=(const OpenedEngine&) = delete;

  [[nodiscard]] Engine& engine() noexcept { return *engine_; }

  /// For the end of `main`, also after an error: joins what threads an engine has left. No engine
  /// can be opened afterwards.
  static void shutdown_process() noexcept;

 private:
  std::unique_ptr<DataFolderLock> folder_;
  std::unique_ptr<Engine> engine_;
};

}  // namespace signalbox::server::store

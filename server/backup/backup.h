#pragma once

#include <filesystem>
#include <functional>
#include <stdexcept>
#include <string>

#include "server/store/engine/engine.h"

namespace signalbox::server::backup {

/// A backup cannot be made or restored; the message says why and what to do.
class BackupError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Takes sentences for whoever waits. From any thread.
using Progress = std::function<void(const std::string&)>;

/// Throws BackupError unless a backup of the folder `data_folder` may be made at `target`: where
/// nothing is, and not within what is backed up.
void check_target(const std::filesystem::path& target, const std::filesystem::path& data_folder);

/// Writes all tables behind `engine`, whose data folder is `data_folder`, and the folder's settings
/// and keys into the new folder `target`. Rows that come in meanwhile may be in it or not; each
/// block of a table is there as a whole or not at all. What was received must be in the tables
/// before (Writer::flush). It is on disk when this returns. After a failure `target` is not there.
///
/// Errors: BackupError, store::EngineError.
void make_backup(store::Engine& engine, const std::filesystem::path& data_folder,
                 const std::filesystem::path& target, const Progress& progress);

/// Throws BackupError unless `source` is a whole backup and nothing is in `data_folder` yet.
void check_restore(const std::filesystem::path& source, const std::filesystem::path& data_folder);

/// Fills the empty database behind `engine` and its folder from the backup `source`, which stays.
/// It is on disk when this returns.
/// Errors: BackupError, store::EngineError.
void restore_backup(store::Engine& engine, const std::filesystem::path& source,
                    const std::filesystem::path& data_folder, const Progress& progress);

}  // namespace signalbox::server::backup

#include "server/backup/backup.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <system_error>

#include "server/config/atomic_file.h"
#include "server/observe/periodic.h"

namespace signalbox::server::backup {
namespace {

namespace fs = std::filesystem;

/// Written last: without it a backup is not whole.
constexpr const char* kMark = "backup.json";
constexpr const char* kTables = "tables";
/// The name below the only folder that the engine may write backups to.
constexpr const char* kName = "signalbox";
constexpr std::array<const char*, 2> kSettings = {"keys.json", "retention.json"};

fs::path engine_backups(const fs::path& data_folder) {
  return data_folder / "clickhouse" / "backups";
}

std::uint64_t mebibytes_below(const fs::path& folder) {
  std::uint64_t bytes = 0;
  std::error_code error;  // Files come and go meanwhile.
  auto at = fs::recursive_directory_iterator(folder, error);
  for (; !error && at != fs::end(at); at.increment(error)) {
    std::error_code gone;
    if (!at->is_regular_file(gone)) continue;
    const auto size = at->file_size(gone);
    if (!gone) bytes += size;
  }
  constexpr unsigned kShift = 20;
  return bytes >> kShift;
}

/// Removes a folder with its scope.
class TemporaryFolder {
 public:
  explicit TemporaryFolder(fs::path path) : path_(std::move(path)) { remove(); }
  ~TemporaryFolder() { remove(); }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

 private:
  void remove() const {
    std::error_code error;
    fs::remove_all(path_, error);
  }
  fs::path path_;
};

/// By a new name where that is possible, else by copying: the target may be another disk.
void move_folder(const fs::path& from, const fs::path& to) {
  std::error_code error;
  fs::rename(from, to, error);
  if (error) fs::copy(from, to, fs::copy_options::recursive);
}

/// Returns when all that was written below `folder` is on disk. By one call for its whole file
/// system: a folder of tables has tens of thousands of files, and merges remove some meanwhile.
void sync_all(const fs::path& folder) {
  const int fd = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  const int result = fd < 0 ? -1 : syncfs(fd);
  const int error = errno;
  if (fd >= 0) close(fd);
  if (result != 0) {
    throw std::system_error(error, std::generic_category(), "cannot sync " + folder.string());
  }
}

void copy_settings(const fs::path& from, const fs::path& to) {
  for (const char* const name : kSettings) {
    if (!fs::exists(from / name)) continue;
    fs::copy_file(from / name, to / name, fs::copy_options::overwrite_existing);
  }
}

/// Says every second how much there is in `folder`.
observe::Periodic watching(const fs::path& folder, const Progress& progress) {
  return {std::chrono::seconds(1), [folder, &progress] {
            if (const auto size = mebibytes_below(folder); size > 0) {
              progress("  " + std::to_string(size) + " MiB");
            }
          }};
}

}  // namespace

void check_target(const fs::path& target, const fs::path& data_folder) {
  if (fs::exists(target)) {
    throw BackupError(target.string() + " is there already: choose a folder that is not");
  }
  // Both by their names without links, so that a link to the data folder does not hide it.
  const fs::path folder = fs::weakly_canonical(data_folder);
  const fs::path below = fs::weakly_canonical(target).lexically_relative(folder);
  if (!below.empty() && *below.begin() != "..") {
    throw BackupError(target.string() +
                      " is in the data folder itself: choose a folder outside of " +
                      folder.string() + ", best on another disk");
  }
}

void make_backup(store::Engine& engine, const fs::path& data_folder, const fs::path& target,
                 const Progress& progress) {
  check_target(target, data_folder);
  const fs::path written = engine_backups(data_folder) / kName;
  const TemporaryFolder cleaning(written);
  try {
    progress("Writing the tables");
    {
      const observe::Periodic reporting = watching(written, progress);
      engine.execute(std::string("BACKUP DATABASE signalbox TO File('") + kName + "')");
    }
    progress("Moving them to " + target.string());
    fs::create_directories(target);
    {
      const observe::Periodic reporting = watching(target, progress);
      move_folder(written, target / kTables);
    }
    copy_settings(data_folder, target);
    sync_all(target);  // Or a power cut could leave the mark, and not what it vouches for.
    config::replace_file(target / kMark, "{\"format\": 1}\n");
  } catch (const std::system_error& error) {
    std::error_code ignored;
    fs::remove_all(target, ignored);
    throw BackupError("cannot write the backup to " + target.string() + ": " + error.what());
  } catch (...) {
    std::error_code ignored;
    fs::remove_all(target, ignored);
    throw;
  }
  progress("The backup is whole: " + std::to_string(mebibytes_below(target)) + " MiB");
}

void check_restore(const fs::path& source, const fs::path& data_folder) {
  if (!fs::exists(source / kMark)) {
    throw BackupError(source.string() + " is no whole backup: it has no " + kMark);
  }
  if (fs::exists(data_folder) && !fs::is_empty(data_folder)) {
    throw BackupError(data_folder.string() +
                      " is not empty: restore into a new folder and start the server with that");
  }
}

void restore_backup(store::Engine& engine, const fs::path& source, const fs::path& data_folder,
                    const Progress& progress) {
  const fs::path readable = engine_backups(data_folder) / kName;
  const TemporaryFolder cleaning(readable);
  try {
    progress("Copying the tables from " + source.string());
    fs::create_directories(readable.parent_path());
    {
      const observe::Periodic reporting = watching(readable, progress);
      fs::copy(source / kTables, readable, fs::copy_options::recursive);
    }
    progress("Restoring them");
    const observe::Periodic reporting = watching(data_folder / "clickhouse" / "store", progress);
    engine.execute(std::string("RESTORE DATABASE signalbox FROM File('") + kName + "')");
    copy_settings(source, data_folder);
    sync_all(data_folder);
  } catch (const std::system_error& error) {
    throw BackupError("cannot restore from " + source.string() + ": " + error.what());
  }
  progress("Restored");
}

}  // namespace signalbox::server::backup

#include "server/store/engine/table_folders.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>
#include <utility>

#include "server/store/engine/engine.h"

namespace signalbox::server::store {
namespace {

void sync_folder(const std::filesystem::path& folder) {
  const int file = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  int error = file < 0 ? errno : 0;
  if (file >= 0) {
    if (fsync(file) != 0) error = errno;
    close(file);
  }
  if (error != 0) {
    throw EngineError(
        0, "cannot sync " + folder.string() + ": " + std::generic_category().message(error));
  }
}

}  // namespace

TableFolders::TableFolders(std::function<Folders(const std::string& table)> look_up)
    : look_up_(std::move(look_up)) {}

TableFolders::Folders TableFolders::folders_of(const std::string& table) {
  const std::scoped_lock lock(mutex_);
  auto known = known_.find(table);
  if (known == known_.end()) known = known_.emplace(table, look_up_(table)).first;
  return known->second;
}

void TableFolders::sync(std::string_view table) {
  for (const std::filesystem::path& folder : folders_of(std::string(table))) sync_folder(folder);
}

void TableFolders::forget() {
  const std::scoped_lock lock(mutex_);
  known_.clear();
}

}  // namespace signalbox::server::store

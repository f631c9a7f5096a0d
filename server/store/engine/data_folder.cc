#include "server/store/engine/data_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstddef>
#include <string_view>
#include <system_error>

namespace signalbox::server::store {
namespace {

std::string system_message(int error) {
  return std::generic_category().message(error);
}

/// What the owner wrote into the lock file: its process id.
std::string owner_of(int file) {
  std::array<char, 32> text{};
  const ssize_t size = pread(file, text.data(), text.size(), 0);
  std::string_view owner(text.data(), size > 0 ? static_cast<std::size_t>(size) : 0);
  while (!owner.empty() && owner.back() == '\n') owner.remove_suffix(1);
  return owner.empty() ? "another process" : "process " + std::string(owner);
}

}  // namespace

DataFolderLock::DataFolderLock(const std::filesystem::path& folder) {
  std::error_code error;
  std::filesystem::create_directories(folder, error);
  if (!error) folder_ = std::filesystem::canonical(folder, error);
  if (error) {
    throw DataFolderError("cannot make the data folder " + folder.string() + ": " +
                          error.message() + "; choose another with --data");
  }
  const std::string path = (folder_ / "lock").string();
  file_ = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (file_ < 0) {
    throw DataFolderError("cannot write to the data folder " + folder_.string() + ": " +
                          system_message(errno) + "; choose another with --data");
  }
  if (flock(file_, LOCK_EX | LOCK_NB) != 0) {
    const int reason = errno;
    const std::string owner = owner_of(file_);
    close(file_);
    if (reason != EWOULDBLOCK) {
      throw DataFolderError("cannot lock " + path + ": " + system_message(reason));
    }
    throw DataFolderError("the data folder " + folder_.string() + " is in use by " + owner +
                          "; stop it, or choose another folder with --data");
  }
  const std::string owner = std::to_string(getpid()) + "\n";
  if (ftruncate(file_, 0) != 0 ||
      pwrite(file_, owner.data(), owner.size(), 0) != static_cast<ssize_t>(owner.size())) {
    const int reason = errno;
    close(file_);
    throw DataFolderError("cannot write " + path + ": " + system_message(reason));
  }
}

DataFolderLock::~DataFolderLock() {
  close(file_);
}

}  // namespace signalbox::server::store

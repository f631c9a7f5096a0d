#include "server/store/engine/data_folder.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <charconv>
#include <cstddef>
#include <cstdio>
#include <fstream>
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

constexpr std::string_view kFormatPrefix = "signalbox-format ";

int read_format(const std::filesystem::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  int format = 0;
  if (file && line.starts_with(kFormatPrefix)) {
    const char* end = line.data() + line.size();
    const auto [rest, error] = std::from_chars(line.data() + kFormatPrefix.size(), end, format);
    if (error == std::errc() && rest == end && format > 0) return format;
  }
  throw DataFolderError("cannot make out " + path.string() +
                        ", which names the format of the data; is this Signalbox's data folder? "
                        "Choose another with --data");
}

bool write_and_sync(const std::string& path, std::string_view text) {
  const int file = open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
  if (file < 0) return false;
  const bool written = write(file, text.data(), text.size()) == static_cast<ssize_t>(text.size()) &&
                       fsync(file) == 0;
  return close(file) == 0 && written;
}

bool sync_folder(const std::filesystem::path& folder) {
  const int file = open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (file < 0) return false;
  const bool synced = fsync(file) == 0;
  close(file);
  return synced;
}

/// All or nothing, whenever the process or the machine ends.
void write_format(const std::filesystem::path& folder) {
  const std::string path = (folder / "format").string();
  const std::string unfinished = path + ".new";
  const std::string text = std::string(kFormatPrefix) + std::to_string(kDataFolderFormat) + "\n";
  if (!write_and_sync(unfinished, text) || rename(unfinished.c_str(), path.c_str()) != 0 ||
      !sync_folder(folder)) {
    throw DataFolderError("cannot write " + path + ": " + system_message(errno));
  }
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
  try {
    lock();
    check_format();
  } catch (...) {
    if (file_ >= 0) close(file_);
    throw;
  }
}

DataFolderLock::~DataFolderLock() {
  close(file_);
}

void DataFolderLock::lock() {
  const std::string path = (folder_ / "lock").string();
  file_ = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (file_ < 0) {
    throw DataFolderError("cannot write to the data folder " + folder_.string() + ": " +
                          system_message(errno) + "; choose another with --data");
  }
  if (flock(file_, LOCK_EX | LOCK_NB) != 0) {
    const int reason = errno;
    if (reason != EWOULDBLOCK) {
      throw DataFolderError("cannot lock " + path + ": " + system_message(reason));
    }
    throw DataFolderError("the data folder " + folder_.string() + " is in use by " +
                          owner_of(file_) + "; stop it, or choose another folder with --data");
  }
  const std::string owner = std::to_string(getpid()) + "\n";
  if (ftruncate(file_, 0) != 0 ||
      pwrite(file_, owner.data(), owner.size(), 0) != static_cast<ssize_t>(owner.size())) {
    throw DataFolderError("cannot write " + path + ": " + system_message(errno));
  }
}

void DataFolderLock::check_format() {
  const std::filesystem::path path = folder_ / "format";
  if (std::filesystem::exists(path)) {
    found_format_ = read_format(path);
  } else if (std::filesystem::exists(folder_ / "clickhouse")) {
    found_format_ = 1;
  }
  if (found_format_ > kDataFolderFormat) {
    throw DataFolderError("the data folder " + folder_.string() +
                          " was written by a newer Signalbox (its format is " +
                          std::to_string(found_format_) + ", this program knows up to " +
                          std::to_string(kDataFolderFormat) +
                          "); use that version, or choose another folder with --data");
  }
  if (found_format_ < kDataFolderFormat) write_format(folder_);
}

}  // namespace signalbox::server::store

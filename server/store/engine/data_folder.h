#pragma once

#include <filesystem>
#include <stdexcept>
#include <string>

namespace signalbox::server::store {

/// The data folder cannot be used; the message says why and what to do.
class DataFolderError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// What a data folder holds and how: changes whenever an older program must not touch the folder.
/// 1: folders without the file `format`; 2: the file, and a log in front of the tables.
inline constexpr int kDataFolderFormat = 2;

/// Sole ownership of a data folder by this process, as long as the object lives. The lock is the
/// kernel's: it goes with the process, however that ends.
///
/// The folder's file `format` is read before anything opens the data, and brought up to date.
///
/// Errors: DataFolderError, which names the process that has the folder if one does, and says so if
/// the folder was written by a newer Signalbox; nothing in it is changed then.
class DataFolderLock {
 public:
  /// Makes `folder` if it is missing.
  explicit DataFolderLock(const std::filesystem::path& folder);
  ~DataFolderLock();
  DataFolderLock(const DataFolderLock&) = delete;
  DataFolderLock& operator=(const DataFolderLock&) = delete;

  [[nodiscard]] const std::filesystem::path& folder() const noexcept {
    return folder_;
  }  ///< Absolute.

  /// The format in which the folder was found; 0 if it was new.
  [[nodiscard]] int found_format() const noexcept { return found_format_; }

 private:
  void lock();
  void check_format();

  std::filesystem::path folder_;
  int file_ = -1;
  int found_format_ = 0;
};

}  // namespace signalbox::server::store

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

/// Sole ownership of a data folder by this process, as long as the object lives. The lock is the
/// kernel's: it goes with the process, however that ends.
///
/// Errors: DataFolderError, which names the process that has the folder if one does.
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

 private:
  std::filesystem::path folder_;
  int file_ = -1;
};

}  // namespace signalbox::server::store

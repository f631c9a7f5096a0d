#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

namespace signalbox::server::store {

/// Makes the names of new parts durable. An insert syncs the files of its part and the part's own
/// folder; that the folder has its final name is written in the table's folder, which the engine
/// leaves to the file system's next commit.
///
/// Thread-safety: all members from any thread.
class TableFolders {
 public:
  using Folders = std::vector<std::filesystem::path>;

  /// `look_up` returns a table's folders; none for a table that keeps nothing on disk. It may
  /// throw.
  explicit TableFolders(std::function<Folders(const std::string& table)> look_up);

  /// Syncs the folders of `table`. Throws EngineError if that fails.
  void sync(std::string_view table);

  /// To be called when tables may have been made anew.
  void forget();

 private:
  Folders folders_of(const std::string& table);

  std::function<Folders(const std::string&)> look_up_;
  std::mutex mutex_;
  std::map<std::string, Folders, std::less<>> known_;
};

}  // namespace signalbox::server::store

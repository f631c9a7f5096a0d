#include "server/config/atomic_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <string>
#include <system_error>

namespace signalbox::server::config {
namespace {

/// A file descriptor that is closed with its scope.
class File {
 public:
  File(const std::filesystem::path& path, int flags)
      : fd_(open(path.c_str(), flags | O_CLOEXEC, 0600)) {
    if (fd_ < 0) fail("open " + path.string());
  }
  ~File() { close(fd_); }
  File(const File&) = delete;
  File& operator=(const File&) = delete;

  void write(std::string_view content) const {
    while (!content.empty()) {
      const ssize_t written = ::write(fd_, content.data(), content.size());
      if (written < 0 && errno == EINTR) continue;
      if (written < 0) fail("write");
      content.remove_prefix(static_cast<std::size_t>(written));
    }
  }
  void give_to_owner_of(const std::filesystem::path& folder) const {
    config::give_to_owner_of(folder, fd_);
  }
  void sync() const {
    if (fsync(fd_) != 0) fail("sync");
  }

  [[noreturn]] static void fail(const std::string& what) {
    throw std::system_error(errno, std::generic_category(), what);
  }

 private:
  int fd_;
};

}  // namespace

void give_to_owner_of(const std::filesystem::path& folder, int fd) noexcept {
  struct stat status{};
  if (geteuid() != 0 || stat(folder.c_str(), &status) != 0 || status.st_uid == 0) return;
  [[maybe_unused]] const int given = fchown(fd, status.st_uid, status.st_gid);
}

void replace_file(const std::filesystem::path& path, std::string_view content) {
  const std::filesystem::path temporary = path.string() + "." + std::to_string(getpid()) + ".new";
  unlink(temporary.c_str());
  try {
    const File file(temporary, O_WRONLY | O_CREAT | O_EXCL);
    file.give_to_owner_of(path.parent_path());
    file.write(content);
    file.sync();
    if (rename(temporary.c_str(), path.c_str()) != 0) File::fail("rename to " + path.string());
  } catch (...) {
    unlink(temporary.c_str());
    throw;
  }
  File(path.parent_path(), O_RDONLY | O_DIRECTORY).sync();
}

}  // namespace signalbox::server::config

#include "server/store/log/files.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <system_error>
#include <utility>

namespace signalbox::server::store {
namespace {

[[noreturn]] void fail(const char* what, const std::filesystem::path& path) {
  throw std::system_error(errno, std::generic_category(), std::string(what) + " " + path.string());
}

class Descriptor {
 public:
  Descriptor(const std::filesystem::path& path, int flags)
      : fd_(::open(path.c_str(), flags, 0644)) {
    if (fd_ < 0) fail("cannot open", path);
  }
  ~Descriptor() { ::close(fd_); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  [[nodiscard]] int get() const noexcept { return fd_; }

 private:
  int fd_;
};

class PosixFile final : public File {
 public:
  PosixFile(std::filesystem::path path, int flags) : path_(std::move(path)), fd_(path_, flags) {}

  void allocate(std::uint64_t bytes) {
    if (bytes == 0) return;
    int error = EINTR;
    while (error == EINTR) {
      error = ::posix_fallocate(fd_.get(), 0, static_cast<off_t>(bytes));
    }
    if (error == 0) return;
    errno = error;
    fail("cannot allocate", path_);
  }

  void write(std::uint64_t offset, std::span<const std::string_view> parts) override {
    std::vector<iovec> left;
    left.reserve(parts.size());
    for (const std::string_view part : parts) {
      if (!part.empty()) left.push_back({const_cast<char*>(part.data()), part.size()});
    }
    for (std::size_t first = 0; first < left.size();) {
      const auto count = static_cast<int>(std::min<std::size_t>(left.size() - first, IOV_MAX));
      const ssize_t written = ::pwritev(fd_.get(), &left[first], count, static_cast<off_t>(offset));
      if (written < 0) {
        if (errno == EINTR) continue;
        fail("cannot write", path_);
      }
      offset += static_cast<std::uint64_t>(written);
      first = skip(left, first, static_cast<std::size_t>(written));
    }
  }

  void sync() override {
    if (::fdatasync(fd_.get()) != 0) fail("cannot sync", path_);
  }

 private:
  /// Takes `bytes` off the front of `parts` from `first` on; returns the first that is left.
  static std::size_t skip(std::vector<iovec>& parts, std::size_t first, std::size_t bytes) {
    while (first < parts.size() && bytes >= parts[first].iov_len) bytes -= parts[first++].iov_len;
    if (bytes > 0) {
      parts[first].iov_base = static_cast<char*>(parts[first].iov_base) + bytes;
      parts[first].iov_len -= bytes;
    }
    return first;
  }

  const std::filesystem::path path_;
  const Descriptor fd_;
};

/// Returns how many bytes there were; fewer than asked for at the end of the file.
std::size_t read_some(const Descriptor& fd, const std::filesystem::path& path, std::uint64_t offset,
                      char* to, std::size_t bytes) {
  std::size_t done = 0;
  while (done < bytes) {
    const ssize_t got =
        ::pread(fd.get(), to + done, bytes - done, static_cast<off_t>(offset + done));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) fail("cannot read", path);
    if (got == 0) break;
    done += static_cast<std::size_t>(got);
  }
  return done;
}

class PosixFiles final : public Files {
 public:
  void create_folder(const std::filesystem::path& folder) override {
    std::vector<std::filesystem::path> made;
    for (std::filesystem::path at = folder; !at.empty() && !std::filesystem::exists(at);
         at = at.parent_path()) {
      made.push_back(at);
    }
    std::filesystem::create_directories(folder);
    for (const std::filesystem::path& each : made) sync_folder(each.parent_path());
  }

  std::vector<std::string> list(const std::filesystem::path& folder) override {
    std::vector<std::string> names;
    for (const auto& entry : std::filesystem::directory_iterator(folder)) {
      if (entry.is_regular_file()) names.push_back(entry.path().filename().string());
    }
    return names;
  }

  std::unique_ptr<File> create(const std::filesystem::path& path, std::uint64_t bytes) override {
    auto file = std::make_unique<PosixFile>(path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC);
    file->allocate(bytes);
    return file;
  }

  std::unique_ptr<File> open(const std::filesystem::path& path) override {
    return std::make_unique<PosixFile>(path, O_RDWR | O_CLOEXEC);
  }

  std::uint64_t size(const std::filesystem::path& path) override {
    struct stat status{};
    if (::stat(path.c_str(), &status) != 0) fail("cannot look at", path);
    return static_cast<std::uint64_t>(status.st_size);
  }

  std::string read(const std::filesystem::path& path, std::uint64_t offset,
                   std::uint64_t bytes) override {
    const Descriptor fd(path, O_RDONLY | O_CLOEXEC);
    std::string result(bytes, '\0');
    result.resize(read_some(fd, path, offset, result.data(), bytes));
    return result;
  }

  FileContent read_all(const std::filesystem::path& path) override {
    const Descriptor fd(path, O_RDONLY | O_CLOEXEC);
    FileContent content(size(path));
    const std::uint64_t end = content.view().size();
    // What was only allocated is a hole, on file systems that know; on others all is data.
    for (std::uint64_t at = 0; at < end;) {
      const off_t data = ::lseek(fd.get(), static_cast<off_t>(at), SEEK_DATA);
      if (data < 0 && errno == ENXIO) break;
      const off_t hole = data < 0 ? -1 : ::lseek(fd.get(), data, SEEK_HOLE);
      const std::uint64_t from = hole < 0 ? at : static_cast<std::uint64_t>(data);
      const std::uint64_t until = hole < 0 ? end : std::min(end, static_cast<std::uint64_t>(hole));
      if (until <= from) break;
      const std::size_t got = read_some(fd, path, from, content.data() + from, until - from);
      content.set_written(from + got);
      if (got < until - from) break;
      at = until;
    }
    return content;
  }

  void rename(const std::filesystem::path& from, const std::filesystem::path& to) override {
    if (::rename(from.c_str(), to.c_str()) != 0) fail("cannot rename", from);
  }

  void remove(const std::filesystem::path& path) override {
    if (::unlink(path.c_str()) != 0 && errno != ENOENT) fail("cannot remove", path);
  }

  void sync_folder(const std::filesystem::path& folder) override {
    const Descriptor fd(folder.empty() ? "." : folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (::fsync(fd.get()) != 0) fail("cannot sync", folder);
  }
};

}  // namespace

std::unique_ptr<Files> make_posix_files() {
  return std::make_unique<PosixFiles>();
}

void write_whole_file(Files& files, const std::filesystem::path& path, std::string_view bytes) {
  std::filesystem::path draft = path;
  draft += ".new";
  {
    const std::unique_ptr<File> file = files.create(draft, 0);
    file->write(0, {&bytes, 1});
    file->sync();
  }
  files.rename(draft, path);
  files.sync_folder(path.parent_path());
}

}  // namespace signalbox::server::store

#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <memory>
#include <new>
#include <span>
#include <string>
#include <string_view>
#include <vector>

/// The file operations of the log, behind an interface so that tests can make them fail, or lose
/// what was not synced.
namespace signalbox::server::store {

/// An open file. Thread-safety: one thread at a time. Errors: std::system_error.
class File {
 public:
  virtual ~File() = default;
  /// Writes all `parts`, one behind the other, from `offset` on.
  virtual void write(std::uint64_t offset, std::span<const std::string_view> parts) = 0;
  /// Returns when what was written is on disk, and the file's size with it.
  virtual void sync() = 0;
};

/// A whole file. What was never written of it takes no memory: a log's segment has its full size
/// from the beginning.
class FileContent {
 public:
  /// All zero.
  explicit FileContent(std::uint64_t size)
      : bytes_(static_cast<char*>(std::calloc(size + 1, 1))), size_(size) {
    if (bytes_ == nullptr) throw std::bad_alloc();
  }
  [[nodiscard]] char* data() noexcept { return bytes_.get(); }
  [[nodiscard]] std::string_view view() const noexcept { return {bytes_.get(), size_}; }
  /// At most its size: from there on all bytes are zero.
  [[nodiscard]] std::uint64_t written() const noexcept { return written_; }
  void set_written(std::uint64_t end) noexcept { written_ = end; }

 private:
  struct Free {
    void operator()(char* bytes) const noexcept { std::free(bytes); }
  };
  std::unique_ptr<char, Free> bytes_;
  std::uint64_t size_;
  std::uint64_t written_ = 0;
};

/// Thread-safety: any thread. Errors: std::system_error.
class Files {
 public:
  virtual ~Files() = default;

  virtual void create_folder(const std::filesystem::path& folder) = 0;
  /// Names of the files in `folder`, unordered.
  [[nodiscard]] virtual std::vector<std::string> list(const std::filesystem::path& folder) = 0;
  /// A new file of `bytes` allocated bytes; replaces one that exists.
  [[nodiscard]] virtual std::unique_ptr<File> create(const std::filesystem::path& path,
                                                     std::uint64_t bytes) = 0;
  /// Opens a file that exists, for writing over it.
  [[nodiscard]] virtual std::unique_ptr<File> open(const std::filesystem::path& path) = 0;
  [[nodiscard]] virtual std::uint64_t size(const std::filesystem::path& path) = 0;
  /// Up to `bytes` bytes from `offset` on; fewer at the end of the file.
  [[nodiscard]] virtual std::string read(const std::filesystem::path& path, std::uint64_t offset,
                                         std::uint64_t bytes) = 0;
  [[nodiscard]] virtual FileContent read_all(const std::filesystem::path& path) = 0;
  virtual void rename(const std::filesystem::path& from, const std::filesystem::path& to) = 0;
  /// Does nothing if there is no such file.
  virtual void remove(const std::filesystem::path& path) = 0;
  /// Returns when the entries of `folder` (new, renamed, removed) are on disk.
  virtual void sync_folder(const std::filesystem::path& folder) = 0;
};

/// The operating system's files.
[[nodiscard]] std::unique_ptr<Files> make_posix_files();

/// Makes a small file in one step: after a crash it is there as a whole, or not at all.
void write_whole_file(Files& files, const std::filesystem::path& path, std::string_view bytes);

}  // namespace signalbox::server::store

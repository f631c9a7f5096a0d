#pragma once

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <random>
#include <string>
#include <system_error>
#include <utility>
#include <vector>

#include "server/store/log/files.h"

/// Files in memory for tests: they can fail, and lose what was not synced.
namespace signalbox::server::store::testing {

/// What a disk may do: a `sync` that fails has written any of the 512-byte sectors, and the next
/// one does not write the others although they can be read. After `power_cut`, of each write that
/// was not synced any 512-byte sectors may be there or not, and of the changes to folders that were
/// not synced the first so many.
///
/// Thread-safety: all members from any thread.
class MemoryFiles final : public Files {
 public:
  /// Asked before each operation that changes something; an errno makes the operation fail.
  enum class Operation : std::uint8_t { kCreate, kWrite, kSync, kRename, kRemove, kSyncFolder };
  using Fault = std::function<int(Operation, const std::filesystem::path&)>;

  void set_fault(Fault fault) {
    const std::scoped_lock lock(mutex_);
    fault_ = std::move(fault);
  }

  /// Everything goes on from what a disk could hold now. Open files write into nothing afterwards.
  void power_cut(std::uint32_t seed) {
    const std::scoped_lock lock(mutex_);
    std::mt19937 random(seed);
    const std::size_t kept = std::uniform_int_distribution<std::size_t>(0, changes_.size())(random);
    Names names = synced_names_;
    for (std::size_t i = 0; i < kept; ++i) changes_[i](names);
    changes_.clear();
    for (auto& [path, node] : names) {
      auto survivor = std::make_shared<Node>();
      survivor->synced = node->synced;
      for (const Write& write : node->unsynced) lose_some(*survivor, write, random);
      survivor->current = survivor->synced;
      node = std::move(survivor);
    }
    synced_names_ = names;
    names_ = std::move(names);
  }

  /// Changes bytes of a file in place, also on the disk.
  void damage(const std::filesystem::path& path, const std::function<void(std::string&)>& change) {
    const std::scoped_lock lock(mutex_);
    Node& node = find(path);
    change(node.current);
    node.synced = node.current;
    node.unsynced.clear();
  }

  [[nodiscard]] std::string content(const std::filesystem::path& path) {
    const std::scoped_lock lock(mutex_);
    return find(path).current;
  }

  void create_folder(const std::filesystem::path& /*folder*/) override {}

  std::vector<std::string> list(const std::filesystem::path& folder) override {
    const std::scoped_lock lock(mutex_);
    std::vector<std::string> names;
    for (const auto& [path, node] : names_) {
      if (path.parent_path() == folder) names.push_back(path.filename().string());
    }
    return names;
  }

  std::unique_ptr<File> create(const std::filesystem::path& path, std::uint64_t bytes) override {
    const std::scoped_lock lock(mutex_);
    check(Operation::kCreate, path);
    auto node = std::make_shared<Node>();
    node->current.assign(bytes, '\0');
    node->synced = node->current;
    change([path, node](Names& names) { names[path] = node; });
    return std::make_unique<OpenFile>(*this, path, std::move(node));
  }

  std::unique_ptr<File> open(const std::filesystem::path& path) override {
    const std::scoped_lock lock(mutex_);
    find(path);
    return std::make_unique<OpenFile>(*this, path, names_.at(path));
  }

  std::uint64_t size(const std::filesystem::path& path) override {
    const std::scoped_lock lock(mutex_);
    return find(path).current.size();
  }

  std::string read(const std::filesystem::path& path, std::uint64_t offset,
                   std::uint64_t bytes) override {
    const std::scoped_lock lock(mutex_);
    const std::string& content = find(path).current;
    return offset >= content.size() ? std::string() : content.substr(offset, bytes);
  }

  FileContent read_all(const std::filesystem::path& path) override {
    const std::scoped_lock lock(mutex_);
    const std::string& bytes = find(path).current;
    FileContent content(bytes.size());
    const std::size_t written = bytes.find_last_not_of('\0') + 1;
    std::copy_n(bytes.begin(), written, content.data());
    content.set_written(written);
    return content;
  }

  void rename(const std::filesystem::path& from, const std::filesystem::path& to) override {
    const std::scoped_lock lock(mutex_);
    check(Operation::kRename, from);
    find(from);
    change([from, to](Names& names) {
      if (const auto at = names.find(from); at != names.end()) {
        names[to] = at->second;
        names.erase(from);
      }
    });
  }

  void remove(const std::filesystem::path& path) override {
    const std::scoped_lock lock(mutex_);
    check(Operation::kRemove, path);
    change([path](Names& names) { names.erase(path); });
  }

  void sync_folder(const std::filesystem::path& folder) override {
    const std::scoped_lock lock(mutex_);
    check(Operation::kSyncFolder, folder);
    changes_.clear();
    synced_names_ = names_;
  }

 private:
  struct Write {
    std::uint64_t offset = 0;
    std::string bytes;
  };
  struct Node {
    std::string current;
    std::string synced;
    std::vector<Write> unsynced;
  };
  using Names = std::map<std::filesystem::path, std::shared_ptr<Node>>;

  class OpenFile final : public File {
   public:
    OpenFile(MemoryFiles& files, std::filesystem::path path, std::shared_ptr<Node> node)
        : files_(files), path_(std::move(path)), node_(std::move(node)) {}

    void write(std::uint64_t offset, std::span<const std::string_view> parts) override {
      const std::scoped_lock lock(files_.mutex_);
      Write write{offset, {}};
      for (const std::string_view part : parts) write.bytes.append(part);
      put(node_->current, write.offset, write.bytes);
      node_->unsynced.push_back(std::move(write));
      // Fails after it wrote: what is on the disk then is unknown.
      files_.check(Operation::kWrite, path_);
    }
    void sync() override {
      const std::scoped_lock lock(files_.mutex_);
      const auto writes = std::exchange(node_->unsynced, {});
      try {
        files_.check(Operation::kSync, path_);
      } catch (const std::system_error&) {
        // What could not be written is readable until the power fails, and is not tried again.
        for (const Write& write : writes) lose_some(*node_, write, files_.random_);
        throw;
      }
      for (const Write& write : writes) put(node_->synced, write.offset, write.bytes);
    }

   private:
    MemoryFiles& files_;
    const std::filesystem::path path_;
    const std::shared_ptr<Node> node_;
  };

  static void put(std::string& content, std::uint64_t offset, std::string_view bytes) {
    if (content.size() < offset + bytes.size()) content.resize(offset + bytes.size(), '\0');
    content.replace(offset, bytes.size(), bytes);
  }

  static void lose_some(Node& node, const Write& write, std::mt19937& random) {
    constexpr std::uint64_t kSector = 512;
    for (std::uint64_t at = 0; at < write.bytes.size();) {
      const std::uint64_t end =
          std::min<std::uint64_t>(write.bytes.size(), at + kSector - (write.offset + at) % kSector);
      if (random() % 2 == 0) {
        put(node.synced, write.offset + at, std::string_view(write.bytes).substr(at, end - at));
      }
      at = end;
    }
  }

  Node& find(const std::filesystem::path& path) {
    const auto at = names_.find(path);
    if (at == names_.end()) fail(ENOENT, path);
    return *at->second;
  }

  void change(const std::function<void(Names&)>& what) {
    what(names_);
    changes_.push_back(what);
  }

  void check(Operation operation, const std::filesystem::path& path) {
    if (!fault_) return;
    if (const int error = fault_(operation, path); error != 0) fail(error, path);
  }

  [[noreturn]] static void fail(int error, const std::filesystem::path& path) {
    throw std::system_error(error, std::generic_category(), path.string());
  }

  std::mutex mutex_;
  std::mt19937 random_{1};  // NOLINT(bugprone-random-generator-seed): a test is to repeat itself.
  Fault fault_;
  Names names_;
  Names synced_names_;
  std::vector<std::function<void(Names&)>> changes_;  // To names, since the last sync of a folder.
};

}  // namespace signalbox::server::store::testing

#include "server/backup/backup.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <fstream>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "server/store/engine/temporary_folder.h"

namespace {
/// Called before each sync of a file system.
std::function<void()> on_sync;
}  // namespace

/// Stands before the C library's.
extern "C" int syncfs(int fd) noexcept {
  if (on_sync) on_sync();
  return static_cast<int>(syscall(SYS_syncfs, fd));
}

namespace signalbox::server::backup {
namespace {

namespace fs = std::filesystem;
using ::testing::Contains;
using ::testing::ElementsAre;

/// Collects what is said, and lets others wait for it.
class Listener {
 public:
  [[nodiscard]] Progress progress() {
    return [this](const std::string& text) {
      const std::scoped_lock lock(mutex_);
      said_.push_back(text);
      changed_.notify_all();
    };
  }
  [[nodiscard]] bool hears(const std::string& text) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, std::chrono::seconds(20), [&] {
      return std::find(said_.begin(), said_.end(), text) != said_.end();
    });
  }
  [[nodiscard]] std::vector<std::string> said() {
    const std::scoped_lock lock(mutex_);
    return said_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> said_;
};

/// Does for a statement what it is told.
class FakeEngine final : public store::Engine {
 public:
  void execute(const std::string& sql) override { on_execute(sql); }
  store::QueryResult query(const std::string& /*sql*/,
                           const std::vector<store::Parameter>& /*parameters*/,
                           const store::QueryOptions& /*options*/) override {
    return {};
  }
  void insert_native(std::string_view /*table*/, std::span<const std::string_view> /*pieces*/,
                     const store::InsertOptions& /*options*/) override {}

  std::function<void(const std::string& sql)> on_execute;
};

void write_file(const fs::path& path, std::uintmax_t bytes) {
  fs::create_directories(path.parent_path());
  std::ofstream(path).close();
  fs::resize_file(path, bytes);
}

class BackupTest : public ::testing::Test {
 protected:
  ~BackupTest() override { on_sync = nullptr; }

  static constexpr std::uintmax_t kThreeMebibytes = 3U << 20;
  store::TemporaryFolder folder_;
  fs::path data_ = folder_.path() / "data";
  fs::path target_ = folder_.path() / "copy";
  FakeEngine engine_;
  Listener listener_;
};

TEST_F(BackupTest, IsOnDiskBeforeItIsMarkedAsWhole) {
  fs::create_directories(data_);
  std::ofstream(data_ / "keys.json") << "{}";
  engine_.on_execute = [&](const std::string& /*sql*/) {
    write_file(data_ / "clickhouse" / "backups" / "signalbox" / "part", 1);
  };
  std::vector<bool> complete;
  on_sync = [&] {
    complete.push_back(fs::exists(target_ / "tables" / "part") &&
                       fs::exists(target_ / "keys.json") && !fs::exists(target_ / "backup.json"));
  };

  make_backup(engine_, data_, target_, listener_.progress());

  EXPECT_THAT(complete, ElementsAre(true));
  EXPECT_TRUE(fs::exists(target_ / "backup.json"));
}

TEST_F(BackupTest, IsNotMadeWithinWhatIsBackedUp) {
  fs::create_directories(data_);
  fs::create_directory_symlink(data_, folder_.path() / "link");
  bool is_begun = false;
  engine_.on_execute = [&](const std::string& /*sql*/) { is_begun = true; };

  for (const fs::path& target :
       {data_ / "copy", data_ / "backups" / "copy", data_ / ".." / "data" / "copy",
        folder_.path() / "link" / "copy"}) {
    EXPECT_THROW(make_backup(engine_, data_, target, listener_.progress()), BackupError) << target;
    EXPECT_FALSE(fs::exists(target)) << target;
  }
  EXPECT_FALSE(is_begun);

  EXPECT_NO_THROW(check_target(folder_.path() / "data-copy", data_));
}

TEST_F(BackupTest, TellsHowMuchIsWrittenWhileItIsWritten) {
  engine_.on_execute = [&](const std::string& /*sql*/) {
    write_file(data_ / "clickhouse" / "backups" / "signalbox" / "part", kThreeMebibytes);
    EXPECT_TRUE(listener_.hears("  3 MiB"));
  };

  make_backup(engine_, data_, target_, listener_.progress());

  EXPECT_EQ(listener_.said().front(), "Writing the tables");
  EXPECT_EQ(listener_.said().back(), "The backup is whole: 3 MiB");
}

TEST_F(BackupTest, TellsHowMuchIsRestoredAndLeavesItOnDisk) {
  write_file(target_ / "tables" / "part", 1);
  write_file(target_ / "backup.json", 1);
  engine_.on_execute = [&](const std::string& /*sql*/) {
    write_file(data_ / "clickhouse" / "store" / "part", kThreeMebibytes);
    EXPECT_TRUE(listener_.hears("  3 MiB"));
  };
  std::vector<bool> complete;
  on_sync = [&] { complete.push_back(fs::exists(data_ / "clickhouse" / "store" / "part")); };

  restore_backup(engine_, target_, data_, listener_.progress());

  EXPECT_THAT(complete, ElementsAre(true));
  EXPECT_THAT(listener_.said(), Contains("Restored"));
}

}  // namespace
}  // namespace signalbox::server::backup

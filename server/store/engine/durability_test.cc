// What the embedded engine has synced, and when. This program's fsync, fdatasync and rename stand
// before those of the C library, for libchdb too: they write down what they were called for.

#include <fcntl.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "server/store/engine/embedded_engine.h"
#include "server/store/engine/temporary_folder.h"
#include "server/store/engine/test_block.h"

namespace {

struct Event {
  enum class Kind : std::uint8_t { kSync, kRename };
  Kind kind;
  std::string path;      // Of what was synced, at that time; or the old name.
  std::string new_path;  // Of a rename.
};

std::mutex events_mutex;
std::vector<Event> events;

void note_sync(int file) {
  std::array<char, 4096> path{};
  const std::string link = "/proc/self/fd/" + std::to_string(file);
  const ssize_t size = readlink(link.c_str(), path.data(), path.size());
  const std::scoped_lock lock(events_mutex);
  if (size > 0) {
    events.push_back(
        {Event::Kind::kSync, std::string(path.data(), static_cast<std::size_t>(size)), {}});
  }
}

std::string without_slash(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

}  // namespace

extern "C" {
int fsync(int file) {
  const auto result = static_cast<int>(syscall(SYS_fsync, file));
  if (result == 0) note_sync(file);
  return result;
}
int fdatasync(int file) {
  const auto result = static_cast<int>(syscall(SYS_fdatasync, file));
  if (result == 0) note_sync(file);
  return result;
}
int rename(const char* from, const char* to) noexcept {
  {
    const std::scoped_lock lock(events_mutex);
    events.push_back({Event::Kind::kRename, without_slash(from), without_slash(to)});
  }
  return static_cast<int>(syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0));
}
}

namespace signalbox::server::store {
namespace {

using ::testing::Contains;
using ::testing::IsEmpty;

class Durability : public ::testing::Test {
 protected:
  void SetUp() override {
    engine_.execute(
        "CREATE TABLE t (a UInt64, b String DEFAULT toString(a)) ENGINE = MergeTree ORDER BY a");
    engine_.insert_native("t", block_of_numbers(0, 1000));
  }

  static std::vector<Event> take_events() {
    const std::scoped_lock lock(events_mutex);
    return std::exchange(events, {});
  }

  std::string path_of_active_part() {
    std::string path =
        engine_.query("SELECT max(path) FROM system.parts WHERE table = 't' AND active FORMAT TSV")
            .data;
    path.pop_back();
    return without_slash(path);
  }

  TemporaryFolder folder_;
  EmbeddedEngine engine_{{.data_folder = folder_.path()}};
};

/// The files of the part `path` that were not synced before it got this name.
std::set<std::string> unsynced_files(const std::vector<Event>& all, const std::string& path) {
  std::set<std::string> unsynced;
  for (const auto& file : std::filesystem::directory_iterator(path)) {
    unsynced.insert(file.path().filename());
  }
  const auto named = std::find_if(all.begin(), all.end(), [&](const Event& event) {
    return event.kind == Event::Kind::kRename && event.new_path == path;
  });
  EXPECT_NE(named, all.end()) << path;
  for (auto event = all.begin(); event != named; ++event) {
    const std::filesystem::path synced(event->path);
    if (synced.parent_path() == named->path) unsynced.erase(synced.filename());
  }
  return unsynced;
}

/// What was synced after the part got its name.
std::vector<std::string> synced_after_naming(const std::vector<Event>& all,
                                             const std::string& path) {
  std::vector<std::string> synced;
  bool named = false;
  for (const Event& event : all) {
    if (event.kind == Event::Kind::kRename && event.new_path == path) named = true;
    if (named && event.kind == Event::Kind::kSync) synced.push_back(event.path);
  }
  return synced;
}

TEST_F(Durability, AnInsertHasSyncedItsFilesThenTheNameOfThePart) {
  engine_.execute("TRUNCATE TABLE t");
  take_events();

  engine_.insert_native("t", block_of_numbers(0, 1000));

  const std::vector<Event> all = take_events();
  const std::string part = path_of_active_part();
  EXPECT_THAT(unsynced_files(all, part), IsEmpty());
  EXPECT_THAT(synced_after_naming(all, part),
              Contains(std::filesystem::path(part).parent_path().string()));
}

// The parts that it replaces go soon afterwards.
TEST_F(Durability, AMergeHasSyncedItsFilesBeforeThePartIsNamed) {
  engine_.insert_native("t", block_of_numbers(1000, 1000));
  take_events();

  engine_.execute("OPTIMIZE TABLE t FINAL");

  const std::vector<Event> all = take_events();
  EXPECT_THAT(unsynced_files(all, path_of_active_part()), IsEmpty());
}

TEST_F(Durability, SyncsATableThatWasMadeAnew) {
  for (int i = 0; i < 2; ++i) {
    engine_.execute("DROP TABLE t SYNC");
    engine_.execute("CREATE TABLE t (a UInt64) ENGINE = MergeTree ORDER BY a");
    take_events();
    engine_.insert_native("t", block_of_numbers(0, 10));
    const std::string part = path_of_active_part();
    EXPECT_THAT(synced_after_naming(take_events(), part),
                Contains(std::filesystem::path(part).parent_path().string()));
  }
}

}  // namespace
}  // namespace signalbox::server::store

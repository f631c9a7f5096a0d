#include "server/net/file_limit.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

namespace signalbox::server::net {
namespace {

TEST(FileLimit, IsRaisedToTheHardLimit) {
  rlimit original{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &original), 0);
  rlimit lowered = original;
  lowered.rlim_cur = 64;
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &lowered), 0);

  const FileLimit limit = raise_file_limit();

  rlimit after{};
  ASSERT_EQ(getrlimit(RLIMIT_NOFILE, &after), 0);
  EXPECT_EQ(after.rlim_cur, original.rlim_max);
  EXPECT_EQ(limit.before, 64u);
  EXPECT_EQ(limit.now, original.rlim_max);
  ASSERT_EQ(setrlimit(RLIMIT_NOFILE, &original), 0);
}

TEST(FileLimit, LeavesFilesForTheTables) {
  const auto connections = [](std::size_t limit) {
    return connections_within({.before = limit, .now = limit});
  };
  EXPECT_EQ(connections(1'048'576), 1'040'384u);
  EXPECT_EQ(connections(20'000), 11'808u);
  EXPECT_EQ(connections(1024), 512u);
  EXPECT_EQ(connections(300), 44u);
  EXPECT_EQ(connections(64), 24u);
}

}  // namespace
}  // namespace signalbox::server::net

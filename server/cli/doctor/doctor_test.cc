#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <vector>

#include "server/cli/doctor/data_checks.h"
#include "server/cli/doctor/finding.h"
#include "server/cli/doctor/machine_checks.h"
#include "server/cli/doctor/server_checks.h"
#include "server/store/engine/temporary_folder.h"
#include "server/store/log/log.h"

namespace signalbox::server::cli {
namespace {

using ::testing::HasSubstr;
using Level = Finding::Level;

constexpr std::uint64_t kGibibyte = 1ULL << 30;

void write_file(const std::filesystem::path& path, const std::string& text) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream(path) << text;
}

TEST(Doctor, MarksWhatItFoundAndSaysWhatToDo) {
  const Findings findings = {
      {.check = "disk", .what = "1 GiB is free"},
      {.level = Level::kDoubt, .check = "clock", .what = "late", .advice = "set it"},
      {.level = Level::kFault, .check = "port", .what = "taken\x1b[2J"}};

  EXPECT_EQ(findings_view(findings, {}),
            "✓ disk   1 GiB is free\n"
            "! clock  late\n"
            "         → set it\n"
            "✗ port   taken␛[2J\n");
  EXPECT_EQ(worst(findings), Level::kFault);
  EXPECT_THAT(findings_json(findings), HasSubstr(R"("status":"fault")"));
}

TEST(Doctor, MeasuresTheDiskOfWhereTheFolderWouldBe) {
  const store::TemporaryFolder folder;

  const Findings good = check_disk(folder.path() / "not" / "there", 1);
  EXPECT_EQ(good.at(0).level == Level::kFault, false);
  EXPECT_THAT(good.at(1).what, HasSubstr(folder.path().string()));
  EXPECT_TRUE(std::filesystem::is_empty(folder.path()));
  EXPECT_EQ(check_disk(folder.path(), 1ULL << 62).at(0).level, Level::kFault);
}

TEST(Doctor, TakesTheLeastLimitOfTheControlGroups) {
  const store::TemporaryFolder root;
  write_file(root.path() / "proc/meminfo", "MemTotal:       16777216 kB\nMemFree: 1 kB\n");
  EXPECT_EQ(check_memory(3 * kGibibyte, 0, root.path()).level, Level::kGood);

  write_file(root.path() / "proc/self/cgroup", "0::/a/b\n");
  write_file(root.path() / "sys/fs/cgroup/a/b/memory.max", "max\n");
  EXPECT_EQ(check_memory(3 * kGibibyte, 0, root.path()).level, Level::kGood);

  write_file(root.path() / "sys/fs/cgroup/a/memory.max", std::to_string(2 * kGibibyte));
  const Finding limited = check_memory(3 * kGibibyte, 0, root.path());
  EXPECT_EQ(limited.level, Level::kFault);
  EXPECT_THAT(limited.what, HasSubstr("2 GiB"));
  EXPECT_EQ(check_memory(kGibibyte, 0, root.path()).level, Level::kGood);
}

TEST(Doctor, ComparesTheLimitOnFilesWithTheConnectionsWanted) {
  EXPECT_EQ(judge_open_files(1024, 10'000).level, Level::kDoubt);
  EXPECT_EQ(judge_open_files(1'048'576, 10'000).level, Level::kGood);
}

TEST(Doctor, KnowsAClockThatWasSetBack) {
  const store::TemporaryFolder folder;
  write_file(folder.path() / "file", "x");
  EXPECT_NE(check_clock(folder.path()).level, Level::kFault);

  std::filesystem::last_write_time(
      folder.path() / "file",
      std::filesystem::file_time_type::clock::now() + std::chrono::hours(48));
  EXPECT_THAT(check_clock(folder.path()).what, HasSubstr("set back"));
}

TEST(Doctor, JudgesWhoListensOnAPort) {
  const net::Endpoint endpoint{"127.0.0.1", 4317};
  const auto judge = [&](Listener found, bool server_runs) {
    return judge_port("OTLP/gRPC", endpoint, Listener::kOtlpGrpc, found, server_runs).level;
  };

  EXPECT_EQ(judge(Listener::kNobody, false), Level::kGood);
  EXPECT_EQ(judge(Listener::kOtlpGrpc, true), Level::kGood);
  EXPECT_EQ(judge(Listener::kNobody, true), Level::kDoubt);
  for (const Listener found :
       {Listener::kOther, Listener::kOtlpHttp, Listener::kForbidden, Listener::kNotOurs}) {
    EXPECT_EQ(judge(found, false), Level::kFault);
  }
}

TEST(Doctor, FindsVariablesThatConfuseThePorts) {
  EXPECT_EQ(check_sender_variables("", "").level, Level::kGood);
  EXPECT_EQ(check_sender_variables("http://localhost:4317", "grpc").level, Level::kGood);
  EXPECT_EQ(check_sender_variables("http://localhost:4318", "grpc").level, Level::kFault);
  EXPECT_EQ(check_sender_variables("http://localhost:4317", "http/protobuf").level, Level::kFault);
  EXPECT_EQ(check_sender_variables("http://localhost:8080", "").level, Level::kFault);
}

TEST(Doctor, FindsDamageInTheLogAndLeavesItAsItIs) {
  const store::TemporaryFolder data;
  const auto files = store::make_posix_files();
  EXPECT_THAT(check_log(*files, data.path(), kGibibyte).at(0).what, HasSubstr("no log yet"));

  store::Log::Options options;
  options.folder = data.path() / "log";
  options.segment_bytes = 1 << 20;
  {
    store::Log log(*files, options);
    for (int i = 0; i < 3; ++i) {
      std::vector<store::Log::Entry> entries(1);
      entries[0].head.type = store::RecordHead::Type::kRequest;
      entries[0].head.block = log.new_block_number();
      const std::string payload(1000, static_cast<char>('a' + i));
      entries[0].payload = payload;
      log.append(entries);
    }
  }
  const Findings good = check_log(*files, data.path(), kGibibyte);
  ASSERT_EQ(good.size(), 1U);
  EXPECT_THAT(good[0].what, HasSubstr("3 requests"));

  const std::filesystem::path segment = data.path() / "log" / "0000000000000001.log";
  std::fstream file(segment, std::ios::in | std::ios::out | std::ios::binary);
  file.seekp(600);
  file << "damage";
  file.close();
  const Findings bad = check_log(*files, data.path(), kGibibyte);
  ASSERT_EQ(bad.size(), 2U);
  EXPECT_EQ(bad[1].level, Level::kFault);
  EXPECT_FALSE(std::filesystem::exists(data.path() / "log" / "damaged"));
}

}  // namespace
}  // namespace signalbox::server::cli

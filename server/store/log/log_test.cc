#include "server/store/log/log.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <system_error>
#include <vector>

#include "server/store/log/memory_files.h"

namespace signalbox::server::store {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using Operation = testing::MemoryFiles::Operation;
using Type = RecordHead::Type;

class LogTest : public ::testing::Test {
 protected:
  std::unique_ptr<Log> open() {
    return std::make_unique<Log>(
        files_, Log::Options{.folder = "/log", .segment_bytes = 4096, .kept_segments = 2});
  }

  static Log::Position append(Log& log, std::uint64_t block, const std::string& payload) {
    Log::Entry entry;
    entry.head.block = block;
    entry.head.hash = hash_request(log.salt(), Signal::kTraces, 0, payload);
    entry.payload = payload;
    log.append({&entry, 1});
    return entry.position;
  }
  static void append(Log& log, Type type, std::uint64_t block, std::int64_t time = 0,
                     std::uint64_t number = 0) {
    Log::Entry entry;
    entry.head.type = type;
    entry.head.block = block;
    entry.head.time = time;
    entry.head.number = number;
    log.append({&entry, 1});
  }
  static void commit(Log& log, std::uint64_t block) {
    append(log, Type::kCommit, block);
    log.release(block);
  }
  static void retire(Log& log) {
    const std::uint64_t first = log.first_needed();
    append(log, Type::kRetire, 0, 0, first);
    log.retire(first);
  }
  static std::vector<std::string> payloads(const Log& log, const Log::UncommittedBlock& block) {
    std::vector<std::string> payloads;
    for (const Log::Position& position : block.requests) {
      RecordHead head;
      payloads.push_back(log.read(position, head));
    }
    return payloads;
  }
  /// Of all blocks that a start finds.
  std::vector<std::string> found() {
    const auto log = open();
    const Log::Recovery recovery = log->take_recovery();
    EXPECT_THAT(recovery.damage, IsEmpty());
    std::vector<std::string> all;
    for (const auto& block : recovery.blocks) {
      for (std::string& payload : payloads(*log, block)) all.push_back(std::move(payload));
    }
    return all;
  }
  void fail(Operation operation, int error = EIO) {
    files_.set_fault([=](Operation asked, const std::filesystem::path&) {
      return asked == operation ? error : 0;
    });
  }
  void heal() { files_.set_fault(nullptr); }
  std::vector<std::string> names() {
    auto names = files_.list("/log");
    std::sort(names.begin(), names.end());
    return names;
  }

  testing::MemoryFiles files_;
};

std::string name(int number, const std::string& suffix = ".log") {
  std::string digits = std::to_string(number);
  return std::string(16 - digits.size(), '0') + digits + suffix;
}
std::string path(int number) {
  return "/log/" + name(number);
}

TEST_F(LogTest, TellsOnlyTheLatestRequestsOfVeryMany) {
  std::vector<RequestHash> hashes;
  {
    const auto log = open();
    for (int i = 0; i < 6; ++i) {
      const std::string payload = std::to_string(i) + std::string(2000, 'x');
      hashes.push_back(hash_request(log->salt(), Signal::kTraces, 0, payload));
      append(*log, 1, payload);  // Two to a segment.
    }
  }
  Log log(files_, {.folder = "/log", .segment_bytes = 4096, .max_recovered_requests = 4});
  const Log::Recovery recovery = log.take_recovery();

  std::vector<RequestHash> told;
  told.reserve(recovery.requests.size());
  for (const auto& request : recovery.requests) told.push_back(request.hash);
  EXPECT_EQ(told, std::vector(hashes.begin() + 2, hashes.end()));
  ASSERT_THAT(recovery.blocks, SizeIs(1));
  EXPECT_THAT(recovery.blocks[0].requests, SizeIs(6));
}

TEST_F(LogTest, IsEmptyAtFirst) {
  const auto log = open();
  const Log::Recovery recovery = log->take_recovery();
  EXPECT_THAT(recovery.blocks, IsEmpty());
  EXPECT_THAT(recovery.damage, IsEmpty());
  EXPECT_EQ(log->bytes(), 0U);
  EXPECT_THAT(names(), IsEmpty());
}

TEST(PosixFiles, ReadsAWholeFileAlsoWhereItWasNeverWritten) {
  char name[] = "/tmp/signalbox-files-XXXXXX";
  const std::filesystem::path folder = ::mkdtemp(name);
  const auto files = make_posix_files();
  constexpr std::uint64_t kSize = 1 << 20;
  constexpr std::uint64_t kSecond = 300'000;
  {
    const auto file = files->create(folder / "f", kSize);
    const std::string_view first = "first";
    const std::string_view second = "second";
    file->write(0, {&first, 1});
    file->write(kSecond, {&second, 1});
    file->sync();
  }
  const FileContent content = files->read_all(folder / "f");
  EXPECT_EQ(content.view(), files->read(folder / "f", 0, kSize));
  EXPECT_EQ(content.view().substr(0, 5), "first");
  EXPECT_EQ(content.view().substr(kSecond, 6), "second");
  EXPECT_GE(content.written(), kSecond + 6);
  EXPECT_LE(content.written(), kSize);
  EXPECT_EQ(content.view().substr(content.written()).find_first_not_of('\0'),
            std::string_view::npos);
  EXPECT_THROW((void)files->read_all(folder / "none"), std::system_error);
  std::filesystem::remove_all(folder);
}

TEST_F(LogTest, FindsBlocksAgainSealedOnesFirstByIdentity) {
  {
    const auto log = open();
    append(*log, 1, "a");
    append(*log, 2, "b");
    append(*log, 3, "c");
    append(*log, 1, "d");
    append(*log, 4, "e");
    append(*log, Type::kSeal, 3, 100, 1);
    append(*log, Type::kSeal, 1, 200, 2);
    append(*log, Type::kSeal, 4, 300, 1);
    append(*log, Type::kCommit, 4);
  }
  const auto log = open();
  const Log::Recovery recovery = log->take_recovery();

  ASSERT_THAT(recovery.blocks, SizeIs(3));
  EXPECT_EQ(recovery.blocks[0].number, 3U);
  EXPECT_EQ(recovery.blocks[0].identity, 100);
  EXPECT_EQ(recovery.blocks[1].number, 1U);
  EXPECT_THAT(payloads(*log, recovery.blocks[1]), ElementsAre("a", "d"));
  EXPECT_EQ(recovery.blocks[2].number, 2U);
  EXPECT_EQ(recovery.blocks[2].identity, 0);
  EXPECT_THAT(recovery.requests, SizeIs(5));
  EXPECT_EQ(log->last_identity(), 300);
  EXPECT_GT(log->new_block_number(), 4U);
}

TEST_F(LogTest, BeginsANextSegmentWhenOneIsFullAndKeepsABlocksOrderAcrossThem) {
  std::vector<std::string> sent;
  {
    const auto log = open();
    for (int i = 0; i < 10; ++i) {
      sent.push_back(std::to_string(i) + std::string(1500, 'x'));
      append(*log, 1, sent.back());
    }
  }
  EXPECT_THAT(names(), ElementsAre(name(1), name(2), name(3), name(4)));
  EXPECT_EQ(found(), sent);
}

TEST_F(LogTest, TakesAPayloadThatIsLargerThanASegment) {
  const std::string large(100'000, 'y');
  {
    const auto log = open();
    append(*log, 1, "small");
    append(*log, 1, large);
    append(*log, 1, "next");
  }
  EXPECT_THAT(found(), ElementsAre("small", large, "next"));
}

TEST_F(LogTest, LetsSegmentsGoInOrderAndUsesTheirFilesAgain) {
  const auto log = open();
  for (std::uint64_t block = 1; block <= 4; ++block) {
    append(*log, block, std::string(5000, 'x'));  // A segment each.
  }
  commit(*log, 2);
  EXPECT_EQ(log->first_needed(), 1U) << "the first block still needs the first segment";
  commit(*log, 1);
  EXPECT_EQ(log->first_needed(), 3U);
  retire(*log);
  EXPECT_THAT(names(), ElementsAre(name(1, ".free"), name(2, ".free"), name(3), name(4), name(5)));

  append(*log, 5, std::string(5000, 'x'));
  append(*log, 6, std::string(5000, 'x'));
  EXPECT_THAT(names(), ElementsAre(name(1, ".free"), name(3), name(4), name(5), name(6)));
  commit(*log, 3);
  commit(*log, 4);
  commit(*log, 5);
  commit(*log, 6);
  retire(*log);
  EXPECT_LE(names().size(), 2U + 2U) << "no more files are kept than wanted";
}

TEST_F(LogTest, FindsNothingOfWhatWasInAFileThatItUsesAgain) {
  {
    const auto log = open();
    for (std::uint64_t block = 1; block <= 3; ++block) append(*log, block, std::string(5000, 'x'));
    for (std::uint64_t block = 1; block <= 3; ++block) commit(*log, block);
    retire(*log);
    append(*log, 4, std::string(5000, 'y'));
    append(*log, 5, "after");
  }
  EXPECT_THAT(found(), ElementsAre(std::string(5000, 'y'), "after"));
}

TEST_F(LogTest, NeverReadsWhatItFailedToWriteOnceItCouldWriteAgain) {
  for (const Operation operation : {Operation::kWrite, Operation::kSync}) {
    files_.remove(path(1));
    files_.remove(path(2));
    {
      const auto log = open();
      append(*log, 1, "taken");
      fail(operation);
      EXPECT_THROW(append(*log, 1, "refused"), std::system_error);
      EXPECT_THROW(append(*log, 1, "refused, too"), std::system_error);
      heal();
      append(*log, 1, "taken again");
    }
    EXPECT_THAT(found(), ElementsAre("taken", "taken again"));
    EXPECT_THAT(found(), ElementsAre("taken", "taken again"));
  }
}

TEST_F(LogTest, GoesOnAfterEachFailureAtTheBeginOfASegment) {
  for (const Operation operation :
       {Operation::kCreate, Operation::kWrite, Operation::kSync, Operation::kSyncFolder}) {
    SCOPED_TRACE(static_cast<int>(operation));
    for (const std::string& old : names()) files_.remove("/log/" + old);
    {
      const auto log = open();
      append(*log, 1, std::string(5000, 'x'));
      fail(operation, ENOSPC);
      EXPECT_THROW(append(*log, 2, "refused"), std::system_error);
      EXPECT_THROW(append(*log, 2, "refused"), std::system_error);
      heal();
      append(*log, 2, "taken");
    }
    EXPECT_THAT(found(), ElementsAre(std::string(5000, 'x'), "taken"));
    EXPECT_THAT(names(), ElementsAre(name(1), name(2)));
  }
}

TEST_F(LogTest, GoesOnWhenAFileCannotBeUsedAgain) {
  const auto log = open();
  for (std::uint64_t block = 1; block <= 3; ++block) append(*log, block, std::string(5000, 'x'));
  commit(*log, 1);
  commit(*log, 2);
  retire(*log);
  append(*log, 4, std::string(5000, 'y'));
  fail(Operation::kRename);
  EXPECT_THROW(append(*log, 5, "refused"), std::system_error);
  EXPECT_THROW(append(*log, 5, "refused"), std::system_error);
  append(*log, 5, "taken");  // All that may be used again has been tried.
  heal();
  EXPECT_THAT(found(), ElementsAre(std::string(5000, 'x'), std::string(5000, 'y'), "taken"));
}

TEST_F(LogTest, TriesAgainToLetGoOfWhatItCouldNotRemove) {
  const auto log = open();
  for (std::uint64_t block = 1; block <= 5; ++block) append(*log, block, std::string(5000, 'x'));
  for (std::uint64_t block = 1; block <= 5; ++block) commit(*log, block);
  fail(Operation::kRename);
  EXPECT_THROW(retire(*log), std::system_error);
  EXPECT_LT(log->retired_below(), log->first_needed());
  heal();
  retire(*log);
  EXPECT_EQ(log->retired_below(), log->first_needed());
  EXPECT_LT(log->bytes(), 4096U);
}

TEST_F(LogTest, IgnoresASegmentThatHasServedAlsoIfItIsStillThere) {
  {
    const auto log = open();
    append(*log, 1, std::string(5000, 'x'));
    append(*log, Type::kSeal, 1, 100, 1);
    append(*log, 2, std::string(5000, 'x'));
    commit(*log, 1);
    commit(*log, 2);
    append(*log, 3, std::string(5000, 'x'));
    append(*log, Type::kRetire, 0, 0, log->first_needed());
  }
  // As if the file with the commit had been removed, and the one with the requests had not.
  files_.remove(path(2));

  const auto log = open();

  const Log::Recovery recovery = log->take_recovery();
  ASSERT_THAT(recovery.blocks, SizeIs(1));
  EXPECT_EQ(recovery.blocks[0].number, 3U);
  EXPECT_THAT(recovery.damage, IsEmpty());
  EXPECT_THAT(names(), ::testing::Not(::testing::Contains(name(1))));
}

TEST_F(LogTest, ReportsSegmentsThatAreMissing) {
  {
    const auto log = open();
    for (std::uint64_t block = 1; block <= 5; ++block) append(*log, block, std::string(5000, 'x'));
  }
  files_.remove(path(1));
  files_.remove(path(3));
  const auto log = open();
  const Log::Recovery recovery = log->take_recovery();
  EXPECT_THAT(recovery.damage, ElementsAre(HasSubstr("segments 1 to 1 are missing"),
                                           HasSubstr("segments 3 to 3 are missing")));
  EXPECT_THAT(recovery.blocks, SizeIs(3));
}

TEST_F(LogTest, ReadsTheRecordsOfASegmentWhoseHeadIsDamaged) {
  for (int segments : {1, 2}) {
    SCOPED_TRACE(segments);
    for (const std::string& old : names()) files_.remove("/log/" + old);
    {
      const auto log = open();
      append(*log, 1, std::string(5000, 'x'));
      if (segments == 2) append(*log, 2, "second");
    }
    files_.damage(path(segments), [](std::string& bytes) { bytes[20] ^= 1; });
    const auto log = open();
    const Log::Recovery recovery = log->take_recovery();
    ASSERT_THAT(recovery.damage, SizeIs(1));
    EXPECT_THAT(recovery.damage[0], HasSubstr("cannot be read; they are set aside in"));
    // The only segment's head had what tells records from other bytes.
    EXPECT_THAT(recovery.blocks, SizeIs(segments == 2 ? 2 : 0));
    const auto kept = files_.list("/log/damaged");
    ASSERT_THAT(kept, SizeIs(1));
    EXPECT_EQ(files_.content("/log/damaged/" + kept[0]).size(), segments == 2 ? 64U : 5128U);
    files_.remove("/log/damaged/" + kept[0]);
  }
}

TEST_F(LogTest, ReportsAndSetsAsideADamagedRecordAndReadsTheOthers) {
  Log::Position position;
  {
    const auto log = open();
    append(*log, 1, "first");
    position = append(*log, 1, "second");
    append(*log, 1, "third");
    append(*log, Type::kSeal, 1, 100, 3);
  }
  files_.damage(path(1), [&](std::string& bytes) { bytes[position.offset + 65] ^= 1; });
  const auto log = open();
  const Log::Recovery recovery = log->take_recovery();
  ASSERT_THAT(recovery.blocks, SizeIs(1));
  EXPECT_THAT(payloads(*log, recovery.blocks[0]), ElementsAre("first", "third"));
  EXPECT_EQ(recovery.blocks[0].missing_requests, 1U);
  ASSERT_THAT(recovery.damage, SizeIs(1));
  const auto kept = files_.list("/log/damaged");
  ASSERT_THAT(kept, SizeIs(1));
  EXPECT_THAT(files_.content("/log/damaged/" + kept[0]), HasSubstr("cond"));
}

TEST_F(LogTest, StartsAlsoIfDamagedBytesCannotBeSetAside) {
  Log::Position position;
  {
    const auto log = open();
    position = append(*log, 1, "first");
    append(*log, 1, "second");
  }
  files_.damage(path(1), [&](std::string& bytes) { bytes[position.offset] ^= 1; });
  fail(Operation::kCreate, ENOSPC);
  const auto log = open();
  EXPECT_THAT(log->take_recovery().damage, ElementsAre(HasSubstr("could not be set aside")));
}

TEST_F(LogTest, TellsAWriteThatWasCutShortFromDamage) {
  std::vector<Log::Entry> entries(3);
  {
    const auto log = open();
    append(*log, 1, "synced");
    for (Log::Entry& entry : entries) {
      entry.head.block = 1;
      entry.payload = "written together";
    }
    entries[2].head = {};
    entries[2].head.type = Type::kSeal;
    entries[2].head.block = 1;
    entries[2].head.time = 100;
    entries[2].head.number = 3;
    entries[2].payload = {};
    log->append(entries);
  }
  const auto tear = [&](std::string& bytes) {
    std::fill_n(bytes.begin() + static_cast<std::ptrdiff_t>(entries[0].position.offset), 80, '\0');
  };
  files_.damage(path(1), tear);
  for (int start = 0; start < 2; ++start) {  // It is the same in the run after the next.
    const auto log = open();
    const Log::Recovery recovery = log->take_recovery();
    EXPECT_THAT(recovery.damage, IsEmpty());
    EXPECT_THAT(recovery.cut_short, SizeIs(1));
    ASSERT_GE(recovery.blocks.size(), 1U);
    EXPECT_THAT(payloads(*log, recovery.blocks[0]), ElementsAre("synced", "written together"));
    EXPECT_EQ(recovery.blocks[0].missing_requests, 0U) << "it had not been answered";
    append(*log, 2, "more");
  }
}

TEST_F(LogTest, ReportsDamageToWhatAnEarlierStartHasRead) {
  {
    const auto log = open();
    append(*log, 1, "first");
  }
  {
    const auto log = open();
    append(*log, 1, "second");
  }
  files_.damage(path(1), [](std::string& bytes) { bytes[64] ^= 1; });
  EXPECT_THAT(open()->take_recovery().damage, SizeIs(1));
}

TEST_F(LogTest, ReportsDamageAtTheEndOfASegmentAfterWhichItsWriterWentOn) {
  Log::Position last;
  {
    const auto log = open();
    append(*log, 1, std::string(2000, 'x'));
    last = append(*log, 1, std::string(3000, 'x'));
    append(*log, 1, "next segment");
  }
  files_.damage(path(1), [&](std::string& bytes) { bytes[last.offset] ^= 1; });
  const auto log = open();
  const Log::Recovery recovery = log->take_recovery();
  EXPECT_THAT(recovery.damage, SizeIs(1));
  EXPECT_THAT(recovery.cut_short, IsEmpty());
}

TEST_F(LogTest, SyncsWhatAKilledProcessWroteBeforeItCounts) {
  {
    const auto log = open();
    append(*log, 1, "synced");
    fail(Operation::kSync);
    EXPECT_THROW(append(*log, 1, "written"), std::system_error);
  }
  heal();
  ASSERT_THAT(found(), ElementsAre("synced", "written"));  // Now it may be answered as repeated.
  for (std::uint32_t seed = 0; seed < 20; ++seed) {
    files_.power_cut(seed);
    EXPECT_THAT(found(), ElementsAre("synced", "written"));
  }
}

TEST_F(LogTest, NeverGivesABlockNumberOrAnIdentityTwice) {
  std::uint64_t block = 0;
  for (int run = 0; run < 5; ++run) {
    const auto log = open();
    const std::uint64_t next = log->new_block_number();
    EXPECT_GT(next, block);
    block = next;
    EXPECT_EQ(log->last_identity(), run == 0 ? 0 : 100 + run - 1);
    append(*log, block, std::string(5000, 'x'));
    append(*log, Type::kSeal, block, 100 + run, 1);
    commit(*log, block);
    append(*log, Type::kRetire, 0, 0, log->first_needed());
    log->retire(log->first_needed());
  }
}

TEST_F(LogTest, RefusesToReadARequestThatIsNotIntactAnyMore) {
  const auto log = open();
  const Log::Position position = append(*log, 1, "payload");
  RecordHead head;
  EXPECT_EQ(log->read(position, head), "payload");
  files_.damage(path(1), [&](std::string& bytes) { bytes[position.offset + 64] ^= 1; });
  EXPECT_THROW(static_cast<void>(log->read(position, head)), std::system_error);
  files_.remove(path(1));
  EXPECT_THROW(static_cast<void>(log->read(position, head)), std::system_error);
}

}  // namespace
}  // namespace signalbox::server::store

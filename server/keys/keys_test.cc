#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <set>
#include <stdexcept>
#include <string>
#include <thread>

#include "server/keys/key_file.h"
#include "server/keys/key_ring.h"
#include "server/keys/rate.h"
#include "server/store/engine/temporary_folder.h"

namespace signalbox::server::keys {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::SizeIs;
using ::testing::StartsWith;
using Status = receive::Authorizer::Verdict::Status;

std::string content(const std::filesystem::path& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

TEST(Rate, IsReadAndWritten) {
  EXPECT_EQ(rate_text(parse_rate("5MiB/s")), "5MiB/s");
  EXPECT_EQ(rate_text(parse_rate("200 requests/s")), "200 requests/s");
  EXPECT_EQ(parse_rate("200requests/s").of, Rate::Of::kRequests);
  for (const char* bad : {"", "5MiB", "/s", "0/s", "0 requests/s", "x requests/s", "5 MB/s"}) {
    EXPECT_THROW(parse_rate(bad), std::invalid_argument) << bad;
  }
}

TEST(TokenBucket, LetsTheRateThroughAndSaysHowLongToWait) {
  const TokenBucket::Clock::time_point start{};
  TokenBucket bucket({.of = Rate::Of::kRequests, .per_second = 2}, start);

  EXPECT_FALSE(bucket.take(1, start));
  EXPECT_FALSE(bucket.take(1, start));
  EXPECT_EQ(bucket.take(1, start), milliseconds(500));
  EXPECT_EQ(bucket.take(1, start + milliseconds(400)), milliseconds(100));
  EXPECT_FALSE(bucket.take(1, start + milliseconds(500)));
  EXPECT_FALSE(bucket.take(1, start + seconds(60)));
  EXPECT_FALSE(bucket.take(1, start + seconds(60)));
  EXPECT_TRUE(bucket.take(1, start + seconds(60))) << "no more than a second is saved up";
}

TEST(TokenBucket, LetsALargeRequestThroughAndWaitsForItsCost) {
  const TokenBucket::Clock::time_point start{};
  TokenBucket bucket({.of = Rate::Of::kBytes, .per_second = 1000}, start);

  EXPECT_FALSE(bucket.take(10'000, start));
  EXPECT_EQ(bucket.take(100, start), milliseconds(9'100));
  EXPECT_TRUE(bucket.take(100, start + seconds(9)));
  EXPECT_FALSE(bucket.take(100, start + milliseconds(9'100)));
}

class Keys : public ::testing::Test {
 protected:
  KeyRing ring(bool require_keys = false) {
    return {file_,
            {.require_keys = require_keys,
             .now = [this] { return now_; },
             .report = [this](const std::string& text) { reports_.push_back(text); }}};
  }
  static net::Headers with(const std::string& key) { return {{"signalbox-ingestion-key", key}}; }

  store::TemporaryFolder folder_;
  KeyFile file_{folder_.path()};
  KeyRing::Clock::time_point now_{};
  std::vector<std::string> reports_;
};

TEST_F(Keys, AreKeptHashedInAFileOfTheirOwnerAlone) {
  const std::string key = file_.create("shop", parse_rate("5MiB/s"));

  EXPECT_THAT(key, AllOf(StartsWith("sbk_"), SizeIs(4 + 64)));
  EXPECT_NE(key, file_.create("other", std::nullopt));
  EXPECT_THAT(content(file_.path()), Not(HasSubstr(key)));
  struct stat status{};
  ASSERT_EQ(stat(file_.path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777U, 0600U);
  const auto records = file_.read();
  ASSERT_TRUE(records);
  ASSERT_THAT(*records, SizeIs(2));
  EXPECT_EQ(records->at(0).name, "shop");
  EXPECT_EQ(records->at(0).rate, parse_rate("5MiB/s"));
  EXPECT_TRUE(same_hash(records->at(0).hash, hash_key(key)));
}

TEST_F(Keys, HaveUniqueNames) {
  file_.create("shop", std::nullopt);
  EXPECT_THROW(file_.create("shop", std::nullopt), KeyError);
  EXPECT_THROW(file_.create("", std::nullopt), KeyError);
  EXPECT_THROW(file_.create("a b", std::nullopt), KeyError);
  EXPECT_THROW(file_.create(std::string(65, 'a'), std::nullopt), KeyError);
  EXPECT_THROW(file_.revoke("nobody"), KeyError);
}

TEST_F(Keys, MadeAtOneTimeAreAllKept) {
  std::vector<std::thread> threads;
  threads.reserve(4);
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 10; ++i) {
        KeyFile(folder_.path()).create(std::to_string(t) + "-" + std::to_string(i), std::nullopt);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_THAT(*file_.read(), SizeIs(40));
}

TEST(KeyFile, OfAServerOfAnotherUserBelongsToThatUserWhenRootMakesIt) {
  if (geteuid() != 0) GTEST_SKIP() << "only root can make files for others";
  constexpr uid_t kOther = 65534;
  const store::TemporaryFolder folder;
  ASSERT_EQ(chown(folder.path().c_str(), kOther, kOther), 0);

  (void)KeyFile(folder.path()).create("shop", std::nullopt);

  for (const char* const name : {"keys.json", "keys.lock"}) {
    struct stat status{};
    ASSERT_EQ(stat((folder.path() / name).c_str(), &status), 0) << name;
    EXPECT_EQ(status.st_uid, kOther) << name;
    EXPECT_EQ(status.st_gid, kOther) << name;
  }
}

TEST(KeyFile, SaysThatTheDataFolderIsNone) {
  const store::TemporaryFolder folder;
  const std::filesystem::path file = folder.path() / "file";
  std::ofstream(file) << "text";
  try {
    (void)KeyFile(file).read();
    FAIL() << "was read";
  } catch (const KeyError& error) {
    EXPECT_THAT(error.what(), HasSubstr("is not a folder; choose another with --data"));
  }
}

TEST_F(Keys, AreNotAskedForUntilThereIsOne) {
  KeyRing keys = ring();
  EXPECT_EQ(keys.authorize({}, 1).status, Status::kAllowed);
  EXPECT_FALSE(keys.asks_for_key());

  file_.create("shop", std::nullopt);
  now_ += milliseconds(300);
  EXPECT_EQ(keys.authorize({}, 1).status, Status::kUnauthenticated);
  EXPECT_TRUE(keys.asks_for_key());
}

TEST_F(Keys, AreAskedForAtOnceIfRequired) {
  KeyRing keys = ring(true);
  const auto verdict = keys.authorize({}, 1);
  EXPECT_EQ(verdict.status, Status::kUnauthenticated);
  EXPECT_THAT(verdict.message, HasSubstr("signalbox-ingestion-key"));
}

TEST_F(Keys, AreTakenFromEachHeader) {
  const std::string key = file_.create("shop", std::nullopt);
  KeyRing keys = ring();
  const std::string bearer = "bearer  " + key;
  EXPECT_EQ(keys.authorize({{"signalbox-ingestion-key", key}}, 1).status, Status::kAllowed);
  EXPECT_EQ(keys.authorize({{"signoz-ingestion-key", key}}, 1).status, Status::kAllowed);
  EXPECT_EQ(keys.authorize({{"authorization", "Bearer " + key}}, 1).status, Status::kAllowed);
  EXPECT_EQ(keys.authorize({{"authorization", bearer}}, 1).status, Status::kAllowed);

  EXPECT_EQ(keys.authorize({{"authorization", "Basic " + key}}, 1).status,
            Status::kUnauthenticated);
  EXPECT_EQ(keys.authorize({{"authorization", "Bearer"}}, 1).status, Status::kUnauthenticated);
  for (const std::string& wrong : {std::string(), key.substr(1), key + "0", std::string(5000, 'a'),
                                   std::string("sbk_") + std::string(64, '0')}) {
    const auto verdict = keys.authorize(with(wrong), 1);
    EXPECT_EQ(verdict.status, Status::kUnauthenticated) << wrong;
    EXPECT_THAT(verdict.message, HasSubstr("not a valid")) << wrong;
  }
  EXPECT_EQ(keys.unauthenticated_requests(), 7U);
}

TEST_F(Keys, RevokedWhileRunningHoldNoMoreAndTheLastOpensNothing) {
  const std::string kept = file_.create("kept", std::nullopt);
  const std::string revoked = file_.create("revoked", std::nullopt);
  KeyRing keys = ring();
  EXPECT_EQ(keys.authorize(with(revoked), 1).status, Status::kAllowed);

  file_.revoke("revoked");
  now_ += milliseconds(300);
  EXPECT_EQ(keys.authorize(with(revoked), 1).status, Status::kUnauthenticated);
  EXPECT_EQ(keys.authorize(with(kept), 1).status, Status::kAllowed);

  file_.revoke("kept");
  now_ += milliseconds(300);
  EXPECT_EQ(keys.authorize(with(kept), 1).status, Status::kUnauthenticated);
  EXPECT_EQ(keys.authorize({}, 1).status, Status::kUnauthenticated);
  EXPECT_TRUE(ring().asks_for_key()) << "also after a restart";
}

TEST_F(Keys, AreCheckedByTheHeadWithoutUsingTheirRate) {
  const std::string key = file_.create("slow", parse_rate("1 requests/s"));
  KeyRing keys = ring();
  EXPECT_EQ(keys.authenticate({}).status, Status::kUnauthenticated);
  EXPECT_EQ(keys.authenticate(with("sbk_wrong")).status, Status::kUnauthenticated);
  EXPECT_EQ(keys.unauthenticated_requests(), 2U);
  for (int i = 0; i < 5; ++i) EXPECT_EQ(keys.authenticate(with(key)).status, Status::kAllowed);

  EXPECT_EQ(keys.authorize(with(key), 10).status, Status::kAllowed);
  EXPECT_EQ(keys.usage()[0].requests, 1U);
}

TEST_F(Keys, AreLimitedEachByItself) {
  const std::string slow = file_.create("slow", parse_rate("1 requests/s"));
  const std::string fast = file_.create("fast", std::nullopt);
  KeyRing keys = ring();
  EXPECT_EQ(keys.authorize(with(slow), 10).status, Status::kAllowed);
  const auto verdict = keys.authorize(with(slow), 10);
  EXPECT_EQ(verdict.status, Status::kRateLimited);
  EXPECT_EQ(verdict.retry_after, seconds(1));
  EXPECT_THAT(verdict.message, HasSubstr("1 requests/s"));
  EXPECT_EQ(keys.authorize(with(fast), 10).status, Status::kAllowed);

  file_.create("third", std::nullopt);
  now_ += milliseconds(300);
  EXPECT_EQ(keys.authorize(with(slow), 10).status, Status::kRateLimited) << "not reset by a change";
  now_ += seconds(1);
  EXPECT_EQ(keys.authorize(with(slow), 10).status, Status::kAllowed);

  const auto usage = keys.usage();
  ASSERT_THAT(usage, SizeIs(3));
  EXPECT_EQ(usage[0].name, "slow");
  EXPECT_EQ(usage[0].requests, 2U);
  EXPECT_EQ(usage[0].request_bytes, 20U);
  EXPECT_EQ(usage[0].rate_limited_requests, 2U);
  EXPECT_EQ(usage[1].requests, 1U);
}

TEST_F(Keys, ReadBeforeHoldWhenTheFileIsDamagedOrGone) {
  const std::string key = file_.create("shop", std::nullopt);
  KeyRing keys = ring();
  std::ofstream(file_.path()) << "{\"keys\": [{\"name\"";
  now_ += milliseconds(300);
  EXPECT_EQ(keys.authorize(with(key), 1).status, Status::kAllowed);
  EXPECT_EQ(keys.authorize({}, 1).status, Status::kUnauthenticated);
  EXPECT_THAT(reports_, ElementsAre(HasSubstr("is damaged")));
  EXPECT_THROW(ring(), KeyError) << "but nobody starts with it";

  std::filesystem::remove(file_.path());
  now_ += milliseconds(300);
  EXPECT_EQ(keys.authorize({}, 1).status, Status::kUnauthenticated);
  EXPECT_THAT(reports_, SizeIs(2));
  now_ += seconds(60);
  keys.authorize({}, 1);
  EXPECT_THAT(reports_, SizeIs(2)) << "each change is told once";
}

TEST_F(Keys, AreAskedForWhenTheirFirstFileCannotBeRead) {
  KeyRing keys = ring();
  EXPECT_EQ(keys.authorize({}, 1).status, Status::kAllowed);
  std::ofstream(file_.path()) << "{\"keys\": [{\"name\"";
  now_ += milliseconds(300);
  EXPECT_EQ(keys.authorize({}, 1).status, Status::kUnauthenticated);
  EXPECT_TRUE(keys.asks_for_key());
  EXPECT_THAT(reports_, ElementsAre(HasSubstr("nobody may send")));

  std::filesystem::remove(file_.path());
  const std::string key = file_.create("shop", std::nullopt);
  now_ += milliseconds(300);
  EXPECT_EQ(keys.authorize(with(key), 1).status, Status::kAllowed);
}

TEST_F(Keys, OfAForeignFileAreRefused) {
  for (const char* text : {"", "[]", "{}", R"({"keys":[{}]})", R"({"keys":[{"name":"a b"}]})",
                           R"({"keys":[{"name":"a","visible":"","sha256":"zz","created":""}]})"}) {
    std::ofstream(file_.path(), std::ios::trunc) << text;
    EXPECT_THROW((void)file_.read(), KeyError) << text;
  }
  std::filesystem::remove(file_.path());
  EXPECT_FALSE(file_.read());
}

}  // namespace
}  // namespace signalbox::server::keys

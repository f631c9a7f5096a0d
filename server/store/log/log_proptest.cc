#include <gtest/gtest.h>

#include <algorithm>
#include <cerrno>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <random>
#include <set>
#include <string>
#include <system_error>
#include <vector>

#include "server/store/log/log.h"
#include "server/store/log/memory_files.h"

/// Random appends, failures, ends of the process and of the power: what `append` returned for is
/// found, what it threw for is not found once a later one has returned, and nothing else is said to
/// be lost.
namespace signalbox::server::store {
namespace {

using Type = RecordHead::Type;

class Simulation {
 public:
  explicit Simulation(std::uint32_t seed) : random_(seed) {}

  void run() {
    for (int start = 0; start < 12 && !::testing::Test::HasFatalFailure(); ++start) {
      SCOPED_TRACE("start " + std::to_string(start));
      files_.set_fault(nullptr);
      if (one_of(4)) fail_sometimes();
      std::unique_ptr<Log> log;
      try {
        log = open();
      } catch (const std::system_error&) {
        files_.set_fault(nullptr);
        log = open();
      }
      check(*log);
      if (::testing::Test::HasFatalFailure()) return;
      work(*log);
      if (one_of(2)) files_.power_cut(random_());
    }
  }

 private:
  enum class State : std::uint8_t {
    kAcknowledged,
    kOpen,    // Its append failed, and none has succeeded since.
    kUnsure,  // The same of its block's commit.
    kGone,    // Its append failed, or it was committed.
  };
  struct Request {
    std::uint64_t block = 0;
    State state = State::kOpen;
  };

  bool one_of(std::uint32_t times) { return random_() % times == 0; }

  std::unique_ptr<Log> open() {
    return std::make_unique<Log>(
        files_, Log::Options{.folder = "/log", .segment_bytes = 3000, .kept_segments = 2});
  }

  void fail_sometimes() {
    const std::uint32_t times = 1 + random_() % 20;
    files_.set_fault(
        [this, times](auto, const std::filesystem::path&) { return one_of(times) ? EIO : 0; });
  }

  void check(Log& log) {
    const Log::Recovery recovery = log.take_recovery();
    ASSERT_TRUE(recovery.damage.empty()) << recovery.damage[0];
    std::set<std::string> found;
    for (const Log::UncommittedBlock& block : recovery.blocks) {
      ASSERT_EQ(block.missing_requests, 0U);
      for (const Log::Position& position : block.requests) {
        RecordHead head;
        const std::string payload = log.read(position, head);
        ASSERT_TRUE(found.insert(payload).second) << "twice";
        ASSERT_TRUE(requests_.contains(payload)) << "never written";
        ASSERT_EQ(requests_.at(payload).block, block.number);
      }
    }
    for (auto& [payload, request] : requests_) {
      const bool is_there = found.contains(payload);
      if (request.state == State::kAcknowledged) {
        ASSERT_TRUE(is_there) << "lost";
      }
      if (request.state == State::kGone) {
        ASSERT_FALSE(is_there) << "came back";
      }
      request.state = is_there ? State::kAcknowledged : State::kGone;
    }
    open_blocks_.clear();
    for (const Log::UncommittedBlock& block : recovery.blocks) open_blocks_.insert(block.number);
    const std::uint64_t next = log.new_block_number();
    ASSERT_TRUE(recovery.blocks.empty() || next > *open_blocks_.rbegin());
    // Numbers of blocks of which nothing was written may come again.
    ASSERT_GT(next, largest_written_);
    ASSERT_GE(log.last_identity(), identity_);
    identity_ = log.last_identity();
  }

  void work(Log& log) {
    const int steps = static_cast<int>(random_() % 40);
    for (int i = 0; i < steps; ++i) {
      if (one_of(10)) files_.set_fault(nullptr);
      if (one_of(10)) fail_sometimes();
      if (one_of(8)) {
        retire(log);
      } else if (one_of(4) && !open_blocks_.empty()) {
        finish(log, *open_blocks_.begin());
      } else {
        append_requests(log);
      }
    }
  }

  void append_requests(Log& log) {
    const std::uint64_t block =
        one_of(3) || open_blocks_.empty() ? log.new_block_number() : *open_blocks_.rbegin();
    std::vector<std::string> payloads(1 + random_() % 4);
    std::vector<Log::Entry> entries(payloads.size());
    for (std::size_t i = 0; i < payloads.size(); ++i) {
      payloads[i] =
          std::to_string(++last_) + std::string(random_() % (one_of(10) ? 6000 : 700), 'x');
      entries[i].head.block = block;
      entries[i].payload = payloads[i];
    }
    if (one_of(3)) {  // Its end together with its last requests.
      Log::Entry& seal = entries.emplace_back();
      seal.head.type = Type::kSeal;
      seal.head.block = block;
      seal.head.time = log.last_identity() + 1;
      seal.head.number = payloads.size() + requests_of(block);
    }
    for (const std::string& payload : payloads) requests_[payload] = {block, State::kOpen};
    const bool ok = append(log, entries);
    if (!ok) return;
    open_blocks_.insert(block);
    largest_written_ = std::max(largest_written_, block);
    for (const std::string& payload : payloads) requests_[payload].state = State::kAcknowledged;
    if (entries.size() > payloads.size()) identity_ = entries.back().head.time;
  }

  std::uint64_t requests_of(std::uint64_t block) {
    return static_cast<std::uint64_t>(
        std::count_if(requests_.begin(), requests_.end(), [&](const auto& request) {
          return request.second.block == block && (request.second.state == State::kAcknowledged ||
                                                   request.second.state == State::kUnsure);
        }));
  }

  void finish(Log& log, std::uint64_t block) {
    std::vector<Log::Entry> entries(1);
    entries[0].head.type = Type::kCommit;
    entries[0].head.block = block;
    const bool ok = append(log, entries);
    for (auto& [payload, request] : requests_) {
      if (request.block != block || request.state != State::kAcknowledged) continue;
      request.state = ok ? State::kGone : State::kUnsure;
    }
    if (!ok) return;
    log.release(block);
    open_blocks_.erase(block);
  }

  bool append(Log& log, std::vector<Log::Entry>& entries) {
    try {
      log.append(entries);
    } catch (const std::system_error&) {
      return false;
    }
    for (auto& [payload, request] : requests_) {
      const bool is_of_these =
          std::any_of(entries.begin(), entries.end(),
                      [&](const Log::Entry& entry) { return entry.payload == payload; });
      if (request.state == State::kOpen && !is_of_these) request.state = State::kGone;
      if (request.state == State::kUnsure) request.state = State::kAcknowledged;
    }
    return true;
  }

  void retire(Log& log) {
    std::vector<Log::Entry> entries(1);
    entries[0].head.type = Type::kRetire;
    entries[0].head.number = log.first_needed();
    if (!append(log, entries)) return;
    try {
      log.retire(entries[0].head.number);
    } catch (const std::system_error&) {  // NOLINT(bugprone-empty-catch): a later one does it.
    }
  }

  std::mt19937 random_;
  testing::MemoryFiles files_;
  std::map<std::string, Request> requests_;
  std::set<std::uint64_t> open_blocks_;
  std::uint64_t last_ = 0;
  std::uint64_t largest_written_ = 0;
  std::int64_t identity_ = 0;
};

TEST(LogProperty, KeepsWhatItTookAndNothingThatItRefused) {
  const std::uint32_t first = std::random_device{}();
  for (std::uint32_t seed = first; seed != first + 300; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    Simulation(seed).run();
    if (::testing::Test::HasFatalFailure()) return;
  }
}

}  // namespace
}  // namespace signalbox::server::store

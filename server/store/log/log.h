#pragma once

#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "server/store/log/files.h"
#include "server/store/log/record.h"

namespace signalbox::server::store {

/// The write-ahead log: requests as they were received, on disk before they are answered, until
/// their rows are in the tables.
///
/// A log is a folder of segments, written one after the other. A segment goes when the blocks of
/// all its requests are committed and those of all earlier ones too.
///
/// Thread-safety: one thread at a time, but `read` and `bytes` from any. Lifetime: `files` outlives
/// it; one Log at a time for a folder. Errors: std::system_error.
class Log {
 public:
  struct Options {
    std::filesystem::path folder;               ///< Made if missing.
    std::uint64_t segment_bytes = 64ULL << 20;  ///< Where a next segment begins. > 0.
    std::size_t kept_segments =
        2;  ///< Files kept to be written over: cheaper to sync than new ones.
    std::size_t max_recovered_requests = 2'000'000;  ///< Of `Recovery::requests`: the latest.
    /// For an operator: how far a long log has been read, every `report_interval`.
    std::function<void(const std::string&)> report = [](const std::string&) {};
    std::chrono::milliseconds report_interval{3'000};
  };

  /// Where a request stands.
  struct Position {
    std::uint64_t segment = 0;
    std::uint64_t offset = 0;
    std::uint32_t payload_bytes = 0;
  };

  /// A block whose rows may not be in all their tables.
  struct UncommittedBlock {
    std::uint64_t number = 0;
    std::int64_t identity = 0;           ///< 0: it was not sealed.
    std::vector<Position> requests;      ///< In the order in which they were decoded.
    std::uint64_t missing_requests = 0;  ///< Were sealed, but cannot be read any more.
  };

  struct LoggedRequest {
    RequestHash hash;
    std::int64_t received_ns = 0;
    std::uint32_t rejected = 0;
    std::uint64_t segment = 0;
  };

  /// What a start found.
  struct Recovery {
    std::vector<UncommittedBlock> blocks;  ///< Sealed ones by identity, then the others by number.
    std::vector<LoggedRequest> requests;   ///< In the log, as many as are wanted.
    /// Sentences for people, each about a stretch that could not be read; what was there is set
    /// aside in the folder `damaged`.
    std::vector<std::string> damage;
    /// The same about the end of what a process wrote that did not end in order: as after a power
    /// cut, when nothing of the last write is answered yet.
    std::vector<std::string> cut_short;
    std::uint64_t bytes = 0;
  };

  Log(Files& files, Options options);

  /// What was found when the log was opened; moved out.
  [[nodiscard]] Recovery take_recovery() { return std::move(recovery_); }

  /// The key of `hash_request`.
  [[nodiscard]] std::uint64_t salt() const noexcept { return salt_; }
  /// Of the blocks sealed so far, also by earlier processes.
  [[nodiscard]] std::int64_t last_identity() const noexcept { return last_identity_; }
  /// A number no block had before. From any thread.
  [[nodiscard]] std::uint64_t new_block_number() noexcept { return next_block_++; }

  struct Entry {
    RecordHead head;
    std::string_view payload;
    Position position;  ///< Set by `append`.
  };
  /// Writes `entries` and syncs them. When it throws, none of them will ever be read, except by a
  /// process that starts before the next `append` has succeeded.
  void append(std::span<Entry> entries);

  /// The block's requests are needed no longer.
  void release(std::uint64_t block);

  /// The first segment that is still needed. If that is more than at the last call, append an entry
  /// of kRetire with this number, then call `retire`.
  [[nodiscard]] std::uint64_t first_needed() const;
  [[nodiscard]] std::uint64_t retired_below() const noexcept { return retired_below_; }
  /// Segments that `retire(first_needed)` would remove.
  [[nodiscard]] std::vector<std::uint64_t> segments_below(std::uint64_t first_needed) const;
  void retire(std::uint64_t first_needed);

  /// The head and payload of a request. Throws also if it is not intact any more.
  [[nodiscard]] std::string read(const Position& position, RecordHead& head) const;

  /// Of all segments that are still there, as far as they are written.
  [[nodiscard]] std::uint64_t bytes() const noexcept { return bytes_.load(); }

 private:
  struct Segment {
    std::uint64_t bytes = 0;         ///< Written.
    std::set<std::uint64_t> blocks;  ///< With requests here, not released.
  };
  class Reader;

  [[nodiscard]] std::filesystem::path path_of(std::uint64_t segment) const;
  [[nodiscard]] std::filesystem::path free_path(std::uint64_t number) const;
  void begin_segment(std::uint64_t payload_bytes);
  std::unique_ptr<File> new_file(const std::filesystem::path& path, std::uint64_t bytes);
  void count_bytes();

  Files& files_;
  const Options options_;
  Recovery recovery_;
  std::uint64_t salt_ = 0;
  std::int64_t last_identity_ = 0;
  std::atomic<std::uint64_t> next_block_{1};
  std::uint64_t retired_below_ = 0;

  std::map<std::uint64_t, Segment> segments_;
  std::unordered_map<std::uint64_t, std::set<std::uint64_t>> segments_of_block_;
  std::vector<std::uint64_t> free_;  // Numbers of files that may be written over.
  std::unique_ptr<File> current_;    // Null: the next append begins a segment.
  std::uint64_t current_number_ = 0;
  std::uint64_t current_end_ = 0;
  bool current_may_be_cut_ = false;  // An earlier process wrote it.
  std::atomic<std::uint64_t> bytes_{0};
};

}  // namespace signalbox::server::store

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>

#include "server/store/engine/engine.h"
#include "server/store/ingest.h"
#include "server/store/log/files.h"
#include "server/store/tap.h"

namespace signalbox::server::store {

/// Takes requests of all connections into the log, and their rows, gathered into blocks, into the
/// tables.
///
/// - **Lanes** decode: each has an open block, which the requests of all connections and signals
///   append to. Decoding is what validates a request.
/// - **The log's thread** writes the bytes of decoded requests, syncs once for all that wait, and
///   answers them. A request that was received a short time before is answered without being
///   stored.
/// - A block is sealed when it is large or old enough, at once if there was none for a while. **The
///   committer** inserts it into its tables, each exactly once, also if the process or the machine
///   stops in between; then the log behind it is let go.
/// - When the engine is slow or fails, blocks give their memory back and are decoded again from the
///   log later; when the log is full or cannot be written, requests are refused.
///
/// Thread-safety: all members from any thread, but `close`, `flush` and the destructor from none of
/// the writer's callbacks. Lifetime: engine, decoder and files outlive it. The destructor closes
/// it.
class Writer final : public Ingest {
 public:
  struct Options {
    std::filesystem::path log_folder;             ///< Made if missing.
    std::size_t lanes = 2;                        ///< Decoding threads. > 0.
    std::size_t max_queued_bytes = 256ULL << 20;  ///< Of requests not yet answered. > 0.
    std::uint64_t max_log_bytes = 1ULL << 30;     ///< More are refused. > `segment_bytes`.
    std::uint64_t segment_bytes = 64ULL << 20;    ///< Of one file of the log. > 0.
    std::size_t max_block_rows = 250'000;         ///< A block is sealed at that. > 0.
    std::size_t max_block_bytes = 128ULL << 20;   ///< The same, of memory. > 0.
    /// With decoded rows at one time. > `lanes`; 0: for each lane one that grows and one that is
    /// inserted.
    std::size_t max_blocks = 0;
    /// From a block's first request to its end if no other block ended shortly before.
    std::chrono::milliseconds gather{3};
    std::chrono::milliseconds block_interval{1'000};  ///< From the end of one block to the next.
    std::size_t small_block_rows = 20'000;            ///< After a block with fewer …
    std::chrono::milliseconds small_block_interval{2'000};  ///< … it is this long.
    /// What waits for a lane before the next one helps: little load makes few blocks.
    std::size_t bytes_for_next_lane = 512ULL << 10;
    std::chrono::milliseconds side_interval{10'000};  ///< As Committer::Options has it.
    /// How long a lane whose block is not small waits for another one before it leaves rows to the
    /// log.
    std::chrono::milliseconds block_wait{5'000};
    /// How long a request that is sent again is known.
    std::chrono::seconds repeat_window{300};
    std::chrono::milliseconds longest_wait{5'000};  ///< Expected; longer is refused.
    std::size_t max_known_ids = 1'000'000;       ///< Resources, scopes and series remembered. > 0.
    std::chrono::milliseconds first_retry{200};  ///< Of an insert that failed; doubles …
    std::chrono::milliseconds longest_retry{5'000};   ///< … up to this.
    std::size_t attempts_before_set_aside = 8;        ///< Of a block that the engine refuses. > 0.
    std::chrono::milliseconds close_timeout{10'000};  ///< What `close` gives the engine.
    /// Between reports on how far the requests are that an earlier process left in the log.
    std::chrono::milliseconds progress_interval{3'000};
    Tap* tap = nullptr;  ///< Null: nobody is told. It outlives the writer.
    /// For an operator: sentences about what goes wrong. From any thread; must not block.
    std::function<void(const std::string&)> report = [](const std::string&) {};
  };

  /// Counters since the start, and what is the case now.
  struct Stats {
    std::uint64_t accepted_requests = 0;  ///< In the log.
    std::uint64_t accepted_rows = 0;      ///< Spans, log records and points of these.
    std::uint64_t rejected_rows = 0;      ///< Well-formed but not storable.
    std::uint64_t repeated_requests = 0;  ///< Answered, and not stored a second time.
    std::uint64_t malformed_requests = 0;
    std::uint64_t overloaded_requests = 0;  ///< Beyond a limit.
    std::uint64_t failed_requests = 0;      ///< For an error of the server, or at its end.
    std::uint64_t abandoned_requests = 0;
    std::uint64_t log_syncs = 0;
    std::uint64_t log_failures = 0;  ///< Writes of the log that failed.
    std::uint64_t blocks = 0;        ///< In all their tables.
    std::uint64_t stored_rows = 0;   ///< Of these; without descriptions.
    std::uint64_t reloaded_blocks = 0;
    std::uint64_t blocks_set_aside = 0;
    std::uint64_t refused_side_rows = 0;    ///< By the engine, again and again; left out.
    std::uint64_t unreadable_requests = 0;  ///< Acknowledged, and lost by damage to the log.
    std::uint64_t failed_inserts = 0;       ///< Tried again.
    std::chrono::nanoseconds insert_time{0};
    std::size_t queued_bytes = 0;
    std::size_t queued_requests = 0;
    std::uint64_t log_bytes = 0;
    std::size_t waiting_blocks = 0;  ///< Sealed and not in all their tables.
    std::size_t window_requests = 0;
    bool is_log_failing = false;
    bool is_engine_failing = false;
    std::string last_error;  ///< Of the log or the engine.
  };

  /// Opens the log and takes up what an earlier process left in it: its blocks are inserted in the
  /// background. Errors: std::system_error if the log's folder cannot be used,
  /// std::invalid_argument for options out of their range.
  Writer(Engine& engine, const Decoder& decoder, Files& files, Options options);
  ~Writer() override;
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  void write(IngestRequest request, Done done) override;

  /// Returns when the rows of all requests answered so far are in their tables; false if they were
  /// not after `timeout`.
  bool flush(std::chrono::milliseconds timeout);

  /// Takes no more requests, answers all that it has taken, inserts their rows if the engine takes
  /// them in time (else they are in the log), and ends its threads.
  void close();

  [[nodiscard]] Stats stats() const;

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace signalbox::server::store

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "server/store/engine/engine.h"
#include "server/store/ingest.h"

namespace signalbox::server::store {

/// Gathers requests of all connections into blocks and inserts each at once (group commit).
///
/// A decoding thread appends request after request to the open block. An inserting thread takes the
/// block as soon as it is free and the block is a short moment old, so that a lone request waits a
/// few milliseconds, and while one block is being inserted all further requests gather in the next.
///
/// If an insert fails, every request of its signal in that block fails with it; those of the other
/// signals do not.
///
/// Thread-safety: all members from any thread, but `close` and the destructor from none of the
/// writer's callbacks. Lifetime: `engine` outlives it. The destructor closes it.
class Writer final : public Ingest {
 public:
  struct Options {
    std::size_t max_queued_bytes = 256ULL << 20;  ///< Of requests not yet answered. > 0.
    std::size_t max_block_rows = 100'000;         ///< The open block takes no more. > 0.
    std::size_t max_block_bytes = 96ULL << 20;    ///< The same, of memory. > 0.
    std::chrono::microseconds gather{3'000};  ///< How old a block gets while nobody waits. >= 0.
    std::size_t max_known_ids = 1'000'000;    ///< Resources, scopes and series remembered. > 0.
  };

  /// Counters since the start, and what waits now.
  struct Stats {
    std::uint64_t accepted_requests = 0;  ///< Committed.
    std::uint64_t accepted_rows = 0;      ///< Spans, log records and points committed.
    std::uint64_t rejected_rows = 0;      ///< Well-formed but not storable.
    std::uint64_t malformed_requests = 0;
    std::uint64_t overloaded_requests = 0;
    std::uint64_t failed_requests = 0;
    std::uint64_t blocks = 0;  ///< Inserted, or tried to.
    std::chrono::nanoseconds insert_time{0};
    std::size_t queued_bytes = 0;
    std::size_t queued_requests = 0;
  };

  Writer(Engine& engine, Options options);
  ~Writer() override;
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  void write(Signal signal, std::size_t request_bytes, Decode decode, Done done) override;

  /// Takes no more requests, answers all that it has taken, and ends its threads.
  void close();

  [[nodiscard]] Stats stats() const;

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace signalbox::server::store

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "otlp/decode.h"
#include "otlp/records.h"

/// How received requests enter the store: what `server/receive` calls and `server/store`
/// implements.
namespace signalbox::server::store {

/// What a request carries.
enum class Signal : std::uint8_t { kTraces, kMetrics, kLogs };

/// What became of one request.
struct WriteOutcome {
  enum class Status : std::uint8_t {
    kCommitted,   ///< Its rows are inserted and synced to disk: answer with success.
    kMalformed,   ///< It could not be decoded; none of its rows is stored. `decoded` tells why.
    kOverloaded,  ///< Not taken: a limit is reached. None of its rows is stored; try again later.
    kFailed,      ///< The engine refused it. Whether its rows are stored is not known; try again.
  };
  Status status = Status::kCommitted;
  /// What the decoder returned; as constructed if it was not run.
  otlp::DecodeResult decoded;
  /// For people, with what to do about it; empty if committed.
  std::string message;
  /// How long the sender should wait before it tries again; of kOverloaded and kFailed.
  std::chrono::milliseconds retry_after{1000};
};

/// Sinks into which one request decodes; the one of its signal is used.
struct Sinks {
  otlp::TraceSink& traces;
  otlp::LogsSink& logs;
  otlp::MetricsSink& metrics;
};

/// Takes requests into the store.
///
/// Thread-safety: `write` from any thread; it does not block on the engine.
class Ingest {
 public:
  using Decode = std::function<otlp::DecodeResult(Sinks&)>;
  using Done = std::function<void(WriteOutcome)>;

  virtual ~Ingest() = default;

  /// Runs `decode` once, on a writer thread, with sinks that append to the open block; if its
  /// result is not ok, or it throws, its rows are rolled back. Then calls `done` exactly once, from
  /// a writer thread, when the rows are inserted and synced, or with the reason why they are not.
  /// `done` must not block or throw.
  ///
  /// `request_bytes` counts against the limit of queued bytes until `done` returns. If the limit
  /// would be exceeded, or the store is closing, `done` is called with kOverloaded before `write`
  /// returns and `decode` is not run. What `decode` captures is kept until `done` has been called.
  virtual void write(Signal signal, std::size_t request_bytes, Decode decode, Done done) = 0;
};

}  // namespace signalbox::server::store

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "otlp/decode.h"
#include "otlp/records.h"

/// How received requests enter the store: what `server/receive` calls and `server/store`
/// implements.
namespace signalbox::server::store {

/// What a request carries. The numbers stand in the log.
enum class Signal : std::uint8_t { kTraces = 0, kMetrics = 1, kLogs = 2 };

/// What became of one request.
struct WriteOutcome {
  enum class Status : std::uint8_t {
    kCommitted,   ///< Decoded and in the synced log, or already there: answer with success.
    kMalformed,   ///< It could not be decoded; none of its rows is stored. `decoded` tells why.
    kOverloaded,  ///< Not taken: a limit is reached. None of its rows is stored; try again later.
    kFailed,      ///< Not taken: an error of the server, or it is shutting down. The same.
    kAbandoned,   ///< Not taken: nobody waits for the answer any more, or its deadline has passed.
  };
  Status status = Status::kCommitted;
  /// What the decoder returned; of a repeated request only its counts; as constructed if the
  /// request was not decoded.
  otlp::DecodeResult decoded;
  /// Whether the same bytes had been received a short time before. They are stored once.
  bool repeated = false;
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

/// Reads requests as they were received; the log keeps them so, and they are read again after a
/// crash.
///
/// Thread-safety: any thread.
class Decoder {
 public:
  virtual ~Decoder() = default;

  /// Decodes the `payload` of a request into the sink of `signal`. `content` says how the payload
  /// is written (format, compression); its meaning is the decoder's own and, as it stands in the
  /// log, must not change. What it throws makes the request fail, not malformed.
  [[nodiscard]] virtual otlp::DecodeResult decode(Signal signal, std::uint8_t content,
                                                  std::string_view payload, Sinks& sinks) const = 0;
};

/// One request as it was received.
struct IngestRequest {
  Signal signal = Signal::kTraces;
  std::uint8_t content = 0;           ///< For the Decoder.
  std::string_view payload;           ///< Valid as long as `owner` lives.
  std::shared_ptr<const void> owner;  ///< Kept until the request is answered.
  /// When the sender stops waiting.
  std::optional<std::chrono::steady_clock::time_point> deadline;
  /// Whether the sender has gone; may be empty. Called from any thread.
  std::function<bool()> is_abandoned;
};

/// Takes requests into the store.
///
/// Thread-safety: `write` from any thread; it does not block on disk or engine.
class Ingest {
 public:
  using Done = std::function<void(WriteOutcome)>;

  virtual ~Ingest() = default;

  /// Decodes the request on a thread of its own and makes it durable. Then calls `done` exactly
  /// once, from any thread, also before `write` returns. `done` must not block or throw.
  virtual void write(IngestRequest request, Done done) = 0;
};

}  // namespace signalbox::server::store

#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>

#include "server/net/http.h"
#include "server/receive/authorizer.h"
#include "server/store/ingest.h"

namespace signalbox::server::receive {

/// Counters since the start, of all transports together.
///
/// Thread-safety: any thread.
struct ReceiveCounters {
  struct OfSignal {
    std::atomic<std::uint64_t> requests{0};          ///< That named this signal, refused or not.
    std::atomic<std::uint64_t> request_bytes{0};     ///< Of their bodies, as sent.
    std::atomic<std::uint64_t> accepted_records{0};  ///< Spans, points or log records committed.
    std::atomic<std::uint64_t> rejected_records{0};  ///< Reported by partial_success.
    std::atomic<std::uint64_t> altered_requests{0};  ///< Taken, with a warning of what was altered.
    std::atomic<std::uint64_t> malformed_requests{0};
    std::atomic<std::uint64_t> unavailable_requests{0};  ///< Overloaded or failed; to be retried.
    std::atomic<std::uint64_t> unauthenticated_requests{0};
    std::atomic<std::uint64_t> rate_limited_requests{0};  ///< Beyond what their key may send.
  };
  std::array<OfSignal, 3> of;  ///< By store::Signal.

  [[nodiscard]] const OfSignal& operator[](store::Signal signal) const {
    return of[static_cast<std::size_t>(signal)];
  }
  [[nodiscard]] OfSignal& operator[](store::Signal signal) {
    return of[static_cast<std::size_t>(signal)];
  }
};

/// Turns OTLP/gRPC and OTLP/HTTP requests into writes to the store, and the store's outcomes into
/// answers. Success is answered only when the store has committed. The store decodes them, by an
/// OtlpDecoder.
///
/// Thread-safety: the handlers run on any thread. Lifetime: `ingest` must outlive the servers that
/// hold the handlers; this object need not.
class OtlpReceiver {
 public:
  struct Options {
    /// Asked before a request is decoded; null: anybody may send. Outlives the handlers.
    Authorizer* authorizer = nullptr;
  };

  OtlpReceiver(store::Ingest& ingest, Options options);

  /// For an Http2Server: `Export` of the trace, metrics and logs services.
  [[nodiscard]] net::Handler grpc_handler() const;
  /// For an HttpServer: POST /v1/traces, /v1/metrics, /v1/logs, as protobuf or JSON.
  [[nodiscard]] net::Handler http_handler() const;
  /// What an HttpServer refuses by the head alone: senders without a valid key need not send a
  /// body. Not so over gRPC: clients on libcurl take a stream that ends before their body for
  /// broken, and would send it again instead of reading the answer.
  [[nodiscard]] net::HeadCheck http_head_check() const;
  /// How those servers answer what they refuse themselves.
  [[nodiscard]] static net::RefusalResponse grpc_refusal();
  [[nodiscard]] static net::RefusalResponse http_refusal();

  [[nodiscard]] const ReceiveCounters& counters() const;

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

}  // namespace signalbox::server::receive

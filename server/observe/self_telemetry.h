#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "server/api/api.h"
#include "server/keys/key_ring.h"
#include "server/net/http.h"
#include "server/net/server_counters.h"
#include "server/receive/otlp_receiver.h"
#include "server/retention/sweeper.h"
#include "server/store/commit/writer.h"
#include "server/store/engine/engine.h"

namespace signalbox::server::observe {

/// The server's own metrics, and a span for each request of its API, through the SDK into its own
/// store, as the service "signalbox".
///
/// No feedback: what it sends takes a way of its own that is neither counted as received nor
/// traced, and is taken out of the counts of requests and rows of the writer.
///
/// Thread-safety: `on_call` from any thread. Lifetime: what Options refers to outlives it.
/// Errors: the constructor throws std::runtime_error.
class SelfTelemetry {
 public:
  /// One of the process's servers, as its metrics name it.
  struct Server {
    std::string name;
    std::shared_ptr<const net::ServerCounters> counters;
  };

  struct Options {
    net::Handler otlp_http;  ///< Takes its requests; of an OtlpReceiver of its own.
    const receive::ReceiveCounters& received;
    const keys::KeyRing& keys;
    const retention::Sweeper& sweeper;
    std::vector<Server> servers;
    store::Engine& engine;
    std::function<store::Writer::Stats()> writer;
    std::string version;
    std::chrono::milliseconds interval{60'000};  ///< Between two points of a metric. > 0.
  };

  explicit SelfTelemetry(Options options);
  ~SelfTelemetry();
  SelfTelemetry(const SelfTelemetry&) = delete;
  SelfTelemetry& operator=(const SelfTelemetry&) = delete;

  void on_call(const api::ApiCall& call);

  /// Sends what is left; afterwards nothing is recorded. Idempotent.
  void shutdown();

 private:
  class Implementation;
  std::unique_ptr<Implementation> implementation_;
};

}  // namespace signalbox::server::observe

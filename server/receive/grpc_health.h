#pragma once

#include <memory>
#include <string_view>

#include "server/net/http.h"

namespace signalbox::server::receive {

/// `grpc.health.v1.Health`: tells probes and load balancers whether the server takes requests. The
/// services it knows are "" (the server as a whole) and OTLP's three.
///
/// Thread-safety: all members from any thread. Lifetime: streams under way keep what they need.
class GrpcHealth {
 public:
  /// Begins as serving.
  GrpcHealth();

  /// Tells those who watch, too, if it has changed.
  void set_serving(bool serving);

  /// The method Check: the answer to a HealthCheckRequest's bytes.
  [[nodiscard]] net::Response check(std::string_view message) const;
  /// The method Watch: sends the status now and whenever it changes, until the client goes.
  [[nodiscard]] std::shared_ptr<net::IncomingStream> watch(
      std::shared_ptr<net::OutgoingStream> answer) const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace signalbox::server::receive

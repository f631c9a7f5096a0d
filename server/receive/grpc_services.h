#pragma once

#include <array>
#include <memory>
#include <string_view>

#include "server/net/http.h"
#include "server/receive/grpc_health.h"

namespace signalbox::server::receive {

/// The full names of OTLP's three gRPC services.
const std::array<std::string_view, 3>& otlp_services();

/// All gRPC methods of the OTLP port: OTLP's own, health, and reflection (v1 and v1alpha). Calls of
/// other methods are answered by their head, since their streams may stay open.
///
/// Reflection lists the services. It holds no descriptors: for them it answers NOT_FOUND and
/// refers to OpenTelemetry's published files.
///
/// Thread-safety: what its functions return runs on any thread and needs this object no more.
class GrpcServices {
 public:
  /// `otlp` handles whole requests of OTLP's services, and whatever is malformed.
  GrpcServices(net::Handler otlp, std::shared_ptr<const GrpcHealth> health)
      : otlp_(std::move(otlp)), health_(std::move(health)) {}

  [[nodiscard]] net::Handler handler() const;
  [[nodiscard]] net::HeadCheck head_check() const;
  [[nodiscard]] net::StreamHandler stream_handler() const;

 private:
  net::Handler otlp_;
  std::shared_ptr<const GrpcHealth> health_;
};

}  // namespace signalbox::server::receive

#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <string>

#include "server/net/http.h"

namespace signalbox::server::receive {

/// Decides whether a sender may send, before its request is decoded.
///
/// Thread-safety: all members from any thread; they must not block.
class Authorizer {
 public:
  struct Verdict {
    enum class Status : std::uint8_t {
      kAllowed,
      kUnauthenticated,  ///< No key, or not a valid one.
      kRateLimited,      ///< More than the key may send; after `retry_after` it may again.
    };
    Status status = Status::kAllowed;
    std::string message;  ///< For the sender, with what to do; empty if allowed.
    std::chrono::milliseconds retry_after{0};
  };

  virtual ~Authorizer() = default;

  /// Whether who sent `headers` may send at all; asked before the body comes. kRateLimited is no
  /// answer: how much is sent is not known yet.
  virtual Verdict authenticate(const net::Headers& headers) = 0;
  /// Whether the whole request may be taken. `headers` are the request's, gRPC's metadata included;
  /// `request_bytes` its body as sent.
  virtual Verdict authorize(const net::Headers& headers, std::size_t request_bytes) = 0;
};

}  // namespace signalbox::server::receive

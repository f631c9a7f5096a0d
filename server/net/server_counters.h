#pragma once

#include <array>
#include <atomic>
#include <cstdint>

#include "server/net/http.h"

namespace signalbox::server::net {

/// What a server does before, or instead of, its handler. Thread-safety: any thread.
struct ServerCounters {
  std::array<std::atomic<std::uint64_t>, 3> refused_requests{};  ///< By Refusal.
  std::atomic<std::int64_t> open_connections{0};
  std::atomic<std::uint64_t> closed_at_limit{0};    ///< Connections beyond `max_connections`.
  std::atomic<std::uint64_t> failed_handshakes{0};  ///< Of TLS; of clients that speak none, too.

  [[nodiscard]] std::uint64_t refused(Refusal refusal) const {
    return refused_requests.at(static_cast<std::size_t>(refusal));
  }
  void count(Refusal refusal) { ++refused_requests.at(static_cast<std::size_t>(refusal)); }
};

}  // namespace signalbox::server::net

#pragma once

#include <optional>
#include <string>

#include "server/config/options.h"

namespace signalbox::server::config {

/// What follows from where the server listens.
struct Exposure {
  /// Why it must not start, with what to do.
  std::optional<std::string> refusal;
  /// To be told at each start.
  std::optional<std::string> warning;
};

/// Whoever reaches a port may send, or read all that was sent: an address that other machines reach
/// needs keys, which `has_keys` says are asked for, or `insecure`. The UI has no users yet: its
/// address always needs `insecure`.
Exposure check_exposure(const ServeOptions& options, bool has_keys);

}  // namespace signalbox::server::config

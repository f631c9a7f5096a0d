#pragma once

#include <cstdint>

#include "server/store/ingest.h"

namespace signalbox::server::store {

/// Is told of each request that has been acknowledged, in the order of the log; not of those that
/// were received a second time.
class Tap {
 public:
  virtual ~Tap() = default;

  /// From one thread, behind the answer; must not block, for all requests wait meanwhile.
  /// `records`: how many spans, log records or points it has.
  virtual void on_request(const IngestRequest& request, std::uint64_t records) noexcept = 0;
};

}  // namespace signalbox::server::store

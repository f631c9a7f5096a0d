#pragma once

#include <cstdint>
#include <string>

#include "server/store/engine/engine.h"

namespace signalbox::server::observe {

/// Parts that the engine has set aside, because they were damaged for one: their rows are in no
/// answer, and only the engine knows of it.
struct DetachedParts {
  std::uint64_t count = 0;
  std::string tables;      ///< "log_rows, span_rows".
  std::string first_path;  ///< Of one of them.

  /// A sentence for the log; "" if there are none.
  [[nodiscard]] std::string text() const;
};

/// Errors: store::EngineError.
DetachedParts read_detached_parts(store::Engine& engine);

}  // namespace signalbox::server::observe

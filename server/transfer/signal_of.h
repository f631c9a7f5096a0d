#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "otlp/encode.h"

namespace signalbox::server::transfer {

/// What a message carries.
struct Contents {
  std::optional<otlp::Signal> signal;  ///< Nothing: it has no records of a signal that there is.
  std::uint64_t records = 0;           ///< Those that a server would reject included.
  std::string error;                   ///< Not empty: it is broken; why.
};

/// Decodes a message with a server's limits. Of protobuf, which does not name its signal, the one
/// as which most of it can be read; `likely` is tried first.
Contents contents_of(std::string_view message, bool is_json, otlp::Signal likely);

}  // namespace signalbox::server::transfer

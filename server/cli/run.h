#pragma once

#include <ostream>

#include "server/cli/source.h"
#include "server/cli/style.h"
#include "server/config/client_options.h"

namespace signalbox::server::cli {

/// Where a command prints.
struct Streams {
  std::ostream& out;
  std::ostream& error;  ///< What is wrong, and hints; never a part of the result.
};

/// Runs `client` on the source that it names and returns the process's exit code; never throws.
int run(const config::Client& client, const Streams& streams);

}  // namespace signalbox::server::cli

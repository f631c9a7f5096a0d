#pragma once

#include "server/cli/run.h"
#include "server/config/client_options.h"

namespace signalbox::server::cli {

/// `signalbox doctor`: makes all checks, prints what they found, and returns the process's exit
/// code, which is that of a failure if there is a fault. Never throws.
int run(const config::Doctor& doctor, const Streams& streams);

}  // namespace signalbox::server::cli

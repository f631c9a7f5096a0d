#pragma once

#include "server/api/api.h"
#include "server/observe/reporter.h"

namespace signalbox::server::observe {

/// Reports `call` if it took a second or longer: which question it was, and what it cost.
void report_slow(const api::ApiCall& call, Reporter& reporter);

}  // namespace signalbox::server::observe
